"""A base without a register of balances: where it never had one there are no balances, and nothing is wrong (§5-5)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import or_, select

from connectors.base import RecordSource
from core.errors import SchemaDrift
from store.engine import reading
from store.entities import balances
from store.tables import cursor
from sync.context import RunContext
from sync.room.pausing import pausing
from sync.settle.register import ENTITY


@contextmanager
def pausing_balances(ctx: RunContext) -> Iterator[None]:
    """Drift pauses the balances; a register that this base never had is a notice, as any set is."""
    with pausing(ctx, ENTITY):
        try:
            yield
        except SchemaDrift:
            if not never_had(ctx):
                raise
            ctx.notice(f"{ENTITY}: {register_of(ctx)} is not published in this base; nothing is read from it.")


def register_of(ctx: RunContext) -> str:
    """The register that the mapping names; "" where it names none."""
    return ctx.mapping.balance.register if ctx.mapping.balance is not None else ""


def never_had(ctx: RunContext) -> bool:
    """Whether the base does not publish the register, and no balance was ever read from it.

    Asked only where it could not be read: to ask whether a huge register is there may cost as much as to read it.
    """
    name, connector = register_of(ctx), ctx.connector
    if not name or not isinstance(connector, RecordSource) or connector.is_published(name):
        return False
    read = select(cursor.c.entity).where(cursor.c.connection == ctx.name, cursor.c.entity == ENTITY)
    kept = select(balances.c.id).where(balances.c.connection == ctx.name)
    with reading(ctx.app.engine) as conn:
        return conn.execute(select(1).where(or_(read.exists(), kept.exists()))).first() is None
