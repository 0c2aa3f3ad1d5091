"""ASGI shell of an infobase: what 1C and the web server before it say when they are at fault."""

from __future__ import annotations

from starlette.applications import Starlette

from sandbox.common.faults import Fault, FaultScript
from sandbox.common.serving import Answer, Logged, Request
from sandbox.common.shell import Shell
from sandbox.onec.errors import OdataError
from sandbox.onec.faults import early_answer, spoil
from sandbox.onec.service import Service
from sandbox.onec.urls import decode


class OnecApp(Shell):
    """The ASGI application of one published infobase and its admin side."""

    def __init__(self, service: Service, faults: FaultScript, requests: list[Logged], admin: Starlette) -> None:
        super().__init__(faults, requests, admin)
        self.service = service

    def handle(self, request: Request) -> Answer:
        """Ask the base."""
        return self.service.handle(request)

    def answer_for(self, fault: Fault) -> Answer:
        """Page to log in, or an error of the platform or the web server."""
        return early_answer(fault)

    def spoil(self, fault: Fault, answer: Answer) -> Answer:
        """Fields, types, packing: see faults.py."""
        return spoil(fault, answer)

    def readable(self, text: str) -> str:
        """Decoded as 1C does it; what does not decode stays as it came."""
        try:
            return decode(text)
        except OdataError:
            return text
