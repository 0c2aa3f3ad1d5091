"""The portal as a server on loopback."""

from __future__ import annotations

from sandbox.bitrix24.admin import build_admin
from sandbox.bitrix24.app import ACTIONS, BitrixApp
from sandbox.bitrix24.errors import SYSTEM
from sandbox.bitrix24.portal import ADMIN, Portal
from sandbox.common.faults import FaultScript
from sandbox.common.serving import Logged, Loopback

SECRET = "sandbox-secret"


class BitrixServer(Loopback[BitrixApp]):
    """Context manager that serves a portal: `webhook` and `root` are its addresses (README.md)."""

    def __init__(self, portal: Portal, port: int = 0, *, host: str = "127.0.0.1", secret: str = SECRET) -> None:
        self.portal, self.secret = portal, secret
        self.requests: list[Logged] = []
        self.faults = FaultScript(ACTIONS, SYSTEM)
        self._path = portal.add_webhook(ADMIN, secret)
        self.shell = BitrixApp(portal, self.faults, self.requests, build_admin(portal, self.faults, self.requests))
        super().__init__(self.shell, host=host, port=port)

    @property
    def webhook(self) -> str:
        """Address of the incoming webhook; it is a password."""
        return f"{self.root}{self._path}"
