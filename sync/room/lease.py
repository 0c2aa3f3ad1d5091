"""Leases: who may write for a connection, for the next half minute, enforced by the database.

A lease is a row. Taking it is a conditional UPDATE that also raises the fencing token; every write transaction of a
run proves first, in the same transaction, that owner and token are still its own. So a worker that was frozen past its
lease can wake up, but not write.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import structlog
from sqlalchemy import ColumnElement, Connection, bindparam, or_, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from core.errors import LeaseLost
from store.bulk import upsert
from store.tables import lease
from sync.context import App
from sync.room.writing import committing

log = structlog.get_logger()
POLL_SECONDS = 0.5
FROZEN = 2
"""A transaction that says nothing for so many lengths of a lease is ended by PostgreSQL, and its locks with it."""
BELIEVABLE = 3
"""A lease that ends later than so many lengths from now was written by a clock that has since been put back."""


class Lease:
    """The right to write, held under `name` until it is released, lost or not renewed in time."""

    def __init__(self, app: App, name: str, owner: str, fence: int) -> None:
        self.name, self.owner, self.fence = name, owner, fence
        self.lost = False
        self._app = app
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._tell: Callable[[], dict[str, Any] | None] | None = None
        self._mine = (lease.c.name == name, lease.c.owner == owner, lease.c.fence == fence)
        self._renewal = update(lease).where(*self._mine).values(until=bindparam("to"))

    def check(self, conn: Connection) -> None:
        """Prove in the caller's transaction that the lease is ours, and prolong it.

        The row stays locked until the caller commits, so nobody takes over between the proof and the commit.

        Raises:
            LeaseLost: somebody else holds it now.
        """
        if conn.dialect.name == "postgresql":  # a process that freezes here must not hold the row for ever
            most = int(self._app.settings.schedule.lease.total_seconds() * FROZEN * 1000)
            conn.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = {most}"))
        if self._renew(conn):
            return
        self.lost = True
        raise LeaseLost(f"Another worker has taken over {self.name}; this one stops and writes nothing more.")

    def _renew(self, conn: Connection, told: dict[str, Any] | None = None) -> bool:
        renewal = self._renewal if told is None else self._renewal.values(told=told)
        until = self._app.clock.now() + self._app.settings.schedule.lease
        return conn.execute(renewal, {"to": until}).rowcount == 1

    def start_heartbeat(self, tell: Callable[[], dict[str, Any] | None] | None = None) -> None:
        """Keep renewing from a thread of its own, whatever the run is waiting for.

        `tell`: how far the work has come, written with each renewal for people who look.
        """
        self._tell = tell
        self._thread = threading.Thread(target=self._beat, name=f"lease-{self.name}", daemon=True)
        self._thread.start()

    def _beat(self) -> None:
        pause = self._app.settings.schedule.lease.total_seconds() / 3
        while not self._stopped.wait(pause):
            try:
                told = self._tell() if self._tell is not None else None
                with committing(self._app, "lease-renew") as conn:
                    held = self._renew(conn, told)
            except SQLAlchemyError as error:  # whatever it is, the next try may succeed: a thread that died would not
                log.warning("lease.not-renewed", name=self.name, error=type(error).__name__, reason=str(error)[:200])
                continue
            if not held:
                self.lost = True
                return

    def release(self) -> None:
        """Give it up; by its owner only, so a loser never frees what another holds.

        When the store is away it lapses by itself; the result of the run is not lost for that.
        """
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
        try:
            with committing(self._app, "lease-release") as conn:
                conn.execute(update(lease).where(*self._mine).values(owner=None, until=None, told=None))
        except SQLAlchemyError as error:
            log.warning("lease.not-released", name=self.name, error=type(error).__name__, reason=str(error)[:200])


def claim_lease(app: App, name: str, *, wait: float = 0.0) -> Lease | None:
    """Take the lease when it is free or its owner has let it expire.

    Args:
        app: who asks.
        name: what the lease is on, e.g. a connection.
        wait: so many seconds for a running owner to finish.

    Returns:
        The lease, its fencing token one higher than the last; None when somebody else works.
    """
    deadline = app.clock.monotonic() + wait
    while True:
        taken = _claim(app, name)
        if taken is not None or app.clock.monotonic() >= deadline:
            return taken
        app.clock.sleep(POLL_SECONDS)


def _claim(app: App, name: str) -> Lease | None:
    owner = f"{app.owner[:60]}/{uuid4().hex[:12]}"
    now, length = app.clock.now(), app.settings.schedule.lease
    with committing(app, "lease-claim") as conn:
        upsert(conn, lease, [{"name": name, "fence": 0}], ["name"], update=())
        free = or_(lease.c.owner.is_(None), lease.c.until < now, lease.c.until > now + length * BELIEVABLE)
        claim = update(lease).where(lease.c.name == name, free)
        values = {"owner": owner, "fence": lease.c.fence + 1, "until": now + length, "told": None}
        fence = conn.execute(claim.values(values).returning(lease.c.fence)).scalar_one_or_none()
    return None if fence is None else Lease(app, name, owner, fence)


def is_held(conn: Connection, app: App, name: str) -> bool:
    """Whether somebody holds this lease now."""
    now = app.clock.now()
    conditions: list[ColumnElement[bool]] = [lease.c.name == name, lease.c.owner.is_not(None), lease.c.until >= now]
    conditions.append(lease.c.until <= now + app.settings.schedule.lease * BELIEVABLE)
    return conn.execute(select(lease.c.name).where(*conditions)).first() is not None


def wait_limit(app: App) -> float:
    """How long a person's order waits for a running cycle: long enough for a first load to be left to the service."""
    return max(app.settings.schedule.every, timedelta(minutes=10)).total_seconds()
