"""Of customers whom the CRM does not know: for whom the mapping makes a card."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from core.errors import RecordError
from store.engine import reading
from store.queries.customers.outward import CUSTOMER
from sync.context import RunContext
from sync.outbox.desk import Desk, Subject, find_currency, load_subjects


class Foresight:
    """Asks the mapping's rules, on what the store tells of each customer."""

    def __init__(self, ctx: RunContext) -> None:
        currency = find_currency(ctx.app)
        cards = [card for card in ctx.mapping.cards.values() if card.entity == CUSTOMER]
        self._ctx, self._desks = ctx, [Desk(ctx, card, linked=True, currency=currency) for card in cards]

    def of(self, ids: Sequence[UUID]) -> set[UUID]:
        """Those of them for whom a card is made. A rule that does not fit somebody makes him none."""
        if not ids:
            return set()
        found: set[UUID] = set()
        for desk in self._desks:
            with reading(self._ctx.app.engine) as conn:
                subjects = load_subjects(conn, desk, ids)
            found |= {key for key, one in subjects.items() if _is_made(desk, one)}
        return found


def _is_made(desk: Desk, one: Subject) -> bool:
    try:
        return desk.card.is_wanted(one.shown, desk.zone) and desk.card.is_made(one.shown, desk.zone)
    except RecordError:
        return False
