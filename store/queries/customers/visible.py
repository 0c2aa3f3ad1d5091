"""Customers as a machine reads them, each with the rights of the user whose token it has: lists, cards, a call."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from core.money import ZERO
from store.entities import balances, counterparties, entity_tables
from store.queries.customers.card import load_card
from store.queries.customers.rights import Viewer, load_visible, may_see_customer, narrow_customers, narrow_documents
from store.queries.export import build_records
from store.queries.references import References
from store.queries.settlements.settled import build_balances
from store.queries.shapes import Record, View
from store.search import REGION, plain_phone

MOST = 20
"""So many customers are told of one number at most."""
managers = entity_tables["manager"]
Position = tuple[str, UUID]


def load_customers(
    conn: Connection, viewer: Viewer, view: View, *, after: Position | None = None, limit: int
) -> tuple[list[Record], Position | None]:
    """One page of the viewer's customers by name, and where the next one begins (None: it was the last)."""
    query: Any = select(counterparties).order_by(counterparties.c.name, counterparties.c.id).limit(limit + 1)
    if after is not None:
        name, key = after
        same = (counterparties.c.name == name) & (counterparties.c.id > key)
        query = query.where(counterparties.c.name >= name, (counterparties.c.name > name) | same)
    rows = conn.execute(narrow_customers(query, viewer)).mappings().all()
    shown = rows[:limit]
    records = build_records(conn, "counterparty", shown, view, References(conn, view), lines=False)
    return records, (shown[-1]["name"], shown[-1]["id"]) if len(rows) > limit else None


def load_visible_card(
    conn: Connection, viewer: Viewer, key: UUID, view: View, *, now: datetime, shown: int
) -> Record | None:
    """The card of a customer, or None where there is no such customer for this viewer."""
    if not load_visible(conn, viewer, key):
        return None
    return load_card(conn, key, view, now=now, shown=shown)


def load_callers(conn: Connection, viewer: Viewer, phone: str, view: View, *, region: str = REGION) -> list[Record]:
    """Who calls: the customers with this number, the viewer's own first.

    Of his own he learns what they owe; of a colleague's customer the name and who is responsible, and nothing else.
    """
    number = plain_phone(phone, region)
    if not number.strip("+"):
        return []
    mine = may_see_customer(viewer).label("mine")
    rows = conn.execute(
        select(counterparties.c.id, counterparties.c.name, managers.c.id.label("manager_id"), mine)
        .add_columns(managers.c.name.label("manager"))
        .outerjoin(managers, managers.c.id == counterparties.c.manager_id)
        .where(counterparties.c.search.contains(f"\n{number}\n", autoescape=True), counterparties.c.deleted.is_(False))
        .order_by(mine.desc(), counterparties.c.name, counterparties.c.id)
        .limit(MOST)
    ).all()
    owed = _load_owed(conn, viewer, [row.id for row in rows if row.mine], view)
    return [_build_caller(row, owed.get(row.id, [])) for row in rows]


def _build_caller(row: Any, owed: list[Record]) -> Record:
    manager = None if row.manager_id is None else {"id": str(row.manager_id), "name": row.manager}
    if not row.mine:
        return {"id": None, "name": row.name, "manager": manager, "yours": False, "balances": None}
    return {"id": str(row.id), "name": row.name, "manager": manager, "yours": True, "balances": owed}


def _load_owed(conn: Connection, viewer: Viewer, keys: list[UUID], view: View) -> dict[UUID, list[Record]]:
    query = select(balances).where(balances.c.counterparty_id.in_(keys), balances.c.amount != ZERO)
    rows = conn.execute(narrow_documents(query.order_by(balances.c.id), viewer, balances)).mappings().all()
    built = build_balances(conn, rows, view, References(conn, view))
    found: dict[UUID, list[Record]] = {}
    for row, record in zip(rows, built, strict=True):
        names = ("currency", "amount", "receivable", "advance", "overdue", "as_of")
        found.setdefault(row["counterparty_id"], []).append({name: record[name] for name in names})
    return found
