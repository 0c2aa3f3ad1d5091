"""The review queue: where a person says who is who, or lets a write go. Decisions are kept, audited, not asked again.

What he says of a pair (this customer, that card) is kept by itself in `match_decision`: the same or different.

A decision does not write to accounting by itself: it makes the intent due, and the next run (at once where a service is
running) carries it out under its lease.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select, update

from connectors.registry import keeps_cards
from core.errors import ConflictError, UsageError
from store.engine import reading
from store.entities import counterparties
from store.tables import binding, review
from sync.context import App
from sync.outbox.rows import wake_reviewed
from sync.outbox.several import is_which_stays
from sync.owners.leave import APPROVED, CHANGE
from sync.push import intents
from sync.push.ask import DIFFERENT, SAME, remember, request_push
from sync.push.intents import Intent
from sync.push.merge import add_audit, load_row

_SHOWN = ("number", "connection", "entity", "kind", "state", "reason", "candidates", "decision", "created_at")
_NEXT = "sverka review list"


def list_reviews(app: App, *, everything: bool = False) -> list[dict[str, Any]]:
    """What waits for a decision, oldest first; decided ones too when `everything`."""
    query = _query().order_by(review.c.number)
    if not everything:
        query = query.where(review.c.state == "open")
    with reading(app.engine) as conn:
        return [_view(row) for row in conn.execute(query)]


def load_review(app: App, number: int) -> dict[str, Any]:
    """One review with its candidates and the reasons for each. Raises UsageError when there is none."""
    with reading(app.engine) as conn:
        return _view(_load(conn, number))


def link_review(app: App, number: int, external_id: str | None = None, *, who: str = "cli") -> dict[str, Any]:
    """They are the same: bind the contact to this card of accounting. Overwrites nothing on either side.

    Args:
        app: the application.
        number: the review.
        external_id: the card; may be left out when there is one candidate. It need not be among the candidates.
        who: the person.

    Raises:
        UsageError: no open review with this number, or not clear which card.
    """
    with app.engine.begin() as conn:
        row = _load_open(conn, number)
        _refuse_order(row)
        if row.kind == CHANGE:
            why = f"Review {number} asks whether a card may be changed: it is linked already."
            raise UsageError(why, next_step=f"sverka review create {number}")
        chosen = _choose(row, external_id)
        decision = {"action": "link", "external_id": chosen}
        _decide(conn, app, row, "linked", decision, who)
        remember(conn, app.clock.now(), row.connection, row.entity_id, {chosen: SAME}, who)
        _wake(conn, app, row, "link")
    return load_review(app, number)


def create_review(app: App, number: int, *, force: bool = False, who: str = "cli") -> dict[str, Any]:
    """He is somebody new, or the write is approved: create him in accounting. The candidates are not asked again.

    Raises:
        UsageError: no open review with this number, or a candidate has the same INN and nobody has said `force`.
    """
    with app.engine.begin() as conn:
        row = _load_open(conn, number)
        _refuse_order(row)
        if row.kind == CHANGE:
            return _approve(conn, app, row, who)
        _refuse_bound(row)
        twins = [item["external_id"] for item in row.candidates if item["strength"] == "same"]
        if twins and not force:
            raise _build_twin_error(app, row, twins)
        rejected = [item["external_id"] for item in row.candidates]
        decision = {"action": "create", "rejected": rejected, "force": force}
        _decide(conn, app, row, "created", decision, who)
        verdicts = dict.fromkeys(rejected, DIFFERENT)
        remember(conn, app.clock.now(), row.connection, row.entity_id, verdicts, who)
        _wake(conn, app, row, "create")
        _wake_parted(conn, app, row, rejected)
    return load_review(app, number)


def _wake_parted(conn: Connection, app: App, row: Row[Any], rejected: list[str]) -> None:
    """Who has one of these cards may wait for the same answer: his own write is matched anew, with what was said."""
    now, cards = app.clock.now(), binding.c.external_id.in_(rejected)
    held = (binding.c.connection == row.connection, binding.c.entity == row.entity, binding.c.deleted.is_(False))
    holders = select(binding.c.entity_id).where(*held, cards, binding.c.entity_id != row.entity_id)
    asked = (review.c.entity == row.entity, review.c.kind == "match", review.c.state == "open")
    query = select(review.c.connection, review.c.entity_id).where(*asked, review.c.entity_id.in_(holders))
    for other in conn.execute(query).all():
        waiting = intents.load_open(conn, other.connection, other.entity_id, row.entity)
        if waiting is not None and waiting.state == "review":
            intents.move(conn, waiting, "due", now, reason=None, next_attempt_at=None)
            request_push(conn, now, other.connection)


def _build_twin_error(app: App, row: Row[Any], twins: list[str]) -> UsageError:
    """Why nobody is created, and both ways out: he is one of these, or a person insists that he is not."""
    where = row.connection if _keeps_cards(app, row.connection) else "Accounting"
    what = "a card" if len(twins) == 1 else f"{len(twins)} cards"
    return UsageError(
        f"{where} has {what} with the same INN ({', '.join(twins)}): another one would be a twin.",
        next_step=f"sverka review link {row.number} --to {twins[0]}"
        f", or, if he is none of them all the same: sverka review create {row.number} --force",
    )


def _approve(conn: Connection, app: App, row: Row[Any], who: str) -> dict[str, Any]:
    """The change of a card that is there may be sent, with exactly these values."""
    _decide(conn, app, row, APPROVED, {"action": "approve"}, who)
    _wake(conn, app, row, "create")
    return _view(_load(conn, row.number))


def dismiss_review(app: App, number: int, reason: str, *, who: str = "cli") -> dict[str, Any]:
    """Leave it: nothing is linked and nothing is created; the contact's write is given up until he is made client anew.

    Raises:
        UsageError: no open review with this number, or no reason.
    """
    if not reason.strip():
        raise UsageError("Say why: the reason is kept.", next_step="sverka review dismiss --help")
    with app.engine.begin() as conn:
        row = _load_open(conn, number)
        _decide(conn, app, row, "dismissed", {"action": "dismiss", "reason": reason}, who)
        intent = _load_intent(conn, row)
        if intent is not None and intent.state in ("review", "uncertain"):
            intents.move(conn, intent, "discarded", app.clock.now(), reason=f"dismissed: {reason}")
    return load_review(app, number)


def _query() -> Any:
    columns = [review.c[name] for name in (*_SHOWN, "id", "entity_id", "intent_id", "decided_at", "decided_by")]
    return select(*columns, counterparties.c.name, counterparties.c.tax_id).outerjoin(
        counterparties, counterparties.c.id == review.c.entity_id
    )


def _view(row: Row[Any]) -> dict[str, Any]:
    shown = {name: getattr(row, name) for name in _SHOWN}
    shown["created_at"] = row.created_at.isoformat()
    shown |= {"contact": str(row.entity_id), "name": row.name, "inn": row.tax_id}
    decided = {"decided_at": row.decided_at.isoformat(), "decided_by": row.decided_by} if row.decided_at else {}
    return shown | decided


def _load(conn: Connection, number: int) -> Row[Any]:
    row: Row[Any] | None = conn.execute(_query().where(review.c.number == number)).first()
    if row is None:
        raise UsageError(f"There is no review {number}.", next_step=_NEXT)
    return row


def _load_open(conn: Connection, number: int) -> Row[Any]:
    row = _load(conn, number)
    if row.state != "open":
        by = f" by {row.decided_by}" if row.decided_by else ""
        raise UsageError(f"Review {number} has been decided already: {row.state}{by}.", next_step=_NEXT)
    if row.kind == "conflict":
        why = f"Review {number} asks which of two values counts: there is nobody to link or to create."
        raise UsageError(why, next_step=f"sverka review keep {number}, or: sverka review take {number}")
    return row


def _refuse_order(row: Row[Any]) -> None:
    """Which deal an order belongs to is no question of who is who."""
    if row.entity == "order" and row.candidates:
        step = f"sverka deals assign {row.entity_id} {row.candidates[0]['external_id']}"
        why = f"Review {row.number} asks which deal an order belongs to: there is nobody to link or to create."
        raise UsageError(why, next_step=f"{step}, or: sverka review dismiss {row.number} --reason …")


def _refuse_bound(row: Row[Any]) -> None:
    """Which of his own cards stays is not answered by one more."""
    if is_which_stays(row.reason):
        chosen = row.candidates[0]["external_id"]
        why = f"Review {row.number} asks which of the cards that are bound to him stays: there is nobody to create."
        raise UsageError(why, next_step=f"sverka review link {row.number} --to {chosen}")


def _choose(row: Row[Any], external_id: str | None) -> str:
    if external_id:
        return external_id.strip().lower()
    if len(row.candidates) != 1:
        keys = ", ".join(item["external_id"] for item in row.candidates) or "none"
        raise UsageError(
            f"Say which card is meant with --to. Candidates: {keys}.", next_step=f"sverka review show {row.number}"
        )
    return str(row.candidates[0]["external_id"])


def _decide(conn: Connection, app: App, row: Row[Any], state: str, decision: dict[str, Any], who: str) -> None:
    """Close the review, unless another person was quicker."""
    now = app.clock.now()
    values = {"state": state, "decision": decision, "decided_at": now, "decided_by": who}
    where = (review.c.id == row.id, review.c.state == "open")
    if conn.execute(update(review).where(*where).values(values)).rowcount != 1:
        raise ConflictError(f"Somebody else has just decided review {row.number}.", next_step=_NEXT)
    subject = f"{row.entity} {row.entity_id}"
    before = {"reason": row.reason, "candidates": row.candidates}
    add_audit(conn, now, who, f"review.{decision['action']}", subject, before=before, after=decision)


def _load_intent(conn: Connection, row: Row[Any]) -> Intent | None:
    return intents.load_open(conn, row.connection, row.entity_id, row.entity)


def _wake(conn: Connection, app: App, row: Row[Any], action: str) -> None:
    """Make due what the decision is about, and leave word so that a running service acts at once.

    A review may stand alone (a lead that several customers could be): a link then needs an intent of its own; "new"
    is only remembered, since a lead is not written anywhere.
    """
    now = app.clock.now()
    if _keeps_cards(app, row.connection):  # carried out by `sync.link` and `sync.outbox`
        wake_reviewed(conn, now, row.connection, row.entity_id)
        request_push(conn, now, row.connection)
        return
    intent = _load_intent(conn, row)
    if intent is None:
        contact = load_row(conn, row.entity_id)
        if action == "create" or contact is None:
            return
        intent = intents.add(conn, now, row.connection, row.entity_id, state="review", action="link")
    if intent.state not in ("review", "waiting", "due", "uncertain"):
        return
    _attach(conn, row, intent)
    if intent.state == "uncertain":  # whoever claims it asks accounting first; then it is done as the person says
        intents.save(conn, intent, now, next_attempt_at=None)
    elif intent.state != "due":
        intents.move(conn, intent, "due", now, reason=None, next_attempt_at=None)
    request_push(conn, now, row.connection)


def _keeps_cards(app: App, connection: str) -> bool:
    settings = app.settings.connections.get(connection)
    return settings is not None and keeps_cards(settings.connector)


def _attach(conn: Connection, row: Row[Any], intent: Intent) -> None:
    conn.execute(update(review).where(review.c.id == row.id).values(intent_id=intent.id))
