"""Runs one by one, the newest first: what each was for, what became of what it read, and how far one under way is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, func, select

from store.queries.shapes import Record, StoredRow, View
from store.queries.work.status import COUNTERS
from store.tables import lease, run, run_counter

SHOWN = 50
Place = tuple[datetime, UUID]
"""Where a page of the list ends."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which runs are asked for; an empty word means all."""

    connection: str = ""
    status: str = ""
    kind: str = ""


def list_runs(
    conn: Connection, now: datetime, view: View, wanted: Wanted, *, after: Place | None = None, limit: int = SHOWN
) -> tuple[list[Record], Place | None]:
    """One page of runs with the sums of their counters, and what comes after it (None: nothing)."""
    query = _narrow(select(run), wanted).order_by(run.c.started_at.desc(), run.c.id.desc()).limit(limit + 1)
    if after is not None:
        at, key = after
        earlier = (run.c.started_at < at) | ((run.c.started_at == at) & (run.c.id < key))
        query = query.where(run.c.started_at <= at, earlier)
    rows = conn.execute(query).mappings().all()
    shown = rows[:limit]
    sums = _load_sums(conn, [row["id"] for row in shown])
    runs = [_build(row, now, view) | {"sums": sums.get(row["id"], {})} for row in shown]
    return runs, (shown[-1]["started_at"], shown[-1]["id"]) if len(rows) > limit else None


def _narrow(query: Select[Any], wanted: Wanted) -> Select[Any]:
    for name in ("connection", "status", "kind"):
        value = getattr(wanted, name)
        if value:
            query = query.where(run.c[name] == value)
    return query


def _load_sums(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, dict[str, dict[str, int]]]:
    """All entities of a run together, by direction; words that come to nothing are left out."""
    if not ids:
        return {}
    keys = (run_counter.c.run_id, run_counter.c.direction)
    sums = [func.sum(run_counter.c[name]).label(name) for name in COUNTERS]
    query = select(*keys, *sums).where(run_counter.c.run_id.in_(ids)).group_by(*keys)
    found: dict[UUID, dict[str, dict[str, int]]] = defaultdict(dict)
    for row in conn.execute(query).mappings():
        words = {name: int(row[name]) for name in COUNTERS if row[name]}
        if words:
            found[row["run_id"]][row["direction"]] = words
    return found


def load_run(conn: Connection, now: datetime, view: View, key: UUID) -> Record | None:
    """One run with its counter lines, notices, and how far it has come while it is under way; None: there is none."""
    row = conn.execute(select(run).where(run.c.id == key)).mappings().first()
    if row is None:
        return None
    lines = conn.execute(
        select(run_counter).where(run_counter.c.run_id == key).order_by(run_counter.c.direction, run_counter.c.entity)
    ).mappings()
    found: dict[str, list[Record]] = defaultdict(list)
    for line in lines:
        words = [{"word": name, "number": line[name]} for name in COUNTERS if name != "read" and line[name]]
        kept = {name: line[name] for name in ("entity", "status", "read", "requests", "seconds", "message")}
        found[line["direction"]].append(kept | {"words": words})
    told = _load_told(conn, row) if row["status"] == "running" else None
    more = {name: row[name] for name in ("bytes", "mapping_version", "owner", "fence")}
    return _build(row, now, view) | more | {
        "read": found["in"],
        "sent": found["out"],
        "notices": row["notices"] or [],
        "told": told,
    }  # fmt: skip


def _load_told(conn: Connection, row: StoredRow) -> Record | None:
    """What the heartbeat of its lease said last."""
    mine = (lease.c.name == row["connection"], lease.c.fence == row["fence"])
    return conn.execute(select(lease.c.told).where(*mine)).scalar_one_or_none()


def _build(row: StoredRow, now: datetime, view: View) -> Record:
    ended = row["finished_at"] or (now if row["status"] == "running" else None)
    lasted = None if ended is None else max((ended - row["started_at"]).total_seconds(), 0.0)
    return {
        "id": str(row["id"]),
        **{name: row[name] for name in ("connection", "kind", "status", "requests", "writes", "seconds")},
        "started_at": view.moment(row["started_at"]),
        "finished_at": view.moment(row["finished_at"]),
        "slot": view.moment(row["slot"]),
        "lasted": lasted,
        "message": row["message"] or "",
    }
