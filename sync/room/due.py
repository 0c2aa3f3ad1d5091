"""Rows whose time comes between two slots: writes to be sent, letters and parked records to be tried again.

A tick asks once for all connections together; where something is due one worker is woken, never two at a time, and
only where a cycle could run now. A run that moved nothing is not repeated at every tick: the connection rests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Table, and_, func, literal, or_, select, union_all, update

from core.settings import ConnectionSettings
from store.bulk import upsert
from store.engine import reading
from store.tables import connection, dead_letter, intent, lease, outbox, parked, reapply, run, slot
from sync.context import App, Order, OrderKind
from sync.cycle import RunResult, run_cycle
from sync.outbox import rows as cards
from sync.pull import dead
from sync.push import intents
from sync.room import slots
from sync.room.lease import is_held
from sync.room.writing import committing

IN_FLIGHT = timedelta(seconds=30)
"""So long a woken worker may take to begin; then another one is woken."""
LONGEST_REST = timedelta(days=1)
"""A rest that ends later was written by a clock that has since been put back."""
BRIEF: tuple[OrderKind, ...] = ("push", "retry", "reapply")
"""Runs of seconds: a slot that meets one waits for it instead of being skipped."""


@dataclass(frozen=True, slots=True)
class Finder:
    """Rows of one table that may be due. `kind`: the order by which a run takes them up (`sync.cycle`)."""

    kind: OrderKind
    table: Table
    is_due: Callable[[datetime], ColumnElement[bool]]


FINDERS: list[Finder] = [
    Finder("retry", dead_letter, dead.is_due),
    Finder("retry", parked, lambda now: parked.c.next_attempt_at <= now),
    Finder("push", intent, intents.is_due),
    Finder("push", outbox, cards.is_due),
    Finder("reapply", reapply, lambda now: reapply.c.state.in_(("due", "running"))),
]
"""All that a tick looks for; of several kinds the first is taken up first. A run of kind `retry` sends too."""


def load_due(conn: Connection, now: datetime) -> dict[str, dict[OrderKind, int]]:
    """How many rows are due, by connection and kind: one question, whatever the number of connections."""
    parts = [
        select(finder.table.c.connection, literal(finder.kind).label("kind"), func.count().label("number"))
        .where(finder.is_due(now))
        .group_by(finder.table.c.connection)
        for finder in FINDERS
    ]
    found: dict[str, dict[OrderKind, int]] = {}
    for row in conn.execute(union_all(*parts)):
        kinds = found.setdefault(row.connection, {})
        kinds[row.kind] = kinds.get(row.kind, 0) + row.number
    return found


def claim_due(app: App, now: datetime, busy: set[str]) -> list[tuple[str, str]]:
    """Connections that a worker should be woken for, each with the token of the waking; those of `busy` are left out.

    Any number of beats may ask at once: each waking is claimed once.
    """
    with reading(app.engine) as conn:
        due = load_due(conn, now)
    claimed = []
    for name in sorted(due.keys() & app.settings.connections.keys() - busy):
        settings = app.settings.connections[name]
        with committing(app, "wake") as conn:
            kind = next((one for one in _kinds_of(due[name]) if _may_go(conn, app, settings, now, one)), None)
            token = _claim(conn, name, now) if kind is not None else None
        if token is not None:
            claimed.append((name, f"{kind}@{token}"))
    return claimed


def _kinds_of(due: dict[OrderKind, int]) -> list[OrderKind]:
    """What is due, in the order in which it is taken up."""
    return [kind for kind in dict.fromkeys(finder.kind for finder in FINDERS) if kind in due]


def _may_go(conn: Connection, app: App, settings: ConnectionSettings, now: datetime, kind: OrderKind) -> bool:
    """Nothing is sent on to a connection that is paused, failing, to be left alone now, or worked on already.

    A re-apply asks the other side nothing: whether that answers is all the same to it.
    """
    name, quiet = settings.name, (*app.settings.schedule.quiet, *settings.quiet)
    row = conn.execute(
        select(connection.c.paused_reason, connection.c.breaker).where(connection.c.name == name)
    ).first()
    asks = kind != "reapply"
    if asks and row is not None and (row.paused_reason is not None or row.breaker != "closed"):
        return False
    on_its_way = (slot.c.connection == name, slot.c.state == "claimed", slot.c.start > now - IN_FLIGHT)
    if conn.execute(select(slot.c.start).where(*on_its_way).limit(1)).first() is not None:
        return False
    return not (asks and slots.is_quiet(now, settings.zone, quiet)) and not is_held(conn, app, name)


def _row_of(name: str) -> str:
    """Wakings are rows beside the leases: `until` is when the next may come, `owner` the token of the present one."""
    return f"wake:{name}"


def _claim(conn: Connection, name: str, now: datetime) -> str | None:
    upsert(conn, lease, [{"name": _row_of(name), "fence": 0}], ["name"], update=())
    rested = or_(lease.c.until.is_(None), lease.c.until <= now, lease.c.until > now + LONGEST_REST)
    token = uuid4().hex
    values = {"owner": token, "until": now + IN_FLIGHT, "fence": lease.c.fence + 1}
    claim = update(lease).where(lease.c.name == _row_of(name), rested).values(values)
    return token if conn.execute(claim).rowcount == 1 else None


def run_due(app: App, name: str, kind_and_token: str) -> RunResult | None:
    """Do what is due of one connection, under its lease; a second delivery of the message finds nothing to do."""
    kind, _, token = kind_and_token.partition("@")
    with committing(app, "wake-begin") as conn:
        before = load_due(conn, app.clock.now()).get(name, {})
        if not before or not _settle(conn, name, token, app.clock.now() + IN_FLIGHT):
            return None
    result = run_cycle(app, name, Order(kind=_known(kind)), wait=0.0)
    with committing(app, "wake-end") as conn:
        _settle(conn, name, None, _next_waking(conn, app, name, before, result))
    return result


def _known(kind: str) -> OrderKind:
    return next(finder.kind for finder in FINDERS if finder.kind == kind)


def _settle(conn: Connection, name: str, token: str | None, until: datetime | None) -> bool:
    """Take up the waking of this token, or (none) end it; the next one comes after `until`."""
    mine = [lease.c.name == _row_of(name)]
    if token is not None:
        mine.append(lease.c.owner == token)
    return conn.execute(update(lease).where(*mine).values(owner=None, until=until)).rowcount == 1


def _next_waking(
    conn: Connection, app: App, name: str, before: dict[OrderKind, int], result: RunResult
) -> datetime | None:
    """When to look again: at once after progress; else when the next slot has had its try."""
    now = app.clock.now()
    left = load_due(conn, now).get(name, {})
    went = result.status in ("ok", "partial")
    moved = went and (sum(left.values()) < sum(before.values()) or "reapply" in left)  # which goes on slice by slice
    if result.status == "skipped" or moved or not left:
        return None
    return now + max(IN_FLIGHT, slots.period(app.settings.schedule, app.settings.connections[name]))


def is_brief(conn: Connection, name: str) -> bool:
    """Whether whoever holds the connection's lease now will give it up in seconds.

    So will who has no running run (any more): one that is over is just closing its connector.
    """
    running = and_(run.c.connection == name, run.c.status == "running")
    kind: Any = conn.execute(select(run.c.kind).where(running)).scalar()
    return kind is None or kind in BRIEF
