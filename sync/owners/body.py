"""What is sent of fields that have changed: plain attributes, and sections whole, because 1C replaces them whole.

Rows of a section that hold other fields stay as they are; so do rows whose value is still right, with all that people
have noted in them; a row is made only for a value that no row has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.base import RawRecord
from core.errors import RecordError
from mapping.updates import FieldUpdate, SectionUpdate
from sync.context import RunContext
from sync.owners.rules import ENTITY

Row = dict[str, Any]
_NOT_SENT = ("Ref_Key", "LineNumber")


def build_body(
    ctx: RunContext, raw: RawRecord, contact: Mapping[str, Any], updates: Sequence[FieldUpdate]
) -> dict[str, Any]:
    """The changed attributes of a card, with placeholders still to fill."""
    body: dict[str, Any] = {}
    for one in updates:
        body |= one.make(contact)
        for section in one.sections:
            rows = body[section.section] if section.section in body else _rows_of(raw, section.section)
            body[section.section] = _merge(ctx, raw, one.name, section, rows, contact)
    return body


def _rows_of(raw: RawRecord, section: str) -> list[Row]:
    rows = raw.data.get(section)
    found = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return [{name: value for name, value in row.items() if _is_sent(name)} for row in found]


def _is_sent(name: str) -> bool:
    """Not the row's place and owner, which follow from where it is sent, nor what 1C only tells."""
    return name not in _NOT_SENT and "@" not in name and not name.endswith("____Presentation")


def _merge(
    ctx: RunContext, raw: RawRecord, field: str, section: SectionUpdate, rows: Sequence[Row],
    contact: Mapping[str, Any],
) -> list[Row]:  # fmt: skip
    """Rows of others first, as they stand; then ours in our order."""
    wanted = [value for value in contact[field] or [] if value]
    kept = [row for row in rows if not section.is_mine(row)]
    mine: dict[str, Row] = {}
    for row in rows:
        if section.is_mine(row):
            values = _values_of(ctx, raw, field, section.section, row)
            if not values:
                kept.append(row)  # nothing that the mapping reads: not ours to drop
            elif all(value in wanted for value in values):
                mine |= {value: row for value in values if value not in mine}
    chosen: list[Row] = []
    for value, fresh in zip(wanted, section.make({**contact, field: wanted}), strict=True):
        row = mine.get(value, fresh)
        if not any(row is other for other in chosen):
            chosen.append(row)
    return kept + chosen


def _values_of(ctx: RunContext, raw: RawRecord, field: str, section: str, row: Row) -> list[Any]:
    """What the mapping reads of this field in one row."""
    alone = {**raw.data, section: [row]}
    try:
        record = ctx.mapping.entities[ENTITY].build(raw.source, alone, ctx.settings.zone)
    except RecordError:
        return []
    values = record.fields.get(field) if record is not None else None
    return list(values) if isinstance(values, list) else []


def as_json(value: Any) -> Any:
    """A body as the intent keeps it."""
    if isinstance(value, Mapping):
        return {str(name): as_json(item) for name, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return value if isinstance(value, str | int | bool | type(None)) else str(value)
