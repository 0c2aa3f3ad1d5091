"""Who owes what: balances by customer and currency, the greatest debt first (design §7, `sverka balances`)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, case, func, literal, select

from store.entities import balances, counterparties
from store.queries.references import References
from store.queries.settlements.settled import AMOUNTS, party_card
from store.queries.shapes import Record, View, amount_text
from store.tables import cursor

CHUNK = 1000
_NOTHING = literal(Decimal(0), balances.c.amount.type)


def iter_balances(
    conn: Connection, view: View | None = None, *, connection: str | None = None, size: int = CHUNK
) -> Iterator[Record]:
    """Every balance that is not zero, by customer and currency, advances too; the greatest debt first.

    A customer whose debt under one contract equals his advance under another owes nothing and is left out; his card
    shows both. `as_of` is the oldest of what was added up. Flat in memory: read it while the transaction is open.
    """
    references = References(conn, view or View())
    result = conn.execute(_aggregate(connection), execution_options={"yield_per": size})
    for rows in result.partitions():
        references.prepare({"counterparty": {row.counterparty_id for row in rows if row.counterparty_id}})
        for row in rows:
            yield _build(row, view or View(), references)


def load_totals(conn: Connection, *, connection: str | None = None) -> list[Record]:
    """What all customers together owe and have paid in advance, a line a currency."""
    sums = [func.sum(balances.c[name]).label(name) for name in AMOUNTS]
    query = select(balances.c.currency, *sums).group_by(balances.c.currency).order_by(balances.c.currency)
    if connection is not None:
        query = query.where(balances.c.connection == connection)
    return [
        {"currency": row["currency"], **{name: amount_text(row[name]) for name in AMOUNTS}}
        for row in conn.execute(query).mappings()
    ]


def _aggregate(connection: str | None) -> Select[Any]:
    """One row a customer and currency; one that is unknown here counts by its id in accounting."""
    unknown = balances.c.counterparty_id.is_(None)
    loose = case((unknown, balances.c.connection), else_="").label("loose_connection")
    key = case((unknown, balances.c.counterparty_key), else_="").label("loose_key")
    sums = {name: func.sum(balances.c[name]) for name in AMOUNTS}
    as_of = case((cursor.c.fresh_at > balances.c.as_of, cursor.c.fresh_at), else_=balances.c.as_of)
    fresh = and_(cursor.c.connection == balances.c.connection, cursor.c.entity == "balance")
    query = (
        select(
            balances.c.counterparty_id,
            loose,
            key,
            balances.c.currency,
            *(column.label(name) for name, column in sums.items()),
            func.min(as_of).label("as_of"),
        )
        .select_from(balances.outerjoin(cursor, fresh))
        .group_by(balances.c.counterparty_id, loose, key, balances.c.currency)
        .having(sums["amount"] != _NOTHING)
    )
    if connection is not None:
        query = query.where(balances.c.connection == connection)
    owed = query.subquery()
    return (
        select(owed)
        .select_from(owed.outerjoin(counterparties, counterparties.c.id == owed.c.counterparty_id))
        .order_by(owed.c.amount.desc(), counterparties.c.name, owed.c.counterparty_id, owed.c.loose_key)
    )


def _build(row: Row[Any], view: View, references: References) -> Record:
    return {
        "counterparty": party_card(
            "counterparty", row.counterparty_id, row.loose_connection, row.loose_key, references
        ),
        "currency": row.currency,
        **{name: amount_text(row._mapping[name]) for name in AMOUNTS},
        "as_of": view.moment(row.as_of),
    }
