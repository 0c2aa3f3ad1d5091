"""References: resolved in bulk by bindings; what is missing is fetched by its key in the same run (design §5-14).

"No such object" is a broken link: the record is applied with the external id only, and that answer is kept as a binding
without a record, so that it is asked once. A fetch that fails parks the record that needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import Connection

from connectors.base import RawRecord, RecordSource
from core.errors import NoRight, RecordError, TransientError
from mapping.model import ENTITIES, MappedRecord, RefSpec, SourceSet
from store.bulk import chunks, upsert
from store.engine import reading
from store.tables import binding
from sync.context import RunContext
from sync.pull.bindings import binding_values, key_of
from sync.pull.dead import load_tried
from sync.pull.fetch import fetch_by_key, fetch_one
from sync.pull.prepare import Item
from sync.pull.rows import line_row
from sync.pull.targets import Found, find_targets
from sync.room.pausing import pausing
from sync.room.writing import writing

Target: TypeAlias = tuple[str, str]
"""Entity and external id of what a reference points at."""
Apply: TypeAlias = Callable[[RunContext, SourceSet, Sequence[RawRecord], int], None]

DEEPEST = 3
"""References of references are followed so far; what lies deeper is bound when its own set is read."""
MOST_QUESTIONS = 500
"""Direct questions for references in one run; beyond, what a batch does not bring is left for a later run."""
FETCH_AT_ONCE = 200


def references_of(record: MappedRecord) -> Iterator[tuple[RefSpec, str]]:
    """Every reference of a record and of its lines that points anywhere."""
    spec = ENTITIES[record.entity]
    for name, key in record.refs.items():
        if key:
            yield spec.refs[name], key
    for group, lines in record.lines.items():
        for line in lines:
            for name, key in line.refs.items():
                if key:
                    yield spec.lines[group].refs[name], key


def fetch_missing(ctx: RunContext, items: Sequence[Item], depth: int, apply: Apply) -> set[Target]:
    """Fetch what the records refer to and what is not here. Returns the targets whose fetch failed.

    Late references (within one entity) wait until the whole entity is read: see `sync.pull.relink`.
    """
    if ctx.order.dry_run or depth >= DEEPEST or not isinstance(ctx.connector, RecordSource):
        return set()
    wanted = _wanted(items, lambda spec: not spec.late and spec.entity in ctx.mapping.entities)
    failed: set[Target] = set()
    for entity in [name for name in ENTITIES if name in wanted]:
        known = _present(ctx, entity, wanted[entity])
        missing = sorted(wanted[entity] - known.keys())
        failed |= {(entity, key) for key in fetch_targets(ctx, entity, missing, depth, apply)}
    return failed


def _wanted(items: Iterable[Item], asked: Callable[[RefSpec], bool]) -> dict[str, set[str]]:
    """What the items refer to, by entity, as far as it is asked for."""
    wanted: dict[str, set[str]] = {}
    for item in items:
        for spec, key in references_of(item.record) if item.record else ():
            if asked(spec):
                wanted.setdefault(spec.entity, set()).add(key)
    return wanted


def fetch_targets(ctx: RunContext, entity: str, keys: Sequence[str], depth: int, apply: Apply) -> set[str]:
    """Read records of an entity by key from whichever of its sets has them. Returns the keys whose fetch failed.

    Drift pauses that entity, not those that refer to it; so does a missing right, and then references to it are kept by
    their external id until it is given.
    """
    if not keys or entity in ctx.state.refused or not isinstance(ctx.connector, RecordSource):
        return set()
    left, failed = list(keys), set[str]()
    with pausing(ctx, entity) as met:
        sources = _published(ctx, ctx.connector, entity)
        if not sources:
            return set()
        tried = load_tried(ctx, entity, keys)
        left = [key for key in keys if key not in tried]
        try:
            for source in sources:
                came, refused = _fetch_from(ctx, source, left, depth, apply)
                failed |= refused.keys()
                done = came | refused.keys() | _present(ctx, entity, left).keys()
                left = [key for key in left if key not in done]
            _ask_directly(ctx, entity, sources, left, depth, apply)
        except (TransientError, RecordError) as error:
            ctx.notice(f"{entity}: {len(left)} referenced records could not be fetched: {error.message}")
            return failed | set(left)
    return failed if met.entity is None or entity in ctx.state.refused else failed | set(left)


def _published(ctx: RunContext, connector: RecordSource, entity: str) -> list[SourceSet]:
    sources = [source for source in ctx.mapping.entities[entity].sources if connector.is_published(source.name)]
    if not sources:
        ctx.notice(f"{entity}: its sets are not published, so references to it are kept by their external id only.")
    return sources


def _fetch_from(
    ctx: RunContext, source: SourceSet, keys: Sequence[str], depth: int, apply: Apply
) -> tuple[set[str], dict[str, RecordError]]:
    """What came, which is settled now (applied, left out or a letter), and what the other side cannot give."""
    came: set[str] = set()
    refused: dict[str, RecordError] = {}
    for part in chunks(keys, FETCH_AT_ONCE):
        fetched = fetch_by_key(ctx, source, part)
        refused |= fetched.refused
        if fetched.raws:
            apply(ctx, source, fetched.raws, depth + 1)
            came |= {raw.external_id for raw in fetched.raws}
    return came, refused


def _present(ctx: RunContext, entity: str, keys: Iterable[str]) -> Found:
    with reading(ctx.app.engine) as conn:
        return find_targets(conn, ctx, {entity: set(keys)})[entity]


def _ask_directly(
    ctx: RunContext, entity: str, sources: Sequence[SourceSet], keys: Sequence[str], depth: int, apply: Apply
) -> None:
    """Only the other side's own "no such object" makes a link broken."""
    broken: list[str] = []
    for key in keys:
        if ctx.state.asked >= MOST_QUESTIONS:
            ctx.notice(f"{entity}: too many references lead nowhere to ask for each; the rest wait for a later run.")
            break
        ctx.state.asked += 1
        try:
            if not _ask_one(ctx, sources, key, depth, apply):
                broken.append(key)
        except NoRight as kept:  # of this one: the sets themselves have just been asked for it
            ctx.notice(f"{entity}: one that is referred to stays with its external id: {kept.message}")
    if broken:
        ctx.notice(f"{entity}: {len(broken)} broken links: accounting has no such object, e.g. {broken[0]}.")
        with writing(ctx, "mark") as conn:
            remember_broken(conn, ctx, entity, broken)


def _ask_one(ctx: RunContext, sources: Sequence[SourceSet], key: str, depth: int, apply: Apply) -> bool:
    for source in {source.name: source for source in sources}.values():
        raw = fetch_one(ctx, source, key)
        if raw is not None:
            apply(ctx, source, [raw], depth + 1)
            return True
    return False


def remember_broken(conn: Connection, ctx: RunContext, entity: str, keys: Iterable[str]) -> None:
    """Bindings without a record: a key that was asked for and does not exist. A sweep that sees it reads it."""
    gone = binding_values(None, state="deleted", deleted=True, fetch_seq=ctx.fetch_seq)
    upsert(
        conn,
        binding,
        [key_of(ctx.name, entity, key) | gone for key in keys],
        ("connection", "entity", "external_id"),
        update=(),
    )


def load_targets(conn: Connection, ctx: RunContext, items: Iterable[Item]) -> dict[str, Found]:
    """Our ids of everything that the items refer to, by entity and external id."""
    return find_targets(conn, ctx, _wanted(items, lambda spec: True))


def resolve_item(item: Item, targets: dict[str, Found]) -> None:
    """Turn the references of a record into our ids; those whose target is not here keep the external id."""
    record = item.record
    if record is None:
        return
    spec = ENTITIES[record.entity]
    item.refs, item.unresolved = _split(record.refs, spec.refs, targets)
    item.lines = {}
    for group, lines in record.lines.items():
        rows = []
        for number, line in enumerate(lines, 1):
            found, unresolved = _split(line.refs, spec.lines[group].refs, targets)
            rows.append(line_row(spec, group, number, line.fields, found) | {"unresolved": unresolved or None})
        item.lines[group] = rows


def _split(
    refs: dict[str, str | None], specs: dict[str, RefSpec], targets: dict[str, Found]
) -> tuple[dict[str, UUID | None], dict[str, str]]:
    found: dict[str, UUID | None] = {}
    unresolved: dict[str, str] = {}
    for name, key in refs.items():
        found[name] = targets[specs[name].entity].get(key) if key else None
        if key and found[name] is None:
            unresolved[name] = key
    return found, unresolved


def failed_target(record: MappedRecord, failed: set[Target], targets: dict[str, Found]) -> Target | None:
    """A target of the record whose fetch failed and that is still not here: the record must wait for it."""
    if not failed:
        return None
    for spec, key in references_of(record):
        if (spec.entity, key) in failed and key not in targets.get(spec.entity, {}):
            return spec.entity, key
    return None
