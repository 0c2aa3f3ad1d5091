"""Credit limits and terms of payment that are set here: who set which, and what the other side says meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from store.bulk import select_in
from store.entities import counterparties, entity_tables
from store.queries.shapes import Record
from store.tables import own_value

TERMS = ("credit_limit", "payment_days")
"""What is set here of a customer and of his contracts."""
HOLDERS = ("counterparty", "contract")
CONTRACT, CURRENCY = entity_tables["contract"], entity_tables["currency"]
Term = Decimal | int


@dataclass(frozen=True, slots=True)
class Own:
    """A value that was set here, by whom and when. `theirs`: what the other side said last, None for nothing."""

    value: Term
    theirs: Term | None
    set_by: str
    set_at: datetime


def load_own(conn: Connection, entity: str, ids: Iterable[UUID]) -> dict[tuple[UUID, str], Own]:
    """What was set here of these records, by id and field."""
    rows = select_in(conn, own_value, list(own_value.c), own_value.c.entity_id, ids, entity=entity)
    return {(row.entity_id, row.field): _own(row) for row in rows}


def _own(row: Any) -> Own:
    theirs = None if row.theirs is None else read_term(row.field, row.theirs)
    return Own(read_term(row.field, row.value), theirs, row.set_by, row.set_at)


def read_term(name: str, text: str) -> Term:
    """A value as it is kept."""
    return int(text) if name == "payment_days" else Decimal(text)


def write_term(value: Term) -> str:
    """A value as it is kept: equal values, equal text."""
    return str(value) if isinstance(value, int) else format(value.normalize(), "f")


def load_holders(conn: Connection, customer: UUID) -> list[Record]:
    """The customer and his living contracts, each with its limit and terms as they are in force."""
    columns = [counterparties.c[name] for name in ("id", "name", *TERMS)]
    rows = conn.execute(select(*columns).where(counterparties.c.id == customer)).mappings()
    found = [dict(row) | {"entity": "counterparty", "currency": None} for row in rows]
    named = [CONTRACT.c[name] for name in ("id", "name", "number", *TERMS)]
    living = (CONTRACT.c.counterparty_id == customer, CONTRACT.c.deleted.is_(False), CONTRACT.c.closed.is_not(True))
    query = select(*named, CURRENCY.c.code.label("currency")).where(*living).order_by(CONTRACT.c.name, CONTRACT.c.id)
    contracts = query.outerjoin(CURRENCY, CURRENCY.c.id == CONTRACT.c.currency_id).limit(200)
    for row in conn.execute(contracts).mappings():
        found.append(dict(row) | {"entity": "contract", "name": row["name"] or row["number"]})
    return found
