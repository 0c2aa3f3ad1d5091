"""Who asks: the user behind a cookie or a token, and in which language and on which wall clock he reads."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, Table
from starlette.requests import HTTPConnection

from store.engine import reading
from store.queries.customers.rights import Role, Viewer
from store.tables import api_token, session
from web.door.rules import RIGHTS, Right
from web.people.sessions import find_session, find_token, needs_touch, touch
from web.site import Site

SESSION, FORM, LANGUAGE, FLASH = "sverka", "sverka-form", "sverka-language", "sverka-flash"
"""Names of our cookies; over https they are `__Host-…`, which no other host can set."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """A user who is logged in, as of this request. `key` is the session's own, from which form tokens are made."""

    user_id: UUID
    login: str
    name: str
    role: Role
    manager_id: UUID | None
    department_id: UUID | None
    language: str | None
    timezone: str | None
    seat: UUID
    """The id of the session or of the token."""
    key: str
    may_export: bool | None = None
    """Whether he may take lists away; None: as his role may."""
    on_call: bool = False

    def has(self, right: Right) -> bool:
        """Whether he has a right that is given to people one by one, by his role where nobody has decided."""
        return self.role in RIGHTS[right] if self.may_export is None else self.may_export

    def zone(self, usual: tzinfo) -> tzinfo:
        """His wall clock, or the usual one of the installation."""
        return ZoneInfo(self.timezone) if self.timezone else usual

    def viewer(self, now: datetime, usual: tzinfo = UTC) -> Viewer:
        """Whose eyes his questions are asked with, today where he is."""
        today = now.astimezone(self.zone(usual)).date()
        return Viewer(self.user_id, self.role, today, self.manager_id, self.department_id, on_call=self.on_call)


def is_secure(request: HTTPConnection) -> bool:
    """Whether the browser speaks https to us, or to the proxy before us."""
    return request.url.scheme == "https"


def cookie_name(request: HTTPConnection, name: str) -> str:
    """The cookie's name in this browser."""
    return f"__Host-{name}" if is_secure(request) else name


def cookie(request: HTTPConnection, name: str) -> str | None:
    """The value of one of our cookies, as the browser sends it."""
    return request.cookies.get(cookie_name(request, name))


def identify_browser(site: Site, request: HTTPConnection) -> Visitor | None:
    """The user whose session the cookie names."""
    return _identify(site, session, cookie(request, SESSION))


def identify_machine(site: Site, request: HTTPConnection) -> Visitor | None:
    """The user whose token stands in the header `Authorization: Bearer …`, or as the password of a `Basic …` one.

    The latter is for exchanges that know nothing else, and for reading only: a browser sends such a header by itself.
    """
    kind, _, key = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic" and request.scope.get("method") in ("GET", "HEAD"):
        return _identify(site, api_token, _password_of(key))
    return _identify(site, api_token, key.strip() if kind.lower() == "bearer" else None)


def _password_of(credentials: str) -> str | None:
    try:
        return base64.b64decode(credentials.strip(), validate=True).decode("utf-8").partition(":")[2]
    except ValueError:
        return None


def _identify(site: Site, kind: Table, key: str | None) -> Visitor | None:
    if not key or len(key) > 200:
        return None
    now, engine = site.app.clock.now(), site.app.engine
    with reading(engine) as conn:
        found = find_session(conn, now, key) if kind is session else find_token(conn, now, key)
    if found is None:
        return None
    if needs_touch(now, found):
        _touch(engine, now, kind, found)
    return Visitor(
        user_id=found.user_id,
        login=found.login,
        name=found.name,
        role=cast(Role, found.role),
        manager_id=found.manager_id,
        department_id=found.department_id,
        language=found.language,
        timezone=found.timezone,
        seat=found.id,
        key=key,
        may_export=found.may_export,
        on_call=found.on_call,
    )


def _touch(engine: Engine, now: datetime, kind: Table, found: Any) -> None:
    with engine.begin() as conn:
        touch(conn, now, kind, found)
