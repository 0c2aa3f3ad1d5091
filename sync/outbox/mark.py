"""How far it is known what cards shall show: a moment for what changes, a position for the pass over everything.

A row's moment is written before its transaction commits, so the next look begins a little before this one, and before
every run that is under way now.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, func, select

from store.bulk import upsert
from store.tables import outbox_mark, run

OVERLAP = timedelta(minutes=2)
"""What commands and pages may need from a moment taken to its commit, and clocks of machines may differ."""
STALE = timedelta(hours=1)
"""A mark that found nothing new is moved so seldom: an unchanged cycle writes nothing."""


@dataclass(slots=True)
class Mark:
    """Where one card of a connection stands. `version`: the mapping, and whether cards may be made."""

    connection: str
    card: str
    since: datetime | None = None
    mapping_version: str = ""
    pass_started: datetime | None = None
    pass_after: UUID | None = None
    passed_at: datetime | None = None


def load_marks(conn: Connection, connection: str) -> dict[str, Mark]:
    """The marks of a connection, by card."""
    rows = conn.execute(select(outbox_mark).where(outbox_mark.c.connection == connection)).mappings()
    return {row["card"]: Mark(**row) for row in rows}


def save_mark(conn: Connection, mark: Mark) -> None:
    """Write a mark, in the caller's transaction."""
    upsert(conn, outbox_mark, [asdict(mark)], ("connection", "card"))


def find_floor(conn: Connection, now: datetime, but: str) -> datetime:
    """Before which moment everything that has changed is to be seen by now; `but`: the connection that asks."""
    running = (run.c.status == "running", run.c.connection != but)
    oldest = conn.execute(select(func.min(run.c.started_at)).where(*running)).scalar()
    return (min(oldest, now) if oldest is not None else now) - OVERLAP
