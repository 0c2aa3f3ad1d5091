"""OAuth of an application: codes, access tokens of an hour, refresh tokens that change with each use (§1)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.bitrix24.errors import RestError, system

if TYPE_CHECKING:
    from sandbox.bitrix24.portal import Portal

ACCESS_LIFE = timedelta(seconds=3600)
REFRESH_LIFE = timedelta(days=180)
CODE_LIFE = timedelta(seconds=30)


@dataclass(slots=True)
class Application:
    """An application of the portal: local, with its scopes."""

    client_id: str
    client_secret: str
    scopes: frozenset[str]
    user_id: int = 1
    application_token: str = ""


@dataclass(slots=True)
class Tokens:
    """All tokens that were given out. A refresh token works once: its answer carries the next one."""

    portal: Portal
    applications: dict[str, Application] = field(default_factory=dict)
    access: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    refresh: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    codes: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    refreshed: int = 0
    refused: int = 0
    member_id: str = "sandbox-member"

    def add_application(self, scopes: tuple[str, ...] = ("crm", "user", "userfieldconfig")) -> Application:
        """Register an application."""
        made = Application(
            f"local.{secrets.token_hex(6)}", secrets.token_hex(16), frozenset(scopes), 1, secrets.token_hex(12)
        )
        self.applications[made.client_id] = made
        return made

    def authorize(self, client_id: str) -> str:
        """A person has agreed: the code that the browser brings back."""
        code = secrets.token_hex(16)
        self.codes[code] = (client_id, self.portal.now() + CODE_LIFE)
        return code

    def give(self, client_id: str) -> dict[str, Any]:
        """A new pair of tokens, in the shape of the answer without its addresses."""
        access, fresh = secrets.token_hex(20), secrets.token_hex(20)
        now = self.portal.now()
        self.access[access] = (client_id, now + ACCESS_LIFE)
        self.refresh[fresh] = (client_id, now + REFRESH_LIFE)
        application = self.applications[client_id]
        return {
            "access_token": access, "expires": int((now + ACCESS_LIFE).timestamp()), "expires_in": 3600,
            "scope": ",".join(sorted(application.scopes)), "status": "L", "member_id": self.member_id,
            "user_id": application.user_id, "refresh_token": fresh,
        }  # fmt: skip

    def exchange(self, params: dict[str, Any]) -> dict[str, Any]:
        """The token endpoint. Raises RestError: invalid_client, invalid_grant, invalid_request."""
        application = self.applications.get(str(params.get("client_id", "")))
        if application is None or application.client_secret != params.get("client_secret"):
            raise self._refuse("invalid_client", "Invalid client credentials")
        grant = params.get("grant_type")
        if grant == "authorization_code":
            return self._take(self.codes, str(params.get("code", "")), application)
        if grant == "refresh_token":
            found = self._take(self.refresh, str(params.get("refresh_token", "")), application)
            self.refreshed += 1
            return found
        raise self._refuse("invalid_request", "Unknown grant type")

    def _take(self, given: dict[str, tuple[str, datetime]], token: str, application: Application) -> dict[str, Any]:
        client_id, until = given.pop(token, ("", self.portal.now()))
        if client_id != application.client_id or until <= self.portal.now():
            raise self._refuse("invalid_grant", "Invalid or expired token")
        return self.give(client_id)

    def _refuse(self, code: str, text: str) -> RestError:
        self.refused += 1
        return RestError(code, text)

    def check(self, token: str) -> Application:
        """Who an access token speaks for. Raises RestError: NO_AUTH_FOUND, expired_token."""
        client_id, until = self.access.get(token, ("", self.portal.now()))
        if not client_id:
            raise system("NO_AUTH_FOUND")
        if until <= self.portal.now():
            raise system("expired_token")
        return self.applications[client_id]
