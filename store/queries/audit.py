"""The audit log, paged in the database: who did what to whom, the newest first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from store.bulk import select_in
from store.entities import counterparties, entity_tables
from store.queries.shapes import Record
from store.tables import audit, user

SHOWN = 50


def load_audit(
    conn: Connection,
    *,
    who: str = "",
    what: str = "",
    whole: bool = False,
    after: tuple[datetime, UUID] | None = None,
    limit: int = SHOWN,
) -> tuple[list[Record], tuple[datetime, UUID] | None]:
    """One page of the log, and what comes after it (None: nothing).

    Args:
        conn: a connection that reads.
        who: only the deeds of this person.
        what: only deeds whose word begins so, like "user".
        whole: whether `what` is all of the word.
        after: what the page before ended with.
        limit: so many lines.
    """
    query: Any = select(audit).order_by(audit.c.at.desc(), audit.c.id.desc()).limit(limit + 1)
    if who:
        query = query.where(audit.c.who == who)
    if what:
        query = query.where(audit.c.what == what if whole else audit.c.what.startswith(what, autoescape=True))
    if after is not None:
        at, key = after
        query = query.where((audit.c.at < at) | ((audit.c.at == at) & (audit.c.id < key)))
    rows = [dict(row) for row in conn.execute(query).mappings()]
    more = len(rows) > limit
    shown = rows[:limit]
    return shown, (shown[-1]["at"], shown[-1]["id"]) if more else None


def load_audit_names(conn: Connection, keys: Iterable[UUID], *, customers: bool) -> dict[str, str]:
    """What users, managers and, for whom they are shown to, customers of these ids are called; others are left out."""
    wanted = set(keys)
    named = [(user, user.c.login), (entity_tables["manager"], entity_tables["manager"].c.name)]
    if customers:
        named.append((counterparties, counterparties.c.name))
    return {
        str(row.id): row.name
        for table, name in named
        for row in select_in(conn, table, [table.c.id, name.label("name")], table.c.id, wanted)
    }
