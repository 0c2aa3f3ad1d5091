"""Opening a review, and what earlier reviews have decided about the same contact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection, and_, insert, select, update

from core.ids import new_id
from store.bulk import select_in, upsert
from store.tables import binding, match_decision, review
from sync.owners.foreign import FOREIGN, load_foreign
from sync.push.match import Decided
from sync.room.numbers import next_numbers
from sync.room.requests import leave_request

Kind = Literal["match", "approval", "conflict", "change", "uncertain"]
SAME, DIFFERENT = "same", "different"
"""What a person has said of a customer of ours and a card there."""


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


def close_questions(conn: Connection, now: datetime, intent_id: UUID) -> None:
    """What was asked about a write that is given up leaves the queue."""
    where = (review.c.intent_id == intent_id, review.c.state == "open")
    conn.execute(update(review).where(*where).values(state="dismissed", decided_at=now, decided_by="sverka"))


def remember(
    conn: Connection, now: datetime, connection: str, entity_id: UUID, verdicts: Mapping[str, str], who: str
) -> None:
    """What a person has said of pairs (our customer, a card there): never asked again. His last word counts."""
    key = {"connection": connection, "entity": "counterparty", "entity_id": entity_id}
    rows = [
        key | {"external_id": card, "verdict": verdict, "decided_at": now, "decided_by": who}
        for card, verdict in verdicts.items()
    ]
    upsert(conn, match_decision, rows, (*key, "external_id"))


def _load_verdicts(conn: Connection, connection: str, entity_id: UUID) -> dict[str, str]:
    mine = (match_decision.c.connection == connection, match_decision.c.entity == "counterparty")
    columns = (match_decision.c.external_id, match_decision.c.verdict)
    query = select(*columns).where(*mine, match_decision.c.entity_id == entity_id)
    return {row.external_id: row.verdict for row in conn.execute(query)}


def load_parted(conn: Connection, connection: str, cards: Sequence[str]) -> set[tuple[UUID, str]]:
    """Pairs (our customer, one of these cards) of which a person has said that they are not the same."""
    where = {"connection": connection, "entity": "counterparty", "verdict": DIFFERENT}
    columns = (match_decision.c.entity_id, match_decision.c.external_id)
    rows = select_in(conn, match_decision, columns, match_decision.c.external_id, cards, **where)
    return {(row.entity_id, row.external_id) for row in rows}


def load_decided(conn: Connection, connection: str, entity_id: UUID) -> Decided:
    """All that people have said about a contact together: pairs that are not asked again."""
    where = (
        review.c.connection == connection, review.c.entity == "counterparty", review.c.entity_id == entity_id,
        review.c.state == "created",
    )  # fmt: skip
    decisions = [decision or {} for decision in conn.execute(select(review.c.decision).where(*where)).scalars()]
    verdicts = _load_verdicts(conn, connection, entity_id)
    rejected = {str(key) for decision in decisions for key in decision.get("rejected", [])} - verdicts.keys()
    rejected |= {card for card, verdict in verdicts.items() if verdict == DIFFERENT}
    rejected |= _load_of_others(conn, connection, entity_id) - verdicts.keys()
    same = frozenset(card for card, verdict in verdicts.items() if verdict == SAME)
    force = any(decision.get("force") for decision in decisions)
    return Decided(bool(decisions), frozenset(rejected), force, same, _load_doubt(conn, connection, entity_id))


def _load_of_others(conn: Connection, connection: str, entity_id: UUID) -> set[str]:
    """Cards here of customers of whom a person has said that a card which this contact has elsewhere is not theirs."""
    mine, theirs = binding.alias("mine"), binding.alias("theirs")
    here = (theirs.c.connection == connection, theirs.c.entity == "counterparty", theirs.c.deleted.is_(False))
    parted = and_(
        match_decision.c.connection == mine.c.connection, match_decision.c.entity == mine.c.entity,
        match_decision.c.external_id == mine.c.external_id, match_decision.c.verdict == DIFFERENT,
        match_decision.c.entity_id != entity_id,
    )  # fmt: skip
    known = (mine.c.entity == "counterparty", mine.c.entity_id == entity_id, mine.c.deleted.is_(False))
    of_them = and_(theirs.c.entity_id == match_decision.c.entity_id, *here)
    query = select(theirs.c.external_id).select_from(mine.join(match_decision, parted).join(theirs, of_them))
    return set(conn.execute(query.where(*known)).scalars())


def _load_doubt(conn: Connection, connection: str, entity_id: UUID) -> str:
    """Whether his card in a CRM is another program's; a question that was closed is no answer."""
    return f"{FOREIGN} in the CRM" if load_foreign(conn, [entity_id], but=connection) else ""


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


def request_push(conn: Connection, now: datetime, connection: str) -> None:
    """Leave word for the next tick that something is to be pushed at once; one word serves for all that is due."""
    leave_request(conn, now, "push", connection)
