"""The breaker of a connection, on its row: after some failures in a row it is left in peace for a while, then probed.

closed: everything passes. open: scheduled runs are skipped until a moment. half_open: one run is let through to see; it
closes the breaker or opens it for longer. A person's order always passes: it is a probe too.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, case, or_, select, update

from core.secrets import redact
from store.bulk import upsert
from store.tables import connection
from sync.context import App
from sync.push.merge import add_audit
from sync.room.writing import committing

THRESHOLD = 3
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
LONGEST_ASKED = timedelta(days=1)
"""The other side may ask for a longer rest, and for no longer than that."""
PROBE, PROBE_PERIODS = timedelta(minutes=10), 2
"""A probe that has not reported for so long, or so many periods, is taken for dead, and another one may go."""

LONGEST_REASON = 2000
TRY_AGAIN = timedelta(hours=1)
"""How long a connection whose settings were wrong is left alone by the schedule."""


def ensure_row(conn: Connection, name: str) -> None:
    """Every connection has its row; one that is there stays as it is."""
    upsert(conn, connection, [{"name": name}], ["name"], update=())


def pause_after(failures: int, retry_after: float | None, first: timedelta = FIRST_PAUSE) -> timedelta:
    """How long to leave the other side in peace after so many failures; what it asked for is the least, up to a day."""
    doubled: int = 2 ** min(max(failures - THRESHOLD, 0), 10)
    grown = min(first * doubled, LONGEST_PAUSE)
    return max(grown, timedelta(seconds=min(retry_after or 0.0, LONGEST_ASKED.total_seconds())))


def claim_passage(conn: Connection, name: str, now: datetime, every: timedelta = PROBE) -> bool:
    """Whether a scheduled run may go now. When the breaker's pause is over exactly one caller gets True: the probe.

    A pause that ends later than any that is given was written by a clock that has since been put back: it is over.
    """
    ensure_row(conn, name)
    state = conn.execute(select(connection.c.breaker).where(connection.c.name == name)).scalar_one()
    if state == "closed":
        return True
    most = PROBE if state == "half_open" else LONGEST_ASKED
    ended = or_(connection.c.breaker_until <= now, connection.c.breaker_until > now + most)
    over = (connection.c.name == name, connection.c.breaker == state, ended)
    probe = {"breaker": "half_open", "breaker_until": now + min(PROBE, every * PROBE_PERIODS)}
    return conn.execute(update(connection).where(*over).values(probe)).rowcount == 1


def record_success(app: App, name: str) -> bool:
    """The other side works: close the breaker and forget failures and pause. Returns whether it had been open.

    Of several that report at once exactly one gets True. What a person holds stays held.
    """
    values: dict[str, Any] = {"failures": 0, "breaker_until": None, "breaker": "closed", "last_ok_at": app.clock.now()}
    values |= {"breaker_since": None, "breaker_reason": None}
    for column in (connection.c.paused_reason, connection.c.paused_at):
        values[column.name] = case((connection.c.paused_by.is_not(None), column), else_=None)
    was_open = (connection.c.name == name, connection.c.breaker != "closed")
    with committing(app, "breaker-close") as conn:
        ensure_row(conn, name)
        closed_now = conn.execute(update(connection).where(*was_open).values(values)).rowcount == 1
        if not closed_now:
            conn.execute(update(connection).where(connection.c.name == name).values(values))
    return closed_now


def record_failure(app: App, name: str, retry_after: float | None, reason: str = "") -> bool:
    """The other side does not work. Returns whether the breaker has just opened, which is worth one alert.

    `reason`: what it was, for people who look; kept until the other side works again.

    Every failure counts, and of several that are reported at once exactly one gets True: the first statement keeps the
    row until the commit, on both databases.
    """
    now = app.clock.now()
    mine = connection.c.name == name
    said = redact(reason)[:LONGEST_REASON] or None
    more = update(connection).where(mine).values(failures=connection.c.failures + 1, breaker_reason=said)
    with committing(app, "breaker-count") as conn:
        ensure_row(conn, name)
        row = conn.execute(more.returning(connection.c.failures, connection.c.breaker)).one()
        asked = (retry_after or 0.0) > FIRST_PAUSE.total_seconds()
        opens = row.failures >= THRESHOLD or row.breaker != "closed" or asked
        if opens:
            until = now + pause_after(row.failures, retry_after, min(FIRST_PAUSE, app.settings.schedule.every))
            since = case((connection.c.breaker == "closed", now), else_=connection.c.breaker_since)
            values = {"breaker": "open", "breaker_until": until, "breaker_since": since}
            conn.execute(update(connection).where(mine).values(values))
    return opens and row.breaker == "closed"


def pause_connection(app: App, name: str, reason: str) -> None:
    """ConfigError: the schedule leaves the connection alone until somebody mends it, but for a try once an hour.

    Who mends it need not know of the pause: a person's order that succeeds, a doctor that finds nothing wrong and a
    service that is started anew all end it. One that a person holds keeps his reason.
    """
    with committing(app, "pause") as conn:
        ensure_row(conn, name)
        values = {"paused_reason": reason, "paused_at": app.clock.now()}
        free = (connection.c.name == name, connection.c.paused_by.is_(None))
        conn.execute(update(connection).where(*free).values(values))


def hold_connection(app: App, name: str, reason: str, who: str) -> bool:
    """A person pauses a connection: no schedule and no success lets it go on until a person does. Audited.

    Returns:
        Whether it was not held before; of two persons at once the first one's reason counts.
    """
    now = app.clock.now()
    with committing(app, "hold") as conn:
        ensure_row(conn, name)
        free = (connection.c.name == name, connection.c.paused_by.is_(None))
        values = {"paused_reason": reason, "paused_at": now, "paused_by": who[:100]}
        if conn.execute(update(connection).where(*free).values(values)).rowcount != 1:
            return False
        add_audit(conn, now, who, "connection.pause", name, after={"reason": reason})
    return True


def release_connection(app: App, name: str, who: str) -> bool:
    """A person lets a connection go on, whoever or whatever had paused it. Audited. Returns whether it was paused."""
    now = app.clock.now()
    with committing(app, "release") as conn:
        paused = (connection.c.name == name, connection.c.paused_reason.is_not(None))
        before = conn.execute(select(connection.c.paused_reason, connection.c.paused_by).where(*paused)).first()
        values = {"paused_reason": None, "paused_at": None, "paused_by": None}
        if before is None or conn.execute(update(connection).where(*paused).values(values)).rowcount != 1:
            return False
        told = {"reason": before.paused_reason, "by": before.paused_by or "sverka"}
        add_audit(conn, now, who, "connection.resume", name, before=told)
    return True


def resume_connection(app: App, name: str) -> bool:
    """Let the schedule go on where nobody holds it. Returns whether the connection was paused."""
    with committing(app, "resume") as conn:
        paused = (
            (connection.c.name == name) & connection.c.paused_reason.is_not(None) & connection.c.paused_by.is_(None)
        )
        statement = update(connection).where(paused).values(paused_reason=None, paused_at=None)
        return conn.execute(statement).rowcount > 0


def pause_reason(conn: Connection, name: str, now: datetime) -> str | None:
    """Why it is paused; None when it is not, or when it may be tried (an hour has gone, or the clock back).

    What a person holds is not tried.
    """
    columns = (connection.c.paused_reason, connection.c.paused_at, connection.c.paused_by)
    row = conn.execute(select(*columns).where(connection.c.name == name)).first()
    if row is not None and row.paused_by is not None:
        return str(row.paused_reason)
    if row is None or (row.paused_at is not None and not now - TRY_AGAIN < row.paused_at <= now + TRY_AGAIN):
        return None
    return str(row.paused_reason) if row.paused_reason is not None else None
