"""ASGI shell: hands requests to the service, keeps the log, and does what well-behaved servers never do."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import asdict, dataclass
from typing import Any

from starlette.applications import Starlette

from sandbox.onec.errors import OdataError
from sandbox.onec.faults import BEFORE, Fault, FaultScript, early_answer, spoil
from sandbox.onec.service import Service
from sandbox.onec.urls import decode
from sandbox.onec.wire import Answer, Request

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
LOG_SIZE = 20_000


@dataclass(slots=True)
class Logged:
    """One line of the request log; ``query`` is decoded, ``bytes`` the size of the answer's body."""

    method: str
    path: str
    query: str
    status: int
    bytes: int

    def as_json(self) -> dict[str, Any]:
        """For the admin side."""
        return asdict(self)


class OnecApp:
    """The ASGI application of one published infobase and its admin side."""

    def __init__(self, service: Service, faults: FaultScript, requests: list[Logged], admin: Starlette) -> None:
        self.service, self.faults, self.requests, self.admin = service, faults, requests, admin
        self.crashes: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route one connection event."""
        if scope["type"] != "http":
            return
        if scope["path"].startswith("/sandbox/"):
            await self.admin(scope, receive, send)
            return
        request = await read_request(scope, receive)
        path = readable(request.path)
        fault = self.faults.pick(request.method, f"{path}?{readable(request.query)}")
        log = Logged(request.method, path, readable(request.query), 0, 0)
        self.requests.append(log)
        del self.requests[:-LOG_SIZE]
        await self.answer(request, fault, log, Wire(receive, send))

    async def answer(self, request: Request, fault: Fault | None, log: Logged, wire: Wire) -> None:
        """Answer a request, with or without a fault."""
        if fault is None:
            await wire.send_answer(await asyncio.to_thread(self.ask, request), log)
        elif fault.action in BEFORE:
            await self.answer_early(fault, log, wire)
        else:
            await self.answer_spoilt(request, fault, log, wire)

    def ask(self, request: Request) -> Answer:
        """Ask the service; a mistake of the stand-in itself is told apart from every answer of 1C."""
        try:
            return self.service.handle(request)
        except Exception:  # noqa: BLE001 - whatever it is, the test must see it and the server must live
            self.crashes.append(traceback.format_exc())
            sys.stderr.write(self.crashes[-1])
            return Answer(500, "text/plain;charset=utf-8", f"BUG OF THE STAND-IN\n{self.crashes[-1]}".encode())

    async def answer_early(self, fault: Fault, log: Logged, wire: Wire) -> None:
        """The base is never asked."""
        answer = early_answer(fault)
        if answer is not None:
            await wire.send_answer(answer, log)
        elif fault.action == "hang":
            await wire.wait_for_disconnect()
        else:
            await wire.drop()

    async def answer_spoilt(self, request: Request, fault: Fault, log: Logged, wire: Wire) -> None:
        """The base has done its work; the answer comes late, cut, changed or not at all."""
        answer = await asyncio.to_thread(self.ask, request)
        if fault.action == "drop_after":
            log.status = answer.status
            await wire.drop()
        elif fault.action == "cut":
            log.status = answer.status
            await wire.send_cut(answer, fault.bytes)
        else:
            if fault.action == "slow":
                await asyncio.sleep(fault.seconds)
            await wire.send_answer(spoil(fault, answer), log)


class Wire:
    """Sending side of one request, down to the transport where a fault needs it."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self.receive, self.send = receive, send

    async def start(self, answer: Answer) -> None:
        """Status line and headers."""
        headers = [
            (b"content-type", answer.content_type.encode()),
            (b"content-length", str(len(answer.body)).encode()),
            *answer.headers,
        ]
        await self.send({"type": "http.response.start", "status": answer.status, "headers": headers})

    async def send_answer(self, answer: Answer, log: Logged) -> None:
        """Whole answer; the log knows it before the client does."""
        if answer.status == 204:
            answer.body = b""
        log.status, log.bytes = answer.status, len(answer.body)
        await self.start(answer)
        await self.send({"type": "http.response.body", "body": answer.body})

    async def send_cut(self, answer: Answer, size: int) -> None:
        """Fewer bytes than ``Content-Length`` promises, then the end of the connection."""
        await self.start(answer)
        await self.send({"type": "http.response.body", "body": answer.body[:size], "more_body": True})
        self.transport().close()
        await self.wait_for_disconnect()

    async def drop(self) -> None:
        """Reset the connection without an answer."""
        self.transport().abort()
        await self.wait_for_disconnect()

    def transport(self) -> Any:
        """Socket behind uvicorn's request cycle: ASGI itself cannot break a connection."""
        return self.send.__self__.transport  # type: ignore[attr-defined]

    async def wait_for_disconnect(self) -> None:
        """Until the client or the server has gone."""
        while (await self.receive())["type"] != "http.disconnect":
            continue


async def read_request(scope: Scope, receive: Receive) -> Request:
    """Collect the body and the headers."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    body = b""
    while True:
        event = await receive()
        body += event.get("body", b"")
        if not event.get("more_body"):
            break
    host = headers.get("host") or "127.0.0.1"
    return Request(
        scope["method"],
        scope["raw_path"].decode("latin-1"),
        scope["query_string"].decode("latin-1"),
        headers,
        body,
        host,
    )


def readable(text: str) -> str:
    """Decoded for people; what does not decode stays as it came."""
    try:
        return decode(text)
    except OdataError:
        return text
