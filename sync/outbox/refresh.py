"""Looking for cards that shall show something else: what may have changed since last time, now and then everything.

Page by page, each with a few questions however many records it holds; an unchanged record writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from core.errors import RecordError
from store.engine import reading
from store.queries.customers.outward import CUSTOMER, load_page
from sync.outbox.decide import decide_row
from sync.outbox.desk import Desk, Subject, load_subjects
from sync.outbox.letters import build_failure, build_gone, settle_letters
from sync.outbox.mark import OVERLAP, STALE, Mark, find_floor, save_mark
from sync.outbox.rows import CardRow, load_rows, new_row, save_rows
from sync.outbox.several import ask_which_stay
from sync.pull import dead
from sync.pull.dead import Failure
from sync.room.writing import writing

PASS_EVERY = timedelta(days=1)
MOST_PAGES = 40
"""So much of a pass over everything is done in one run, unless nothing was ever looked at."""


@dataclass(slots=True)
class Looked:
    """What looking at a page came to: rows to be written, records that cannot be shown, refused ones nobody wants."""

    rows: list[CardRow] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    unwanted: list[str] = field(default_factory=list)


def refresh(desk: Desk, mark: Mark) -> Iterator[Looked]:
    """Bring the rows of one card up to date, page by page; tells what was written of each page.

    Raises:
        LeaseLost: another worker has taken over; whole pages are kept.
    """
    now = desk.ctx.app.clock.now()
    with reading(desk.ctx.app.engine) as conn:
        floor = find_floor(conn, now, desk.name)
    version = f"{desk.ctx.mapping.version}{'' if desk.linked else '-'}"
    if mark.mapping_version != version:
        mark.mapping_version, mark.passed_at, mark.pass_started, mark.pass_after = version, None, None, None
    anew = mark.passed_at is None and mark.pass_after is None
    if anew:
        mark.since = floor
    if _is_pass_due(desk, mark, now):
        yield from _pass(desk, mark, now)
    if not anew:
        yield from _look_since(desk, mark, min(mark.since or floor, now - OVERLAP), floor)


def _is_pass_due(desk: Desk, mark: Mark, now: datetime) -> bool:
    if mark.passed_at is None or mark.pass_after is not None or desk.ctx.order.full:
        return True
    every = min(PASS_EVERY, desk.card.as_of_every) if desk.card.entity == CUSTOMER else PASS_EVERY
    return mark.passed_at + every <= now or mark.passed_at > now + OVERLAP


def _pass(desk: Desk, mark: Mark, now: datetime) -> Iterator[Looked]:
    """Everything, or a part of it, where the last run stopped; the position moves with each page."""
    whole = mark.passed_at is None or desk.ctx.order.full
    if mark.pass_after is None:
        mark.pass_started = now
    pages = 0
    while whole or pages < MOST_PAGES:
        with reading(desk.ctx.app.engine) as conn:
            ids = load_page(conn, desk.scope, mark.pass_after, None)
        if not ids:
            mark.pass_after, mark.passed_at = None, mark.pass_started
            _save(desk, mark)
            return
        mark.pass_after = ids[-1]
        yield _look(desk, ids, mark)
        pages += 1


def _look_since(desk: Desk, mark: Mark, since: datetime, floor: datetime) -> Iterator[Looked]:
    after, found = None, False
    while True:
        with reading(desk.ctx.app.engine) as conn:
            ids = load_page(conn, desk.scope, after, since)
        if not ids:
            break
        after, found = ids[-1], True
        yield _look(desk, ids, None)
    if found or mark.since is None or floor - mark.since >= STALE or mark.since > floor + OVERLAP:
        mark.since = floor
        _save(desk, mark)


def _save(desk: Desk, mark: Mark) -> None:
    with writing(desk.ctx, "outbox-mark") as conn:
        save_mark(conn, mark)


def _look(desk: Desk, ids: Sequence[UUID], mark: Mark | None) -> Looked:
    """One page; nothing is written where nothing has changed."""
    now = desk.ctx.app.clock.now()
    with reading(desk.ctx.app.engine) as conn:
        rows = load_rows(conn, desk.name, desk.card.name, ids)
        subjects = load_subjects(conn, desk, ids)
    looked = Looked()
    for key, subject in subjects.items():
        row = rows.get(key)
        was = row.state if row is not None else ""
        try:
            fresh = decide_row(desk, subject, row, now)
        except RecordError as error:
            fresh = _refuse(desk, subject, row, error, looked)
        if fresh is not None:
            looked.rows.append(fresh)
            if fresh.state == "gone" and was != "gone":
                looked.failures.append(build_gone(desk, fresh))
            if fresh.state == "off" and was == "dead":
                looked.unwanted.append(fresh.key)
    if looked.rows or mark is not None:
        with writing(desk.ctx, "outbox-refresh") as conn:
            save_rows(conn, looked.rows, now)
            dead.record_failures(conn, desk.ctx, looked.failures)
            settle_letters(conn, desk, looked.unwanted)
            if mark is not None:
                save_mark(conn, mark)
    ask_which_stay(desk.ctx, desk.card.name, [key for key, one in subjects.items() if one.several])
    return looked


def _refuse(desk: Desk, subject: Subject, row: CardRow | None, error: RecordError, looked: Looked) -> CardRow | None:
    """A record that cannot be shown: a letter, once."""
    if row is not None and (row.state in ("sending", "uncertain", "left") or row.reason == error.message):
        return None
    fresh = row or new_row(desk.name, desk.card.name, subject.shown["id"], desk.ctx.app.clock.now())
    fresh.external_id = fresh.external_id or subject.external_id
    fresh.state, fresh.reason, fresh.next_attempt_at = "dead", error.message, None
    looked.failures.append(build_failure(desk, fresh, error))
    return fresh
