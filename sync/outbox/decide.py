"""What becomes of one card's row when its record is looked at. Pure."""

from __future__ import annotations

from datetime import datetime

from sync.outbox.content import Content, build_first_link
from sync.outbox.desk import Desk, Subject
from sync.outbox.rows import CardRow, new_row

FIXED = ("gone", "left")
"""States that only a person ends: by his word about the letter, or by another card that he makes there."""
ON_ITS_WAY = ("sending", "uncertain")
UNWANTED = "the mapping does not show it"


def decide_row(desk: Desk, subject: Subject, row: CardRow | None, now: datetime) -> CardRow | None:
    """The row as it is to be written; None where nothing has changed, or there is nothing to show.

    A record whose card is there gets a row when it is first looked at; one that has none only where a card is to be
    made, which needs a person's agreement to the links (`sverka link`).

    Raises:
        RecordError: a condition does not fit the record, or a value cannot be built.
    """
    if row is not None and row.state in FIXED and not _is_newly_bound(subject, row):
        return None
    key = subject.shown["id"]
    gone = subject.gone and (row is None or row.external_id == subject.external_id)
    bound = _find_bound(subject, row)
    if not desk.card.is_wanted(subject.shown, desk.zone):
        return _turn_off(row or (new_row(desk.name, desk.card.name, key, now) if bound else None), bound)
    if gone:  # whom the CRM alone had is deleted with his card: nobody has anything to decide
        alone = subject.shown.get("deleted") and subject.shown.get("home") == "crm"
        return _turn_off(row, bound) if alone else _mark_gone(desk, subject, row, now)
    if bound is None and not _may_be_made(desk, subject):
        return _turn_off(row, None) if row is not None and row.state not in ON_ITS_WAY else None
    adopted = bound is not None and (row is None or row.external_id != bound)
    fresh = row or new_row(desk.name, desk.card.name, key, now)
    content = _changed(desk, subject, fresh)
    if adopted:
        content = content or desk.build(subject)
        _adopt(fresh, str(bound), content, now)
    if content is None and fresh.state != "off":
        return None
    return _make_due(desk, subject, fresh, content)


def _find_bound(subject: Subject, row: CardRow | None) -> str | None:
    """The card as it is bound by now, else as the row has it; one that was deleted there is none."""
    if subject.external_id is not None and not subject.gone:
        return subject.external_id
    return row.external_id if row is not None else None


def _is_newly_bound(subject: Subject, row: CardRow) -> bool:
    return subject.external_id is not None and not subject.gone and subject.external_id != row.external_id


def _may_be_made(desk: Desk, subject: Subject) -> bool:
    return desk.linked and subject.tied and not subject.elsewhere and desk.card.is_made(subject.shown, desk.zone)


def _turn_off(row: CardRow | None, bound: str | None) -> CardRow | None:
    if row is None or row.state in ("off", *ON_ITS_WAY):
        return None
    row.state, row.reason, row.next_attempt_at = "off", UNWANTED, None
    row.external_id = bound
    return row


def _mark_gone(desk: Desk, subject: Subject, row: CardRow | None, now: datetime) -> CardRow | None:
    """Deleted there: a person is told once, where a card would be kept at all."""
    if row is None:
        if not _may_be_made(desk, subject):
            return None
        row = new_row(desk.name, desk.card.name, subject.shown["id"], now)
        row.external_id = subject.external_id
    elif row.state in ("off", *ON_ITS_WAY):
        return None
    row.state, row.next_attempt_at = "gone", None
    return row


def _changed(desk: Desk, subject: Subject, row: CardRow) -> Content | None:
    """What the card shall show now, where that is new: the age of figures alone counts only so often.

    Of a card that was refused it does not count at all: sent again with nothing but another hour it is refused again.
    """
    fresh, known = subject.shown.get("as_of"), row.as_of
    young = fresh is not None and known is not None and fresh - known < desk.card.as_of_every
    young = young or (row.state == "dead" and known is not None)
    if young and desk.build(subject, known).hash == row.hash:
        return None
    content = desk.build(subject)
    return None if content.hash == row.hash else content


def _adopt(row: CardRow, external_id: str, content: Content, now: datetime) -> None:
    """A card that was there before us: what is not ours on it stays as it is until ours changes."""
    row.external_id, row.bound_at, row.sent_hash = external_id, now, ""
    row.known = build_first_link(content)
    row.state = row.state if row.state in ("off", *ON_ITS_WAY) else "due"


def _make_due(desk: Desk, subject: Subject, row: CardRow, content: Content | None) -> CardRow:
    if content is not None:
        row.hash, row.as_of = content.hash, subject.shown.get("as_of")
    row.mapping_version = desk.ctx.mapping.version
    if row.state in ("done", "off", "dead"):
        row.state, row.next_attempt_at = ("due" if row.external_id else "new"), None
    return row
