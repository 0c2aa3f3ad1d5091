"""Opening a review, and what earlier reviews have decided about the same contact."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection, insert, select, update

from core.ids import new_id
from store.tables import request, review
from sync.push.match import Decided
from sync.room.numbers import next_numbers

Kind = Literal["match", "approval", "conflict", "uncertain"]


def open_review(
    conn: Connection, now: datetime, connection: str, entity_id: UUID, kind: Kind, reason: str, *,
    candidates: list[dict[str, Any]], intent_id: UUID | None,
) -> int:  # fmt: skip
    """Ask a person, once: an open review of the same kind is brought up to date instead. Returns its number."""
    values = {"reason": reason, "candidates": candidates, "intent_id": intent_id}
    where = (
        review.c.connection == connection, review.c.entity == "counterparty", review.c.entity_id == entity_id,
        review.c.kind == kind, review.c.state == "open",
    )  # fmt: skip
    number = conn.execute(select(review.c.number).where(*where)).scalar()
    if number is not None:
        conn.execute(update(review).where(*where).values(values))
        return int(number)
    row = values | {
        "id": new_id(), "connection": connection, "entity": "counterparty", "entity_id": entity_id, "kind": kind,
        "state": "open", "created_at": now,
    }  # fmt: skip
    (fresh,) = next_numbers(conn, review, 1)
    conn.execute(insert(review).values(row | {"number": fresh}))
    return fresh


def close_reviews(conn: Connection, now: datetime, connection: str, entity_id: UUID, who: str = "sverka") -> None:
    """Questions that have answered themselves (bound, or no longer a client) leave the queue."""
    where = (
        review.c.connection == connection, review.c.entity == "counterparty", review.c.entity_id == entity_id,
        review.c.state == "open",
    )  # fmt: skip
    conn.execute(update(review).where(*where).values(state="dismissed", decided_at=now, decided_by=who))


def load_decided(conn: Connection, connection: str, entity_id: UUID) -> Decided:
    """All "it is somebody new" decisions about a contact together: pairs that are not asked again."""
    where = (
        review.c.connection == connection, review.c.entity == "counterparty", review.c.entity_id == entity_id,
        review.c.state == "created",
    )  # fmt: skip
    decisions = [decision or {} for decision in conn.execute(select(review.c.decision).where(*where)).scalars()]
    rejected = {str(key) for decision in decisions for key in decision.get("rejected", [])}
    return Decided(bool(decisions), frozenset(rejected), any(decision.get("force") for decision in decisions))


def load_link(conn: Connection, intent_id: UUID) -> tuple[str, str] | None:
    """The card that a person has chosen for this intent, and who chose; None when the last word was another."""
    where = (review.c.intent_id == intent_id, review.c.state.in_(("linked", "created")))
    query = select(review.c.state, review.c.decision, review.c.decided_by).where(*where)
    row = conn.execute(query.order_by(review.c.decided_at.desc(), review.c.number.desc()).limit(1)).first()
    return (str(row.decision["external_id"]), str(row.decided_by)) if row and row.state == "linked" else None


def is_approved(conn: Connection, intent_id: UUID) -> bool:
    """Whether a person has said of this very intent that a card is to be made."""
    where = (review.c.intent_id == intent_id, review.c.state == "created")
    return conn.execute(select(review.c.id).where(*where).limit(1)).first() is not None


def request_push(conn: Connection, now: datetime, connection: str, entity_id: UUID) -> None:
    """Leave word for the next tick that something is to be pushed at once."""
    arguments = {"entity": "counterparty", "entity_id": str(entity_id)}
    row = {"id": new_id(), "kind": "push", "connection": connection, "arguments": arguments, "created_at": now}
    conn.execute(insert(request).values(row))
