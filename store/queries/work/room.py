"""The machine room: what became of the slots, what may still be asked of whom, who has been at work."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from store.queries.shapes import Record, View
from store.tables import lease, rate, run, slot

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
