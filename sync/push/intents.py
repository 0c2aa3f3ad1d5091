"""Intents: writes that have been decided on, recorded before they are sent (design §5-4).

```
waiting ──► review ──► due ──► sending ──► done
   ▲            ▲       ▲         ├──► uncertain ──► (asked) done, or due again
   └────────────┴───────┴─────────┴──► dead ──► due        discarded: nobody wants it any more
```

A state changes in one place, `move`, by a conditional UPDATE that names the state it comes from: of two workers, or
of a worker and a person, one wins and the other learns it. `claim` is the same with an owner and a moment at which it
lapses.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

from sqlalchemy import Connection, and_, or_, select, update
from sqlalchemy import insert as insert_into
from sqlalchemy.dialects import postgresql, sqlite

from core.errors import ConflictError
from core.ids import new_id
from store.bulk import IN_CHUNK, chunks, is_among, select_in
from store.tables import intent as table

UPDATE = "update"
"""The action of an intent that changes a card which is there already."""
OPEN = frozenset({"waiting", "review", "due", "sending", "uncertain"})
ALLOWED: dict[str, frozenset[str]] = {
    "waiting": frozenset({"review", "due", "discarded", "done"}),
    "review": frozenset({"waiting", "due", "discarded", "done"}),
    "due": frozenset({"waiting", "review", "sending", "discarded", "done"}),
    "sending": frozenset({"waiting", "review", "due", "uncertain", "done", "dead", "discarded"}),
    "uncertain": frozenset({"sending", "review", "discarded"}),
    "dead": frozenset({"due", "waiting", "discarded"}),
    "done": frozenset(),
    "discarded": frozenset(),
}
"""From which state to which. What was once sent without an answer is only settled by whoever claims it and asks."""

FIRST_DELAY = timedelta(seconds=30)
LONGEST_DELAY = timedelta(hours=6)
CLOCK_WENT_BACK = timedelta(hours=1)
"""A claim that ends farther in the future was made before the clock was put back: no lease is so long."""
_random = random.SystemRandom().random


@dataclass(slots=True)
class Intent:
    """One row of the table.

    `steps` are the ordered writes: set, role, key, body, state (new, sending, done), external_id.
    """

    id: UUID
    connection: str
    entity: str
    entity_id: UUID
    action: str
    state: str
    client_key: str
    steps: list[dict[str, Any]]
    step: int
    reason: str | None
    attempts: int
    next_attempt_at: datetime | None
    created_at: datetime
    external_id: str | None
    external_code: str | None
    owner: str | None
    until: datetime | None

    @property
    def pending(self) -> dict[str, Any] | None:
        """The step that was given to the other side and never answered."""
        here = self.steps[self.step] if self.step < len(self.steps) else None
        return here if here is not None and here["state"] == "sending" else None

    def key_of(self, step: int, *, card: bool) -> str:
        """The key we choose for the object of a step, the same at every attempt; the card's own is `client_key`."""
        return self.client_key if card else str(uuid5(UUID(self.client_key), f"step {step}"))


_COLUMNS = [table.c[item.name] for item in fields(Intent)]


def load(conn: Connection, intent_id: UUID) -> Intent | None:
    """One intent, or None."""
    row = conn.execute(select(*_COLUMNS).where(table.c.id == intent_id)).mappings().first()
    return Intent(**row) if row else None


def load_open(conn: Connection, connection: str, entity_id: UUID, entity: str = "counterparty") -> Intent | None:
    """The one open intent of a record (the database allows no second)."""
    where = (table.c.connection == connection, table.c.entity == entity, table.c.entity_id == entity_id)
    row = conn.execute(select(*_COLUMNS).where(*where, table.c.state.in_(OPEN))).mappings().first()
    return Intent(**row) if row else None


def load_latest(conn: Connection, connection: str, entity_id: UUID) -> Intent | None:
    """The newest intent of a record, whatever became of it."""
    where = (table.c.connection == connection, table.c.entity_id == entity_id)
    row = conn.execute(select(*_COLUMNS).where(*where).order_by(table.c.created_at.desc()).limit(1)).mappings().first()
    return Intent(**row) if row else None


def load_latest_of(conn: Connection, connection: str, ids: Sequence[UUID]) -> dict[UUID, Intent]:
    """The newest intent of each of these records that has one."""
    rows = select_in(conn, table, _COLUMNS, table.c.entity_id, ids, connection=connection, entity="counterparty")
    found: dict[UUID, Intent] = {}
    for row in sorted(rows, key=lambda row: (row.created_at, row.id)):
        found[row.entity_id] = Intent(**row._mapping)
    return found


def load_behind(conn: Connection, connection: str, entity_id: UUID) -> Intent | None:
    """The intent that a letter of direction out is about: a refused making of the card first, else the newest.

    While the making of a card stands refused no change of it is planned, so there is never a doubt which is meant.
    """
    where = (table.c.connection == connection, table.c.entity_id == entity_id)
    refused = (table.c.state == "dead", table.c.action != UPDATE)
    query = select(*_COLUMNS).where(*where, *refused).order_by(table.c.created_at.desc()).limit(1)
    row = conn.execute(query).mappings().first()
    return Intent(**row) if row else load_latest(conn, connection, entity_id)


def add(
    conn: Connection,
    now: datetime,
    connection: str,
    entity_id: UUID,
    *,
    state: str,
    reason: str | None = None,
    action: str = "create",
) -> Intent:
    """Record a decision to write. Raises IntegrityError when the record has an open intent already."""
    row: dict[str, Any] = {
        "id": new_id(), "connection": connection, "entity": "counterparty", "entity_id": entity_id, "action": action,
        "state": state, "client_key": str(uuid4()), "steps": [], "step": 0, "reason": reason, "attempts": 0,
        "created_at": now,
    }  # fmt: skip
    conn.execute(insert_into(table).values(row | {"updated_at": now}))
    return Intent(**row, next_attempt_at=None, external_id=None, external_code=None, owner=None, until=None)


def add_creates(conn: Connection, now: datetime, connection: str, ids: Iterable[UUID], *, waits: str = "") -> None:
    """Record that cards are to be made of these customers; those with an open intent keep that one."""
    _add_all(conn, now, connection, sorted(dict.fromkeys(ids)), "create", waits)


def _add_all(conn: Connection, now: datetime, connection: str, ids: Sequence[UUID], action: str, waits: str) -> None:
    """The unique index decides, so any number of callers may do this at once."""
    rows: list[dict[str, Any]] = [
        {
            "id": new_id(), "connection": connection, "entity": "counterparty", "entity_id": key, "action": action,
            "state": "waiting" if waits else "due", "client_key": str(uuid4()), "steps": [], "step": 0,
            "reason": waits or None, "attempts": 0, "created_at": now, "updated_at": now,
        }
        for key in ids
    ]  # fmt: skip
    dialect = sqlite if conn.dialect.name == "sqlite" else postgresql
    for part in chunks(rows, IN_CHUNK):
        conn.execute(dialect.insert(table).on_conflict_do_nothing(), part)


def add_updates(conn: Connection, now: datetime, connection: str, ids: Iterable[UUID], *, waits: str = "") -> None:
    """Record that the cards of these customers are to be looked at; those with an open intent keep that one.

    A change that stands before a person is due again: he is to be asked about what is to be sent now.
    """
    wanted = sorted(dict.fromkeys(ids))
    _add_all(conn, now, connection, wanted, UPDATE, waits)
    if waits:
        return
    asked = (table.c.connection == connection, table.c.action == UPDATE, table.c.state == "review")
    fresh = {"state": "due", "updated_at": now, "reason": None, "next_attempt_at": None, "owner": None, "until": None}
    for keys in chunks(wanted, IN_CHUNK):
        conn.execute(update(table).where(*asked, is_among(conn, table.c.entity_id, keys)).values(fresh))


def move(conn: Connection, intent: Intent, to: str, now: datetime, **values: Any) -> None:
    """Change an intent's state, and whatever else `values` names, in one conditional UPDATE.

    Raises:
        ConflictError: it is no longer in the state, or no longer the claimer's, that this caller knew.
        ValueError: the table of transitions does not know this step.
    """
    if to not in ALLOWED[intent.state]:
        raise ValueError(f"an intent never goes from {intent.state!r} to {to!r}")
    settled = {"owner": None, "until": None} if to != "sending" else {}
    _change(conn, intent, {"state": to, "updated_at": now} | settled | values)


def save(conn: Connection, intent: Intent, now: datetime, **values: Any) -> None:
    """Record progress without a change of state (a step before it is sent, a step that is done)."""
    _change(conn, intent, {"updated_at": now, "steps": intent.steps, "step": intent.step} | values)


def move_reason(conn: Connection, intent: Intent, now: datetime, reason: str) -> None:
    """Say anew why an intent stands where it stands."""
    _change(conn, intent, {"updated_at": now, "reason": reason})


def _change(conn: Connection, intent: Intent, values: dict[str, Any]) -> None:
    owner = table.c.owner.is_(None) if intent.owner is None else table.c.owner == intent.owner
    where = (table.c.id == intent.id, table.c.state == intent.state, owner)
    if conn.execute(update(table).where(*where).values(values)).rowcount != 1:
        raise ConflictError("Somebody else is at work on this contact.", next_step="sverka contact list")
    for name, value in values.items():
        if hasattr(intent, name):
            setattr(intent, name, value)


def _ready(now: datetime, *, whatever_the_time: bool) -> Any:
    timely = or_(table.c.next_attempt_at.is_(None), table.c.next_attempt_at <= now)
    planned = table.c.state.in_(("due", "uncertain"))
    over = or_(table.c.until.is_(None), table.c.until <= now, table.c.until > now + CLOCK_WENT_BACK)
    lapsed = and_(table.c.state == "sending", over)
    return or_(planned if whatever_the_time else and_(planned, timely), lapsed)


def is_due(now: datetime) -> Any:
    """Intents that a run should take up now: also those that wait, when their time was set and has come."""
    woken = and_(table.c.state == "waiting", table.c.next_attempt_at <= now)
    return or_(_ready(now, whatever_the_time=False), woken)


def load_ready(conn: Connection, connection: str, now: datetime, *, whatever_the_time: bool = False) -> list[UUID]:
    """Intents that may be worked on now, those that never failed first. `whatever_the_time`: a person's order."""
    order = (table.c.next_attempt_at.is_not(None), table.c.next_attempt_at, table.c.created_at, table.c.id)
    where = (table.c.connection == connection, _ready(now, whatever_the_time=whatever_the_time))
    return list(conn.execute(select(table.c.id).where(*where).order_by(*order)).scalars())


def load_waiting(conn: Connection, connection: str) -> list[Intent]:
    """Intents that wait for something: a value, or leave to write."""
    rows = conn.execute(
        select(*_COLUMNS).where(table.c.connection == connection, table.c.state == "waiting")
    ).mappings()
    return [Intent(**row) for row in rows]


def claim(conn: Connection, intent_id: UUID, owner: str, now: datetime, lease: timedelta) -> Intent | None:
    """Take an intent to work on it alone until the lease lapses; None when another was quicker.

    Guarantees that of any number of claimers exactly one gets it. An intent left `sending` by a worker that died comes
    back with its pending step, so that the other side is asked first.
    """
    mine = f"{owner[:40]}/{new_id()}"
    where = (table.c.id == intent_id, _ready(now, whatever_the_time=True))
    values = {
        "state": "sending",
        "owner": mine,
        "until": now + lease,
        "attempts": table.c.attempts + 1,
        "updated_at": now,
    }
    if conn.execute(update(table).where(*where).values(values)).rowcount != 1:
        return None
    return load(conn, intent_id)


def revive(conn: Connection, connection: str, entity_id: UUID, now: datetime) -> bool:
    """Make a refused intent due again; False when it was not refused, or a change of the card is on its way now.

    A change that has not been sent makes room: when the card is whole it is looked at again.
    """
    refused = load_behind(conn, connection, entity_id)
    if refused is None or refused.state != "dead":
        return False
    other = load_open(conn, connection, entity_id)
    if other is not None and (other.action != UPDATE or other.state not in ("waiting", "review", "due")):
        return False
    if other is not None:
        move(conn, other, "discarded", now, reason="the card itself is written first", next_attempt_at=None)
    move(conn, refused, "due", now, next_attempt_at=None, reason=None)
    return True


def takes_keys(conn: Connection, connection: str) -> bool:
    """Whether this base has been seen to give an object the key that we chose: it then refuses a second of the kind."""
    created = (table.c.connection == connection, table.c.action == "create", table.c.state == "done")
    query = select(table.c.id).where(*created, table.c.step > 0, table.c.external_id == table.c.client_key)
    return conn.execute(query.limit(1)).first() is not None


def build_delay(attempts: int, every: timedelta = FIRST_DELAY, chance: Callable[[], float] = _random) -> timedelta:
    """How long to wait after so many attempts: full jitter under a doubling, capped limit; first a period at most."""
    limit: timedelta = min(min(FIRST_DELAY, every) * 2 ** min(attempts, 20), LONGEST_DELAY)
    return limit * chance()
