"""Bindings: external id <-> our id, read in bulk. They are written by `apply`, with the data they speak of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, and_, or_

from connectors.base import Window
from store.bulk import select_in
from store.tables import binding
from store.tables.records import OUTSIDE

Binding = Mapping[str, Any]
"""One row of the table by column name."""

KEYS = ("connection", "entity", "external_id")
"""The primary key."""

_COLUMNS = tuple(
    binding.c[name]
    for name in (
        "external_id",
        "entity_id",
        "source",
        "version",
        "hash",
        "written_hash",
        "state",
        "deleted",
        "date",
        "fetch_seq",
        "mapping_version",
        "missing_since",
        "code",
        "seen",
        "foreign_key",
    )
)


def load_bindings(conn: Connection, connection: str, entity: str, ids: Iterable[str]) -> dict[str, Binding]:
    """The bindings of these external ids, by external id; those that have none are left out."""
    rows = select_in(conn, binding, _COLUMNS, binding.c.external_id, ids, connection=connection, entity=entity)
    return {row.external_id: cast("Binding", row._mapping) for row in rows}


def in_window(window: Window) -> ColumnElement[bool]:
    """Bindings whose business date lies in a window; without a date they lie where the past is open."""
    conditions: list[ColumnElement[bool]] = []
    if window.start is not None:
        conditions.append(binding.c.date >= window.start)
    if window.end is not None:
        conditions.append(binding.c.date < window.end)
    whole = and_(*conditions) if conditions else binding.c.external_id.is_not(None)
    return or_(whole, binding.c.date.is_(None)) if window.start is None and conditions else whole


def of_source(connection: str, entity: str, source: str) -> ColumnElement[bool]:
    """Bindings of one set that its list should name: they still exist at the other side as far as we know."""
    return and_(
        binding.c.connection == connection,
        binding.c.entity == entity,
        binding.c.source == source,
        binding.c.deleted.is_(False),
        binding.c.mapping_version.is_distinct_from(OUTSIDE),
    )


def is_current(known: Binding | None, version: str, *, deleted: bool, mapping_version: str) -> bool:
    """Whether what a key sweep tells of a record is what we have: then it need not be read again.

    A record without a version is never current. One that was left out or dead under another mapping version may be
    wanted now.
    """
    if known is None or known["deleted"] or not version or known["version"] != version:
        return False
    if known["state"] in ("filtered", "dead"):
        return bool(known["mapping_version"] == mapping_version)
    return bool(known["state"] == "parked" or deleted == (known["state"] == "deleted"))


def binding_values(known: Binding | None, **changed: object) -> dict[str, Any]:
    """The columns that apply writes: what is known, else the defaults, with these changes. Never `written_hash`."""
    base: dict[str, Any] = {
        "entity_id": None,
        "source": "",
        "version": "",
        "hash": "",
        "state": "bound",
        "deleted": False,
        "date": None,
        "fetch_seq": 0,
        "mapping_version": None,
        "missing_since": None,
        "code": None,
        "seen": None,
        "foreign_key": False,
    }
    if known is not None:
        base = {name: known[name] for name in base}
    return base | changed


def key_of(connection: str, entity: str, external_id: str) -> dict[str, Any]:
    """The primary key of a binding."""
    return {"connection": connection, "entity": entity, "external_id": external_id}
