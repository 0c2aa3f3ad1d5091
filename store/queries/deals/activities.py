"""Calls and meetings counted: by day and manager, by day, or by manager."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection, select

from store.entities import entity_tables
from store.queries.references import References
from store.queries.shapes import Record, View, date_text

ACTIVITY = entity_tables["activity"]
By = Literal["both", "day", "manager"]
Key = tuple[date | None, UUID | None]
ROWS_AT_ONCE = 2000
_WORDS = {"call": "calls", "meeting": "meetings", "other": "other"}


@dataclass(slots=True)
class Tally:
    """How many there were; `completed` of all of them, calls by direction where the CRM tells it."""

    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, kind: str, direction: str | None, completed: bool | None) -> None:
        """Count one."""
        self.counts[_WORDS[kind]] += 1
        if kind == "call" and direction:
            self.counts[f"calls_{direction}"] += 1
        self.counts["completed"] += bool(completed)

    def as_record(self) -> Record:
        """All counts, those of nothing too."""
        names = ("calls", "calls_in", "calls_out", "meetings", "other", "completed")
        return {name: self.counts.get(name, 0) for name in names}


def count_activities(
    conn: Connection, zone: tzinfo, by: By = "both", start: datetime | None = None, end: datetime | None = None
) -> dict[Key, Tally]:
    """Activities of [start, end), those that are gone left out; a day is one of `zone`.

    Memory grows with days times managers, not with activities. A key's day or manager is None where it is not counted
    by, or nobody is named.
    """
    found: dict[Key, Tally] = defaultdict(Tally)
    columns = [ACTIVITY.c[name] for name in ("date", "manager_id", "kind", "direction", "completed")]
    query = select(*columns).where(ACTIVITY.c.deleted.is_(False))
    if start is not None:
        query = query.where(ACTIVITY.c.date >= start)
    if end is not None:
        query = query.where(ACTIVITY.c.date < end)
    for row in conn.execute(query, execution_options={"yield_per": ROWS_AT_ONCE}):
        day = None if by == "manager" else row.date.astimezone(zone).date()
        found[day, None if by == "day" else row.manager_id].add(row.kind, row.direction, row.completed)
    return found


def iter_activity_counts(
    conn: Connection, view: View, by: By = "both", start: datetime | None = None, end: datetime | None = None
) -> Iterator[Record]:
    """The same as JSON objects, by day, then by the manager's name."""
    found = count_activities(conn, view.zone, by, start, end)
    references = References(conn, view)
    references.prepare({"manager": {manager for _, manager in found if manager is not None}})
    records: list[Record] = []
    for (day, manager), tally in found.items():
        told: Record = {} if by == "manager" else {"day": date_text(day)}
        told |= {} if by == "day" else {"manager": references.card("manager", manager)}
        records.append(told | tally.as_record())
    records.sort(key=lambda one: (one.get("day") or "", (one.get("manager") or {}).get("name") or ""))
    yield from records
