"""The deletion guard: absence is a candidate, the other side's own word is the fact, and never too many at once."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from mapping.model import ENTITIES
from store.engine import reading
from store.tables import binding
from sync.context import RunContext


def deletion_limit(ctx: RunContext, conn: Connection, entity: str) -> int:
    """How many records of an entity may vanish at once: the guarded share or the guarded number, whichever is more."""
    mine = (binding.c.connection == ctx.name, binding.c.entity == entity, binding.c.deleted.is_(False))
    total = conn.execute(select(func.count()).select_from(binding).where(*mine)).scalar_one()
    return max(int(total * ctx.settings.deletion_guard_share), ctx.settings.deletion_guard_records)


def count_missing(ctx: RunContext, conn: Connection, entity: str) -> int:
    """How many candidates of earlier windows are still to be asked about."""
    mine = (binding.c.connection == ctx.name, binding.c.entity == entity, binding.c.missing_since.is_not(None))
    return conn.execute(select(func.count()).select_from(binding).where(*mine)).scalar_one()


def passes(ctx: RunContext, entity: str, number: int) -> bool:
    """Whether so many more records may be settled as gone in this run; says so in the run when they may not.

    Counts over the whole run: many small portions are many at once too. Once held, an entity stays held for the run.
    """
    with reading(ctx.app.engine) as conn:
        limit = deletion_limit(ctx, conn, entity)
    if entity not in ctx.state.held and ctx.state.gone[entity] + number <= limit:
        return True
    hold(ctx, entity, number, limit)
    return False


def hold(ctx: RunContext, entity: str, number: int, limit: int) -> None:
    """Too many would vanish: nobody is deleted, the run is partial and says what to do."""
    if entity in ctx.state.held:
        return
    ctx.state.held.add(entity)
    ctx.leave(
        f"{ENTITIES[entity].plural}: at least {number} records are missing from accounting's list at once, more than "
        f"the guard allows ({limit}); nothing was deleted. If it is right, raise deletion_guard_records, then: "
        "sverka sync --full"
    )
