"""What the page of a customer shows beyond his card: what became of his orders, his deals, his holding, one document.

All of it is asked with the viewer's rights: of members of a holding who are not his to see only their number is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, select, union

from core.money import ZERO
from store.entities import balances, counterparties, entity_tables
from store.queries.customers.listed import load_owed
from store.queries.customers.rights import Viewer, may_see_customer, narrow_documents
from store.queries.deals.order_figures import NOTHING, load_order_figures
from store.queries.deals.records import extend_deals, load_stage_names
from store.queries.export import build_records
from store.queries.references import References
from store.queries.settlements.settled import load_balance_freshness
from store.queries.shapes import Record, View, amount_text
from store.tables import binding, request

DOCUMENTS = ("order", "shipment", "return", "payment")
SHOWN = 20
MANAGER = entity_tables["manager"]


def load_responsible(conn: Connection, customer: UUID) -> str | None:
    """The name of the manager whose customer he is."""
    query = (
        select(MANAGER.c.name)
        .join(counterparties, counterparties.c.manager_id == MANAGER.c.id)
        .where(counterparties.c.id == customer)
    )
    return conn.execute(query).scalar()


def add_order_figures(conn: Connection, orders: Sequence[Record]) -> None:
    """Put into each order what was shipped and paid of it, and what is left of both; in two questions."""
    found = load_order_figures(conn, [UUID(order["id"]) for order in orders])
    for order in orders:
        figures, amount = found.get(UUID(order["id"]), NOTHING), Decimal(order["amount"])
        order["shipped"], order["paid"] = amount_text(figures.shipped), amount_text(figures.paid)
        order["to_ship"] = amount_text(max(amount - figures.shipped, ZERO))
        order["to_pay"] = amount_text(max(amount - figures.paid, ZERO))


def load_deals_of(conn: Connection, customer: UUID, view: View, limit: int = SHOWN) -> list[Record]:
    """The customer's deals, open ones first, then the newest."""
    table = entity_tables["deal"]
    query = select(table).where(table.c.counterparty_id == customer, table.c.deleted.is_(False))
    rows = conn.execute(query.order_by(table.c.outcome != "open", table.c.date.desc(), table.c.id).limit(limit))
    found = [dict(row) for row in rows.mappings()]
    records = build_records(conn, "deal", found, view, References(conn, view), lines=False)
    if records:
        extend_deals(conn, records, view, load_stage_names(conn))
    return records


def load_holding(conn: Connection, viewer: Viewer, customer: UUID) -> Record | None:
    """The customers of one holding with the sum of what they owe, by currency; None where he belongs to none.

    `members` and `totals` are of those whom the viewer may see; `hidden` says how many there are besides.
    """
    head_id = select(counterparties.c.head_id).where(counterparties.c.id == customer)
    head = conn.execute(head_id).scalar() or customer
    visible = may_see_customer(viewer).label("visible")
    members = union(  # found by two indexes: an OR would read all customers in the order of their names
        select(counterparties.c.id).where(counterparties.c.id == head),
        select(counterparties.c.id).where(counterparties.c.head_id == head),
    )
    query = (
        select(counterparties.c.id, counterparties.c.name, visible)
        .where(counterparties.c.id.in_(members))
        .where(counterparties.c.deleted.is_(False))
        .order_by(counterparties.c.name)
        .limit(200)
    )
    rows = conn.execute(query).all()
    if len(rows) < 2:
        return None
    seen = [row for row in rows if row.visible]
    return _build_holding(conn, seen, len(rows) - len(seen), head)


def _build_holding(conn: Connection, seen: Sequence[Row[Any]], hidden: int, head: UUID) -> Record:
    owed = load_owed(conn, [row.id for row in seen])
    totals: dict[str, Decimal] = {}
    for records in owed.values():
        for one in records:
            totals[one["currency"]] = totals.get(one["currency"], ZERO) + Decimal(one["amount"])
    members = [
        {"id": str(row.id), "name": row.name, "head": row.id == head, "owed": owed.get(row.id, [])} for row in seen
    ]
    summed = [{"currency": currency, "amount": amount_text(amount)} for currency, amount in sorted(totals.items())]
    return {"members": members, "hidden": hidden, "totals": summed}


def load_document(conn: Connection, viewer: Viewer, entity: str, key: UUID, view: View) -> Record | None:
    """One document with its lines, where it is one of the viewer's customers'; None for any other."""
    table = entity_tables[entity]
    rows = conn.execute(narrow_documents(select(table).where(table.c.id == key), viewer, table)).mappings().all()
    if not rows or rows[0]["counterparty_id"] is None:
        return None
    record = build_records(conn, entity, [dict(rows[0])], view, References(conn, view), lines=True)[0]
    if entity == "order":
        add_order_figures(conn, [record])
    return record | {"entity": entity}


def load_credit(conn: Connection, customer: UUID, contracts: Sequence[Record]) -> list[Record]:
    """What of his credit is left: of the customer's own limit, and of those of his contracts.

    A limit of his own counts against what he owes in the currency in which he owes most.
    """
    limit = conn.execute(select(counterparties.c.credit_limit).where(counterparties.c.id == customer)).scalar()
    found: list[Record] = []
    if limit:
        owed = load_owed(conn, [customer]).get(customer, [])
        most = max(owed, key=lambda one: Decimal(one["amount"]), default=None)
        currency, amount = (most["currency"], Decimal(most["amount"])) if most else (None, ZERO)
        found.append(_left(None, currency, limit, amount))
    limited = {UUID(one["id"]): one for one in contracts if one["credit_limit"] and not one["closed"]}
    if limited:
        query = select(balances.c.contract_id, balances.c.amount).where(balances.c.contract_id.in_(limited))
        sums: dict[UUID, Decimal] = {}
        for contract, amount in conn.execute(query.where(balances.c.counterparty_id == customer)):
            sums[contract] = sums.get(contract, ZERO) + amount
        for key, one in limited.items():
            name = one["name"] or one["number"]
            found.append(_left(name, one["currency"], Decimal(one["credit_limit"]), sums.get(key, ZERO)))
    return found


def _left(contract: str | None, currency: str | None, limit: Decimal, owed: Decimal) -> Record:
    left = limit - max(owed, ZERO)
    return {
        "contract": contract,
        "currency": currency,
        "limit": amount_text(limit),
        "left": amount_text(left),
        "over": left < ZERO,
    }


def load_places(conn: Connection, customer: UUID, connections: Sequence[str]) -> dict[str, list[str]]:
    """By accounting connection the customer's keys there: whom to ask about to have him read now."""
    mine = (binding.c.entity == "counterparty", binding.c.entity_id == customer, binding.c.deleted.is_(False))
    query = select(binding.c.connection, binding.c.external_id).where(*mine, binding.c.connection.in_(connections))
    found: dict[str, list[str]] = {}
    for row in conn.execute(query.order_by(binding.c.connection, binding.c.external_id)):
        found.setdefault(row.connection, []).append(row.external_id)
    return found


def load_readings(conn: Connection, places: dict[str, list[str]]) -> int:
    """How many readings of this customer were asked for and are not done."""
    if not places:
        return 0
    query = select(request.c.connection, request.c.arguments).where(
        request.c.kind == "pull_customer", request.c.done_at.is_(None), request.c.connection.in_(places)
    )
    return sum(1 for row in conn.execute(query) if (row.arguments or {}).get("counterparty") in places[row.connection])


def load_known_at(conn: Connection, customer: UUID, connections: Sequence[str]) -> datetime | None:
    """When accounting last told what the customer owes: the oldest of his balances, each as fresh as it was read.

    Of one who has none it is when all balances were read last; None where they never were.
    """
    if not connections:
        return None
    fresh = load_balance_freshness(conn)
    mine = (balances.c.counterparty_id == customer, balances.c.connection.in_(connections))
    query = select(balances.c.connection, func.min(balances.c.as_of)).where(*mine).group_by(balances.c.connection)
    told = [max(row[1], fresh.get(row[0], row[1])) for row in conn.execute(query)]
    return min(told or [fresh[name] for name in connections if name in fresh], default=None)
