"""1C sessions as the publication's ``reuseSessions`` rules them (fact sheet §4.3)."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.onec.errors import OdataError, PlainError, sessions_exhausted


@dataclass(slots=True)
class Sessions:
    """Pool of sessions: ``use`` is the client's business, ``dontuse`` ignores the header, ``autouse`` is silent."""

    reuse: str = "dontuse"
    pool: int = 10
    max_age: float = 20.0
    lost_status: int = 400
    clock: Callable[[], float] = time.monotonic
    alive: dict[str, float] = field(default_factory=dict)
    started: int = 0

    def enter(self, headers: dict[str, str]) -> str | None:
        """Check the cookie, start or finish; returns a cookie to set, empty when it is to be dropped."""
        if self.reuse != "use":
            return None
        self.expire()
        wish, cookie = headers.get("ibsession", "").lower(), cookie_of(headers.get("cookie", ""))
        if wish == "start":
            return self.start()
        if cookie:
            self.check(cookie)
        elif len(self.alive) >= self.pool:
            raise sessions_exhausted()
        if cookie and wish == "finish":
            del self.alive[cookie]
            return ""
        return None

    def start(self) -> str:
        """New session, or 406 when the pool is full."""
        if len(self.alive) >= self.pool:
            raise sessions_exhausted()
        name = str(uuid.uuid4())
        self.alive[name] = self.clock()
        self.started += 1
        return name

    def check(self, cookie: str) -> None:
        """A session that is gone is 400 or 404 without an OData reason of the request's own (§4.2)."""
        if cookie not in self.alive:
            raise self.lost()
        self.alive[cookie] = self.clock()

    def lost(self) -> Exception:
        """Answer to a lost session."""
        if self.lost_status == 400:
            return OdataError(400, -1, "Сеанс отсутствует или удален")
        return PlainError(
            self.lost_status, "text/html; charset=utf-8", "<html><body>Сеанс отсутствует или удален</body></html>"
        )

    def expire(self) -> None:
        """Forget sessions that nobody used for ``max_age`` seconds."""
        limit = self.clock() - self.max_age
        for name in [name for name, seen in self.alive.items() if seen < limit]:
            del self.alive[name]

    def drop_all(self) -> None:
        """An administrator has ended every session."""
        self.alive.clear()


def cookie_of(header: str) -> str:
    """Value of ``ibsession``."""
    pairs = (part.strip().partition("=") for part in header.split(";"))
    return next((value for name, _, value in pairs if name.lower() == "ibsession"), "")
