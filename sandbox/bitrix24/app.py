"""ASGI shell of the portal: how it is at fault, and events sent out to those who asked for them."""

from __future__ import annotations

import sys
import threading
import urllib.error
import urllib.request

from starlette.applications import Starlette

from sandbox.bitrix24.errors import SYSTEM
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.rest import Rest, reply
from sandbox.common import faults
from sandbox.common.faults import Fault, FaultScript
from sandbox.common.serving import Answer, Logged, Request
from sandbox.common.shell import Shell

HTML = "text/html; charset=utf-8"
LOGIN_PAGE = "<!DOCTYPE html><html><head><title>Авторизация</title></head><body><form></form></body></html>"
ACTIONS = (*faults.ACTIONS, "half")
PATIENCE = 5.0


class BitrixApp(Shell):
    """The ASGI application of one portal and its admin side."""

    def __init__(self, portal: Portal, script: FaultScript, requests: list[Logged], admin: Starlette) -> None:
        super().__init__(script, requests, admin)
        self.portal, self.rest = portal, Rest(portal)

    def handle(self, request: Request) -> Answer:
        """Ask the portal; what has happened in it is told to whoever has bound the event."""
        answer = self.rest.handle(request)
        self._send_events()
        return answer

    def answer_for(self, fault: Fault) -> Answer:
        """Page to log in, or one of the errors that any method may answer with."""
        if fault.action == "login_page":
            return Answer(200, HTML, LOGIN_PAGE.encode())
        code = fault.error or "INTERNAL_SERVER_ERROR"
        status, text = SYSTEM[code]
        return fault.own(reply({"error": code, "error_description": text}, status))

    def spoil(self, fault: Fault, answer: Answer) -> Answer:
        """Half a body, whose length is told right."""
        if fault.action == "half":
            answer.body = answer.body[: max(len(answer.body) // 2, 1)]
        return answer

    def _send_events(self) -> None:
        """Each handler is called once, in the background; who is not there has missed it (§7)."""
        with self.portal.lock:
            calls, self.portal.events.calls = self.portal.events.calls, []
        for address, form in calls:
            threading.Thread(target=_post, args=(address, form), daemon=True).start()


def _post(address: str, form: str) -> None:
    """One call, no second one."""
    request = urllib.request.Request(address, form.encode(), {"Content-Type": "application/x-www-form-urlencoded"})  # noqa: S310 - an address that the test itself has bound
    try:
        urllib.request.urlopen(request, timeout=PATIENCE).close()  # noqa: S310
    except (urllib.error.URLError, OSError) as error:
        sys.stderr.write(f"event not delivered to {address}: {error}\n")
