"""Golden cases that are kept in the store: made from landed records, beside those that lie in files."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Engine, delete, select

from mapping.cases import Case, PlacedCase, parse_case, write_case
from store.bulk import upsert
from store.engine import reading
from store.tables import mapping_case


def load_kept_cases(engine: Engine, name: str) -> list[PlacedCase]:
    """The cases of a mapping, by title."""
    query = select(mapping_case).where(mapping_case.c.name == name).order_by(mapping_case.c.title)
    with reading(engine) as conn:
        return [PlacedCase(f"store: {row['title']}", _case(dict(row))) for row in conn.execute(query).mappings()]


def _case(row: dict[str, Any]) -> Case:
    """`raw` holds the whole case, as its file would."""
    return parse_case(msgspec.json.encode(row["raw"]).decode())


def keep_case(engine: Engine, name: str, case: Case, author: str, now: datetime) -> None:
    """Keep a case; one with the same title is replaced."""
    whole = msgspec.json.decode(write_case(case))
    row = {"name": name, "title": case.title, "entity": case.entity, "source": case.source, "raw": whole}
    row |= {"expected": whole["expected"], "author": author, "created_at": now}
    with engine.begin() as conn:
        upsert(conn, mapping_case, [row], ("name", "title"))


def drop_case(engine: Engine, name: str, title: str) -> bool:
    """Forget a case; whether there was one."""
    mine = (mapping_case.c.name == name, mapping_case.c.title == title)
    with engine.begin() as conn:
        return bool(conn.execute(delete(mapping_case).where(*mine)).rowcount)
