"""What a draft would do to the records that are here: the very re-apply, rolled back page by page. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Values
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from connectors.base import Connector, RawRecord, RecordSource, Window
from core.errors import ConfigError
from core.ids import new_id
from mapping.model import ENTITIES, SourceSet
from mapping.rules import Mapping
from store.engine import reading
from store.entities import entity_tables
from store.tables import connection as connections
from sync.context import App, NoProgress, Order, Progress, RunContext
from sync.mappings.remap import AT_ONCE, NoConnector, entities_of, remap_landed, remap_records
from sync.mappings.tally import Sample, Tally, add_counts
from sync.pull.cursors import load_cursors
from sync.room.opening import open_for
from sync.room.state import RunState
from sync.room.writing import NoFence

FRESH_LIMIT = 200
"""Records of a set that are fetched for a look, where no other number is asked for."""
_HIGHEST = 1 << 62
"""A preview compares with everything that is here, whenever it came."""


@dataclass(slots=True)
class Preview:
    """What would change, by entity: numbers as a re-apply counts them, samples, reasons of dead letters."""

    version: str
    counts: dict[str, dict[str, Any]] = field(default_factory=dict)
    samples: dict[str, dict[str, list[Sample]]] = field(default_factory=dict)
    reasons: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, tally: Tally, most: int = 3) -> None:
        """Take up a page; of samples and reasons a few are kept, so that memory does not grow with the records."""
        entity = tally.entity
        self.counts[entity] = add_counts(self.counts.get(entity, {}), tally.counts())
        kept = self.samples.setdefault(entity, {})
        for name, samples in tally.samples.items():
            kept[name] = (kept.get(name, []) + samples)[:most]
        reasons = self.reasons.setdefault(entity, {})
        for reason, number in tally.reasons.items():
            if reason in reasons or len(reasons) < _MOST_REASONS:
                reasons[reason] = reasons.get(reason, 0) + number


_MOST_REASONS = 20


def preview(
    app: App,
    connection: str,
    mapping: Mapping,
    *,
    limit: int | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
    into: Preview | None = None,
) -> Preview:
    """Run a draft over what was received, or over freshly fetched records, and tell what would change.

    Args:
        app: the application.
        connection: whose records.
        mapping: the draft.
        limit: no more records of an entity (fresh: of a set) than these.
        fresh: ask the other side for records, reading only, instead of taking what was received before.
        progress: who watches; what it raises ends the look.
        into: where the findings are put as they come, for whoever looks on; a new one when left out.

    Raises:
        ConfigError: the connection cannot be read record by record (fresh only).
        TransientError: the other side does not answer (fresh only).
    """
    settings = app.settings.connection(connection)
    opened = open_for(app, settings) if fresh else NoConnector()
    found = into if into is not None else Preview(mapping.version)
    with closing(opened):
        ctx = RunContext(
            app, settings, opened, mapping, Order(kind="reapply", dry_run=True), new_id(), NoFence(), _HIGHEST,
            app.clock.now(), progress=progress or NoProgress(), state=_load_state(app, connection),
        )  # fmt: skip
        for entity in entities_of(ctx):
            if fresh:
                _look_at_fresh(ctx, opened, entity, limit or FRESH_LIMIT, found)
            else:
                _look_at_landed(ctx, entity, limit, found)
    return found


@contextmanager
def _looking(app: App) -> Iterator[Connection]:
    """A transaction that is always rolled back: what would be written is seen, and never kept."""
    with app.engine.connect() as conn, conn.begin() as transaction:
        yield conn
        transaction.rollback()


def _load_state(app: App, connection: str) -> RunState:
    with reading(app.engine) as conn:
        facts = conn.scalar(select(connections.c.facts).where(connections.c.name == connection))
    return RunState(cursors=load_cursors(app, connection), facts=dict(facts or {}))


def _look_at_landed(ctx: RunContext, entity: str, limit: int | None, found: Preview) -> None:
    after: str | None = ""
    done = 0
    while after is not None and (limit is None or done < limit):
        size = AT_ONCE if limit is None else min(AT_ONCE, limit - done)
        with _looking(ctx.app) as conn:
            tally, after = remap_landed(conn, ctx, entity, after, size)
        done += tally.read
        found.add(tally)
        ctx.progress.step(entity, done, "looked at")


def _look_at_fresh(ctx: RunContext, connector: Connector, entity: str, limit: int, found: Preview) -> None:
    if not isinstance(connector, RecordSource):
        raise ConfigError(f"Connection {ctx.name!r} cannot be read record by record.")
    for source in ctx.mapping.entities[entity].sources:
        if not connector.is_published(source.name):
            continue
        tally = Tally(entity)
        raws = _fetch(connector, source, limit)
        with _looking(ctx.app) as conn:
            remap_records(conn, ctx, source, raws, tally, new=True)
        tally.skip(len(raws) - tally.read)
        found.add(tally)
        ctx.progress.step(entity, found.counts[entity]["read"], "fetched and looked at")


def _fetch(connector: RecordSource, source: SourceSet, limit: int) -> Sequence[RawRecord]:
    found: dict[str, RawRecord] = {}
    position: int | None = 0
    while position is not None and len(found) < limit:
        page = connector.fetch_page(source, Window(), position)
        found |= {raw.external_id: raw for raw in page.records}
        position = page.next_position
    return list(found.values())[:limit]


def name_targets(app: App, found: Preview) -> dict[tuple[str, UUID], str]:
    """Names of the records that samples of references lead to, for people."""
    wanted: dict[str, set[UUID]] = {}
    for fields in found.samples.values():
        for samples in fields.values():
            for value in (value for sample in samples for value in (sample.before, sample.after)):
                if isinstance(value, tuple) and isinstance(value[1], UUID):
                    wanted.setdefault(value[0], set()).add(value[1])
    with reading(app.engine) as conn:
        return {(entity, key): name for entity, ids in wanted.items() for key, name in _names(conn, entity, ids)}


def _names(conn: Connection, entity: str, ids: set[UUID]) -> list[tuple[UUID, str]]:
    table = entity_tables[entity]
    named = "number" if ENTITIES[entity].document else "name"
    rows = conn.execute(select(table.c.id, table.c[named]).where(table.c.id.in_(sorted(ids)[:500])))
    return [(row[0], str(row[1] or "")) for row in rows]


def as_rows(found: Preview, names: Values[tuple[str, UUID], str]) -> list[dict[str, Any]]:
    """The preview as plain values, one object an entity; samples as texts."""
    rows = []
    for entity, counts in found.counts.items():
        samples = {name: [_sample(one, names) for one in samples] for name, samples in found.samples[entity].items()}
        rows.append({"entity": entity, **counts, "samples": samples, "reasons": found.reasons.get(entity, {})})
    return rows


def _sample(one: Sample, names: Values[tuple[str, UUID], str]) -> dict[str, Any]:
    return {
        "external_id": one.external_id,
        "name": one.name,
        "before": _told(one.before, names),
        "after": _told(one.after, names),
    }


def _told(value: object, names: Values[tuple[str, UUID], str]) -> object:
    if isinstance(value, tuple):
        entity, key = value
        return names.get((entity, key)) or str(key) if key is not None else None
    return value
