"""Rows of the entity tables from mapped records. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from mapping.model import ENTITIES, EntitySpec, MappedRecord
from store.search import search_text
from sync.owners.settling import Settlement
from sync.pull.prepare import Item

OWN_COLUMNS = ("created_at", "home")
"""Written when a row is created and never by a later reading."""
OF_THE_HOME = ("deleted", "marks")
"""Of a counterparty these are his home's: what became of a card of another side is said by its binding."""
OF_THE_LEADER = ("marks", "unresolved")
"""Of a customer who has cards in several accountings these are the leading one's."""


def created_row(item: Item, record: MappedRecord, now: datetime, home: str) -> dict[str, Any]:
    """A new row, every column of the entity named, so that a page is one batch."""
    spec = ENTITIES[record.entity]
    row: dict[str, Any] = {name: record.fields.get(name) for name in spec.fields}
    row |= {f"{name}_id": item.refs.get(name) for name in spec.refs}
    row |= _common(item, record, now)
    if record.entity == "counterparty":
        row |= {"home": home, "search": search_text(row)}
    return row


def updated_row(
    item: Item, record: MappedRecord, now: datetime, before: Mapping[str, Any], *, role: str, held: bool = False,
    settled: Settlement | None = None,
) -> dict[str, Any]:  # fmt: skip
    """What a newer reading makes of a row: only what the mapping speaks of; the rest stays.

    Of a counterparty whom other sides write too each field is its owner's (`settled`, design §5-9); a card marked for
    deletion does not delete one whose home is another side than `role`, which this reading comes from. `held`: another
    card of the same customer is alive.
    """
    row: dict[str, Any] = dict(record.fields)
    row |= {f"{name}_id": item.refs.get(name) for name in record.refs}
    row |= _common(item, record, now) | (settled.columns if settled else {})
    row["deleted"] = record.deleted and not held
    if before.get("home", role) != role:
        kept = OF_THE_HOME if role == "accounting" else (*OF_THE_HOME, "unresolved")
        row = {name: value for name, value in row.items() if name not in kept}
    if settled is not None and not settled.leading:
        row = {name: value for name, value in row.items() if name not in OF_THE_LEADER}
    if record.entity == "counterparty":
        row["search"] = search_text({**before, **row})
    return row


def _common(item: Item, record: MappedRecord, now: datetime) -> dict[str, Any]:
    return {
        "id": item.entity_id,
        "deleted": record.deleted,
        "marks": record.marks or None,
        "unresolved": item.unresolved or None,
        "created_at": now,
        "updated_at": now,
    }


def line_row(
    spec: EntitySpec, name: str, number: int, fields: Mapping[str, object], refs: Mapping[str, UUID | None]
) -> dict[str, Any]:
    """One line, without its owner's id, which may not be known yet."""
    lines = spec.lines[name]
    row: dict[str, Any] = {"line_number": number}
    row |= {field: fields.get(field) for field in lines.fields}
    return row | {f"{ref}_id": refs.get(ref) for ref in lines.refs}


def differences(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Columns that change and how; for a dry run."""
    silent = {"id", "created_at", "updated_at", "search"}
    old = before or {}
    return {
        name: (old.get(name), value)
        for name, value in after.items()
        if name not in silent and old.get(name) != value and not (before is None and value in (None, "", [], False))
    }
