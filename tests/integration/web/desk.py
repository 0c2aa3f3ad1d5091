"""What an admin's desk shows: questions and letters, put into a store as the engine would leave them."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select

from core.ids import new_id
from store.tables import dead_letter, review
from tests.integration.web.world import World

_numbers = count(1)


def candidate(external_id: str, **values: Any) -> dict[str, Any]:
    """One card as a question keeps it."""
    usual = {"name": "Ромашка", "tax_id": "", "registration_code": "", "code": "", "strength": "weak", "reasons": []}
    return usual | {"external_id": external_id} | values


def add_review(world: World, customer: UUID | None, *cards: str | dict[str, Any], **values: Any) -> int:
    """An open question about a customer; its number."""
    told = [candidate(card) if isinstance(card, str) else card for card in cards]
    number = next(_numbers)
    row = {"id": new_id(), "number": number, "connection": "accounting", "entity": "counterparty", "kind": "match"}
    row |= {"entity_id": customer, "reason": "Not sure who it is.", "state": "open", "candidates": told}
    with world.engine.begin() as conn:
        conn.execute(insert(review).values(row | {"created_at": world.clock.now() - timedelta(hours=1)} | values))
    return number


def add_letter(world: World, **values: Any) -> dict[str, Any]:
    """An open letter."""
    number, now = next(_numbers), world.clock.now()
    row = {"id": new_id(), "number": number, "connection": "accounting", "entity": "shipment", "direction": "in"}
    row |= {"external_id": f"s-{number}", "stage": "map", "error_class": "RecordError", "state": "open"}
    row |= {"reason": "The amount is too large.", "next_step": "sverka dead edit", "fingerprint": f"{'ab' * 32}"}
    row |= {"payload": {"raw": '{"Number":"УТ-1","Сумма":1e30}', "content": "c1"}, "first_at": now, "last_at": now}
    with world.engine.begin() as conn:
        conn.execute(insert(dead_letter).values(row | values))
    return row | values


def load_review_row(world: World, number: int) -> Any:
    """A question as it stands."""
    with world.engine.begin() as conn:
        return conn.execute(select(review).where(review.c.number == number)).one()


def load_letter_row(world: World, number: int) -> Any:
    """A letter as it stands."""
    with world.engine.begin() as conn:
        return conn.execute(select(dead_letter).where(dead_letter.c.number == number)).one()
