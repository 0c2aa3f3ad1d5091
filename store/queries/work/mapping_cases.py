"""Golden cases that are kept in the store, as plain values: from landed records, beside those that lie in files."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, select

from core.ids import new_id
from store.bulk import upsert
from store.engine import reading
from store.queries.shapes import Record
from store.tables import audit, mapping_case


def load_case_rows(engine: Engine, name: str) -> list[dict[str, Any]]:
    """The cases of a mapping, each as its file would have it, by title."""
    query = select(mapping_case.c.raw).where(mapping_case.c.name == name).order_by(mapping_case.c.title)
    with reading(engine) as conn:
        return list(conn.execute(query).scalars())


def list_case_rows(engine: Engine, name: str | None = None) -> list[dict[str, Any]]:
    """Which cases are kept, of one mapping or of all: mapping, title, entity, source, author, created_at."""
    names = ("name", "title", "entity", "source", "author", "created_at")
    query = select(*(mapping_case.c[one] for one in names)).order_by(mapping_case.c.name, mapping_case.c.title)
    if name is not None:
        query = query.where(mapping_case.c.name == name)
    with reading(engine) as conn:
        return [{"mapping": row.pop("name"), **row} for row in map(dict, conn.execute(query).mappings())]


def save_case_row(engine: Engine, name: str, whole: dict[str, Any], author: str, now: datetime) -> None:
    """Keep a case, given as its file would have it; one with the same title is replaced. Audited."""
    row = {"name": name, "raw": whole, "author": author, "created_at": now, "source": whole.get("source", "")}
    row |= {part: whole[part] for part in ("title", "entity", "expected")}
    with engine.begin() as conn:
        before = _load_expected(conn, name, whole["title"])
        upsert(conn, mapping_case, [row], ("name", "title"))
        after = {"title": whole["title"], "expected": whole["expected"]}
        _note(conn, "mapping.case.keep", name, author, now, before, after)


def drop_case(engine: Engine, name: str, title: str, who: str, now: datetime) -> bool:
    """Forget a case; whether there was one. Audited, with what it expected."""
    mine = (mapping_case.c.name == name, mapping_case.c.title == title)
    with engine.begin() as conn:
        before = _load_expected(conn, name, title)
        gone = bool(conn.execute(delete(mapping_case).where(*mine)).rowcount)
        if gone:
            _note(conn, "mapping.case.drop", name, who, now, before, None)
    return gone


def _load_expected(conn: Connection, name: str, title: str) -> dict[str, Any] | None:
    mine = (mapping_case.c.name == name, mapping_case.c.title == title)
    found = conn.execute(select(mapping_case.c.expected).where(*mine)).first()
    return None if found is None else {"title": title, "expected": found[0]}


def _note(
    conn: Connection, what: str, name: str, who: str, at: datetime, before: Record | None, after: Record | None
) -> None:
    line = {"id": new_id(), "at": at, "who": who, "what": what, "subject": name, "before": before, "after": after}
    conn.execute(audit.insert(), line)
