"""Customers as a machine reads them, each with the rights of the user whose token it has: lists, cards, a call."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from core.money import ZERO
from store.entities import balances, counterparties, entity_tables
from store.queries.customers.card import load_card
from store.queries.customers.lookup import find_callers, load_names
from store.queries.customers.rights import Viewer, load_visible, may_see_customer, narrow_customers
from store.queries.export import build_records
from store.queries.references import References
from store.queries.settlements.settled import build_balances
from store.queries.shapes import Record, View
from store.search import REGION

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


def load_callers(
    conn: Connection, viewer: Viewer, phone: str, view: View, *, region: str = REGION
) -> tuple[list[Record], list[UUID]]:
    """Who calls: the customers with this number, themselves or by a person there, the viewer's own first.

    Of his own he learns what they owe; of a colleague's customer the name and who is responsible, and nothing else,
    unless he is on call: then what that one owes too. The second list says of whom he learned it by that alone; each
    such look has to be audited.
    """
    people = find_callers(conn, phone, region=region)
    mine = may_see_customer(viewer).label("mine")
    rows = conn.execute(
        select(counterparties.c.id, counterparties.c.name, managers.c.id.label("manager_id"), mine)
        .add_columns(managers.c.name.label("manager"))
        .outerjoin(managers, managers.c.id == counterparties.c.manager_id)
        .where(counterparties.c.id.in_(people), counterparties.c.deleted.is_(False))
        .order_by(mine.desc(), counterparties.c.name, counterparties.c.id)
        .limit(MOST)
    ).all()
    names = load_names(conn, (people[row.id] for row in rows if row.mine))
    told = [row.id for row in rows if row.mine or viewer.on_call]
    owed = _load_owed(conn, told, view)
    looked = [row.id for row in rows if not row.mine and viewer.on_call]
    return [_build_caller(row, owed.get(row.id, []), names.get(people[row.id]), viewer) for row in rows], looked


def _build_caller(row: Any, owed: list[Record], person: str | None, viewer: Viewer) -> Record:
    manager = None if row.manager_id is None else {"id": str(row.manager_id), "name": row.manager}
    found = {"id": str(row.id) if row.mine else None, "name": row.name, "person": person, "manager": manager}
    return found | {"yours": bool(row.mine), "balances": owed if row.mine or viewer.on_call else None}


def _load_owed(conn: Connection, keys: list[UUID], view: View) -> dict[UUID, list[Record]]:
    query = select(balances).where(balances.c.counterparty_id.in_(keys), balances.c.amount != ZERO)
    rows = conn.execute(query.order_by(balances.c.id)).mappings().all()
    built = build_balances(conn, rows, view, References(conn, view))
    found: dict[UUID, list[Record]] = {}
    for row, record in zip(rows, built, strict=True):
        names = ("currency", "amount", "receivable", "advance", "overdue", "as_of")
        found.setdefault(row["counterparty_id"], []).append({name: record[name] for name in names})
    return found
