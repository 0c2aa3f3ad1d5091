"""Parked records: they need another record whose fetch failed. Woken when that one is bound, or when due."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, exists, or_, select, update

from store.bulk import delete_where_in, is_among, select_in, upsert
from store.engine import reading
from store.tables import binding, parked
from sync.context import RunContext
from sync.pull.resolve import Target
from sync.room.retrying import build_pause
from sync.room.writing import writing

MOST_ATTEMPTS = 20
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=2), timedelta(hours=6)
AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Waiting:
    """One record and what it waits for."""

    entity: str
    external_id: str
    source: str
    needs: Target


def park(conn: Connection, ctx: RunContext, waiting: Sequence[Waiting]) -> set[str]:
    """Write or prolong the waiting of these records of one entity, in the caller's transaction.

    Returns:
        The ids of those that have waited too often: they are no longer parked and become dead letters.
    """
    if not waiting:
        return set()
    columns = (parked.c.external_id, parked.c.attempts, parked.c.since)
    ids = [item.external_id for item in waiting]
    known = {
        row.external_id: row
        for row in select_in(
            conn, parked, columns, parked.c.external_id, ids, connection=ctx.name, entity=waiting[0].entity
        )
    }
    now, rows, tired = ctx.app.clock.now(), [], set()
    first = min(FIRST_PAUSE, ctx.app.settings.schedule.every)
    for item in waiting:
        before = known.get(item.external_id)
        attempts = before.attempts + 1 if before else 1
        if attempts > MOST_ATTEMPTS:
            tired.add(item.external_id)
            continue
        pause = build_pause(attempts, first, LONGEST_PAUSE, ctx.app.chance)
        rows.append(
            _row(ctx, item, attempts) | {"since": before.since if before else now, "next_attempt_at": now + pause}
        )
    upsert(conn, parked, rows, ("connection", "entity", "external_id"))
    unpark(conn, ctx.name, waiting[0].entity, tired)
    return tired


def _row(ctx: RunContext, item: Waiting, attempts: int) -> dict[str, object]:
    entity, key = item.needs
    return {
        "connection": ctx.name,
        "entity": item.entity,
        "external_id": item.external_id,
        "source": item.source,
        "needs_entity": entity,
        "needs_id": key,
        "reason": f"It refers to the {entity} {key}, which could not be fetched.",
        "attempts": attempts,
    }


def unpark(conn: Connection, connection: str, entity: str, ids: Iterable[str]) -> None:
    """These records wait no longer."""
    delete_where_in(conn, parked, parked.c.external_id, ids, connection=connection, entity=entity)


def load_wakeable(ctx: RunContext) -> dict[tuple[str, str], list[str]]:
    """Parked records whose target is bound now, or which are due: (entity, set) -> external ids.

    A person's order makes all of them due.
    """
    bound = exists().where(
        binding.c.connection == parked.c.connection,
        binding.c.entity == parked.c.needs_entity,
        binding.c.external_id == parked.c.needs_id,
        binding.c.entity_id.is_not(None),
    )
    query = select(parked.c.entity, parked.c.source, parked.c.external_id).where(parked.c.connection == ctx.name)
    if ctx.order.kind in ("schedule", "retry"):
        query = query.where(or_(bound, parked.c.next_attempt_at <= ctx.app.clock.now()))
    else:  # what this very run has parked is not tried again at once, unless its target has come
        query = query.where(
            or_(bound, parked.c.next_attempt_at <= ctx.app.clock.now(), parked.c.since < ctx.started_at)
        )
    found: dict[tuple[str, str], list[str]] = {}
    with reading(ctx.app.engine) as conn:
        for row in conn.execute(query.order_by(parked.c.since).limit(AT_ONCE)):
            found.setdefault((row.entity, row.source), []).append(row.external_id)
    return found


def defer(ctx: RunContext, found: dict[tuple[str, str], list[str]]) -> None:
    """Those that are still due although they have had their turn (nothing reads their set now) wait for another day."""
    if not found or ctx.order.dry_run:
        return
    now = ctx.app.clock.now()
    with writing(ctx, "dead") as conn:
        for (entity, _), keys in found.items():
            mine = (parked.c.connection == ctx.name, parked.c.entity == entity, parked.c.next_attempt_at <= now)
            late = update(parked).where(*mine, is_among(conn, parked.c.external_id, keys))
            conn.execute(late.values(next_attempt_at=now + LONGEST_PAUSE))
