"""Records that are here already, mapped anew from what was received, through the same apply as anything that arrives.

Under the lease, in one transaction with the reading of what was received: so nothing newer can come in between.
Nothing is asked of the other side; a reference to what is not here stays open and is followed up by the next cycle.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from connectors.base import RawRecord, Usage
from mapping.model import ENTITIES, SourceSet
from store import landing
from store.bulk import upsert
from store.landing import Landed
from store.tables import binding
from sync.context import RunContext
from sync.mappings.tally import Tally
from sync.pull.apply import write_decided
from sync.pull.apply_rows import Group
from sync.pull.bindings import KEYS, Binding, key_of, load_bindings
from sync.pull.decide import decide, left_out_by
from sync.pull.edits import load_edits
from sync.pull.prepare import Item, prepare
from sync.pull.unspoken import blank_unspoken

AT_ONCE = 250
"""Records in one transaction: short enough that nobody waits for it."""


class NoConnector:
    """Stands where a connector is expected and nothing may be asked."""

    def __init__(self) -> None:
        self.usage = Usage()

    def check(self, sources: Sequence[SourceSet], balances: object = None) -> list[Any]:
        """Nothing to look at."""
        return []

    def close(self) -> None:
        """Nothing to end."""


def entities_of(ctx: RunContext) -> list[str]:
    """The entities that the mapping reads, in the order in which they depend on each other."""
    return [entity for entity in ENTITIES if entity in ctx.mapping.entities]


def remap_landed(conn: Connection, ctx: RunContext, entity: str, after: str, size: int) -> tuple[Tally, str | None]:
    """Map and apply the next records of an entity from what was received, in the caller's transaction.

    Records of a set that the mapping reads no more stay as they are.

    Returns:
        What has changed, and the external id to go on behind; None when these were the last.
    """
    landed = landing.load_after(conn, ctx.name, entity, after, size)
    tally = Tally(entity)
    for source in ctx.mapping.entities[entity].sources:
        raws = [raw for one in landed if one.source == source.name and (raw := _as_raw(source, one)) is not None]
        if raws:
            remap_records(conn, ctx, source, raws, tally)
    tally.skip(len(landed) - tally.read)
    return tally, landed[-1].external_id if len(landed) == size else None


def _as_raw(source: SourceSet, landed: Landed) -> RawRecord | None:
    """As the connector gave it; None where the text can be read no more."""
    try:
        data = landing.decode(landed.raw)
    except msgspec.DecodeError:
        return None
    deleted = bool(source.deleted and data.get(source.deleted) is True)
    return RawRecord(source.name, landed.external_id, landed.version, deleted, landed.raw, data, source.entity)


def remap_records(
    conn: Connection, ctx: RunContext, source: SourceSet, raws: Sequence[RawRecord], tally: Tally, *, new: bool = False
) -> None:
    """Map and apply these records of one set, in the caller's transaction, and count what changes.

    `new`: records that were never here count too; else they, those that are gone at the other side and those that wait
    for another one are left alone.
    """
    known = load_bindings(conn, ctx.name, source.entity, [raw.external_id for raw in raws])
    wanted = [raw for raw in raws if _is_wanted(known.get(raw.external_id), new=new)]
    items = prepare(ctx.mapping, ctx.settings, source, wanted, load_edits(ctx, source.entity))
    for item in items:
        item.known = _without_echo(known.get(item.key))
    blank_unspoken(conn, ctx, items)
    group, same = Group(ctx, source, ctx.next_fetch()), []
    for item in items:
        action = decide(item, group.seq, ctx.mapping.version)
        if action in ("nothing", "version"):
            same.append(item)
        else:
            group.add(action, item)
    write_decided(conn, group, set())
    _carry_version(conn, ctx, source, same)
    tally.add(items)
    _count(ctx, source, items)


def _is_wanted(known: Binding | None, *, new: bool) -> bool:
    return new if known is None else not known["deleted"] and known["state"] != "parked"


def _without_echo(known: Binding | None) -> Binding | None:
    """What we wrote ourselves is a record like any other here: it does not arrive, it is looked at again."""
    return None if known is None else {**known, "written_hash": None}


def _carry_version(conn: Connection, ctx: RunContext, source: SourceSet, items: Sequence[Item]) -> None:
    """Every record that the version has been applied to carries it, also where nothing came out otherwise."""
    rows = []
    for item in items:
        version = left_out_by(item, ctx.mapping.version) if item.left_out else ctx.mapping.version
        if item.known is not None and item.known["mapping_version"] != version:
            rows.append(key_of(ctx.name, source.entity, item.key) | {"mapping_version": version})
    upsert(conn, binding, rows, KEYS)


def _count(ctx: RunContext, source: SourceSet, items: Sequence[Item]) -> None:
    line = ctx.count(source.entity)
    line.read += len(items)
    for item in items:
        line.add(item.outcome)
