"""Versions of mappings as people look at them: without their texts, paged; one with its text."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from store.queries.shapes import Record
from store.tables import landing, mapping_case, mapping_version, reapply
from store.versions import MappingVersion

_SHOWN = ("name", "hash", "number", "state", "author", "comment", "created_at", "published_at", "published_by")
_COLUMNS = [mapping_version.c[one] for one in _SHOWN]
_NUMBER = func.coalesce(mapping_version.c.number, 0)


def list_published(conn: Connection) -> dict[str, Record]:
    """The version that rules, of every mapping that was ever published, without its text."""
    rows = conn.execute(select(*_COLUMNS).where(mapping_version.c.state == "published")).mappings()
    return {row["name"]: dict(row) for row in rows}


def list_version_rows(conn: Connection, name: str, *, before: int | None = None, limit: int = 50) -> list[Record]:
    """Versions of a mapping, the newest first, those with a number below `before`; without their texts."""
    query = select(*_COLUMNS).where(mapping_version.c.name == name).order_by(_NUMBER.desc(), mapping_version.c.hash)
    if before is not None:
        query = query.where(before > _NUMBER)
    return [dict(row) for row in conn.execute(query.limit(limit)).mappings()]


def load_version(conn: Connection, name: str, version: str) -> MappingVersion | None:
    """One version by its whole hash, with its text; None where there is none."""
    mine = (mapping_version.c.name == name, mapping_version.c.hash == version)
    row = conn.execute(select(mapping_version).where(*mine)).mappings().one_or_none()
    return None if row is None else MappingVersion(**row)


def number_of_versions(conn: Connection, versions: Sequence[str]) -> dict[tuple[str, str], int]:
    """The numbers of these versions, by mapping and hash."""
    query = select(mapping_version.c.name, mapping_version.c.hash, mapping_version.c.number)
    rows = conn.execute(query.where(mapping_version.c.hash.in_(versions)))
    return {(name, found): number for name, found, number in rows if number is not None}


def count_cases(conn: Connection) -> dict[str, int]:
    """How many golden cases the store keeps, by mapping."""
    query = select(mapping_case.c.name, func.count()).group_by(mapping_case.c.name)
    return {row[0]: row[1] for row in conn.execute(query)}


def list_orders(conn: Connection, connections: Sequence[str], limit: int = 20) -> list[Record]:
    """Re-applies of these connections, the newest first, with their numbers by entity."""
    query = select(reapply).where(reapply.c.connection.in_(connections))
    newest = query.order_by(reapply.c.created_at.desc(), reapply.c.id.desc()).limit(limit)
    return [dict(row) for row in conn.execute(newest).mappings()]


def count_landed(conn: Connection, connections: Sequence[str]) -> dict[str, int]:
    """How many records were received from each of these connections: what a re-apply has before it."""
    query = select(landing.c.connection, func.count()).where(landing.c.connection.in_(connections))
    return {row[0]: row[1] for row in conn.execute(query.group_by(landing.c.connection))}
