"""Letters of cards that a CRM has refused, or has deleted: the same machinery as for every other record.

A letter of direction out with a card's name as its source is about a row of the outbox; a person's word about the
letter is one about the row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Connection, literal_column, select, update

from connectors.cards import Card
from core.errors import RecordError, SverkaError, UsageError
from mapping.hashing import hash_content
from store.bulk import is_among
from store.engine import reading
from store.queries.work.queues import DEAD_OPEN
from store.tables import dead_letter, outbox
from sync.context import RunContext
from sync.outbox.desk import Desk
from sync.outbox.rows import CardRow, load_rows, save_rows
from sync.pull import dead
from sync.pull.dead import Failure
from sync.push.edited import OutEdit
from sync.room.writing import writing

OTHER_ROWS = ("deal_stage",)
"""Rows of the outbox that are no cards of a mapping."""
GONE = "deleted"
"""The code of a letter about a card that was deleted there: it is never tried again by itself."""


def build_failure(desk: Desk, row: CardRow, error: SverkaError, card: Card | None = None) -> Failure:
    """The letter of one card; its external id is our own id, as of every write."""
    payload = msgspec.json.encode(dict(card.fields), enc_hook=str) if card is not None else None
    return Failure(desk.card.entity, row.key, "send", error, desk.card.name, payload, "out")


def build_gone(desk: Desk, row: CardRow) -> Failure:
    """The letter of a card that is not there any more, and is not made again without a person's word."""
    error = RecordError(
        f"The card {row.external_id} was deleted in {desk.name}; it is not made again by itself.",
        next_step="sverka dead retry makes it again; sverka dead discard leaves it so",
    )
    error.where = replace(error.where, code=GONE)
    row.reason = error.message
    return build_failure(desk, row, error)


def settle_letters(conn: Connection, desk: Desk, keys: Sequence[str]) -> None:
    """These cards are as they shall be: their letters resolve themselves."""
    if keys:
        dead.resolve(conn, desk.name, desk.card.entity, keys, "out")


def _letters_of(desk: Desk) -> list[ColumnElement[bool]]:
    return [
        dead_letter.c.connection == desk.name, dead_letter.c.direction == "out",
        dead_letter.c.entity == desk.card.entity, dead_letter.c.source == desk.card.name,
    ]  # fmt: skip


def has_due(conn: Connection, desk: Desk, now: datetime) -> bool:
    """Whether letters of this type of card are due."""
    query = select(dead_letter.c.id).where(*_letters_of(desk), dead.is_due(now))
    return conn.execute(query.limit(1)).first() is not None


def revive_letters(conn: Connection, desk: Desk, now: datetime) -> None:
    """Letters that a person wants tried again, or whose time has come, make their rows due.

    One about a deleted card is never due by itself; when a person wants it, the card is looked for and made again.
    """
    mine = _letters_of(desk)
    query = select(dead_letter.c.external_id, dead_letter.c.state).where(*mine, dead.is_due(now))
    due = {UUID(row.external_id): row.state for row in conn.execute(query.limit(dead.AT_ONCE))}
    if not due:
        return
    rows = load_rows(conn, desk.name, desk.card.name, due)
    woken = [row for row in rows.values() if _wake(row, asked=due[row.entity_id] == "retrying")]
    save_rows(conn, woken, now)
    names = [str(key) for key in due]
    conn.execute(
        update(dead_letter).where(*mine, DEAD_OPEN, dead_letter.c.external_id.in_(names)).values(next_attempt_at=None)
    )
    dead.resolve(conn, desk.name, desk.card.entity, [str(key) for key in due if key not in rows], "out")


def _wake(row: CardRow, *, asked: bool) -> bool:
    """Make a refused row due; a deleted card only where a person has asked for it: it is made under the same key."""
    if row.state == "gone" and asked:
        row.external_id, row.known, row.sent_hash, row.bound_at = None, None, "", None
    elif row.state != "dead":
        return False
    row.state, row.next_attempt_at = ("due" if row.external_id else "new"), None
    return True


def close_unshown(ctx: RunContext) -> None:
    """Refused cards of types that the mapping has no more: their letters close; they are shown if it has them again.

    A row whose type another stage looks after (`deal_stage`) is none of these: no mapping names it.
    """
    known = [*ctx.mapping.cards, *OTHER_ROWS]
    refused = outbox.c.state == literal_column("'dead'")  # said in words: SQLite then looks into the few that are
    mine = (outbox.c.connection == ctx.name, refused, outbox.c.card.not_in(known))
    with reading(ctx.app.engine) as conn:
        rows = conn.execute(select(outbox.c.card, outbox.c.entity_id).where(*mine).limit(dead.AT_ONCE)).all()
    if not rows:
        return
    with writing(ctx, "outbox-refresh") as conn:
        for card in sorted({row.card for row in rows}):
            ids = [row.entity_id for row in rows if row.card == card]
            these = (outbox.c.card == card, is_among(conn, outbox.c.entity_id, ids))
            conn.execute(update(outbox).where(*mine, *these).values(state="off", hash=""))
            letters = (dead_letter.c.connection == ctx.name, dead_letter.c.direction == "out", DEAD_OPEN)
            told = (dead_letter.c.source == card, is_among(conn, dead_letter.c.external_id, [str(one) for one in ids]))
            conn.execute(update(dead_letter).where(*letters, *told).values(state="resolved", next_attempt_at=None))


def give_up_card(conn: Connection, connection: str, card: str, entity_id: UUID, now: datetime, reason: str) -> None:
    """A person wants nothing more of the card behind a letter, in the caller's transaction.

    Raises:
        UsageError: it has been sent, and is not known to have failed: that is to be found out first.
    """
    row = load_rows(conn, connection, card, [entity_id]).get(entity_id)
    if row is None:
        return
    if row.state in ("sending", "uncertain"):
        why = f"The card behind this letter was sent to {connection} and not answered yet: it is asked about first."
        raise UsageError(why, next_step=f"sverka sync {connection}, then look again: sverka dead list")
    row.state, row.reason, row.next_attempt_at = "left", reason, None
    save_rows(conn, [row], now)


def is_card_letter(conn: Connection, connection: str, card: str, entity_id: UUID) -> bool:
    """Whether a letter of direction out is about a card of the outbox."""
    mine = (outbox.c.connection == connection, outbox.c.card == card, outbox.c.entity_id == entity_id)
    return conn.execute(select(outbox.c.entity_id).where(*mine)).first() is not None


def build_edit(letter: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """What a person puts in the place of fields of a refused card; it counts while these would be sent as they were.

    Raises:
        UsageError: nothing was put together yet, or values that do not fit.
    """
    sent = _sent_fields(letter)
    kept = letter["edited"] or {}
    edit = OutEdit(str(letter["source"]), "", {**(kept.get("values") or {}), **values})
    edit.apply(sent)
    return {"role": edit.role, "base": _base(sent, edit.values), "values": dict(edit.values)}


def _sent_fields(letter: Mapping[str, Any]) -> dict[str, Any]:
    payload = letter["payload"] or {}
    try:
        fields = msgspec.json.decode(payload.get("raw") or "")
    except msgspec.DecodeError:
        fields = None
    if not isinstance(fields, dict):
        why = f"Nothing was sent of the record of letter {letter['number']}: nothing to edit."
        raise UsageError(why, next_step="sverka mapping check")
    return fields


def _base(fields: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    plain = msgspec.json.decode(msgspec.json.encode({name: fields.get(name) for name in values}, enc_hook=str))
    return hash_content(plain)


def load_edits(conn: Connection, desk: Desk, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What people have put into letters of these cards, by our key."""
    mine = (
        dead_letter.c.connection == desk.name, dead_letter.c.direction == "out",
        dead_letter.c.source == desk.card.name, dead_letter.c.edited.is_not(None), DEAD_OPEN,
    )  # fmt: skip
    query = select(dead_letter.c.external_id, dead_letter.c.edited).where(*mine)
    return {row.external_id: row.edited for row in conn.execute(query.where(dead_letter.c.external_id.in_(keys)))}


def mend_card(card: Card, edit: Mapping[str, Any] | None) -> Card:
    """The card with a person's values, as long as what they replace is what it was."""
    if edit is None or _base(card.fields, edit["values"]) != edit["base"]:
        return card
    given = {name: value for name, value in edit["values"].items() if value is not None}
    kept = {name: value for name, value in card.fields.items() if name not in edit["values"]}
    return replace(card, fields=kept | given)
