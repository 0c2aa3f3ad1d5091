"""Mending what differs: just those records and customers are read again, by the ordinary way of every reading."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import update

from mapping.model import SourceSet
from store.bulk import chunks
from store.engine import reading
from store.queries.settlements.recorders import load_standings, load_unbound
from store.tables import binding
from sync.context import RunContext
from sync.pull.gone import mark_deleted
from sync.pull.guard import passes
from sync.pull.records import pull_keys, settle_missing
from sync.reconcile.result import Line
from sync.room.writing import writing
from sync.settle.customer import pull_customer


def repair_lines(ctx: RunContext, lines: Sequence[Line]) -> None:
    """Read again just what differs: documents by their keys, then the customers they belong to. Under a run's lease."""
    _repair_documents(ctx, lines)
    for key in dict.fromkeys(line.counterparty_key for line in lines if line.counterparty_key and not line.by_key):
        pull_customer(ctx, key)


def _repair_documents(ctx: RunContext, lines: Sequence[Line]) -> None:
    sources = {(one.entity, one.name): one for mapped in ctx.mapping.entities.values() for one in mapped.sources}
    wanted: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        if line.external_id and (line.entity, line.source) in sources:
            wanted.setdefault((line.entity, line.source), []).append(line.external_id)
    for entity in dict.fromkeys(line.entity for line in lines if line.kind == "extra_document" and not line.source):
        mark_unbound(ctx, entity)
    for place, keys in wanted.items():
        _read_again(ctx, sources[place], list(dict.fromkeys(keys)))


def mark_unbound(ctx: RunContext, entity: str) -> None:
    """Mark as deleted what no key leads to, never more than the guard allows; one that is there has come by its key."""
    with reading(ctx.app.engine) as conn:
        ids = load_unbound(conn, entity)
    if not ids or not passes(ctx, entity, len(ids)):
        return
    for part in chunks(ids, 500):
        with writing(ctx, "tombstone") as conn:
            mark_deleted(conn, ctx, entity, part)
    line = ctx.count(entity)
    line.read += len(ids)
    line.add("deleted", len(ids))
    ctx.state.gone[entity] += len(ids)


def _read_again(ctx: RunContext, source: SourceSet, keys: list[str]) -> None:
    """Forget what we think we know of these records, then read them; those that are gone are settled."""
    with reading(ctx.app.engine) as conn:
        standings = load_standings(conn, ctx.name, source.entity, keys)
    mine = (binding.c.connection == ctx.name, binding.c.entity == source.entity)
    lost = [
        key for key, standing in standings.items() if not standing.present and standing.state in ("bound", "deleted")
    ]
    for part in chunks(keys, 500):
        with writing(ctx, "mark") as conn:
            conn.execute(update(binding).where(*mine, binding.c.external_id.in_(part)).values(hash="", version=""))
            gone = binding.c.external_id.in_([key for key in part if key in lost])
            conn.execute(update(binding).where(*mine, gone).values(entity_id=None))
    there = pull_keys(ctx, source, keys)
    settle_missing(ctx, source, [key for key in keys if key not in there])
