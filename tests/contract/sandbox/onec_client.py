"""A bare HTTP client for the stand-in: it sends exactly the bytes a test wants to send."""

from __future__ import annotations

import base64
import http.client
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlsplit

from sandbox.onec import OnecServer

SAFE = "/()',=$:;?&@~!*-._"


@dataclass
class Reply:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    @property
    def text(self) -> str:
        return self.body.decode("utf-8-sig")

    @property
    def json(self) -> Any:
        return json.loads(self.text, parse_float=Decimal)

    @property
    def code(self) -> str:
        return str(self.json["odata.error"]["code"])


def basic(user: str = "Обмен", password: str = "secret", encoding: str = "utf-8") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode(encoding)).decode()


@dataclass
class Client:
    """``get("/Catalog_X?$filter=…")`` below the service root; spaces become ``%20``, Cyrillic is UTF-8."""

    server: OnecServer
    auth: str | None = None
    json_format: bool = True

    def send(self, method: str, target: str, body: Any = None, headers: dict[str, str] | None = None) -> Reply:
        """``target`` as it goes on the wire, already encoded, from the root of the host."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        payload = json.dumps(body, ensure_ascii=False, default=float).encode() if body is not None else None
        try:
            connection.request(method, target, payload, {"Authorization": self.auth or basic(), **(headers or {})})
            answer = connection.getresponse()
            return Reply(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Reply:
        path, _, query = path.partition("?")
        options = [piece for piece in query.split("&") if piece]
        if self.json_format and "$format" not in query and path != "/$metadata":
            options.append("$format=json")
        target = urlsplit(self.server.url).path + path + ("?" + "&".join(options) if options else "")
        return self.send(method, quote(target, safe=SAFE), body, headers)

    def get(self, path: str, **headers: str) -> Reply:
        return self.call("GET", path, headers=headers)

    def post(self, path: str, body: Any = None) -> Reply:
        return self.call("POST", path, body)

    def patch(self, path: str, body: Any) -> Reply:
        return self.call("PATCH", path, body)

    def values(self, path: str) -> list[dict[str, Any]]:
        answer = self.get(path)
        assert answer.status == 200, answer.text
        found: list[dict[str, Any]] = answer.json["value"]
        return found
