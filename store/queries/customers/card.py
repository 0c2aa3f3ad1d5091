"""One customer at a glance: what he owes and what is overdue, what he ordered, got and paid, and how old that is.

Asks the same number of questions whatever the size of the store and of the customer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Table, select

from core.errors import UsageError
from store.entities import balances, counterparties, entity_tables
from store.queries.customers.find import find_customers
from store.queries.export import build_records
from store.queries.references import References
from store.queries.settlements.settled import AMOUNTS, build_balances
from store.queries.shapes import Record, StoredRow, View, amount_text, date_text
from store.queries.work.freshness import load_freshness

__all__ = ["find_customers", "load_card"]

DOCUMENTS = ("order", "shipment", "return", "payment")
SHOWN = 20
"""So many newest documents of each kind."""


def load_card(
    conn: Connection, key: UUID | str, view: View | None = None, *, now: datetime, shown: int = SHOWN
) -> Record:
    """The card of a customer.

    `totals` and `balances` say what he owes (by currency; by organisation and contract), `last` is the newest document
    of each kind that counts, `documents` are the newest of all, those not posted or deleted too, and `freshness` says
    how old it all is.

    Args:
        conn: a connection; one that sees a single moment gives a card that fits together.
        key: our id of the counterparty.
        view: how records are shown.
        now: the present moment, for ages.
        shown: documents of each kind.

    Raises:
        UsageError: there is no such customer.
    """
    chosen, references = view or View(), References(conn, view or View())
    owner = key if isinstance(key, UUID) else UUID(key)
    row = conn.execute(select(counterparties).where(counterparties.c.id == owner)).mappings().one_or_none()
    if row is None:
        raise UsageError(f"There is no customer with the id {key}.", next_step="sverka card NAME")
    owed = conn.execute(_of(balances, owner)).mappings().all()
    documents = {entity: _load_documents(conn, entity, owner, shown, chosen, references) for entity in DOCUMENTS}
    last = {entity: _load_last(conn, entity, owner, chosen, references) for entity in DOCUMENTS}
    built = build_balances(conn, owed, chosen, references)
    return {
        "customer": build_records(conn, "counterparty", [row], chosen, references, lines=False)[0],
        "totals": _build_totals(owed, built),
        "balances": [_without(record, "counterparty") for record in built if not _is_nothing(record)],
        "last": last,
        "contracts": _load_parts(conn, "contract", owner, chosen, references),
        "persons": _load_parts(conn, "person", owner, chosen, references),
        "documents": [record for entity in DOCUMENTS for record in documents[entity]],
        "freshness": load_freshness(conn, now, chosen),
    }


def _of(table: Table, owner: UUID) -> Any:
    return select(table).where(table.c.counterparty_id == owner).order_by(table.c.id)


def _load_documents(
    conn: Connection, entity: str, owner: UUID, shown: int, view: View, references: References
) -> list[Record]:
    table = entity_tables[entity]
    query = select(table).where(table.c.counterparty_id == owner).order_by(table.c.date.desc(), table.c.id.desc())
    return _short(conn, entity, conn.execute(query.limit(shown)).mappings().all(), view, references)


def _load_last(conn: Connection, entity: str, owner: UUID, view: View, references: References) -> Record | None:
    """The newest document that counts: posted, and not deleted."""
    table = entity_tables[entity]
    query = (
        select(table)
        .where(table.c.counterparty_id == owner, table.c.posted.is_(True), table.c.deleted.is_(False))
        .order_by(table.c.date.desc(), table.c.id.desc())
    )
    found = _short(conn, entity, conn.execute(query.limit(1)).mappings().all(), view, references)
    return found[0] if found else None


def _short(
    conn: Connection, entity: str, rows: Sequence[StoredRow], view: View, references: References
) -> list[Record]:
    records = build_records(conn, entity, rows, view, references, lines=False)
    return [{"entity": entity, **_without(record, "counterparty")} for record in records]


def _load_parts(conn: Connection, entity: str, owner: UUID, view: View, references: References) -> list[Record]:
    rows = conn.execute(_of(entity_tables[entity], owner)).mappings().all()
    records = build_records(conn, entity, rows, view, references, lines=False)
    return [_without(record, "counterparty") for record in records]


def _build_totals(rows: Sequence[StoredRow], built: Sequence[Record]) -> list[Record]:
    """Sums by currency; as old as the oldest of what was added up."""
    sums: dict[str, dict[str, Decimal]] = defaultdict(lambda: dict.fromkeys(AMOUNTS, Decimal(0)))
    since: dict[str, list[Any]] = defaultdict(list)
    as_of: dict[str, list[str]] = defaultdict(list)
    for row, record in zip(rows, built, strict=True):
        for name in AMOUNTS:
            sums[row["currency"]][name] += row[name]
        as_of[row["currency"]].append(record["as_of"])
        if row["overdue_since"] is not None:
            since[row["currency"]].append(row["overdue_since"])
    return [
        {
            "currency": currency,
            **{name: amount_text(value) for name, value in found.items()},
            "overdue_since": date_text(min(since[currency], default=None)),
            "as_of": min(as_of[currency], key=datetime.fromisoformat),
        }
        for currency, found in sorted(sums.items())
    ]


def _is_nothing(record: Record) -> bool:
    return all(Decimal(record[name]) == 0 for name in AMOUNTS)


def _without(record: Record, name: str) -> Record:
    return {key: value for key, value in record.items() if key != name}
