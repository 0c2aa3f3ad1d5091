"""ASGI shell of the portal: the log, faults by script, and events sent out to those who asked for them."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
import urllib.error
import urllib.request

from starlette.applications import Starlette

from sandbox.bitrix24.errors import SYSTEM
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.rest import Rest, reply
from sandbox.common.faults import BEFORE, Fault, FaultScript, login_page
from sandbox.common.serving import Answer, Logged, Receive, Request, Scope, Send, Wire, read_request

LOG_SIZE = 20_000
PATIENCE = 5.0


class BitrixApp:
    """The ASGI application of one portal and its admin side."""

    def __init__(self, portal: Portal, faults: FaultScript, requests: list[Logged], admin: Starlette) -> None:
        self.portal, self.faults, self.requests, self.admin = portal, faults, requests, admin
        self.rest = Rest(portal)
        self.crashes: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route one connection event."""
        if scope["type"] != "http":
            return
        if scope["path"].startswith("/sandbox/"):
            await self.admin(scope, receive, send)
            return
        request = await read_request(scope, receive)
        fault = self.faults.pick(request.path)
        log = Logged(request.method, request.path, at=time.monotonic())
        self.requests.append(log)
        del self.requests[:-LOG_SIZE]
        await self._answer(request, fault, log, Wire(receive, send))

    async def _answer(self, request: Request, fault: Fault | None, log: Logged, wire: Wire) -> None:
        if fault is not None and fault.action in BEFORE:
            await self._answer_early(fault, log, wire)
            return
        answer = await asyncio.to_thread(self._ask, request)
        action = fault.action if fault is not None else ""
        if action == "drop_after":
            log.status = answer.status
            await wire.drop()
        elif fault is not None and action == "cut":
            log.status = answer.status
            await wire.send_cut(answer, min(fault.bytes, len(answer.body) - 1))
        else:
            await wire.send_answer(await _spoilt(answer, fault), log)

    async def _answer_early(self, fault: Fault, log: Logged, wire: Wire) -> None:
        """The portal is never asked."""
        if fault.action == "hang":
            await wire.wait_for_disconnect()
        elif fault.action == "drop_before":
            await wire.drop()
        elif fault.action == "login_page":
            await wire.send_answer(login_page(), log)
        else:
            status, text = SYSTEM[fault.error or "INTERNAL_SERVER_ERROR"]
            body = {"error": fault.error or "INTERNAL_SERVER_ERROR", "error_description": text}
            await wire.send_answer(reply(body, status), log)

    def _ask(self, request: Request) -> Answer:
        """Ask the portal; a mistake of the stand-in itself is told apart from every answer of Bitrix24."""
        try:
            answer = self.rest.handle(request)
        except Exception:  # noqa: BLE001 - whatever it is, the test must see it and the server must live
            self.crashes.append(traceback.format_exc())
            sys.stderr.write(self.crashes[-1])
            return Answer(500, "text/plain;charset=utf-8", f"BUG OF THE STAND-IN\n{self.crashes[-1]}".encode())
        self._send_events()
        return answer

    def _send_events(self) -> None:
        """Each handler is called once, in the background; who is not there has missed it (§7)."""
        with self.portal.lock:
            calls, self.portal.events.calls = self.portal.events.calls, []
        for address, form in calls:
            threading.Thread(target=_post, args=(address, form), daemon=True).start()


async def _spoilt(answer: Answer, fault: Fault | None) -> Answer:
    if fault is not None and fault.action == "slow":
        await asyncio.sleep(fault.seconds)
    if fault is not None and fault.action == "half":
        answer.body = answer.body[: max(len(answer.body) // 2, 1)]
    return answer


def _post(address: str, form: str) -> None:
    """One call, no second one."""
    request = urllib.request.Request(address, form.encode(), {"Content-Type": "application/x-www-form-urlencoded"})  # noqa: S310 - an address that the test itself has bound
    try:
        urllib.request.urlopen(request, timeout=PATIENCE).close()  # noqa: S310
    except (urllib.error.URLError, OSError) as error:
        sys.stderr.write(f"event not delivered to {address}: {error}\n")
