"""Writing down what became of cards: rows, bindings, letters, questions and counters, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from connectors.cards import Card
from core.errors import RecordError, SverkaError
from store.bulk import upsert
from store.queries.customers.outward import CUSTOMER
from store.tables import binding
from sync.outbox.content import Content
from sync.outbox.desk import Desk
from sync.outbox.echo import Added, remember_added
from sync.outbox.letters import build_failure, build_gone, settle_letters
from sync.outbox.rows import CardRow, save_rows
from sync.outbox.which import Found
from sync.owners.sides import take_turns
from sync.pull import dead
from sync.pull.gone import tombstone
from sync.push.ask import open_review
from sync.room.writing import writing


@dataclass(slots=True)
class Outcome:
    """What became of one claimed card.

    Attributes:
        state: of its row from now on.
        word: as it is counted; empty when it is not due after all, or due again later.
        content, sent, as_of: what it shows now, by the hash that is compared, and how old its figures are.
        at: when it is taken up again.
        asked: what a person is asked.
        updating: the card was there before (or was thought to be).
        added: the card whose phones or e-mails were written, and what was shown then.
    """

    row: CardRow
    state: str
    word: str = ""
    content: Content | None = None
    sent: str = ""
    as_of: datetime | None = None
    reason: str | None = None
    at: datetime | None = None
    error: SverkaError | None = None
    card: Card | None = None
    asked: Found | None = None
    updating: bool = False
    added: Added | None = None


def record_outcomes(desk: Desk, outcomes: Sequence[Outcome]) -> None:
    """Write these outcomes and count them.

    Raises:
        LeaseLost: another worker has taken over; nothing of it is kept, the cards are asked about.
    """
    if not outcomes:
        return
    now = desk.ctx.app.clock.now()
    added = [one.added for one in outcomes if one.added is not None]
    failed_before = [one.row.key for one in outcomes if one.state in ("done", "off") and one.row.reason]
    with writing(desk.ctx, "outbox-record") as conn:
        if added:
            take_turns(conn)
            remember_added(conn, desk.ctx, added)
        fresh = [one.row for one in outcomes if one.state not in ("gone", "off") and one.row.bound_at is None]
        for one in outcomes:
            _settle(one, desk, now)
        letters = [_letter(desk, one) for one in outcomes if one.state in ("dead", "gone")]
        save_rows(conn, [one.row for one in outcomes], now)
        _bind(conn, desk, fresh)
        _unbind(conn, desk, [one.row for one in outcomes if one.state == "gone"])
        settle_letters(conn, desk, failed_before)
        dead.record_failures(conn, desk.ctx, letters)
        for one in outcomes:
            if one.asked is not None and one.asked.action != "hold":
                _ask(conn, desk, one, now)
    _count(desk, outcomes)


def _settle(one: Outcome, desk: Desk, now: datetime) -> None:
    row = one.row
    row.state, row.next_attempt_at = one.state, one.at
    row.reason = one.error.message if one.error is not None else one.reason
    if one.state in ("dead", "gone"):
        one.word = "dead"
    if row.external_id is not None and row.bound_at is None:
        row.bound_at = now
    if one.state == "done":
        row.hash = row.sent_hash = one.sent
        row.as_of, row.attempts, row.sent_at = one.as_of, 0, now if one.word != "unchanged" else row.sent_at
        row.mapping_version = desk.ctx.mapping.version


def _bind(conn: Connection, desk: Desk, rows: Sequence[CardRow]) -> None:
    """A customer's card that we have made, or claimed: its coming back in the next reading is no news."""
    if desk.card.entity != CUSTOMER or not rows:
        return
    values = [
        {
            "connection": desk.name, "entity": CUSTOMER, "external_id": row.external_id, "entity_id": row.entity_id,
            "source": desk.card.name, "mapping_version": desk.ctx.mapping.version,
        }
        for row in rows if row.external_id is not None
    ]  # fmt: skip
    upsert(conn, binding, values, ("connection", "entity", "external_id"), update=())


def _unbind(conn: Connection, desk: Desk, rows: Sequence[CardRow]) -> None:
    """The CRM itself has said that these are not there: the reading need not find it out once more."""
    gone = [row.external_id for row in rows if row.external_id is not None]
    if gone and desk.card.entity == CUSTOMER:
        tombstone(conn, desk.ctx, CUSTOMER, gone)


def _letter(desk: Desk, one: Outcome) -> dead.Failure:
    if one.state == "gone":
        return build_gone(desk, one.row)
    error = one.error if one.error is not None else RecordError(one.reason or "refused")
    return build_failure(desk, one.row, error, one.card)


def _ask(conn: Connection, desk: Desk, one: Outcome, now: datetime) -> None:
    assert one.asked is not None  # noqa: S101 - asked by the caller
    number = open_review(
        conn, now, desk.name, one.row.entity_id, "match", one.asked.reason or str(one.reason),
        candidates=one.asked.candidates, intent_id=None,
    )  # fmt: skip
    desk.ctx.notice(f"{desk.name}: a person decides about a card: sverka review show {number}")


def _count(desk: Desk, outcomes: Sequence[Outcome]) -> None:
    line = desk.ctx.count(desk.card.entity, "out")
    for one in outcomes:
        if one.word:
            line.read += 1
            line.add(one.word)
    late = [one for one in outcomes if not one.word and one.error is not None]
    if late:
        desk.ctx.leave(f"{desk.card.name} out: {len(late)} wait: {late[0].reason}")
    desk.ctx.progress.step(desk.card.entity, line.read, f"to {desk.name}")
