"""The stage of a run that keeps a CRM's cards: look what shall be shown, send what is due (design §2, the way out)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from connectors.cards import CardTarget
from core.errors import SverkaError, TransientError
from mapping.cards.program import CardMapping
from store.engine import reading
from sync.context import RunContext
from sync.link.agreed import LINKED_AT
from sync.outbox.decisions import carry_out
from sync.outbox.desk import Desk, find_currency
from sync.outbox.letters import close_unshown, has_due, revive_letters
from sync.outbox.mark import Mark, load_marks
from sync.outbox.preview import preview
from sync.outbox.refresh import Looked, refresh
from sync.outbox.send import StopSending, send_due
from sync.outbox.several import close_answered
from sync.room.writing import writing


def keep_cards(ctx: RunContext) -> None:
    """Show in this CRM what has changed. Cards come in the mapping's order, so that parents are there first.

    `write = "off"` sends nothing. With "review" nothing is sent before a person has agreed to the links; with "on"
    cards that are bound are kept before that, too. None is made without it.

    Raises:
        TransientError: the CRM has stopped answering. LeaseLost: another worker has taken over.
    """
    if not isinstance(ctx.connector, CardTarget) or ctx.settings.write == "off":
        return
    if not ctx.order.dry_run:
        close_unshown(ctx)
    if not ctx.mapping.cards:
        return
    linked = bool(ctx.state.facts.get(LINKED_AT))
    if not linked:
        why = "no card is made there before a person has seen who is who"
        ctx.notice(f"{ctx.name}: {why}. Next: sverka link {ctx.name}")
        if ctx.settings.write != "on" and not ctx.order.dry_run:
            return
    with reading(ctx.app.engine) as conn:
        marks = load_marks(conn, ctx.name)
    if not ctx.order.dry_run:
        close_answered(ctx)
    currency = find_currency(ctx.app)
    for card in due_cards(ctx):
        desk = Desk(ctx, card, linked or ctx.order.dry_run, currency)  # a dry run shows what would be made then
        with _measured(desk):
            if not _keep(desk, marks.get(card.name) or Mark(ctx.name, card.name)):
                return


def due_cards(ctx: RunContext) -> list[CardMapping]:
    """The cards of this run; whoever orders one entity means the cards of that, balances those of customers."""
    wanted = {"balance": "counterparty", "contact": "counterparty"}.get(ctx.order.entity or "", ctx.order.entity)
    return [card for card in ctx.mapping.cards.values() if wanted in (None, card.entity)]


def _keep(desk: Desk, mark: Mark) -> bool:
    """One type of card; False when nothing more can be sent in this run."""
    if desk.ctx.order.dry_run:
        preview(desk, mark)
        return True
    carry_out(desk)
    _revive(desk)
    for looked in refresh(desk, mark):
        _count(desk, looked)
    try:
        send_due(desk)
    except StopSending as stop:
        return _stop(desk, stop.trouble)
    return True


def _stop(desk: Desk, trouble: SverkaError) -> bool:
    """A silent CRM ends the run; a used-up limit, a right or a field that is missing only the writing of it."""
    desk.ctx.leave(f"{desk.card.name} out: {trouble.message}")
    if isinstance(trouble, TransientError):
        if trouble.retry_after is None:
            raise trouble
        return False
    return True


def _revive(desk: Desk) -> None:
    now = desk.ctx.app.clock.now()
    with reading(desk.ctx.app.engine) as conn:
        if not has_due(conn, desk, now):
            return
    with writing(desk.ctx, "outbox-refresh") as conn:
        revive_letters(conn, desk, now)


def _count(desk: Desk, looked: Looked) -> None:
    """Records that cannot be shown are dead letters of this run."""
    if looked.failures:
        line = desk.ctx.count(desk.card.entity, "out")
        line.read += len(looked.failures)
        line.add("dead", len(looked.failures))


@contextmanager
def _measured(desk: Desk) -> Iterator[None]:
    """Add what is asked of the CRM meanwhile to the entity's line, where there is one."""
    ctx, before = desk.ctx, desk.ctx.connector.usage.requests
    began = ctx.app.clock.monotonic()
    try:
        yield
    finally:
        line = ctx.counters.get((desk.card.entity, "out"))
        if line is not None:
            line.requests += ctx.connector.usage.requests - before
            line.seconds += ctx.app.clock.monotonic() - began
