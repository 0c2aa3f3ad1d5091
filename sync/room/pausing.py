"""Entities that are paused: their set or a field is not what it was, or is kept from us. Every run tries again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import select, update

from core.errors import NoRight, SchemaDrift
from mapping.model import ENTITIES
from store.tables import connection
from sync.context import RunContext
from sync.room.writing import writing


@dataclass(slots=True)
class Pause:
    """What a guarded piece of work came to: the entity that has been paused meanwhile, if any."""

    entity: str | None = None


@contextmanager
def pausing(ctx: RunContext, entity: str) -> Iterator[Pause]:
    """Drift or a missing right pauses the entity that it names, else this one; the rest of the block is left out.

    Work on one entity may meet drift in another: a page of orders fetches the counterparties that it refers to.
    """
    met = Pause()
    try:
        yield met
    except (SchemaDrift, NoRight) as trouble:
        named = trouble.where.entity
        met.entity = named if named is not None and named in ctx.mapping.entities else entity
        if isinstance(trouble, NoRight):
            ctx.state.refused[met.entity] = trouble
        pause_entity(ctx, met.entity, trouble)


def pause_entity(ctx: RunContext, entity: str, drift: SchemaDrift | NoRight) -> None:
    """Say that nothing is read of this entity and why; the others go on, the run is partial."""
    line = ctx.count(entity)
    line.status, line.message = "paused", str(drift)
    name = ENTITIES[entity].plural if entity in ENTITIES else entity
    ctx.leave(f"{name} is paused: {drift}")
    _write(ctx, entity, str(drift))


def resume_entity(ctx: RunContext, entity: str) -> None:
    """It could be read: whatever had paused it is mended."""
    _write(ctx, entity, None)


def _write(ctx: RunContext, entity: str, reason: str | None) -> None:
    paused: dict[str, str] = ctx.state.facts.setdefault("paused", {})
    if paused.get(entity) == reason:
        return
    with writing(ctx, "mark") as conn:
        query = select(connection.c.paused_entities).where(connection.c.name == ctx.name)
        current = dict(conn.execute(query).scalar_one_or_none() or {})
        if reason is None:
            current.pop(entity, None)
            paused.pop(entity, None)
        else:
            current[entity] = paused[entity] = reason
        conn.execute(update(connection).where(connection.c.name == ctx.name).values(paused_entities=current or None))
