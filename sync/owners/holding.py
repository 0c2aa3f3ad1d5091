"""What the head has set stands while records are read: limits and terms that Sverka owns (`sync.owners.terms`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, update

from core.ids import new_id
from store.bulk import insert
from store.queries.customers.terms import HOLDERS, TERMS, Own, Term, load_own, write_term
from store.tables import audit, own_value
from sync.context import RunContext
from sync.pull.prepare import Item

OVERRULED = "terms.overruled"
"""In the audit: accounting has begun to keep what was set here, and its value counts."""


def hold_own(
    conn: Connection, ctx: RunContext, entity: str, items: Sequence[Item], rows: Sequence[dict[str, Any]]
) -> None:
    """Put what was set here back into rows that are about to be written, where the other side says nothing of it.

    In the caller's transaction; asks once a page. What the other side says is remembered: it counts as soon as ours is
    taken away, and at once where the mapping makes the field its own, so that taking the mapping back brings ours back.
    """
    if entity not in HOLDERS or not rows:
        return
    own = load_own(conn, entity, [row["id"] for row in rows])
    if not own:
        return
    said: dict[Any, Mapping[str, Any]] = {one.entity_id: one.record.fields for one in items if one.record is not None}
    mapped = ctx.mapping.entities.get(entity)
    ours = {name for name in TERMS if mapped and mapped.owners.get(name) == "crm"}
    ours = ours if ctx.settings.role == "accounting" else set()
    heard: dict[tuple[UUID, str], Term | None] = {}
    for row in rows:
        for name in TERMS:
            kept = own.get((row["id"], name))
            if kept is None or name not in said.get(row["id"], {}):
                continue
            heard[row["id"], name] = theirs = said[row["id"]][name]
            if theirs is None or row.get(name) is None or name in ours:
                row[name] = kept.value
    news = {key: value for key, value in heard.items() if value != own[key].theirs}
    _remember(conn, entity, news)
    _audit(conn, ctx.app.clock.now(), ctx.name, own, {key: one for key, one in news.items() if key[1] not in ours})


def _remember(conn: Connection, entity: str, news: Mapping[tuple[UUID, str], Term | None]) -> None:
    mine = (own_value.c.entity == entity, own_value.c.entity_id == bindparam("key"))
    statement = update(own_value).where(*mine, own_value.c.field == bindparam("name")).values(theirs=bindparam("said"))
    values = [
        {"key": key, "name": name, "said": None if value is None else write_term(value)}
        for (key, name), value in news.items()
    ]
    if values:
        conn.execute(statement, values)


def _audit(
    conn: Connection, now: datetime, who: str, own: Mapping[tuple[UUID, str], Own],
    news: Mapping[tuple[UUID, str], Term | None],
) -> None:  # fmt: skip
    rows = [
        {
            "id": new_id(), "at": now, "who": who, "what": OVERRULED, "subject": str(key),
            "before": {name: write_term(own[key, name].value)}, "after": {name: write_term(value)},
        }
        for (key, name), value in news.items() if value is not None and value != own[key, name].value
    ]  # fmt: skip
    insert(conn, audit, rows)
