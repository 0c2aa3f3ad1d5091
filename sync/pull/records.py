"""Reading records by key, and settling those that have vanished: what sweeps, references, letters and repairs share."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from connectors.base import RecordSource
from core.errors import NoRight, RecordError
from mapping.model import SourceSet
from store.bulk import chunks
from store.engine import reading
from store.tables import binding
from sync.context import RunContext
from sync.pull import dead
from sync.pull.apply import apply_records
from sync.pull.dead import Failure
from sync.pull.fetch import fetch_by_key, fetch_one
from sync.pull.gone import tombstone
from sync.pull.guard import passes
from sync.room.pausing import pausing
from sync.room.writing import writing
from sync.versions import take_up_mapping

KEYS_AT_ONCE = 200


def pull_keys(ctx: RunContext, source: SourceSet, keys: Sequence[str]) -> set[str]:
    """Read these records now: fetch, map, apply, count. Idempotent; each batch is committed by itself.

    Returns:
        The keys that exist at the other side and that the mapping's set lets through.

    Raises:
        TransientError: the other side went away; batches before stay.
    """
    found: set[str] = set()
    for part in chunks(keys, KEYS_AT_ONCE):
        found |= _pull_part(ctx, source, part)
        if not take_up_mapping(ctx, source):
            break
    return found


def _pull_part(ctx: RunContext, source: SourceSet, keys: Sequence[str]) -> set[str]:
    fetched = fetch_by_key(ctx, source, keys)
    if fetched.raws:
        apply_records(ctx, source, fetched.raws)
    for key, error in fetched.refused.items():
        _bury(ctx, source, key, error)
    return fetched.keys


def _bury(ctx: RunContext, source: SourceSet, key: str, error: RecordError | NoRight) -> None:
    """A record that the other side itself cannot give us: a letter, tried again when it is due."""
    with writing(ctx, "dead") as conn:
        given_up = dead.record_failures(conn, ctx, [Failure(source.entity, key, "fetch", error, source.name)])
    line = ctx.count(source.entity)
    line.read += 1
    line.add("filtered" if given_up else "dead")


def settle_missing(ctx: RunContext, source: SourceSet, keys: Sequence[str]) -> None:
    """Ask for each of these records directly: gone ones are marked deleted, the others are applied as they are now.

    Never more than the guard allows at once: then nobody is deleted and the run is partial.

    Raises:
        TransientError: the other side went away; what was settled stays.
    """
    if not keys:
        return
    if not passes(ctx, source.entity, len(keys)):
        return
    for key in keys:
        try:
            raw = fetch_one(ctx, source, key)
        except (RecordError, NoRight) as error:  # of this one: the set itself has just been read
            _bury(ctx, source, key, error)
            continue
        if raw is None:
            apply_tombstones(ctx, source.entity, [key])
        else:
            apply_records(ctx, source, [raw])


def apply_tombstones(ctx: RunContext, entity: str, keys: Sequence[str]) -> None:
    """Accounting has said that these objects do not exist: mark ours and count them; others count nothing."""
    with writing(ctx, "tombstone") as conn:
        number = tombstone(conn, ctx, entity, keys)
    line = ctx.count(entity)
    line.read += number
    line.add("deleted", number)
    ctx.state.gone[entity] += number
    if ctx.order.dry_run:
        ctx.state.add_changes(
            [{"action": "deleted", "entity": entity, "external_id": key, "fields": {}} for key in keys]
        )


def settle_candidates(ctx: RunContext, entity: str) -> None:
    """Settle everything of an entity that complete sweeps have missed, in this run or in an earlier one."""
    mapped = ctx.mapping.entities.get(entity)
    sources = {source.name: source for source in mapped.sources} if mapped else {}
    missing = _load_missing(ctx, entity)
    number = sum(len(keys) for keys in missing.values())
    if not number or not passes(ctx, entity, number):
        return
    for name, keys in missing.items():
        if name in sources:
            settle_missing(ctx, sources[name], keys)


def _load_missing(ctx: RunContext, entity: str) -> dict[str, list[str]]:
    mine = (binding.c.connection == ctx.name, binding.c.entity == entity, binding.c.missing_since.is_not(None))
    query = select(binding.c.source, binding.c.external_id).where(*mine).order_by(binding.c.external_id)
    found: dict[str, list[str]] = {}
    with reading(ctx.app.engine) as conn:
        for row in conn.execute(query):
            found.setdefault(row.source, []).append(row.external_id)
    return found


def pull_known(ctx: RunContext, found: dict[tuple[str, str], list[str]]) -> None:
    """Read records named by (entity, set); those that are no longer there are settled. Drift pauses an entity only."""
    for (entity, name), keys in found.items():
        mapped = ctx.mapping.entities.get(entity)
        source = next((one for one in mapped.sources if one.name == name), None) if mapped else None
        if source is None or entity in ctx.state.refused or not isinstance(ctx.connector, RecordSource):
            continue
        with pausing(ctx, entity):
            if not ctx.connector.is_published(name):
                continue
            tried = dead.load_tried(ctx, entity, keys)  # by a reference to it, since these were found to be due
            left = [key for key in keys if key not in tried]
            there = pull_keys(ctx, source, left)
            settle_missing(ctx, source, [key for key in left if key not in there])
