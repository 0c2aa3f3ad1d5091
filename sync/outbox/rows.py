"""Rows of the outbox: one a card, and the only statements that change them.

```
new ──► sending ──► done ──► due ──► sending …          off: the mapping does not show it (any more)
 ▲         ├──► uncertain ──► (asked) done, or new      gone: deleted there; made again only when a person says so
 │         ├──► dead ──► new, due                       left: a person has given it up
 └─────────┴──► review ──► new, due
```

`new` has no card there yet, or it is not known which one it is; whoever takes it up looks for it first. Claims are
conditional UPDATEs: of any number of workers one gets a row, and one that a worker died over comes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, or_, select, update

from store.bulk import is_among, select_in, upsert
from store.tables import outbox as table

KEYS = ("connection", "card", "entity_id")
WAITING = ("new", "due", "uncertain")
SETTLED = ("done", "off", "gone", "left")
"""States in which nothing is on its way."""


@dataclass(slots=True)
class CardRow:
    """One row; `known` is what `sync.outbox.content` remembers of the card."""

    connection: str
    card: str
    entity_id: UUID
    external_id: str | None
    state: str
    hash: str
    sent_hash: str
    reason: str | None
    attempts: int
    next_attempt_at: datetime | None
    mapping_version: str | None
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None
    as_of: datetime | None
    known: dict[str, Any] | None
    bound_at: datetime | None

    @property
    def key(self) -> str:
        """Our key on the card: our own id of the record."""
        return str(self.entity_id)


COLUMNS = [table.c[item.name] for item in fields(CardRow)]
NAMES = [item.name for item in fields(CardRow)]


def new_row(connection: str, card: str, entity_id: UUID, now: datetime) -> CardRow:
    """A row for a card that was never looked at."""
    return CardRow(
        connection, card, entity_id, external_id=None, state="new", hash="", sent_hash="", reason=None, attempts=0,
        next_attempt_at=None, mapping_version=None, created_at=now, updated_at=now, sent_at=None, as_of=None,
        known=None, bound_at=None,
    )  # fmt: skip


def load_rows(conn: Connection, connection: str, card: str, ids: Iterable[UUID]) -> dict[UUID, CardRow]:
    """The rows of these records."""
    rows = select_in(conn, table, COLUMNS, table.c.entity_id, ids, connection=connection, card=card)
    return {row.entity_id: CardRow(**row._mapping) for row in rows}


def save_rows(conn: Connection, rows: Sequence[CardRow], now: datetime) -> None:
    """Write these rows whole. An external id that another row has goes to the one that is written."""
    if not rows:
        return
    for row in rows:
        row.updated_at = now
    _free_ids(conn, rows)
    values = [{name: getattr(row, name) for name in NAMES} for row in rows]
    upsert(conn, table, values, KEYS, update=[name for name in NAMES if name not in (*KEYS, "created_at")])


def _free_ids(conn: Connection, rows: Sequence[CardRow]) -> None:
    """Two customers that were made one, or a card that a person has given to another: it is whose it has become."""
    wanted = [row.external_id for row in rows if row.external_id is not None]
    connection, card = rows[0].connection, rows[0].card
    columns = (table.c.external_id, table.c.entity_id)
    held = select_in(conn, table, columns, table.c.external_id, wanted, connection=connection, card=card)
    had = {(row.external_id, row.entity_id) for row in held}
    mine: dict[str | None, UUID] = {}
    for row in sorted(rows, key=lambda one: (one.external_id, one.entity_id) not in had):  # who had it before: first
        if row.external_id is not None:
            mine[row.external_id] = row.entity_id
    for row in rows:
        if row.external_id is not None and mine[row.external_id] != row.entity_id:
            row.external_id, row.state, row.next_attempt_at = None, "off", None
    others = [row.entity_id for row in held if mine[row.external_id] != row.entity_id]
    if others:
        where = (table.c.connection == connection, table.c.card == card, is_among(conn, table.c.entity_id, others))
        conn.execute(update(table).where(*where).values(external_id=None, state="off", next_attempt_at=None))


def is_due(now: datetime, *, whatever_the_time: bool = False) -> ColumnElement[bool]:
    """Rows that a run should take up now: those whose time has come, and those that a worker died over."""
    timely = or_(table.c.next_attempt_at.is_(None), table.c.next_attempt_at <= now)
    planned = table.c.state.in_(WAITING)
    lapsed = and_(table.c.state == "sending", timely)
    return or_(planned if whatever_the_time else and_(planned, timely), lapsed)


def claim_rows(
    conn: Connection, connection: str, card: str, now: datetime, until: datetime, *, after: UUID | None, most: int,
    whatever_the_time: bool,
) -> list[CardRow]:  # fmt: skip
    """Take the next due rows behind `after`, to work on them alone until the claim lapses.

    They are as they stood before: of one that was `sending` or `uncertain` what was sent may have arrived.
    """
    due = is_due(now, whatever_the_time=whatever_the_time)
    mine = (table.c.connection == connection, table.c.card == card)
    query = select(*COLUMNS).where(*mine, due).order_by(table.c.entity_id).limit(most)
    found = conn.execute(query if after is None else query.where(table.c.entity_id > after)).all()
    rows = {row.entity_id: CardRow(**row._mapping) for row in found}
    if not rows:
        return []
    these = is_among(conn, table.c.entity_id, list(rows))
    values = {"state": "sending", "attempts": table.c.attempts + 1, "next_attempt_at": until, "updated_at": now}
    if conn.execute(update(table).where(*mine, these, due).values(values)).rowcount != len(rows):
        taken = (table.c.state == "sending", table.c.updated_at == now)
        still = set(conn.execute(select(table.c.entity_id).where(*mine, these, *taken)).scalars())
        rows = {key: row for key, row in rows.items() if key in still}
    for row in rows.values():
        row.attempts += 1
    return list(rows.values())


def note_known(conn: Connection, row: CardRow) -> None:
    """Write down, before a card is claimed, what of it is to be left alone."""
    mine = (table.c.connection == row.connection, table.c.card == row.card, table.c.entity_id == row.entity_id)
    conn.execute(update(table).where(*mine).values(known=row.known))


def touch_cards(conn: Connection, now: datetime, connection: str, ids: Sequence[UUID]) -> None:
    """Cards whose people have changed what accounting owns: all is shown anew. In the caller's transaction."""
    if not ids:
        return
    theirs = is_among(conn, table.c.entity_id, ids)
    where = (table.c.connection == connection, table.c.state.in_(("done", "due")), theirs)
    again = {"state": "due", "sent_hash": "", "known": None, "updated_at": now, "next_attempt_at": None}
    conn.execute(update(table).where(*where).values(again))


def wake_reviewed(conn: Connection, now: datetime, connection: str, entity_id: UUID) -> bool:
    """A person has decided about a card that waits for him: it is looked for again. False where none waits."""
    where = (table.c.connection == connection, table.c.entity_id == entity_id, table.c.state == "review")
    again = {"state": "new", "updated_at": now, "next_attempt_at": None}
    return conn.execute(update(table).where(*where).values(again)).rowcount > 0
