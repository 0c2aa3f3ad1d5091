"""The key sweep: a cheap list of (key, version, deleted) against our bindings; only what differs is read.

The near window every cycle; the far past in passes that go on where the last cycle stopped, wholly at night and by
order. A key that a *complete* sweep of a window has not seen is a candidate for deletion, never more (design §5-7).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from sqlalchemy import Connection, select, update

from connectors.base import KeyRow, RecordSource, Window
from mapping.model import SourceSet
from store.bulk import chunks
from store.engine import reading
from store.tables import binding
from sync.context import RunContext
from sync.pull.bindings import in_window, is_current, load_bindings, of_source
from sync.pull.cursor import SourceCursor, begin_pass, end_pass, is_full_due
from sync.pull.cursors import cursor_of, save_cursor
from sync.pull.guard import count_missing, deletion_limit, hold
from sync.pull.prepare import since_moment
from sync.pull.records import pull_keys, settle_candidates, settle_missing
from sync.pull.seen import SeenKeys
from sync.room.slots import last_night
from sync.room.writing import writing

Advance: TypeAlias = Callable[[SourceCursor], SourceCursor]
"""How a cursor moves when its window is swept."""
BUDGET = {"schedule": 5_000}
ORDERED_BUDGET = 100_000
WINDOW_KEYS = 20_000
"""Keys that one window of the far past is made to hold."""
READ_AT_ONCE = 2_000
"""Differing keys that are collected before they are read."""
COMPARE_AT_ONCE = 5_000


@dataclass(slots=True)
class Swept:
    """What one window came to: how many keys it held, and whether it was found whole."""

    keys: int = 0
    held: bool = False
    absent: list[str] = field(default_factory=list)


def sweep_entity(ctx: RunContext, entity: str) -> None:
    """One complete sweep of all sets of an entity, with what has vanished settled. For repairs.

    Raises:
        TransientError: a sweep did not come out complete; what was read stays, nothing was taken for deleted.
    """
    mapped = ctx.mapping.entities.get(entity)
    if mapped is None or not isinstance(ctx.connector, RecordSource):
        return
    for source in mapped.sources:
        if ctx.connector.is_published(source.name):
            sweep_source(ctx, source, full=True)
    settle_candidates(ctx, entity)


def sweep_source(ctx: RunContext, source: SourceSet, *, full: bool = False) -> None:
    """Compare one set: near window, then the far past as far as the budget goes, wholly when due or ordered."""
    state = cursor_of(ctx, source.entity)
    if source.date is None:
        swept = sweep_window(ctx, source, Window(), lambda cursor: end_pass(cursor, ctx.started_at))
        _say(ctx, source, swept)
        return
    near = _near_start(ctx)
    _say(ctx, source, sweep_window(ctx, source, Window(start=near)))
    whole = is_full_due(state.source(source.name), full or ctx.order.full, night_of(ctx))
    anew = full or (ctx.order.full and ctx.order.kind != "schedule")
    _sweep_past(ctx, source, near, whole=whole, anew=anew)


def _to(goal: SourceCursor) -> Advance:
    return lambda _: goal


def _near_start(ctx: RunContext) -> datetime:
    """Where the near window begins: at a whole second, as accounting is asked; documents of that second are in it."""
    start, since = ctx.started_at.replace(microsecond=0) - ctx.settings.near, since_moment(ctx.settings)
    return max(start, since) if since else start


def night_of(ctx: RunContext) -> datetime | None:
    """The last nightly hour, after which the schedule sweeps everything once; None for a person's order."""
    if ctx.order.kind != "schedule":
        return None
    return last_night(ctx.started_at, ctx.settings.zone, ctx.app.settings.schedule.nightly)


def _say(ctx: RunContext, source: SourceSet, swept: Swept) -> None:
    text = f"read; {swept.keys} keys of {source.name} compared"
    ctx.progress.step(source.entity, ctx.count(source.entity).read, text)


def _sweep_past(ctx: RunContext, source: SourceSet, near: datetime, *, whole: bool, anew: bool) -> None:
    state, floor = cursor_of(ctx, source.entity), since_moment(ctx.settings)
    cursor = begin_pass(state.source(source.name), ctx.started_at, near, anew=anew)
    budget = BUDGET.get(ctx.order.kind, ORDERED_BUDGET)
    upper = cursor.past or near
    while floor is None or upper > floor:
        window = _past_window(ctx, source, upper, floor, WINDOW_KEYS if whole else min(budget, WINDOW_KEYS))
        done = window.start is None or window.start == floor
        goal = end_pass(cursor, ctx.started_at) if done else replace(cursor, past=window.start)
        swept = sweep_window(ctx, source, window, _to(goal))
        _say(ctx, source, swept)
        budget -= swept.keys
        if done or swept.held or window.start is None or (budget <= 0 and not whole):
            return
        upper = window.start
    _save_source(ctx, source, end_pass(cursor, ctx.started_at))


def _past_window(ctx: RunContext, source: SourceSet, upper: datetime, floor: datetime | None, size: int) -> Window:
    """The stretch before `upper` in which we know about so many records; all the rest when there are no more."""
    known = (of_source(ctx.name, source.entity, source.name), binding.c.date < upper)
    query = select(binding.c.date).where(*known).order_by(binding.c.date.desc()).offset(max(size, 1)).limit(1)
    with reading(ctx.app.engine) as conn:
        found = conn.execute(query).scalar_one_or_none()
    if found is None or (floor is not None and found <= floor):
        return Window(floor, upper)
    start = found.replace(hour=0, minute=0, second=0, microsecond=0)
    start = start if start < upper else upper - timedelta(days=1)
    return Window(max(start, floor) if floor else start, upper)


def _save_source(ctx: RunContext, source: SourceSet, cursor: SourceCursor) -> None:
    if cursor_of(ctx, source.entity).source(source.name) != cursor:
        with writing(ctx, "mark") as conn:
            cursor_of(ctx, source.entity).sources[source.name] = cursor
            save_cursor(conn, ctx, source.entity)


def sweep_window(ctx: RunContext, source: SourceSet, window: Window, advance: Advance | None = None) -> Swept:
    """Compare one window of a set and read what differs; then mark what a complete sweep has missed.

    The candidates are marked in the transaction that moves the cursor, so none is forgotten by a kill. When more are
    missing than the guard allows nothing is marked and the cursor stays: the window is swept again next time.

    Raises:
        TransientError: the keys did not arrive completely; absence means nothing then.
    """
    result, seen, started = Swept(), SeenKeys(ctx.run_id.bytes), ctx.next_fetch()
    differing: list[str] = []
    for rows in _fetch_keys(ctx, source, window):
        result.keys += len(rows)
        seen.add(row.external_id for row in rows)
        differing += _differing(ctx, source, rows)
        if len(differing) >= READ_AT_ONCE:
            pull_keys(ctx, source, differing)
            differing = []
    if differing:
        pull_keys(ctx, source, differing)
    _judge_absence(ctx, source, window, seen, started, result)
    _commit_window(ctx, source, result, advance)
    return result


def _fetch_keys(ctx: RunContext, source: SourceSet, window: Window) -> Iterator[list[KeyRow]]:
    assert isinstance(ctx.connector, RecordSource)  # noqa: S101 - asked by the callers
    ctx.fault("fetch-keys.before")
    for rows in ctx.connector.fetch_keys(source, window):
        ctx.fault("fetch-keys.after")
        yield from chunks(rows, COMPARE_AT_ONCE)


def _differing(ctx: RunContext, source: SourceSet, rows: Sequence[KeyRow]) -> list[str]:
    with reading(ctx.app.engine) as conn:
        known = load_bindings(conn, ctx.name, source.entity, [row.external_id for row in rows])
    reappeared = [key for key, bound in known.items() if bound["missing_since"] is not None and not bound["deleted"]]
    if reappeared:
        _unmark(ctx, source, reappeared)
    version = ctx.mapping.version
    return [
        row.external_id
        for row in rows
        if not is_current(known.get(row.external_id), row.version, deleted=row.deleted, mapping_version=version)
    ]


def _unmark(ctx: RunContext, source: SourceSet, keys: Sequence[str]) -> None:
    with writing(ctx, "mark") as conn:
        _set_missing(conn, ctx, source, keys, None)


def _set_missing(
    conn: Connection, ctx: RunContext, source: SourceSet, keys: Sequence[str], moment: datetime | None
) -> None:
    for part in chunks(keys, 500):
        mine = (binding.c.connection == ctx.name, binding.c.entity == source.entity, binding.c.external_id.in_(part))
        conn.execute(update(binding).where(*mine).values(missing_since=moment))


def _judge_absence(
    ctx: RunContext, source: SourceSet, window: Window, seen: SeenKeys, started: int, result: Swept
) -> None:
    limit = before = 0
    with reading(ctx.app.engine) as conn:
        for keys in _known_keys(conn, ctx, source, window, started):
            absent = [key for key in keys if key not in seen]
            if absent and not result.absent:  # hardly ever: the guard counts all that is known
                limit, before = deletion_limit(ctx, conn, source.entity), count_missing(ctx, conn, source.entity)
            result.absent += absent
            if absent and before + len(result.absent) > limit:
                result.held = True
                break
    if result.held:
        hold(ctx, source.entity, before + len(result.absent), limit)


def _known_keys(
    conn: Connection, ctx: RunContext, source: SourceSet, window: Window, started: int
) -> Iterator[list[str]]:
    """Keys that we know in a window, in order and in chunks; what was bound since the sweep began does not count."""
    mine = (
        of_source(ctx.name, source.entity, source.name),
        in_window(window),
        binding.c.fetch_seq < started,
        binding.c.missing_since.is_(None),
    )
    query = select(binding.c.external_id).where(*mine).order_by(binding.c.external_id).limit(COMPARE_AT_ONCE)
    keys = list(conn.execute(query).scalars())
    while keys:
        yield keys
        if len(keys) < COMPARE_AT_ONCE:
            return
        keys = list(conn.execute(query.where(binding.c.external_id > keys[-1])).scalars())


def _commit_window(ctx: RunContext, source: SourceSet, result: Swept, advance: Advance | None) -> None:
    state = cursor_of(ctx, source.entity)
    cursor = state.source(source.name)
    moved = advance(cursor) if advance is not None and not result.held else cursor
    marks = [] if result.held else result.absent
    if ctx.order.dry_run:  # the marks are rolled back: who is gone is asked about at once
        settle_missing(ctx, source, marks)
    if moved == cursor and not marks:
        return
    with writing(ctx, "mark") as conn:
        _set_missing(conn, ctx, source, marks, ctx.app.clock.now())
        state.sources[source.name] = moved
        save_cursor(conn, ctx, source.entity)
