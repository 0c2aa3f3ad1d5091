"""What is overdue of one customer, reckoned anew when his terms have been changed here. Reads the store."""

from __future__ import annotations

from uuid import UUID

from store.queries.settlements.effects import Whom
from sync.context import RunContext
from sync.outbox.wake import find_crms, request_cards
from sync.room.writing import writing
from sync.settle.aging import refresh_overdue

SETTLE = "settle"
"""The request by which the next tick does it."""


def settle_anew(ctx: RunContext, customer: UUID) -> None:
    """Reckon what is overdue of this customer; cards in CRMs follow with the next tick.

    Raises:
        SverkaError: whatever the connector raises, where accounting keeps terms itself and is asked about them.
    """
    refresh_overdue(ctx, Whom(ids=(customer,)))
    crms = find_crms(ctx.app, but=ctx.name)
    with writing(ctx, "outbox-wake") as conn:
        request_cards(conn, ctx.app, ctx.app.clock.now(), crms)
