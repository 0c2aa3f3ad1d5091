"""Events: handlers that are called once and may miss it, and the offline queue that loses nothing (§7)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from sandbox.bitrix24.errors import RestError, app_only
from sandbox.bitrix24.values import shown

if TYPE_CHECKING:
    from sandbox.bitrix24.portal import Caller, Portal

Row = dict[str, Any]
NAMES = {2: "DEAL", 3: "CONTACT", 4: "COMPANY"}
KNOWN = {
    *(f"ONCRM{what}{how}" for what in (*NAMES.values(), "LEAD", "DYNAMICITEM") for how in ("ADD", "UPDATE", "DELETE")),
    *(f"ONCRM{what}{how}" for what in ("REQUISITE", "BANKDETAIL", "ADDRESS") for how in ("ADD", "UPDATE", "DELETE")),
    *(f"ONCRMACTIVITY{how}" for how in ("ADD", "UPDATE", "DELETE")),
    "ONOFFLINEEVENT",
}


@dataclass(slots=True)
class Bound:
    """One `event.bind`."""

    event: str
    client_id: str
    handler: str = ""
    auth_connector: str = ""


@dataclass(slots=True)
class Queued:
    """One entry of the offline queue: the last state of one object."""

    number: int
    event: str
    data: Row
    at: datetime
    client_id: str
    process_id: str = ""
    error: bool = False
    auth_connector: str = ""


@dataclass(slots=True)
class Events:
    """What happens to elements, told to those who asked. ``calls`` waits for the server to be sent out."""

    portal: Portal
    bound: list[Bound] = field(default_factory=list)
    outgoing: list[tuple[str, str, str]] = field(default_factory=list)
    queue: list[Queued] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    numbers: Any = field(default_factory=lambda: count(1))

    def add_outgoing_webhook(self, event: str, address: str, token: str) -> None:
        """A webhook that a person made in the portal's own pages."""
        self.outgoing.append((event.upper(), address, token))

    def tell(self, event: str, data: Row, caller: Caller | None) -> None:
        """Something has changed."""
        for one in self.bound:
            if one.event != event:
                continue
            if one.handler:
                token = self.portal.tokens.applications[one.client_id].application_token
                self.calls.append((one.handler, self._form(event, data, token)))
            elif not (one.auth_connector and caller is not None and caller.auth_connector == one.auth_connector):
                self._enqueue(event, data, one)
        for wanted, address, token in self.outgoing:
            if wanted == event:
                self.calls.append((address, self._form(event, data, token)))

    def _enqueue(self, event: str, data: Row, bound: Bound) -> None:
        """One entry an object and event: a later change takes the place of an earlier one that nobody has fetched."""
        self.queue = [
            one
            for one in self.queue
            if one.process_id or (one.event, one.data, one.client_id) != (event, data, bound.client_id)
        ]
        made = Queued(next(self.numbers), event, data, self.portal.now(), bound.client_id)
        made.auth_connector = bound.auth_connector
        self.queue.append(made)

    def _form(self, event: str, data: Row, token: str) -> str:
        pairs = [("event", event), ("event_handler_id", "1"), ("ts", str(int(self.portal.now().timestamp())))]
        pairs += [(f"data[FIELDS][{name}]", str(value)) for name, value in data.items()]
        pairs += [("auth[member_id]", self.portal.tokens.member_id), ("auth[application_token]", token)]
        return urlencode(pairs)

    def bind(self, params: Row, caller: Caller) -> bool:
        """`event.bind`, for applications only."""
        if not caller.application:
            raise app_only()
        event = str(params.get("event", "")).upper()
        if event not in KNOWN:
            raise RestError("ERROR_EVENT_NOT_FOUND", "Event not found")
        offline = params.get("event_type") == "offline"
        if not offline and not params.get("handler"):
            raise RestError("ERROR_ARGUMENT", "Argument 'HANDLER' is null or empty", argument="HANDLER")
        made = Bound(event, caller.key, str(params.get("handler", "")), str(params.get("auth_connector", "")))
        if any(one == made for one in self.bound):
            raise RestError("ERROR_EVENT_BINDING_EXISTS", "Handler already binded")
        self.bound.append(made)
        return True

    def bindings(self, caller: Caller) -> list[Row]:
        """`event.get`."""
        if not caller.application:
            raise app_only()
        return [
            {"event": one.event, "handler": one.handler, "auth_type": "0", "offline": 0 if one.handler else 1}
            for one in self.bound
            if one.client_id == caller.key
        ]

    def unbind(self, params: Row, caller: Caller) -> Row:
        """`event.unbind`."""
        event, handler = str(params.get("event", "")).upper(), str(params.get("handler", ""))
        before = len(self.bound)
        self.bound = [
            one for one in self.bound if (one.event, one.handler, one.client_id) != (event, handler, caller.key)
        ]
        return {"count": before - len(self.bound)}

    def fetch(self, params: Row, caller: Caller) -> Row:
        """`event.offline.get`: without `clear=0` what is read is gone; with it a process must be confirmed."""
        self._check(caller)
        keep = str(params.get("clear", "1")) == "0"
        if keep and not self.portal.extended_offline:
            keep = False  # the plan decides (feature rest_offline_extended)
        waiting = [one for one in self._mine(caller) if not one.process_id and not one.error]
        taken = waiting[: int(params.get("limit") or 50)]
        process = secrets.token_hex(8) if keep and taken else None
        for one in taken:
            one.process_id = process or ""
        if not keep:
            self.queue = [one for one in self.queue if one not in taken]
        return {"process_id": process, "events": [self._shown(one) for one in taken]}

    def _mine(self, caller: Caller) -> list[Queued]:
        """A queue is its source's own: asked for without the right `auth_connector` it seems empty."""
        return [
            one for one in self.queue
            if one.client_id == caller.key and one.auth_connector == caller.auth_connector
        ]  # fmt: skip

    def listed(self, params: Row, caller: Caller) -> tuple[list[Row], int, int | None]:
        """`event.offline.list`: the queue as it is, also what a process has reserved."""
        self._check(caller)
        wanted = str((params.get("filter") or {}).get("ERROR", ""))
        rows = [one for one in self._mine(caller) if wanted in ("", str(int(one.error)))]
        start = int(params.get("start") or 0)
        shown_rows = [
            self._shown(one) | {"PROCESS_ID": one.process_id, "ERROR": str(int(one.error))}
            for one in rows[start : start + 50]
        ]
        return shown_rows, len(rows), start + 50 if len(rows) > start + 50 else None

    def _shown(self, one: Queued) -> Row:
        return {
            "ID": str(one.number), "TIMESTAMP_X": shown(one.at, self.portal.zone),
            "EVENT_NAME": one.event, "EVENT_DATA": {"FIELDS": one.data}, "EVENT_ADDITIONAL": False,
            "MESSAGE_ID": str(one.number),
        }  # fmt: skip

    def clear(self, params: Row, caller: Caller, *, error: bool = False) -> bool:
        """`event.offline.clear` and `.error`: a process, or some messages of it."""
        self._check(caller)
        process = str(params.get("process_id") or "")
        if not process:
            raise RestError("ERROR_ARGUMENT", "Argument 'process_id' is null or empty", argument="process_id")
        chosen = {str(one) for one in params.get("message_id") or []}
        hit = [one for one in self.queue if one.process_id == process and (not chosen or str(one.number) in chosen)]
        for one in hit:
            one.error = error
        if not error:
            self.queue = [one for one in self.queue if one not in hit]
        return True

    def _check(self, caller: Caller) -> None:
        if not caller.application:
            raise app_only()
