"""What a base has declared of its sets, kept so that a page asks nothing of the base at a look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, delete, select

from store.bulk import insert
from store.tables import declared_set

Kinds = dict[str, str]


@dataclass(slots=True)
class Declared:
    """What is kept of one base: kinds of fields by set, of rows by (set, section), the names of all its sets."""

    at: datetime | None = None
    sets: dict[str, Kinds] = field(default_factory=dict)
    sections: dict[tuple[str, str], Kinds] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)


def load_declared(conn: Connection, connection: str, name: str) -> Declared:
    """What is kept of one set, with the rows of its sections; empty where nothing is."""
    chosen = declared_set.c.name.in_(["", name])
    found = Declared()
    for row in conn.execute(select(declared_set).where(declared_set.c.connection == connection, chosen)):
        found.at = row.at
        if not row.name:
            found.names = sorted(row.kinds)
        elif row.section:
            found.sections[row.name, row.section] = dict(row.kinds)
        else:
            found.sets[row.name] = dict(row.kinds)
    return found


def save_declared(conn: Connection, connection: str, found: Declared, at: datetime) -> None:
    """Keep this in the place of what was kept before, in the caller's transaction."""
    rows: Mapping[tuple[str, str], Kinds] = {
        ("", ""): dict.fromkeys(found.names, ""),
        **{(name, ""): kinds for name, kinds in found.sets.items()},
        **found.sections,
    }
    conn.execute(delete(declared_set).where(declared_set.c.connection == connection))
    insert(
        conn, declared_set,
        [
            {"connection": connection, "name": name, "section": section, "kinds": kinds, "at": at}
            for (name, section), kinds in rows.items()
        ],
    )  # fmt: skip
