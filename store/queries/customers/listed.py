"""The list of customers: whom the viewer may see, narrowed, sorted, a page at a time; what each owes and did last.

Sorted by the figures that every run keeps (`store.customers`); what a line shows is read where it is kept, for the
lines of the page alone. The same number of questions whatever the size of the store.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, type_coerce

from core.money import ZERO
from store.bulk import chunks
from store.customers import DATED, NEVER
from store.entities import balances, counterparties, entity_tables
from store.queries.customers.found import find_ids
from store.queries.customers.rights import Viewer, load_seen_managers, narrow_customers, own_managers
from store.queries.shapes import Record, View, amount_text, date_text
from store.tables import customer_figure
from store.types import Money

Sort = Literal["name", "balance", "overdue", "over", "order", "shipment", "payment"]
SORTS: tuple[Sort, ...] = ("name", "balance", "overdue", "over", "order", "shipment", "payment")
Whose = Literal["all", "mine", "nobody"]
Owing = Literal["any", "debtors", "overdue", "over"]
TRAITS = ("segment", "industry", "region", "category")
"""Fields of a customer by which a list is narrowed."""
PAGE = 50
MANAGER = entity_tables["manager"]
_COLUMN = {
    "name": counterparties.c.name,
    "balance": customer_figure.c.amount,
    "overdue": customer_figure.c.overdue,
    "over": customer_figure.c.over,
    "order": customer_figure.c.last_order_at,
    "shipment": customer_figure.c.last_shipment_at,
    "payment": customer_figure.c.last_payment_at,
}
_OWED = {
    "debtors": customer_figure.c.amount,
    "overdue": customer_figure.c.overdue,
    "over": customer_figure.c.over,
}
_SHOWN = ("name", "legal_name", "tax_id", "phones", "kind", "status", "home", "deleted", *TRAITS)


@dataclass(frozen=True, slots=True)
class Wish:
    """What of the list is wanted, and in which order; all but names are sorted the greatest and newest first."""

    text: str = ""
    whose: Whose = "all"
    owing: Owing = "any"
    traits: tuple[tuple[str, str], ...] = ()
    manager: UUID | None = None
    sort: Sort = "name"


@dataclass(frozen=True, slots=True)
class Page:
    """Lines, and where the next page begins: sort value and id of the last line, or nothing."""

    rows: list[Record]
    following: tuple[Any, UUID] | None


def load_customers(
    conn: Connection, viewer: Viewer, wish: Wish, view: View, after: tuple[Any, UUID] | None = None, limit: int = PAGE
) -> Page:
    """A page of the customers whom the viewer may see.

    A search gives its hits the surest first, all on one page, unless another order than that by name is wished.
    """
    if wish.text.strip():
        return _load_found(conn, viewer, wish, view, limit)
    query = _narrowed(_query(wish), viewer, wish)
    if wish.sort == "name" and (managers := load_seen_managers(conn, viewer)) is not None:
        query = query.where(counterparties.c.manager_id.in_(managers))
    if after is not None:
        query = query.where(_behind(wish.sort, after))
    rows = list(conn.execute(query.limit(limit + 1)).mappings())
    shown = rows[:limit]
    last = shown[-1] if len(rows) > limit else None
    return Page(_build(conn, shown, view), None if last is None else (last["sort_value"], last["id"]))


def _load_found(conn: Connection, viewer: Viewer, wish: Wish, view: View, limit: int) -> Page:
    ids = find_ids(conn, wish.text, viewer)
    query = _narrowed(_query(wish), viewer, wish).where(counterparties.c.id.in_(ids))
    rows = list(conn.execute(query).mappings())
    if wish.sort == "name":
        place = {key: number for number, key in enumerate(ids)}
        rows.sort(key=lambda row: place[row["id"]])
    return Page(_build(conn, rows[:limit], view), None)


def iter_customers(conn: Connection, viewer: Viewer, wish: Wish, view: View, size: int = 500) -> Iterator[Record]:
    """All customers of a wish, for an export: page by page, flat in memory."""
    after: tuple[Any, UUID] | None = None
    while True:
        page = load_customers(conn, viewer, wish, view, after, size)
        yield from page.rows
        if page.following is None:
            return
        after = page.following


def load_trait_values(conn: Connection, name: str, most: int = 200) -> list[str]:
    """The values that a field of customers has, each found by one step in its index."""
    column = counterparties.c[name]
    filled = column.is_not(None)  # which the index asks for
    first = select(func.min(column).label("value")).where(filled)
    known = first.cte("known", recursive=True)
    following = select(func.min(column)).where(filled, column > known.c.value).scalar_subquery()
    every = known.union_all(select(following).where(known.c.value.is_not(None)))
    query = select(every.c.value).where(every.c.value.is_not(None)).limit(most)
    return [value for value in conn.execute(query).scalars() if value]


def load_managers(conn: Connection) -> list[Record]:
    """The managers that customers may have, by name."""
    query = select(MANAGER.c.id, MANAGER.c.name).where(MANAGER.c.deleted.is_(False)).order_by(MANAGER.c.name)
    return [{"id": str(row.id), "name": row.name} for row in conn.execute(query.limit(500))]


def _query(wish: Wish) -> Select[Any]:
    key = counterparties.c.id
    joined = counterparties.outerjoin(customer_figure, customer_figure.c.counterparty_id == key)
    if wish.sort != "name" or wish.owing != "any":
        joined = counterparties.join(customer_figure, customer_figure.c.counterparty_id == key)
    columns = [counterparties.c[name] for name in ("id", *_SHOWN)]
    column = _COLUMN[wish.sort]
    managed = joined.outerjoin(MANAGER, MANAGER.c.id == counterparties.c.manager_id)
    query = select(*columns, MANAGER.c.name.label("manager"), column.label("sort_value")).select_from(managed)
    if wish.sort == "name":
        return query.order_by(column, key)
    return query.order_by(column.desc(), _tie(wish.sort).desc())


def _tie(sort: Sort) -> ColumnElement[Any]:
    """What decides between equals; of the figures' own table, so that one index gives the order."""
    return counterparties.c.id if sort == "name" else customer_figure.c.counterparty_id


def _behind(sort: Sort, after: tuple[Any, UUID]) -> ColumnElement[bool]:
    column, tie = _COLUMN[sort], _tie(sort)
    if sort == "name":
        return and_(column >= after[0], or_(column > after[0], tie > after[1]))
    return and_(column <= after[0], or_(column < after[0], tie < after[1]))


def _narrowed(query: Select[Any], viewer: Viewer, wish: Wish) -> Select[Any]:
    query = narrow_customers(query, viewer).where(counterparties.c.deleted.is_(False))
    if wish.whose == "nobody":
        query = query.where(counterparties.c.manager_id.is_(None))
    elif wish.whose == "mine":
        query = query.where(counterparties.c.manager_id.in_(own_managers(viewer.user_id)))
    if wish.manager is not None:
        query = query.where(counterparties.c.manager_id == wish.manager)
    if wish.owing != "any":
        query = query.where(_OWED[wish.owing] > ZERO)
    return query.where(*(counterparties.c[name] == value for name, value in wish.traits if name in TRAITS))


def _build(conn: Connection, rows: Sequence[Any], view: View) -> list[Record]:
    ids = [row["id"] for row in rows]
    owed, last = load_owed(conn, ids), load_last(conn, ids)
    return [
        {"id": str(row["id"]), **{name: row[name] for name in _SHOWN}, "manager": row["manager"]}
        | {"owed": owed.get(row["id"], [])}
        | {name: view.moment(last.get(row["id"], {}).get(name)) for name in DATED}
        for row in rows
    ]


def load_owed(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, list[Record]]:
    """What each of these customers owes and what of it is overdue, by currency; those who owe nothing are left out."""
    sums = [type_coerce(func.sum(balances.c[name]), Money).label(name) for name in ("amount", "overdue")]
    keys = (balances.c.counterparty_id, balances.c.currency)
    since = func.min(balances.c.overdue_since).label("since")
    query = select(*keys, *sums, since).group_by(*keys).order_by(balances.c.currency)
    found: dict[UUID, list[Record]] = {}
    for part in chunks(ids, 500):
        for row in conn.execute(query.where(balances.c.counterparty_id.in_(part))):
            if row.amount != ZERO or row.overdue != ZERO:
                found.setdefault(row.counterparty_id, []).append(_owed(row))
    return found


def _owed(row: Any) -> Record:
    overdue: Decimal = row.overdue
    return {
        "currency": row.currency,
        "amount": amount_text(row.amount),
        "overdue": amount_text(overdue),
        "overdue_since": date_text(row.since) if overdue > ZERO else None,
    }


def load_last(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, dict[str, datetime]]:
    """When each of these customers ordered, got and paid last, as far as he ever did."""
    columns = [customer_figure.c[name] for name in ("counterparty_id", *DATED)]
    found: dict[UUID, dict[str, datetime]] = {}
    for part in chunks(ids, 500):
        for row in conn.execute(select(*columns).where(customer_figure.c.counterparty_id.in_(part))).mappings():
            found[row["counterparty_id"]] = {name: row[name] for name in DATED if row[name] != NEVER}
    return found
