"""From a request to an answer: who asks, what he may, limits, one method or a batch of them (§2, §4, §5)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from sandbox.bitrix24.errors import RestError, system
from sandbox.bitrix24.fields import OLD_NAMES
from sandbox.bitrix24.items import Items
from sandbox.bitrix24.older import Older
from sandbox.bitrix24.params import Params, as_dict, fill_references, parse_body, parse_query, yes
from sandbox.bitrix24.portal import Caller, Portal
from sandbox.bitrix24.requisites import Requisites
from sandbox.bitrix24.types import Types
from sandbox.bitrix24.userfields import UserFields
from sandbox.bitrix24.values import shown
from sandbox.bitrix24.various import Various
from sandbox.common.serving import Answer, Request

Method = Callable[[Params, Caller], Any]
JSON_TYPE = "application/json; charset=utf-8"
LONGEST_BATCH = 50
SCOPES = {"userfieldconfig": "userfieldconfig", "crm": "crm", "user": "user"}
Row = dict[str, Any]


class Rest:
    """The methods of one portal."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self.methods = _methods(portal)
        self.calls: list[tuple[str, Params]] = []

    def handle(self, request: Request) -> Answer:
        """Answer one HTTP request; a refusal is an answer too."""
        started = time.time()
        try:
            params = parse_query(request.query) | parse_body(request.headers.get("content-type", ""), request.body)
            with self.portal.lock:
                if request.path.startswith("/oauth/token"):
                    return reply(self._addresses(request) | self.portal.tokens.exchange(params))
                self.portal.limits.enter()
                name, caller = self._enter(request.path, params)
                return reply(self._call(name, params, caller, started))
        except RestError as refusal:
            return reply(dict(refusal.as_json()), refusal.status)

    def _addresses(self, request: Request) -> Row:
        root = f"http://{request.headers.get('host', '')}"
        return {"client_endpoint": f"{root}/rest/", "server_endpoint": f"{root}/rest/", "domain": "oauth.sandbox"}

    def _enter(self, path: str, params: Params) -> tuple[str, Caller]:
        """`/rest/USER/SECRET/METHOD` for a webhook, `/rest/METHOD` with a token for an application."""
        parts = [part for part in path.removeprefix("/rest/").split("/") if part]
        name = (parts[-1] if parts else "").removesuffix(".json").lower()
        connector = str(params.pop("auth_connector", "") or "") if name not in ("event.bind", "batch") else ""
        if len(parts) == 3 and parts[0].isdigit():
            scopes = self.portal.webhooks.get((int(parts[0]), parts[1]))
            if scopes is None:
                raise system("INVALID_CREDENTIALS")
            return name, Caller(int(parts[0]), scopes, f"webhook/{parts[1]}", auth_connector=connector)
        token = params.pop("auth", None)
        if not token or len(parts) != 1:
            raise system("NO_AUTH_FOUND")
        application = self.portal.tokens.check(str(token))
        return name, Caller(application.user_id, application.scopes, application.client_id, True, connector)

    def _call(self, name: str, params: Params, caller: Caller, started: float) -> Row:
        if name == "batch":
            return {"result": self._batch(params, caller), "time": self._time(started)}
        result, total, following, operating = self.one(name, params, caller)
        found: Row = {"result": result}
        if following is not None:
            found["next"] = following
        if total is not None:
            found["total"] = total
        return found | {"time": self._time(started, operating)}

    def one(self, name: str, params: Params, caller: Caller) -> tuple[Any, int | None, int | None, tuple[float, float]]:
        """Carry out one method: result, total, next, run time. Raises RestError."""
        method = self.methods.get(name)
        if method is None:
            raise system("ERROR_METHOD_NOT_FOUND")
        scope = SCOPES.get(name.partition(".")[0])
        if scope is not None and scope not in caller.scopes:
            raise system("insufficient_scope")
        self.portal.limits.check(caller.key, name)
        self.calls.append((name, params))
        del self.calls[:-20_000]
        found = method(params, caller)
        operating = self.portal.limits.spend(caller.key, name)
        if isinstance(found, tuple):
            return (*found, operating)
        return found, None, None, operating

    def _batch(self, params: Params, caller: Caller) -> Row:
        """Commands one after another; each has its own result or error, the whole is always 200 (§4)."""
        halt, commands = yes(params.get("halt")), as_dict(params.get("cmd"))
        if len(commands) > LONGEST_BATCH:
            raise system("ERROR_BATCH_LENGTH_EXCEEDED")
        parts: dict[str, Row] = {name: {} for name in ("result", "result_error", "result_total", "result_next")}
        times: Row = {}
        for name, command in commands.items():
            started = time.time()
            method, _, query = str(command).partition("?")
            try:
                if method.lower() == "batch":
                    raise system("ERROR_BATCH_METHOD_NOT_ALLOWED")
                given = fill_references(parse_query(query), parts["result"])
                own = method.lower() == "event.bind"  # which has a parameter of that name
                source = "" if own else str(given.pop("auth_connector", "") or "")
                one = Caller(caller.user_id, caller.scopes, caller.key, caller.application, source)
                result, total, following, operating = self.one(method.lower(), given, one)
            except RestError as refusal:
                parts["result_error"][name] = refusal.as_json()
                if halt:
                    break
                continue
            parts["result"][name], times[name] = result, self._time(started, operating)
            if total is not None:
                parts["result_total"][name] = total
            if following is not None:
                parts["result_next"][name] = following
        return {key: self._php(key, value) for key, value in (parts | {"result_time": times}).items()}

    def _php(self, part: str, tree: Row) -> Row | list[Any]:
        """PHP's arrays in JSON: empty is a list, and so are the keys 0, 1, 2 …; errors by number lose their names."""
        numbered = self.portal.habits.numeric_batch_lists and all(name.isdigit() for name in tree)
        if numbered and (part == "result_error" or list(tree) == [str(place) for place in range(len(tree))]):
            return list(tree.values())
        return tree

    def _time(self, started: float, operating: tuple[float, float] | None = None) -> Row:
        finished = time.time()
        now = self.portal.now()
        found: Row = {
            "start": started, "finish": finished, "duration": finished - started, "processing": finished - started,
            "date_start": shown(now, self.portal.zone), "date_finish": shown(now, self.portal.zone),
        }  # fmt: skip
        if operating is not None:
            found |= {"operating_reset_at": int(now.timestamp() + operating[1]), "operating": round(operating[0], 4)}
        return found


def reply(tree: Row, status: int = 200) -> Answer:
    """JSON as the portal sends it."""
    return Answer(status, JSON_TYPE, json.dumps(tree, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def _methods(portal: Portal) -> dict[str, Method]:
    items, requisites, fields = Items(portal), Requisites(portal), UserFields(portal)
    types, various, events = Types(portal), Various(portal), portal.events
    found: dict[str, Method] = {
        "crm.item.add": items.add, "crm.item.update": items.update, "crm.item.get": items.get,
        "crm.item.list": items.find, "crm.item.delete": items.delete, "crm.item.fields": items.fields,
        "crm.item.batchimport": items.bulk_import, "crm.item.productrow.set": various.set_rows,
        "crm.requisite.add": requisites.add, "crm.requisite.update": requisites.update,
        "crm.requisite.get": requisites.get, "crm.requisite.list": requisites.find,
        "crm.requisite.delete": requisites.delete, "crm.requisite.preset.list": requisites.presets,
        "crm.requisite.preset.field.list": requisites.preset_fields,
        "crm.requisite.bankdetail.add": requisites.add_bank, "crm.requisite.bankdetail.list": requisites.list_bank,
        "crm.type.add": types.add, "crm.type.list": types.list, "crm.type.getbyentitytypeid": types.fields,
        "crm.status.list": various.statuses, "crm.category.list": various.categories,
        "crm.stagehistory.list": various.stage_history, "crm.activity.list": various.activities,
        "crm.duplicate.findbycomm": various.duplicates, "crm.timeline.comment.add": various.comment,
        "crm.settings.mode.get": lambda params, caller: 2,
        "user.current": various.user, "user.get": various.users, "profile": various.user,
        "feature.get": various.feature, "app.info": various.information,
        "scope": lambda params, caller: sorted(caller.scopes),
        "server.time": lambda params, caller: portal.stamp(),
        "userfieldconfig.add": fields.add_config, "userfieldconfig.list": fields.list_config,
        "event.bind": events.bind, "event.get": lambda params, caller: events.bindings(caller),
        "event.unbind": events.unbind, "event.offline.get": events.fetch, "event.offline.clear": events.clear,
        "event.offline.list": events.listed,
        "event.offline.error": lambda params, caller: events.clear(params, caller, error=True),
    }  # fmt: skip
    for number, name in OLD_NAMES.items():
        found |= _older_methods(name, Older(portal, items, number), fields)
    return found


def _older_methods(name: str, one: Older, fields: UserFields) -> dict[str, Method]:
    entity = f"CRM_{name.upper()}"
    found: dict[str, Method] = {
        f"crm.{name}.get": one.get, f"crm.{name}.add": one.add, f"crm.{name}.update": one.update,
        f"crm.{name}.list": one.find,
        f"crm.{name}.userfield.add": lambda params, caller: fields.add_old(entity, params),
        f"crm.{name}.userfield.list": lambda params, caller: fields.list_old(entity, params),
    }  # fmt: skip
    if name in ("company", "contact"):
        other = "contact" if name == "company" else "company"
        found[f"crm.{name}.{other}.items.get"] = one.contacts
    return found
