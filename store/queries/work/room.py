"""The machine room: what became of the slots, what may still be asked of whom, who has been at work."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from store.queries.shapes import Record, View
from store.tables import lease, rate, request, run, slot, tick

SLOTS_BACK = timedelta(days=1)
WORKERS_BACK = timedelta(hours=1)
RUNS_LOOKED_AT = 500
"""Where cycles follow each other every second an hour has thousands of runs, all by the same few workers."""


def load_slots(conn: Connection, now: datetime) -> list[Record]:
    """By connection, how many slots of the last day ended how: `{connection, states: {state: number}, all}`."""
    query = (
        select(slot.c.connection, slot.c.state, func.count().label("number"))
        .where(slot.c.start >= now - SLOTS_BACK)
        .group_by(slot.c.connection, slot.c.state)
        .order_by(slot.c.connection, slot.c.state)
    )
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for row in conn.execute(query):
        found[row.connection][row.state] = row.number
    return [{"connection": name, "states": states, "all": sum(states.values())} for name, states in found.items()]


def load_budgets(conn: Connection, now: datetime, view: View) -> list[Record]:
    """By connection, for how many seconds turns are given away already, and until when it asked to be left in peace."""
    rows = conn.execute(select(rate).order_by(rate.c.name))
    return [
        {
            "name": row.name,
            "ahead": max((row.at - now).total_seconds(), 0.0),
            "blocked_until": view.moment(row.blocked_until) if row.blocked_until and row.blocked_until > now else None,
        }
        for row in rows
    ]


def load_workers(conn: Connection, now: datetime, view: View) -> list[Record]:
    """Processes that have run something within the hour, the latest first: how often, and what they are at now."""
    recent = select(run.c.owner, run.c.started_at).where(run.c.started_at >= now - WORKERS_BACK)
    found: dict[str, Record] = {}
    for row in conn.execute(recent.order_by(run.c.started_at.desc()).limit(RUNS_LOOKED_AT)):
        one = found.setdefault(_process(row.owner), {"at": row.started_at, "runs": 0, "busy": []})
        one["runs"] += 1
    held = select(lease.c.name, lease.c.owner, lease.c.until).where(lease.c.owner.is_not(None), lease.c.until >= now)
    for at_work in conn.execute(held.order_by(lease.c.name)):
        one = found.setdefault(_process(at_work.owner), {"at": now, "runs": 0, "busy": []})
        one["busy"].append(at_work.name.rstrip(":"))
    return [{"worker": name, **one, "at": view.moment(one["at"])} for name, one in found.items()]


def _process(owner: str) -> str:
    """Machine and process; what follows tells the leases of one process apart."""
    return ":".join(owner.split("/", maxsplit=1)[0].split(":")[:2])


def load_under_way(conn: Connection, now: datetime, view: View, *, reconciling: str) -> list[Record]:
    """What is being done now: runs, and books that are compared under the lease `reconciling`; how far each has come.

    `told` is what the heartbeat of its lease said last; nothing in its first seconds.
    """
    same = (lease.c.name == run.c.connection) & (lease.c.fence == run.c.fence)
    columns = [run.c[name] for name in ("id", "connection", "kind", "started_at")]
    running = select(*columns, lease.c.told).outerjoin(lease, same).where(run.c.status == "running")
    found: list[Record] = [
        {"run": str(row.id), "connection": row.connection, "kind": row.kind, "told": row.told or {},
         "since": view.moment(row.started_at)}
        for row in conn.execute(running.order_by(run.c.connection))
    ]  # fmt: skip
    told = load_comparing(conn, now, reconciling)
    if told is not None:
        found.append({"run": None, "connection": told.get("connection"), "kind": None, "told": told, "since": None})
    return found


def load_comparing(conn: Connection, now: datetime, name: str) -> Record | None:
    """How far the comparing of books has come that is done under this lease; None while nobody compares."""
    held = (lease.c.name == name, lease.c.owner.is_not(None), lease.c.until >= now)
    row = conn.execute(select(lease.c.told).where(*held)).first()
    return None if row is None else dict(row.told or {})


def load_open_orders(conn: Connection, view: View, kind: str) -> list[Record]:
    """What people have asked for of one kind and nobody has answered: for which connection, when, whether begun."""
    query = select(request).where(request.c.kind == kind, request.c.done_at.is_(None)).order_by(request.c.created_at)
    return [
        {"connection": row.connection, "asked_at": view.moment(row.created_at), "begun": row.claimed_at is not None}
        for row in conn.execute(query)
    ]


def load_last_tick(conn: Connection) -> datetime | None:
    """When somebody last looked for due work."""
    return conn.execute(select(func.max(tick.c.at))).scalar_one_or_none()
