"""Sending what is due: claimed, found or made or updated in batches, and recorded; each card has an outcome of its own.

Nothing is asked or sent inside a transaction; every transaction checks the lease first. A card that may have been made
already is looked for by our key before anything is sent again, also when whoever sent it was killed over it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from connectors.cards import Card, CardResult
from core.errors import (
    ConfigError,
    ConflictError,
    NotFound,
    RecordError,
    SchemaDrift,
    SverkaError,
    TransientError,
    UncertainOutcome,
)
from store.engine import reading
from store.queries.customers.outward import DEAL
from sync.outbox.content import KEPT, Content, build_card, build_first_link, build_known
from sync.outbox.desk import Desk, Subject, load_subjects
from sync.outbox.echo import build_added
from sync.outbox.letters import load_edits, mend_card
from sync.outbox.record import Outcome, record_outcomes
from sync.outbox.rows import CardRow, claim_rows, note_known
from sync.outbox.which import Found, find_which
from sync.push.bind import apply_binding
from sync.push.bind import build_card as read_card
from sync.push.intents import build_delay
from sync.push.match import NeedsPerson
from sync.push.merge import load_row
from sync.push.silence import LONGEST, SETTLED
from sync.room.writing import asking, writing

CLAIMED = 1000
"""Cards that are claimed, and asked about, together."""
BATCH = 50
"""Cards that are sent together: of so many the outcome may be unknown after a kill."""


TURN = timedelta(minutes=2)
"""So long one type of card is sent at a stretch, but for a person's order: a tick takes up the rest."""
PATIENCE = 3
"""So many batches in a row may remain without an answer; then nothing more is sent in this run."""


class StopSending(Exception):
    """Nothing of this type of card can be sent now; `trouble` says why."""

    def __init__(self, trouble: SverkaError) -> None:
        super().__init__(trouble.message)
        self.trouble = trouble


@dataclass(slots=True)
class Parcel:
    """One claimed card on its way. `linked`: it was there and became his now; `made`: no card was there."""

    row: CardRow
    subject: Subject
    content: Content
    linked: bool = False

    @property
    def made(self) -> bool:
        """Whether it is to be made."""
        return self.row.external_id is None


@dataclass(slots=True)
class Load:
    """What was claimed together: what is settled without sending, and what is to be sent."""

    outcomes: list[Outcome] = field(default_factory=list)
    parcels: list[Parcel] = field(default_factory=list)


def send_due(desk: Desk) -> None:
    """Send all that is due of one type of card.

    Raises:
        StopSending: it stopped early; what could not be sent is due again later.
        LeaseLost: another worker has taken over; what was claimed lapses and is asked about.
    """
    after: UUID | None = None
    clock = desk.ctx.app.clock
    until = clock.monotonic() + TURN.total_seconds()
    while desk.ctx.order.kind == "order" or clock.monotonic() < until:
        rows = _claim(desk, after)
        if not rows:
            return
        after = rows[-1].entity_id
        _work_off(desk, rows)


def _claim(desk: Desk, after: UUID | None) -> list[CardRow]:
    app = desk.ctx.app
    now = app.clock.now()
    with writing(desk.ctx, "outbox-claim") as conn:
        return claim_rows(
            conn, desk.name, desk.card.name, now, now + app.settings.schedule.lease, after=after, most=CLAIMED,
            whatever_the_time=desk.ctx.order.kind == "order",
        )  # fmt: skip


def _work_off(desk: Desk, rows: Sequence[CardRow]) -> None:
    """Bring claimed rows to their outcomes; whatever stops it, none is left claimed."""
    open_rows = {row.entity_id: row for row in rows}
    try:
        for outcomes in _advance(desk, rows):
            record_outcomes(desk, outcomes)
            for one in outcomes:
                open_rows.pop(one.row.entity_id, None)
    except (TransientError, ConfigError, SchemaDrift) as error:
        record_outcomes(desk, [_postponed(desk, row, error) for row in open_rows.values()])
        raise StopSending(error) from error


def _advance(desk: Desk, rows: Sequence[CardRow]) -> Iterator[list[Outcome]]:
    with reading(desk.ctx.app.engine) as conn:
        subjects = load_subjects(conn, desk, [row.entity_id for row in rows])
    load = Load()
    for row in rows:
        _sort(desk, row, subjects.get(row.entity_id), load)
    unknown = [one for one in load.parcels if one.made]
    if unknown:
        try:
            _identify(desk, unknown, load)
        except (RecordError, NotFound) as error:  # a question is refused: cards that are known are kept all the same
            for one in [parcel for parcel in load.parcels if parcel.made]:
                _leave(load, one, _postponed(desk, one.row, error))
    if load.outcomes:
        yield load.outcomes
    for start in range(0, len(load.parcels), BATCH):
        outcomes = _send(desk, load.parcels[start : start + BATCH])
        yield outcomes
        _stop_where_all_fail(desk, outcomes)


def _stop_where_all_fail(desk: Desk, outcomes: Sequence[Outcome]) -> None:
    """A batch of which nothing was done for a reason that holds for the next one too. Raises that reason."""
    errors = [one.error for one in outcomes if one.error is not None and not one.word]
    if outcomes and len(errors) == len(outcomes):
        raise errors[0]
    desk.silent = desk.silent + 1 if all(one.state == "uncertain" for one in outcomes) else 0
    if desk.silent >= PATIENCE:
        raise TransientError(f"{desk.name} has left {desk.silent} batches unanswered.")


def _sort(desk: Desk, row: CardRow, subject: Subject | None, load: Load) -> None:
    """What the card shall show by now; it may not be wanted any more, or show it already."""
    if subject is None:
        load.outcomes.append(Outcome(row, "off", reason="its record is not here any more"))
        return
    may_be_there = row.state in ("sending", "uncertain")
    try:
        if not may_be_there and row.external_id is None and not _is_still_wanted(desk, subject):
            load.outcomes.append(Outcome(row, "off", reason="the mapping does not show it"))
            return
        content = desk.build(subject)
    except RecordError as error:
        load.outcomes.append(Outcome(row, "dead", error=error))
        return
    if row.external_id is not None and content.hash == row.sent_hash:
        load.outcomes.append(Outcome(row, "done", "unchanged", content, content.hash, subject.shown.get("as_of")))
        return
    load.parcels.append(Parcel(row, subject, content))


def _is_still_wanted(desk: Desk, subject: Subject) -> bool:
    card, zone = desk.card, desk.zone
    may = subject.tied and not subject.elsewhere and card.entity != DEAL  # deals are their people's to make
    return may and card.is_wanted(subject.shown, zone) and card.is_made(subject.shown, zone)


# -------------------------------------------------------------------- which card


def _identify(desk: Desk, parcels: Sequence[Parcel], load: Load) -> None:
    """Find out what stands there; what may still appear waits, what a person must say goes to him."""
    found = find_which(desk, [one.row for one in parcels], {one.row.entity_id: one.subject for one in parcels})
    late = [one for one in parcels if found[one.row.entity_id].action != "found" and _may_still_come(desk, one.row)]
    if late and _wait(desk, late):
        found |= find_which(desk, [one.row for one in late], {one.row.entity_id: one.subject for one in late})
        late = []
    waiting = {one.row.entity_id for one in late}
    for one in parcels:
        told = found[one.row.entity_id]
        if one.row.entity_id in waiting:
            _leave(load, one, Outcome(one.row, "uncertain", "uncertain", reason=WAITING, at=_settled_at(desk, one.row)))
        elif told.action in ("review", "hold"):
            _leave(load, one, Outcome(one.row, "review", "review", reason=told.reason, asked=told))
        elif told.action == "found":
            _take_up(desk, one, told)
        elif told.action == "link":
            _link(desk, one, told, load)
        else:
            one.row.known = None  # of a link that came to nothing: a card that is made shows everything


WAITING = "sent, no answer, and not there yet; sent again only when it has not appeared"


def _leave(load: Load, parcel: Parcel, outcome: Outcome) -> None:
    load.parcels.remove(parcel)
    load.outcomes.append(outcome)


def _may_still_come(desk: Desk, row: CardRow) -> bool:
    """Whether "not there" may only mean "not yet": it was sent, or may have been, a short while ago."""
    settled = _settled_at(desk, row)
    return settled is not None and desk.ctx.app.clock.now() < settled


def _settled_at(desk: Desk, row: CardRow) -> datetime | None:
    """When what was sent has appeared or never will: noted when its answer was lost, or soon after a claim lapsed."""
    if row.next_attempt_at is None or row.state not in ("sending", "uncertain"):
        return None
    return row.next_attempt_at + (SETTLED if row.state == "sending" else timedelta(0))


def _wait(desk: Desk, late: Sequence[Parcel]) -> bool:
    """A person rather waits some seconds than hears "perhaps"; the schedule comes again."""
    if desk.ctx.order.kind != "order":
        return False
    now = desk.ctx.app.clock.now()
    left = max((settled - now for one in late if (settled := _settled_at(desk, one.row))), default=timedelta(0))
    if left > SETTLED * 2:
        return False
    desk.ctx.progress.step(desk.card.entity, 0, "asking again in some seconds")
    desk.ctx.app.clock.sleep(max(left.total_seconds(), 0.0))
    return True


def _link(desk: Desk, parcel: Parcel, told: Found, load: Load) -> None:
    """Put our key on a card that was there; what its people have written stays as it is.

    That it is a link is written down first: found under our key after a kill, it must not be taken for a card of ours.
    """
    parcel.row.known = build_first_link(parcel.content)
    with writing(desk.ctx, "outbox-link") as conn:
        note_known(conn, parcel.row)
    with asking(desk.ctx, "claim-card"):
        result = desk.target.claim_card(desk.card.name, told.external_id, parcel.row.key)
    if result.error is None:
        result = _bind(desk, parcel, result)
    if isinstance(result.error, ConflictError | RecordError):
        parcel.row.known = None
    if isinstance(result.error, ConflictError):
        _leave(load, parcel, Outcome(parcel.row, "review", "review", reason=result.error.message, asked=told))
    elif isinstance(result.error, RecordError):
        _leave(load, parcel, Outcome(parcel.row, "dead", error=result.error))
    elif isinstance(result.error, UncertainOutcome):
        raise TransientError(result.error.message) from result.error  # asked again, the card itself says whose it is
    elif result.error is not None:
        raise result.error
    else:
        parcel.row.external_id, parcel.linked = told.external_id, True


def _take_up(desk: Desk, parcel: Parcel, told: Found) -> None:
    """It stands under our key: made by us before, or claimed by a run that was killed over it."""
    parcel.row.external_id = told.external_id
    if (parcel.row.known or {}).get(KEPT) is not None:
        parcel.linked = True
        _bind(desk, parcel, CardResult(parcel.row.key, told.external_id))


def _bind(desk: Desk, parcel: Parcel, result: CardResult) -> CardResult:
    """Remember what both sides hold at the first link, so that only what changes later is a change."""
    present = desk.fetch_cards([str(result.external_id)])
    with writing(desk.ctx, "outbox-link") as conn:
        contact = load_row(conn, parcel.row.entity_id)
        try:
            if present and contact is not None:
                apply_binding(conn, desk.ctx, contact, read_card(desk.ctx, present[0]))
        except NeedsPerson as error:
            return CardResult(result.key, result.external_id, error)
    return result


# -------------------------------------------------------------------- sending


def _send(desk: Desk, parcels: Sequence[Parcel]) -> list[Outcome]:
    with reading(desk.ctx.app.engine) as conn:
        edits = load_edits(conn, desk, [one.row.key for one in parcels])
    cards = [
        mend_card(
            build_card(desk.card, one.row.key, one.row.external_id, one.content, one.row.known, desk.name_of),
            edits.get(one.row.key),
        )
        for one in parcels
    ]
    began = desk.ctx.app.clock.now()
    results = _write(desk, cards)
    took = desk.ctx.app.clock.now() - began
    outcomes = [
        _judge(desk, one, card, result, took) for one, card, result in zip(parcels, cards, results, strict=True)
    ]
    return _find_deleted(desk, outcomes)


def _write(desk: Desk, cards: Sequence[Card]) -> list[CardResult]:
    desk.ctx.fault("write-cards.before")
    results = desk.target.write_cards(cards)
    desk.ctx.fault("write-cards.after")
    return results


def _judge(desk: Desk, parcel: Parcel, card: Card, result: CardResult, took: timedelta) -> Outcome:
    row, error = parcel.row, result.error
    was_made = parcel.made
    row.external_id = row.external_id or result.external_id
    if error is None:
        return _done(desk, parcel, card, result, was_made)
    if isinstance(error, UncertainOutcome) and row.external_id is None:
        settled = desk.ctx.app.clock.now() + min(max(SETTLED, took), LONGEST)
        return Outcome(row, "uncertain", "uncertain", reason=error.message, at=settled)
    if isinstance(error, TransientError | UncertainOutcome | ConfigError | SchemaDrift):
        return _postponed(desk, row, error)
    refused = error if isinstance(error, RecordError) else RecordError(error.message, next_step=error.next_step)
    return Outcome(row, "dead", error=refused, card=card, updating=not was_made)


def _done(desk: Desk, parcel: Parcel, card: Card, result: CardResult, was_made: bool) -> Outcome:
    """What is remembered is what the card shows from now on, also where it shows less once it is there."""
    fresh = was_made or parcel.linked
    row, content = parcel.row, desk.build(parcel.subject, made=True) if fresh else parcel.content
    row.known = build_known(content, row.known)
    word = "created" if was_made else "linked" if parcel.linked else "updated"
    added = build_added(desk, card, parcel.subject.shown, result.otherwise)
    return Outcome(row, "done", word, content, content.hash, parcel.subject.shown.get("as_of"), added=added)


def _postponed(desk: Desk, row: CardRow, error: SverkaError) -> Outcome:
    """Certainly not done, or an update, which may be repeated: due later. One that may be there is asked about."""
    app = desk.ctx.app
    wait = build_delay(row.attempts, app.settings.schedule.every, app.chance)
    after = getattr(error, "retry_after", None)
    later = app.clock.now() + max(wait, timedelta(seconds=after or 0))
    unsure = row.external_id is None and row.state in ("sending", "uncertain")
    state = "uncertain" if unsure else "due" if row.external_id else "new"
    if unsure:
        later = max(later, _settled_at(desk, row) or later)
    return Outcome(row, state, error=error, reason=error.message, at=later)


def _find_deleted(desk: Desk, outcomes: list[Outcome]) -> list[Outcome]:
    """Of cards that would not be changed those that the CRM, asked directly, says are not there any more."""
    refused = [one for one in outcomes if one.state == "dead" and one.updating and one.row.external_id]
    if not refused:
        return outcomes
    try:
        there = desk.fetch_present([str(one.row.external_id) for one in refused])
    except (TransientError, ConfigError, SchemaDrift, RecordError):
        return outcomes  # what became of this batch is known and is kept; the letter is tried, and this asked, again
    for one in refused:
        if one.row.external_id not in there:
            one.state = "gone"
    return outcomes
