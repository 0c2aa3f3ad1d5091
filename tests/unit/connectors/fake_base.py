"""A base of 1C reduced to a table of answers, for what a whole stand-in cannot be made to do on command."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import responses

from connectors.onec_odata.config import OnecODataOptions
from connectors.onec_odata.connector import OnecODataConnector
from core.clock import ManualClock
from core.settings import ConnectionSettings

URL = "http://1c.example.test/base/odata/standard.odata"
Reply = tuple[int, object]
HEAD = (
    '<edmx:Edmx xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx" Version="1.0"><edmx:DataServices>'
    '<Schema xmlns="http://schemas.microsoft.com/ado/2009/11/edm" Namespace="StandardODATA">'
)


@dataclass
class Asked:
    method: str
    resource: str
    options: dict[str, str]
    headers: dict[str, str]
    body: object
    raw: str


def odata_error(status: int, code: str, message: str = "…") -> Reply:
    return status, {"odata.error": {"code": code, "message": {"lang": "ru", "value": message}}}


def missing_field(name: str) -> Reply:
    return odata_error(400, "6", f"Сегмент пути {name} не найден!")


def edmx(shapes: dict[str, dict[str, str]], functions: dict[str, list[str]] | None = None) -> str:
    """A `$metadata` with these types; those without a dot in their name become sets unless they end in a row suffix."""
    types, sets = "", ""
    for name, fields in shapes.items():
        body = "".join(f'<Property Name="{field}" Type="{kind}"/>' for field, kind in fields.items())
        is_set = not name.endswith(("_RowType", "_Balance", "_Turnover"))
        tag = "EntityType" if is_set else "ComplexType"
        types += f'<{tag} Name="{name}">{body}</{tag}>'
        if is_set:
            sets += f'<EntitySet Name="{name}" EntityType="StandardODATA.{name}"/>'
    for name, bound in (functions or {}).items():
        for function in bound:
            sets += (
                f'<FunctionImport Name="{function}" IsBindable="true"><Parameter Name="bindingParameter" '
                f'Type="Collection(StandardODATA.{name})"/></FunctionImport>'
            )
    return f'{HEAD}{types}<EntityContainer Name="E">{sets}</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>'


@dataclass
class FakeBase:
    """Routes are tried from the last one added; each takes what was asked and answers, or passes with None."""

    connector: OnecODataConnector
    clock: ManualClock
    asked: list[Asked] = field(default_factory=list)
    routes: list[Callable[[Asked], Reply | None]] = field(default_factory=list)

    def on(self, resource: str, *replies: object, method: str = "GET") -> None:
        """Answer a resource with rows, a document, or (status, body); the last reply is repeated."""
        left = list(replies)

        def route(asked: Asked) -> Reply | None:
            if asked.method != method or asked.resource != resource:
                return None
            reply = left.pop(0) if len(left) > 1 else left[0]
            if callable(reply):
                reply = reply(asked)
            return reply if isinstance(reply, tuple) else (200, reply)

        self.routes.append(route)

    def resources(self) -> list[str]:
        return [asked.resource for asked in self.asked]

    def answer(self, request) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(request.url)
        resource = unquote(parts.path).removeprefix(unquote(urlsplit(URL).path)).lstrip("/")
        options = dict(parse_qsl(parts.query))
        body = json.loads(request.body) if request.body else None
        asked = Asked(request.method, resource, options, dict(request.headers), body, request.url)
        self.asked.append(asked)
        for route in reversed(self.routes):
            reply = route(asked)
            if reply is not None:
                return _wire(*reply)
        return _wire(*odata_error(404, "8", f"{resource} entity is not found"))


def _wire(status: int, body: object, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
    kind = "application/json;charset=utf-8"
    if isinstance(body, list):
        body = {"value": body}
    if isinstance(body, str):
        kind = "application/xml" if body.startswith("<edmx") else "application/atom+xml"
        kind = "text/html" if body.lower().startswith(("<!doctype", "<html")) else kind
        data = body.encode()
    else:
        data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return status, {"Content-Type": kind, **(headers or {})}, data


@contextmanager
def fake_base(*, metadata: object = None, cache_dir: Path | None = None, **options: object) -> Iterator[FakeBase]:
    """A connector over a fake base. Without `metadata`, `$metadata` is forbidden and names must be tried."""
    clock = ManualClock()
    given = {"url": URL, "user": "Обмен", "password": "secret", "sessions": "off"} | options
    chosen = OnecODataOptions.model_validate(given)
    settings = ConnectionSettings(name="accounting", connector="onec_odata", options=chosen, timezone="Europe/Moscow")
    base = FakeBase(OnecODataConnector(settings, clock, cache_dir=cache_dir), clock)
    base.on("$metadata", metadata if metadata is not None else (403, "<html>Forbidden</html>"))
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        for method in ("GET", "POST", "PATCH"):
            mock.add_callback(method, re.compile(".*"), callback=base.answer)
        yield base
