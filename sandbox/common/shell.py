"""ASGI shell of a stand-in: keeps the log, hands requests on, and does what well-behaved servers never do."""

from __future__ import annotations

import asyncio
import sys
import traceback
from abc import ABC, abstractmethod
from urllib.parse import unquote

from starlette.applications import Starlette

from sandbox.common.faults import BEFORE, Fault, FaultScript
from sandbox.common.serving import Answer, Logged, Receive, Request, Scope, Send, Wire, read_request

LOG_SIZE = 20_000


class Shell(ABC):
    """The ASGI application of one stand-in and its admin side.

    A stand-in says how it answers (`handle`), what it says instead of asking (`answer_for`), how a good answer is
    spoilt (`spoil`), and what of an address people read (`readable`).
    """

    def __init__(self, faults: FaultScript, requests: list[Logged], admin: Starlette) -> None:
        self.faults, self.requests, self.admin = faults, requests, admin
        self.crashes: list[str] = []

    @abstractmethod
    def handle(self, request: Request) -> Answer:
        """Ask the system behind; its refusals are answers too, so whatever is raised is a mistake of the stand-in."""

    @abstractmethod
    def answer_for(self, fault: Fault) -> Answer:
        """What an ``error`` or a ``login_page`` answers, the system behind never asked."""

    @abstractmethod
    def spoil(self, fault: Fault, answer: Answer) -> Answer:
        """Change a good answer by the actions that only this system knows; it is not good any more."""

    def readable(self, text: str) -> str:
        """A part of an address, decoded for people."""
        return unquote(text)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route one connection event."""
        if scope["type"] != "http":
            return
        if scope["path"].startswith("/sandbox/"):
            await self.admin(scope, receive, send)
            return
        request = await read_request(scope, receive)
        log = Logged(request.method, self.readable(request.path), self.readable(request.query))
        fault = self.faults.pick(log.method, f"{log.path}?{log.query}")
        self.requests.append(log)
        del self.requests[:-LOG_SIZE]
        await self._answer(request, fault, log, Wire(receive, send))

    async def _answer(self, request: Request, fault: Fault | None, log: Logged, wire: Wire) -> None:
        if fault is None:
            await wire.send_answer(await asyncio.to_thread(self._ask, request), log)
        elif fault.action in BEFORE:
            await self._answer_early(fault, log, wire)
        else:
            await self._answer_spoilt(request, fault, log, wire)

    def _ask(self, request: Request) -> Answer:
        """Ask the system behind; a mistake of the stand-in itself is told apart from every answer of the real one."""
        try:
            return self.handle(request)
        except Exception:  # noqa: BLE001 - whatever it is, the test must see it and the server must live
            self.crashes.append(traceback.format_exc())
            sys.stderr.write(self.crashes[-1])
            return Answer(500, "text/plain;charset=utf-8", f"BUG OF THE STAND-IN\n{self.crashes[-1]}".encode())

    async def _answer_early(self, fault: Fault, log: Logged, wire: Wire) -> None:
        """The system behind is never asked."""
        if fault.action == "hang":
            await wire.wait_for_disconnect()
        elif fault.action == "drop_before":
            await wire.drop()
        else:
            await wire.send_answer(self.answer_for(fault), log)

    async def _answer_spoilt(self, request: Request, fault: Fault, log: Logged, wire: Wire) -> None:
        """The work is done; the answer comes late, cut, changed or not at all."""
        answer = await asyncio.to_thread(self._ask, request)
        if fault.action == "drop_after":
            log.status = answer.status
            await wire.drop()
        elif fault.action == "cut":
            log.status = answer.status
            await wire.send_cut(answer, fault.bytes)
        elif fault.action == "slow":
            await asyncio.sleep(fault.seconds)
            await wire.send_answer(answer, log)
        else:
            await wire.send_answer(self.spoil(fault, answer), log)
