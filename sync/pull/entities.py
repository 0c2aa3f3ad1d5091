"""The reading half of a cycle: every entity in the order of dependence, each by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import update

from connectors.base import ChangeSource, RecordSource
from core.errors import SverkaError
from mapping.model import ENTITIES, SourceSet, entity_name
from store.tables import connection
from sync.context import RunContext
from sync.pull import dead, parked
from sync.pull.changes import pull_changes
from sync.pull.cursor import is_full_due
from sync.pull.cursors import cursor_of, save_cursor
from sync.pull.drift import check_declared, check_published
from sync.pull.load import load_source
from sync.pull.records import pull_known, settle_candidates
from sync.pull.relink import relink
from sync.pull.since import bring_level
from sync.pull.sweep import night_of
from sync.pull.touched import pull_events
from sync.room.pausing import pausing, resume_entity
from sync.room.writing import writing


def pull_entities(ctx: RunContext) -> None:
    """Read what has changed in all entities that are due, then what had to wait, then references that stood open.

    Raises:
        TransientError, ConfigError: the other side as a whole does not work; what was committed stays.
    """
    if not isinstance(ctx.connector, RecordSource):
        return
    due = due_entities(ctx)
    waiting = [entity for entity in due if not pull_entity(ctx, entity)]
    _refuse_nothing_at_all(ctx, due)
    if _follows_plan(ctx) and ctx.order.entity is None:
        pull_changes(ctx)
        for entity in waiting:
            _mark_followed(ctx, entity)
    if ctx.order.entity is None:
        pull_events(ctx)
    pull_waiting(ctx)


def _refuse_nothing_at_all(ctx: RunContext, due: Sequence[str]) -> None:
    """Who has shown nothing of all that he has is no working connection, whatever else he answers.

    What he does not publish has not been asked for. Raises NoRight then; a run in which only some have their turn
    cannot tell.
    """
    if not ctx.state.refused or len(due) < len(ctx.mapping.entities):
        return
    shown = ctx.state.facts.get("sets", {})
    read = [entity for entity in due if ctx.count(entity).status != "paused"]
    if not any(shown.get(source.name) for entity in read for source in ctx.mapping.entities[entity].sources):
        raise next(iter(ctx.state.refused.values()))


def pull_waiting(ctx: RunContext) -> None:
    """Try again what is due: letters and parked records; then the references that stood open.

    Whatever could not even be tried (its set is mapped no more) rests as after an attempt, without counting as one.

    Raises:
        TransientError, ConfigError: the other side as a whole does not work; what was committed stays.
    """
    if not isinstance(ctx.connector, RecordSource):
        return
    letters = dead.load_due(ctx)
    pull_known(ctx, letters)
    dead.defer(ctx, letters)
    woken = parked.load_wakeable(ctx)
    pull_known(ctx, woken)
    parked.defer(ctx, woken)
    relink(ctx)
    save_facts(ctx)


def due_entities(ctx: RunContext) -> list[str]:
    """The mapped entities of this run. The interval of an entity counts for the schedule only."""
    mapped = [entity for entity in ENTITIES if entity in ctx.mapping.entities]
    if ctx.order.entity is not None:
        return [entity for entity in mapped if entity == ctx.order.entity]
    if ctx.order.kind != "schedule":
        return mapped
    intervals = {entity_name(name) or name: every for name, every in ctx.settings.intervals.items()}
    due = []
    for entity in mapped:
        fresh = cursor_of(ctx, entity).fresh_at
        if entity not in intervals or fresh is None or fresh + intervals[entity] <= ctx.started_at:
            due.append(entity)
    return due


def pull_entity(ctx: RunContext, entity: str) -> bool:
    """Read one entity: first load where it was never read, else compare. Drift or no right to it fails no run.

    Returns:
        Whether it has been read; False when it is paused, or left to the packet of changes.
    """
    with measured(ctx, entity):
        with pausing(ctx, entity) as met:
            read = [_pull_source(ctx, source) for source in ctx.mapping.entities[entity].sources]
            settle_candidates(ctx, entity)
        if met.entity is not None:
            return False
        resume_entity(ctx, entity)
        if all(read):
            _mark_fresh(ctx, entity)
        return all(read)


def _mark_fresh(ctx: RunContext, entity: str) -> None:
    """What we have of an entity is as new as this run; sets that are mapped no more are forgotten."""
    with writing(ctx, "mark") as conn:
        cursor = cursor_of(ctx, entity)
        cursor.fresh_at = ctx.started_at
        mapped = {source.name for source in ctx.mapping.entities[entity].sources}
        cursor.sources = {name: one for name, one in cursor.sources.items() if name in mapped}
        save_cursor(conn, ctx, entity)


def _mark_followed(ctx: RunContext, entity: str) -> None:
    """The packet is applied: an entity that was left to it is fresh, unless it is paused or the guard holds it."""
    if ctx.count(entity).status != "paused" and entity not in ctx.state.held:
        _mark_fresh(ctx, entity)


def _pull_source(ctx: RunContext, source: SourceSet) -> bool:
    """Whether there is nothing left to read of the set; False where the packet of changes is to tell."""
    assert isinstance(ctx.connector, RecordSource)  # noqa: S101 - asked by pull_entities
    if not check_published(ctx, source, published=ctx.connector.is_published(source.name)):
        return True
    check_declared(ctx, source)
    cursor = cursor_of(ctx, source.entity).source(source.name)
    if not cursor.loaded:
        load_source(ctx, source)
        cursor = cursor_of(ctx, source.entity).source(source.name)
    if _follows_plan(ctx) and ctx.order.entity is None and not is_full_due(cursor, ctx.order.full, night_of(ctx)):
        return False
    bring_level(ctx, source)
    return True


def _follows_plan(ctx: RunContext) -> bool:
    return ctx.settings.changes == "exchange_plan" and isinstance(ctx.connector, ChangeSource)


@contextmanager
def measured(ctx: RunContext, entity: str) -> Iterator[None]:
    """Add what is asked of the other side meanwhile to the entity's line; what ends the run marks the line failed."""
    line, before = ctx.count(entity), ctx.connector.usage.requests
    started = ctx.app.clock.monotonic()
    try:
        yield
    except SverkaError:
        line.status = "failed"
        raise
    finally:
        line.requests += ctx.connector.usage.requests - before
        line.seconds += ctx.app.clock.monotonic() - started


def save_facts(ctx: RunContext) -> None:
    """Remember what was learnt of the base: fields seen, sets published."""
    if not ctx.state.facts_changed:
        return
    facts = {name: value for name, value in ctx.state.facts.items() if name != "paused"}
    with writing(ctx, "mark") as conn:
        conn.execute(update(connection).where(connection.c.name == ctx.name).values(facts=facts))
    ctx.state.facts_changed = False
