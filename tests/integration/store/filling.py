"""Putting records into a store, without the engine: rows as `sync.pull.apply` would leave them."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from store import bulk
from store.entities import balances, entity_tables, line_tables
from store.search import search_text
from store.tables import binding

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
NEEDED: dict[str, dict[str, Any]] = {
    "currency": {"code": "RUB"},
    "contract": {},
    "order": {"date": NOW, "posted": True, "amount": Decimal(0)},
    "shipment": {"date": NOW, "posted": True, "amount": Decimal(0)},
    "return": {"date": NOW, "posted": True, "amount": Decimal(0)},
    "payment": {"date": NOW, "posted": True, "amount": Decimal(0), "direction": "in", "method": "bank"},
}
BALANCE: dict[str, Any] = {
    "contract_key": "",
    "organisation_key": "",
    "currency_key": "",
    "currency": "RUB",
    "receivable": Decimal(0),
    "advance": Decimal(0),
    "overdue": Decimal(0),
    "as_of": NOW,
}


_numbers = count(1)


def next_id() -> UUID:
    """Ids in the order of asking: those of the program are so only from one millisecond to the next."""
    return UUID(int=(7 << 76) + (2 << 62) + next(_numbers))


class Filling:
    """`add` puts one record with its bindings, `lines` its lines, `balance` a balance."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def add(self, entity: str, bound: dict[str, str] | None = None, **values: Any) -> UUID:
        return self.add_many(entity, [(bound or {}, values)])[0]

    def add_many(self, entity: str, records: list[tuple[dict[str, str], dict[str, Any]]]) -> list[UUID]:
        table = entity_tables[entity]
        empty = dict.fromkeys(set(table.columns.keys()) - {"home", "search", "deleted"})
        rows: list[dict[str, Any]] = []
        bindings: list[dict[str, Any]] = []
        for bound, values in records:
            row = empty | {"id": next_id(), "deleted": False, "created_at": NOW, "updated_at": NOW}
            row |= NEEDED.get(entity, {"name": entity}) | values
            if entity == "counterparty":
                row = {"home": "accounting"} | row | {"search": search_text(row)}
            rows.append(row)
            bindings += [
                {"connection": name, "entity": entity, "external_id": key, "entity_id": row["id"]}
                for name, key in bound.items()
            ]
        with self.engine.begin() as conn:
            bulk.insert(conn, table, rows)
            bulk.insert(conn, binding, bindings)
        return [row["id"] for row in rows]

    def lines(self, entity: str, group: str, owner: UUID, *lines: dict[str, Any]) -> None:
        table = line_tables[entity, group]
        empty = dict.fromkeys(table.c.keys())
        rows = [
            empty | {f"{entity}_id": owner, "line_number": number} | line for number, line in enumerate(lines, start=1)
        ]
        with self.engine.begin() as conn:
            bulk.insert(conn, table, rows[::-1])

    def balance(self, counterparty: UUID | None, key: str, connection: str = "accounting", **values: Any) -> None:
        row = BALANCE | {"id": next_id(), "connection": connection, "counterparty_key": key}
        row |= {"counterparty_id": counterparty} | values
        row["amount"] = row["receivable"] - row["advance"]
        with self.engine.begin() as conn:
            bulk.insert(conn, balances, [row])
