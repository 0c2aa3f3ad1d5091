"""Golden cases that are kept in the store, as plain values: from landed records, beside those that lie in files."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Engine, delete, select

from store.bulk import upsert
from store.engine import reading
from store.tables import mapping_case


def load_case_rows(engine: Engine, name: str) -> list[dict[str, Any]]:
    """The cases of a mapping, each as its file would have it, by title."""
    query = select(mapping_case.c.raw).where(mapping_case.c.name == name).order_by(mapping_case.c.title)
    with reading(engine) as conn:
        return list(conn.execute(query).scalars())


def save_case_row(engine: Engine, name: str, whole: dict[str, Any], author: str, now: datetime) -> None:
    """Keep a case, given as its file would have it; one with the same title is replaced."""
    row = {"name": name, "raw": whole, "author": author, "created_at": now, "source": whole.get("source", "")}
    row |= {part: whole[part] for part in ("title", "entity", "expected")}
    with engine.begin() as conn:
        upsert(conn, mapping_case, [row], ("name", "title"))


def drop_case(engine: Engine, name: str, title: str) -> bool:
    """Forget a case; whether there was one."""
    mine = (mapping_case.c.name == name, mapping_case.c.title == title)
    with engine.begin() as conn:
        return bool(conn.execute(delete(mapping_case).where(*mine)).rowcount)
