"""The question that an order asks: it names another deal in accounting than a person has chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, insert, select, update

from core.ids import new_id
from store.bulk import IN_CHUNK, chunks, is_among
from store.tables import review
from sync.deals.choosing import Deal
from sync.room.numbers import next_numbers

KIND = "deal"
"""The kind of such a review; its entity is "order"."""
ENTITY = "order"
Conflicts = Mapping[UUID, tuple[str, Deal]]
"""Order -> why it is asked about, and the deal that it names."""


def load_questions(conn: Connection, connection: str, orders: Sequence[UUID]) -> list[Row[Any]]:
    """What was ever asked about these orders."""
    found: list[Row[Any]] = []
    query = select(review.c.id, review.c.entity_id, review.c.state, review.c.candidates).where(
        review.c.connection == connection, review.c.entity == ENTITY, review.c.kind == KIND
    )
    for part in chunks(dict.fromkeys(orders), IN_CHUNK):
        found.extend(conn.execute(query.where(is_among(conn, review.c.entity_id, part))))
    return found


def ask_about(
    conn: Connection,
    now: datetime,
    connection: str,
    conflicts: Mapping[UUID, tuple[str, Deal]],
    known: Sequence[Row[Any]],
) -> int:
    """Ask about orders: why, and the deal that each names. Returns how many questions are new.

    A pair that a person has decided about is never asked again; an open question is brought up to date.
    """
    decided = {(row.entity_id, one["external_id"]) for row in known if row.state != "open" for one in row.candidates}
    open_ = {row.entity_id: row for row in known if row.state == "open"}
    fresh = []
    for order, (reason, deal) in conflicts.items():
        candidates = [
            {"connection": connection, "external_id": deal.external_id, "name": deal.label, "reasons": [reason]}
        ]
        if order in open_:
            values = {"reason": reason, "candidates": candidates}
            conn.execute(update(review).where(review.c.id == open_[order].id).values(values))
        elif (order, deal.external_id) not in decided:
            fresh.append({"entity_id": order, "reason": reason, "candidates": candidates})
    numbers = next_numbers(conn, review, len(fresh)) if fresh else range(0)
    for number, row in zip(numbers, fresh, strict=True):
        shared = {"id": new_id(), "connection": connection, "entity": ENTITY, "kind": KIND, "state": "open"}
        conn.execute(insert(review).values(shared | row | {"number": number, "created_at": now}))
    return len(fresh)


def close_questions(
    conn: Connection, now: datetime, orders: Sequence[UUID], who: str, decision: Mapping[str, Any] | None = None
) -> int:
    """Questions about these orders that have answered themselves, or that a person answers now."""
    closed = 0
    values = {"state": "dismissed", "decided_at": now, "decided_by": who}
    if decision is not None:
        values |= {"state": "linked", "decision": dict(decision)}
    mine = (review.c.entity == ENTITY, review.c.kind == KIND, review.c.state == "open")
    for part in chunks(dict.fromkeys(orders), IN_CHUNK):
        where = (*mine, is_among(conn, review.c.entity_id, part))
        closed += conn.execute(update(review).where(*where).values(values)).rowcount
    return closed
