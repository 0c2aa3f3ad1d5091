"""Rows of balances and movements as JSON objects: by contract and organisation, as accounting keeps them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, select

from store.queries.references import References, unresolved_card
from store.queries.shapes import Record, StoredRow, View, amount_text, date_text
from store.tables import cursor

AMOUNTS = ("receivable", "advance", "amount", "overdue")


def load_balance_freshness(conn: Connection) -> dict[str, datetime]:
    """When the balances of each connection were last read whole: one that did not move since is as fresh as that."""
    query = select(cursor.c.connection, cursor.c.fresh_at).where(cursor.c.entity == "balance")
    return {row.connection: row.fresh_at for row in conn.execute(query) if row.fresh_at is not None}


def build_balances(conn: Connection, rows: Sequence[StoredRow], view: View, references: References) -> list[Record]:
    """Rows of `balances` as JSON objects, the age of each included."""
    fresh = load_balance_freshness(conn)
    references.prepare(_wanted(rows, ("counterparty", "contract", "organisation")))
    return [_build_balance(row, fresh.get(row["connection"]), view, references) for row in rows]


def build_movements(rows: Sequence[StoredRow], view: View, references: References) -> list[Record]:
    """Rows of `movements` as JSON objects."""
    references.prepare(_wanted(rows, ("counterparty",)))
    return [_build_movement(row, view, references) for row in rows]


def party_card(entity: str, key: UUID | None, connection: str, external_id: str, references: References) -> Record:
    """Who or what a balance belongs to; with its id in accounting alone where the record is not here."""
    return references.card(entity, key) or unresolved_card(entity, connection, external_id)


def _build_balance(row: StoredRow, fresh: datetime | None, view: View, references: References) -> Record:
    connection = row["connection"]
    keys = [row[f"{name}_key"] for name in ("counterparty", "contract", "organisation", "currency")]
    own = "/".join(keys)
    as_of = max(row["as_of"], fresh) if fresh else row["as_of"]
    return {
        "id": str(row["id"]),
        "external_id": own,
        "external_ids": {connection: own},
        "counterparty": party_card("counterparty", row["counterparty_id"], connection, keys[0], references),
        "contract": party_card("contract", row["contract_id"], connection, keys[1], references) if keys[1] else None,
        "organisation": (
            party_card("organisation", row["organisation_id"], connection, keys[2], references) if keys[2] else None
        ),
        "currency": row["currency"],
        **{name: amount_text(row[name]) for name in AMOUNTS},
        "overdue_since": date_text(row["overdue_since"]),
        "overdue_rule": row["overdue_rule"],
        "unexplained": amount_text(row["unexplained"]),
        "source": row["source"],
        "as_of": view.moment(as_of),
    }


def _build_movement(row: StoredRow, view: View, references: References) -> Record:
    connection = row["connection"]
    return {
        "id": str(row["id"]),
        "external_id": row["recorder"],
        "external_ids": {connection: row["recorder"]},
        "counterparty": party_card(
            "counterparty", row["counterparty_id"], connection, row["counterparty_key"], references
        ),
        "contract_key": row["contract_key"] or None,
        "organisation_key": row["organisation_key"] or None,
        "currency": row["currency"],
        "recorder_set": row["recorder_set"],
        "kind": row["kind"],
        "number": row["number"],
        "date": view.moment(row["date"]),
        "amount": amount_text(row["amount"]),
    }


def _wanted(rows: Sequence[StoredRow], names: Sequence[str]) -> dict[str, set[UUID]]:
    wanted: dict[str, set[UUID]] = defaultdict(set)
    for name in names:
        wanted[name].update(row[f"{name}_id"] for row in rows if row[f"{name}_id"] is not None)
    return wanted
