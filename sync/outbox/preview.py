"""A dry run: field by field what would be sent, with nothing sent and nothing written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from connectors.cards import Card, CardRef
from core.errors import RecordError, SverkaError
from store.engine import reading
from store.tables import outbox
from sync.outbox.content import build_card, build_first_link
from sync.outbox.desk import Desk, Subject, load_subjects
from sync.outbox.mark import Mark
from sync.outbox.refresh import refresh
from sync.outbox.rows import COLUMNS, CardRow, is_due
from sync.outbox.which import find_which
from sync.room.state import MOST_CHANGES

PAGE = 200


def preview(desk: Desk, mark: Mark) -> None:
    """Show what this card's rows would send: those due already, and those that would be due now; up to a limit."""
    for rows in _iter_rows(desk, mark):
        if len(desk.ctx.state.changes) >= MOST_CHANGES:
            desk.ctx.notice(f"{desk.name}: there is more; the first {MOST_CHANGES} changes are shown")
            return
        _show(desk, rows)


def _iter_rows(desk: Desk, mark: Mark) -> Any:
    fresh: set[UUID] = set()
    for looked in refresh(desk, mark):
        rows = [row for row in looked.rows if row.state in ("new", "due")]
        fresh |= {row.entity_id for row in rows}
        if rows:
            yield rows
    mine = (outbox.c.connection == desk.name, outbox.c.card == desk.card.name)
    due = is_due(desk.ctx.app.clock.now(), whatever_the_time=True)
    with reading(desk.ctx.app.engine) as conn:
        found = conn.execute(select(*COLUMNS).where(*mine, due).order_by(outbox.c.entity_id).limit(MOST_CHANGES))
        rows = [CardRow(**row._mapping) for row in found if row.entity_id not in fresh]
    for start in range(0, len(rows), PAGE):
        yield rows[start : start + PAGE]


def _show(desk: Desk, rows: Sequence[CardRow]) -> None:
    with reading(desk.ctx.app.engine) as conn:
        subjects = load_subjects(conn, desk, [row.entity_id for row in rows])
    here = [row for row in rows if row.entity_id in subjects]
    told = _foresee(desk, [row for row in here if row.external_id is None], subjects)
    for row in here:
        action, external_id = told.get(row.entity_id, ("updated", row.external_id))
        try:
            card = _card(desk, row, subjects[row.entity_id], external_id, first=action == "linked")
        except RecordError as error:
            desk.ctx.notice(f"{desk.name}: {desk.card.name} {row.key}: {error.message}")
            continue
        fields = {name: [None, _plain(value)] for name, value in _everything(card).items()}
        change = {"action": action, "entity": desk.card.entity, "external_id": external_id or row.key}
        desk.ctx.state.add_changes([change | {"direction": "out", "fields": fields}])


def _foresee(desk: Desk, rows: Sequence[CardRow], subjects: dict[UUID, Subject]) -> dict[UUID, tuple[str, str | None]]:
    """What would become of cards that are not known to be there; the CRM is asked, as before a real one."""
    if not rows:
        return {}
    try:
        found = find_which(desk, rows, subjects)
    except SverkaError as error:
        desk.ctx.notice(f"{desk.name}: who is who could not be asked: {error.message}")
        return {row.entity_id: ("created", None) for row in rows}
    words = {"found": "updated", "link": "linked", "create": "created", "review": "review", "hold": "review"}
    return {key: (words[one.action], one.external_id or None) for key, one in found.items()}


def _card(desk: Desk, row: CardRow, subject: Subject, external_id: str | None, *, first: bool) -> Card:
    content = desk.build(subject)
    known = build_first_link(content) if first else row.known
    return build_card(desk.card, row.key, external_id, content, known, desk.name_of)


def _everything(card: Card) -> dict[str, object]:
    return {
        **card.fields, **card.requisites, **({"phones": list(card.phones)} if card.phones else {}),
        **({"emails": list(card.emails)} if card.emails else {}),
    }  # fmt: skip


def _plain(value: object) -> object:
    if isinstance(value, CardRef):
        return value.external_id
    if isinstance(value, tuple):
        return " ".join(str(part) for part in value)
    return value if isinstance(value, str | int | bool | list | type(None)) else str(value)
