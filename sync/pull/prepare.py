"""From raw records to items ready to apply: mapped, left out, or failed. Pure: no table, no network."""

from __future__ import annotations

import re
from collections.abc import Mapping as ValuesOf
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from connectors.base import RawRecord
from core.clock import utc_from_local
from core.errors import RecordError, SverkaError, UsageError, Where
from core.settings import ConnectionSettings
from mapping.model import ENTITIES, MappedRecord, SourceSet
from mapping.rules import Mapping
from sync.pull.bindings import Binding
from sync.pull.edited import Edit

_CLAUSE = re.compile(r"\s*(\w+)\s+(eq|ne)\s+(true|false|'(?:[^']|'')*'|guid'[0-9a-fA-F-]{36}')\s*", re.IGNORECASE)


@dataclass(slots=True)
class Item:
    """One record on its way into the store.

    Attributes:
        raw: as received.
        record: as mapped; None when it is left out or could not be mapped.
        error: why it could not be mapped or written.
        stage: where `error` came up.
        left_out: empty, "filtered" by the mapping, "outside" the set by its filter, or "before" the day from which
            documents are mirrored.
        date: business date, for windows.
        known: its binding as it stood when the transaction began.
        entity_id: our id.
        outcome: one of the pull counters, once decided.
        refs: reference -> our id, resolved.
        unresolved: reference -> external id of a target that is not here.
        superseded: an edit of this record that counts no more, because the record has changed since.
        lines: rows ready to write by group of lines.
        seen: what its binding remembers of fields that other sides write too, when that has been looked at.
        before, after: its row as it stood and as it is written, where somebody wants to know (a remap).
        lines_before: its rows as they stood, by group of lines.
    """

    raw: RawRecord
    record: MappedRecord | None = None
    error: SverkaError | None = None
    stage: str = "map"
    left_out: str = ""
    date: datetime | None = None
    known: Binding | None = None
    entity_id: UUID | None = None
    outcome: str = ""
    refs: dict[str, UUID | None] = field(default_factory=dict)
    unresolved: dict[str, str] = field(default_factory=dict)
    lines: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    superseded: Edit | None = None
    seen: dict[str, Any] | None = None
    before: ValuesOf[str, Any] | None = None
    after: dict[str, Any] | None = None
    lines_before: dict[str, list[ValuesOf[str, Any]]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The external id."""
        return self.raw.external_id


def since_moment(settings: ConnectionSettings) -> datetime | None:
    """The moment from which documents are mirrored: midnight of `since` on the other side's wall clock."""
    if settings.since is None:
        return None
    return utc_from_local(datetime.combine(settings.since, time.min), settings.zone)


def business_date(source: SourceSet, data: dict[str, object], zone: ZoneInfo) -> datetime | None:
    """A record's own date in UTC; None when its set has none, or when it is empty or not believable."""
    value = data.get(source.date) if source.date else None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime) or value.year < 2:
        return None
    return value.astimezone(UTC) if value.tzinfo else utc_from_local(value, zone)


def prepare(
    mapping: Mapping,
    settings: ConnectionSettings,
    source: SourceSet,
    raws: Sequence[RawRecord],
    edits: ValuesOf[str, Edit] | None = None,
) -> list[Item]:
    """Map every record of a page; of records that came twice the last counts. One bad record harms no other.

    `edits`: records of this entity that a person has mended by hand (`sync.pull.edits`).
    """
    since = since_moment(settings) if ENTITIES[source.entity].document else None
    unique = {raw.external_id: raw for raw in raws}
    items = [Item(raw, date=business_date(source, raw.data, settings.zone)) for raw in unique.values()]
    for item in items:
        _prepare_one(mapping, settings.zone, source, item, since, (edits or {}).get(item.key))
    return items


def _prepare_one(
    mapping: Mapping, zone: ZoneInfo, source: SourceSet, item: Item, since: datetime | None, edit: Edit | None
) -> None:
    raw = item.raw
    if matches_filter(source.filter, raw.data) is False:
        item.left_out = "outside"
        return
    try:
        item.superseded = edit if edit is not None and not edit.holds(source, raw) else None
        given = edit.read(zone) if edit is not None and item.superseded is None else None
        item.record = mapping.entities[source.entity].build(source.name, raw.data, zone, given)
    except (RecordError, UsageError) as error:
        item.error = error
    except (ValueError, TypeError, ArithmeticError, LookupError) as error:
        item.error = unreadable(source, raw.external_id, error)
    if item.record is None and item.error is None:
        item.left_out = "filtered"
    elif since is not None and item.date is not None and item.date < since:
        item.left_out, item.record, item.error = "before", None, None


def unreadable(source: SourceSet, external_id: str, error: Exception) -> RecordError:
    """A record that broke something on its way, as an error that a person can act on."""
    kind = type(error).__name__
    return RecordError(
        f"The record cannot be read or stored as it is ({kind}): mend it in {source.name}.",
        next_step="mend the record there; it is read again by itself. To look: sverka dead list",
        where=Where(entity=source.entity, external_id=external_id, code=kind),
        detail=str(error)[:500],
    )


def matches_filter(text: str, data: dict[str, object]) -> bool | None:
    """Whether a record passes its set's filter, where that can be told here.

    Only plain comparisons joined by `and` are understood: enough for folders and kinds of operation, when a record came
    by another way than through the filter (change feed, direct question). None where it cannot be told.
    """
    if not text.strip():
        return True
    answers = [_clause(part, data) for part in re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE)]
    if False in answers:
        return False
    return None if None in answers else True


def _clause(text: str, data: dict[str, object]) -> bool | None:
    found = _CLAUSE.fullmatch(text.strip().removeprefix("(").removesuffix(")"))
    if found is None:
        return None
    name, operator, literal = found.groups()
    value = data.get(name, data.get(f"{name}_Key"))
    if value is None:
        return None
    equal = _literal(literal) == (value.strip().casefold() if isinstance(value, str) else value)
    return equal if operator.lower() == "eq" else not equal


def _literal(text: str) -> object:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    return text[text.index("'") + 1 : -1].replace("''", "'").casefold()
