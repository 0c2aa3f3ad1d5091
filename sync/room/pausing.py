"""Entities that are paused: their set or a field is not what it was. Every run tries again; it heals by itself."""

from __future__ import annotations

from sqlalchemy import select, update

from core.errors import SchemaDrift
from mapping.model import ENTITIES
from store.tables import connection
from sync.context import RunContext
from sync.room.writing import writing


def pause_entity(ctx: RunContext, entity: str, drift: SchemaDrift) -> None:
    """Say that nothing is read of this entity and why; the others go on, the run is partial."""
    line = ctx.count(entity)
    line.status, line.message = "paused", str(drift)
    ctx.leave(f"{ENTITIES[entity].plural} is paused: {drift}")
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
