"""`sverka unlink`: a wrong link is taken apart. Customer and card are both kept, and a person is asked who is who."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, Select, delete, select, update

from connectors.registry import keeps_cards
from core.errors import TransientError, UsageError
from mapping.model import ENTITIES
from store.entities import counterparties, entity_tables
from store.tables import binding, outbox
from sync.context import App
from sync.link.ours import ENTITY
from sync.owners.sides import take_turns
from sync.push.ask import DIFFERENT, open_review, remember
from sync.push.merge import add_audit
from sync.room.hints import KIND
from sync.room.lease import Lease, claim_lease, wait_limit
from sync.room.requests import leave_request


def unlink_card(app: App, connection: str, external_id: str, reason: str, *, who: str) -> dict[str, Any]:
    """Take a CRM's card from the customer to whom it is bound. Nothing is sent, and nothing is deleted.

    The card is read anew as somebody of its own; nobody joins the two again unless a person says so, and the question
    which card is the customer's is put to a person. What is of the card in the CRM (deals, people) is read anew, too.

    Args:
        app: the application.
        connection: the CRM.
        external_id: the card, as the CRM and `sverka link` call it.
        reason: why, for the audit.
        who: the person.

    Returns:
        The customer, the card and the number of the question.

    Raises:
        UsageError: no such bound card, not a CRM with cards, no reason, or the customer is known from this card alone.
        TransientError: a cycle is running and does not come to its end: it would bind and show him there again.
    """
    if not keeps_cards(app.settings.connection(connection).connector):
        why = f"{connection} is no CRM whose cards are linked."
        raise UsageError(why, next_step="sverka unlink --help")
    if not reason.strip():
        raise UsageError("Say why: the reason is kept.", next_step="sverka unlink --help")
    lease = claim_lease(app, connection, wait=wait_limit(app))
    if lease is None:
        why = f"A cycle of {connection} is running: nothing can be taken apart under it."
        raise TransientError(why, next_step="sverka status")
    try:
        return _unlink_leased(app, lease, external_id.strip(), reason.strip(), who)
    finally:
        lease.release()


def _unlink_leased(app: App, lease: Lease, external_id: str, reason: str, who: str) -> dict[str, Any]:
    now, connection = app.clock.now(), lease.name
    with app.engine.begin() as conn:
        lease.check(conn)
        take_turns(conn)
        row = _load_bound(conn, connection, external_id)
        _refuse_only(conn, row, connection)
        remember(conn, now, connection, row.entity_id, {row.external_id: DIFFERENT}, who)
        _take_apart(conn, app, connection, row)
        told = f"{who} has taken the card {row.external_id} from him: which card is his, or does he get one of his own?"
        number = open_review(
            conn, now, connection, row.entity_id, "match", told, candidates=[_candidate(row)], intent_id=None
        )
        leave_request(conn, now, KIND, connection, {"set": row.source, "key": row.external_id})
        before = {"connection": connection, "external_id": row.external_id}
        add_audit(conn, now, who, "contact.unbind", str(row.entity_id), before=before, after={"why": reason})
    return {"contact": str(row.entity_id), "name": row.name, "card": row.external_id, "review": number}


def _load_bound(conn: Connection, connection: str, external_id: str) -> Row[Any]:
    columns = (binding.c.external_id, binding.c.entity_id, binding.c.source, binding.c.code)
    who = (counterparties.c.name, counterparties.c.tax_id, counterparties.c.registration_code)
    mine = (binding.c.connection == connection, binding.c.entity == ENTITY, binding.c.external_id == external_id)
    joined = binding.join(counterparties, counterparties.c.id == binding.c.entity_id)
    query: Select[Any] = select(*columns, *who).select_from(joined).where(*mine, binding.c.deleted.is_(False))
    row: Row[Any] | None = conn.execute(query).first()
    if row is None:
        why = f"No customer here has the card {external_id!r} of {connection}."
        raise UsageError(why, next_step=f"sverka link {connection} --dry-run")
    return row


def _refuse_only(conn: Connection, row: Row[Any], connection: str) -> None:
    """Without the card nothing would be left of him but a copy of it."""
    others = (binding.c.entity == ENTITY, binding.c.entity_id == row.entity_id, binding.c.deleted.is_(False))
    this = (binding.c.connection == connection) & (binding.c.external_id == row.external_id)
    if conn.execute(select(binding.c.external_id).where(*others, ~this).limit(1)).first() is None:
        why = f"{row.name} is known from this card alone: there is nothing to take apart."
        raise UsageError(why, next_step=f"sverka card {row.external_id}")


def _take_apart(conn: Connection, app: App, connection: str, row: Row[Any]) -> None:
    here = (binding.c.connection == connection, binding.c.entity == ENTITY, binding.c.external_id == row.external_id)
    conn.execute(delete(binding).where(*here))
    shown = (outbox.c.connection == connection, outbox.c.entity_id == row.entity_id)
    values = {"external_id": None, "known": None, "sent_hash": "", "bound_at": None, "next_attempt_at": None}
    mine = (outbox.c.external_id == row.external_id, outbox.c.card == row.source)
    conn.execute(update(outbox).where(*shown, *mine).values(values | {"state": "review"}))
    for spec in ENTITIES.values():
        if any(name == ENTITY for name in spec.refs):
            table = entity_tables[spec.name]
            theirs = select(table.c.id).where(table.c[f"{ENTITY}_id"] == row.entity_id)
            read = (binding.c.connection == connection, binding.c.entity == spec.name, binding.c.entity_id.in_(theirs))
            conn.execute(update(binding).where(*read).values(version="", hash=""))
    conn.execute(update(counterparties).where(counterparties.c.id == row.entity_id).values(updated_at=app.clock.now()))


def _candidate(row: Row[Any]) -> dict[str, Any]:
    return {
        "external_id": row.external_id, "name": "", "tax_id": "", "registration_code": "", "code": row.code or "",
        "strength": "weak", "reasons": ["it was his until now"],
    }  # fmt: skip
