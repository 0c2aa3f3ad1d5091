"""Two cards of the store that turn out to be one customer: everything that points to one moves to the other.

Happens when a contact is linked to a counterparty that had been mirrored from accounting under an id of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, Table, delete, insert, select, update

from core.ids import new_id
from mapping.model import ENTITIES
from store.bulk import select_in, upsert
from store.entities import balances, counterparties, entity_tables, line_tables, movements
from store.tables import audit, binding, intent, match_decision, own_value, reconciliation_line, review
from sync.push.intents import OPEN

KEEPS = frozenset({"id", "home", "status", "created_at", "updated_at", "search", "marks"})
"""Columns that a merge never fills from the other card."""


def _pointing_columns() -> list[tuple[Table, Column[Any]]]:
    found = [(table, table.c.counterparty_id) for table in (balances, movements, reconciliation_line)]
    for spec in ENTITIES.values():
        table = entity_tables[spec.name]
        found += [(table, table.c[f"{ref}_id"]) for ref, to in spec.refs.items() if to.entity == "counterparty"]
        for name, lines in spec.lines.items():
            rows = line_tables[(spec.name, name)]
            found += [(rows, rows.c[f"{ref}_id"]) for ref, to in lines.refs.items() if to.entity == "counterparty"]
    return found


def load_row(conn: Connection, entity_id: UUID) -> dict[str, Any] | None:
    """A counterparty of the store as it stands."""
    row = conn.execute(select(counterparties).where(counterparties.c.id == entity_id)).mappings().first()
    return dict(row) if row else None


def load_rows(conn: Connection, ids: Iterable[UUID]) -> dict[UUID, dict[str, Any]]:
    """The same of many, by id, with as few questions."""
    table = counterparties
    return {row.id: dict(row._mapping) for row in select_in(conn, table, list(table.c), table.c.id, ids)}


def build_missing(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """What the other side knows and we do not: fills what is empty, overwrites nothing."""
    return {
        name: value
        for name, value in theirs.items()
        if name in counterparties.c
        and name not in KEEPS
        and value not in (None, [], {}, "")
        and ours.get(name) in (None, [], {}, "")
    }


def apply_merge(conn: Connection, gone: UUID, kept: UUID, now: datetime, who: str) -> None:
    """Make two cards one, in the caller's transaction: references move, empty fields are filled, the other row goes.

    Guarantees that nothing of the kept card is overwritten, and that the audit holds the whole card that went.
    """
    old, ours = load_row(conn, gone), load_row(conn, kept)
    if old is None or ours is None or gone == kept:
        return
    _close_queues(conn, gone, now)
    for table, column in _pointing_columns():
        conn.execute(update(table).where(column == gone).values({column.name: kept}))
    _move_decisions(conn, gone, kept)
    _move_own(conn, gone, kept, ours)
    where = (binding.c.entity == "counterparty", binding.c.entity_id == gone)
    conn.execute(update(binding).where(*where).values(entity_id=kept))
    conn.execute(delete(counterparties).where(counterparties.c.id == gone))
    filled = build_missing(ours, old)
    if filled.get("head_id") == kept:
        del filled["head_id"]
    conn.execute(update(counterparties).where(counterparties.c.id == kept).values(**filled, updated_at=now))
    add_audit(
        conn,
        now,
        who,
        "contact.merge",
        str(kept),
        before=_plain(old),
        after={"kept": str(kept), "filled": sorted(str(name) for name in filled)},
    )


def _move_decisions(conn: Connection, gone: UUID, kept: UUID) -> None:
    """What people have said of the one counts for the other, unless they have said it of him already."""
    mine = match_decision.c.entity_id == gone
    rows = [dict(row) | {"entity_id": kept} for row in conn.execute(select(match_decision).where(mine)).mappings()]
    keys = [column.name for column in match_decision.primary_key]
    upsert(conn, match_decision, rows, keys, update=())
    conn.execute(delete(match_decision).where(mine))


def _move_own(conn: Connection, gone: UUID, kept: UUID, ours: dict[str, Any]) -> None:
    """Limits and terms that were set here of the one go on with the other, where he has none of his own."""
    mine = (own_value.c.entity == "counterparty", own_value.c.entity_id == gone)
    rows = [dict(row) for row in conn.execute(select(own_value).where(*mine)).mappings()]
    moved = [row | {"entity_id": kept} for row in rows if ours.get(row["field"]) is None]
    upsert(conn, own_value, moved, [column.name for column in own_value.primary_key], update=())
    conn.execute(delete(own_value).where(*mine))


def _close_queues(conn: Connection, gone: UUID, now: datetime) -> None:
    closed = {
        "state": "discarded",
        "reason": "merged into another contact",
        "updated_at": now,
        "owner": None,
        "until": None,
    }
    conn.execute(update(intent).where(intent.c.entity_id == gone, intent.c.state.in_(OPEN)).values(closed))
    where = (review.c.entity_id == gone, review.c.entity == "counterparty", review.c.state == "open")
    conn.execute(update(review).where(*where).values(state="dismissed", decided_at=now, decided_by="sverka"))


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    simple = (str, int, bool, list, dict, type(None))
    return {str(name): value if isinstance(value, simple) else str(value) for name, value in row.items()}


def add_audit(
    conn: Connection, now: datetime, who: str, what: str, subject: str, *, before: object = None, after: object = None
) -> None:
    """Write down who did what to whom."""
    row = {"id": new_id(), "at": now, "who": who, "what": what, "subject": subject}
    row |= {name: value for name, value in (("before", before), ("after", after)) if value is not None}
    conn.execute(insert(audit).values(row))
