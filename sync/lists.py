"""The stage of a run that keeps up by what customers are found and sorted in lists (`store.customers`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, func, select

from store.bulk import upsert
from store.customers import forget_people, load_changed, load_changed_people, load_every, write_figures, write_lists
from store.engine import reading
from store.tables import customer_mark, run
from sync.context import RunContext
from sync.room.writing import writing

AT_ONCE = 1000
PASS_EVERY = timedelta(days=1)
"""So often all figures are made anew: a document that went over to another customer leaves no trace at the former."""
OVERLAP = timedelta(minutes=2)
"""A row's moment is taken before its transaction commits."""
STALE = timedelta(hours=1)
"""A mark behind which nothing is new is moved so seldom: an unchanged cycle writes nothing."""


def refresh_lists(ctx: RunContext) -> None:
    """Bring words and figures level with the records: of who changed since last time; once a day of all.

    Page by page, in transactions of their own, each a few questions. A run that dies begins at the same mark again.

    Raises:
        LeaseLost: another worker has taken over; whole pages are kept.
    """
    if ctx.order.dry_run:
        return
    now = ctx.app.clock.now()
    with reading(ctx.app.engine) as conn:
        mark = conn.execute(select(customer_mark.c.since, customer_mark.c.passed_at)).one_or_none()
        floor = _find_floor(conn, ctx, now)
    every = lambda conn, after: load_every(conn, after, AT_ONCE)  # noqa: E731
    if mark is None:
        _write(ctx, every, write_lists)
        _save(ctx, floor, now)
        return
    due = not -OVERLAP <= now - mark.passed_at < PASS_EVERY  # or the clock was put back
    if due:
        _write(ctx, every, write_figures)
    since = min(mark.since, now - OVERLAP)
    found = _forget_people(ctx, since)
    found |= _write(ctx, lambda conn, after: load_changed(conn, since, after, AT_ONCE), write_lists)
    if due or found or floor - mark.since >= STALE or mark.since > floor:
        _save(ctx, floor, now if due else mark.passed_at)


def _find_floor(conn: Connection, ctx: RunContext, now: datetime) -> datetime:
    """Before which moment all that was written is to be seen by now: that of the oldest other run under way."""
    others = (run.c.status == "running", run.c.connection != ctx.name)
    oldest = conn.execute(select(func.min(run.c.started_at)).where(*others)).scalar()
    return (now if oldest is None else min(oldest, now)) - OVERLAP


def _write(
    ctx: RunContext,
    load: Callable[[Connection, UUID | None], list[UUID]],
    write: Callable[[Connection, Sequence[UUID]], int],
) -> bool:
    after: UUID | None = None
    differed = False
    while True:
        with reading(ctx.app.engine) as conn:
            customers = load(conn, after)
        if not customers:
            return differed
        after = customers[-1]
        with writing(ctx, "customer-lists") as conn:
            differed |= write(conn, customers) > 0


def _forget_people(ctx: RunContext, since: datetime) -> bool:
    with reading(ctx.app.engine) as conn:
        people = load_changed_people(conn, since)
    if not people:
        return False
    with writing(ctx, "customer-lists") as conn:
        return forget_people(conn, people) > 0


def _save(ctx: RunContext, since: datetime, passed_at: datetime) -> None:
    with writing(ctx, "customer-lists") as conn:
        upsert(conn, customer_mark, [{"id": 1, "since": since, "passed_at": passed_at}], ["id"])
