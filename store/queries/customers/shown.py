"""What a CRM's card may show of customers and documents, asked for many at once with the same few questions.

Names and shapes are those of `mapping/cards/shown.py`: amounts are Decimal, in `currency`; an amount of another
currency is (amount, currency); moments are aware UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Table, and_, case, func, select, type_coerce

from core.money import ZERO
from store.bulk import is_among, select_in
from store.entities import balances, counterparties, entity_tables
from store.queries.deals.order_figures import NOTHING, load_order_figures
from store.tables import cursor, deal_order
from store.types import Money, UtcDateTime

Shown = dict[str, Any]
LAST = ("order", "shipment", "payment")
AMOUNTS = ("receivable", "advance", "amount", "overdue")
CURRENCY, MANAGER, CONTRACT, FIRM = (
    entity_tables[name] for name in ("currency", "manager", "contract", "organisation")
)


def load_customers(conn: Connection, ids: Sequence[UUID], currency: str) -> dict[UUID, Shown]:
    """These customers with all that a card may show but their way into accounting; those that are not here left out.

    `balance` and the like are in `currency`, what is owed in others stands in `other_balances`. `credit_left` is None
    where no limit is known. `as_of` is the oldest of the balances added up, None where there is none.
    """
    table = counterparties
    rows = select_in(conn, table, list(table.c), table.c.id, ids)
    managers = _load_names(conn, MANAGER, (row.manager_id for row in rows))
    owed = _load_owed(conn, ids)
    last = {name: _load_last(conn, name, ids, currency) for name in LAST}
    found: dict[UUID, Shown] = {}
    for row in rows:
        shown = dict(row._mapping) | _figures(row, owed.get(row.id, []), currency)
        shown |= {f"last_{name}": last[name].get(row.id) for name in LAST}
        found[row.id] = shown | {"manager": managers.get(row.manager_id)}
    return found


def _load_owed(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, list[Any]]:
    """Sums by currency; a balance that did not move is as fresh as the last whole reading of its connection."""
    as_of = case((cursor.c.fresh_at > balances.c.as_of, cursor.c.fresh_at), else_=balances.c.as_of)
    fresh = and_(cursor.c.connection == balances.c.connection, cursor.c.entity == "balance")
    sums = (type_coerce(func.sum(balances.c[name]), Money).label(name) for name in AMOUNTS)
    oldest = type_coerce(func.min(as_of), UtcDateTime).label("as_of")
    columns = (balances.c.counterparty_id, balances.c.currency, *sums, oldest)
    since = func.min(balances.c.overdue_since).label("overdue_since")
    query = select(*columns, since).select_from(balances.outerjoin(cursor, fresh))
    query = query.where(is_among(conn, balances.c.counterparty_id, ids))
    found: dict[UUID, list[Any]] = {}
    for row in conn.execute(query.group_by(balances.c.counterparty_id, balances.c.currency)):
        found.setdefault(row.counterparty_id, []).append(row)
    return found


def _figures(row: Any, owed: Iterable[Any], currency: str) -> Shown:
    sums = {one.currency: one for one in owed}
    main = sums.get(currency)
    amounts: dict[str, Decimal] = {name: getattr(main, name) if main is not None else ZERO for name in AMOUNTS}
    left = None if row.credit_limit is None else row.credit_limit - max(amounts["amount"], ZERO)
    return {
        "balance": amounts["amount"],
        "receivable": amounts["receivable"],
        "advance": amounts["advance"],
        "overdue": amounts["overdue"],
        "overdue_since": main.overdue_since if main is not None else None,
        "credit_left": left,
        "currency": currency,
        "other_balances": [(one.amount, name) for name, one in sorted(sums.items()) if name != currency and one.amount],
        "as_of": min((one.as_of for one in sums.values()), default=None),
    }


def _load_last(conn: Connection, entity: str, ids: Sequence[UUID], currency: str) -> dict[UUID, Shown]:
    """The newest document of each customer that counts: posted, not deleted; of payments what he paid us."""
    table = entity_tables[entity]
    newest = (table.c.date.desc(), table.c.id.desc())
    place = func.row_number().over(partition_by=table.c.counterparty_id, order_by=newest).label("place")
    counts = [table.c.posted.is_(True), table.c.deleted.is_(False), is_among(conn, table.c.counterparty_id, ids)]
    if entity == "payment":
        counts.append(table.c.direction == "in")
    columns = [table.c[name] for name in ("counterparty_id", "number", "date", "amount", "currency_id")]
    ranked = select(*columns, place).where(*counts).subquery("ranked")
    rows = conn.execute(select(ranked).where(ranked.c.place == 1)).all()
    codes = _load_names(conn, CURRENCY, (row.currency_id for row in rows), "code")
    return {
        row.counterparty_id: {
            "number": row.number, "date": row.date, "amount": row.amount,
            "currency": codes.get(row.currency_id) or currency,
        }
        for row in rows
    }  # fmt: skip


def _load_names(conn: Connection, table: Table, ids: Iterable[Any], *columns: str) -> dict[UUID, str]:
    """A name of each, the first of these columns that is filled."""
    wanted = [table.c[name] for name in (columns or ("name",))]
    rows = select_in(conn, table, (table.c.id, *wanted), table.c.id, {key for key in ids if key is not None})
    return {row[0]: next((str(name) for name in tuple(row)[1:] if name), "") for row in rows}


def load_documents(conn: Connection, entity: str, ids: Sequence[UUID], currency: str) -> dict[UUID, Shown]:
    """These documents with all that a card may show: names for what they refer to, of orders `paid` and `shipped`.

    `deal_id` is our id of the deal that an order belongs to, None where none is known.
    """
    table = entity_tables[entity]
    rows = select_in(conn, table, list(table.c), table.c.id, ids)
    names: dict[str, Mapping[UUID, str]] = {
        "currency": _load_names(conn, CURRENCY, (row.currency_id for row in rows), "code"),
        "manager": _load_names(conn, MANAGER, (row.manager_id for row in rows)),
        "contract": _load_names(conn, CONTRACT, (row.contract_id for row in rows), "name", "number"),
        "organisation": _load_names(conn, FIRM, (row.organisation_id for row in rows)),
    }
    found: dict[UUID, Shown] = {}
    for row in rows:
        shown = dict(row._mapping)
        told = {name: known.get(shown[f"{name}_id"]) for name, known in names.items()}
        found[row.id] = shown | told | {"currency": told["currency"] or currency, "deal_id": None}
    if entity == "order":
        _add_figures(conn, found)
    return found


def _add_figures(conn: Connection, orders: dict[UUID, Shown]) -> None:
    figures = load_order_figures(conn, orders)
    deals = select_in(conn, deal_order, (deal_order.c.order_id, deal_order.c.deal_id), deal_order.c.order_id, orders)
    for key, shown in orders.items():
        one = figures.get(key, NOTHING)
        shown |= {"paid": one.paid, "shipped": one.shipped}
    for row in deals:
        orders[row.order_id]["deal_id"] = row.deal_id
