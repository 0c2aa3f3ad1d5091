"""Dead letters: a record that could not be read, mapped, written or sent, kept with its reason until it succeeds.

One open letter a record and direction: a second failure counts an attempt. A later success resolves it by itself.
It is tried again by itself some times, ever more rarely; then only when its record changes or a person says so.
A letter that a person has discarded stays discarded while the record's content is what it was; new content that
fails opens a new letter. What people do with letters: `sync.letters`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, or_, select, update

from core.errors import RecordError, SverkaError
from core.ids import new_id
from core.secrets import redact
from store.bulk import chunks, insert, is_among
from store.engine import reading
from store.queries.work.queues import DEAD_OPEN
from store.tables import dead_letter
from sync.context import RunContext
from sync.room.numbers import next_numbers
from sync.room.retrying import build_pause
from sync.room.writing import writing

FIRST_RETRY, LONGEST_RETRY = timedelta(minutes=15), timedelta(days=1)
MOST_ATTEMPTS = 10
"""So often a record is tried by itself, over some days; later ones are for a person, or for a change at the source."""
NOTHING_TO_TRY = timedelta(hours=1)
"""A letter whose set nobody reads now (mapped no more, paused) is looked at again after so long."""
LONGEST_PAYLOAD = 64 * 1024
AT_ONCE = 1000
_CHANGING = re.compile(r"""[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|'[^']*'|"[^"]*"|«[^»]*»|\d+""")
Key = tuple[str, str, str]
"""Entity, external id, direction."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One record that failed: what it is, where it got stuck and why.

    `payload` is the record as received (in) or as it was to be sent (out); `content` is a hash of what it says, the
    same as long as nobody changes the record there.
    """

    entity: str
    external_id: str
    stage: str
    error: SverkaError
    source: str = ""
    payload: bytes | None = None
    direction: str = "in"
    content: str = ""

    @property
    def key(self) -> Key:
        """What one open letter is about."""
        return self.entity, self.external_id, self.direction


def fingerprint(failure: Failure) -> str:
    """The same for failures of one cause: what differs from record to record (numbers, ids, quotes) is left out."""
    words = _CHANGING.sub("#", failure.error.message)
    parts = (
        failure.direction,
        failure.entity,
        failure.stage,
        type(failure.error).__name__,
        failure.error.where.code or "",
        words,
    )
    return hashlib.blake2b("\n".join(parts).encode("utf-8", "replace"), digest_size=12).hexdigest()


def _next_attempt(ctx: RunContext, attempts: int) -> datetime | None:
    """When the record is tried again by itself; never more after too many attempts."""
    if attempts >= MOST_ATTEMPTS:
        return None
    return ctx.app.clock.now() + build_pause(attempts, FIRST_RETRY, LONGEST_RETRY, ctx.app.chance)


def record(  # noqa: PLR0913 - the columns of a letter, by name
    conn: Connection,
    ctx: RunContext,
    *,
    entity: str,
    external_id: str,
    stage: str,
    error: SverkaError,
    direction: str = "in",
    source: str = "",
    payload: bytes | None = None,
    content: str = "",
) -> None:
    """Write one letter, or count an attempt on the open one, in the caller's transaction."""
    record_failures(conn, ctx, [Failure(entity, external_id, stage, error, source, payload, direction, content)])


def record_failures(conn: Connection, ctx: RunContext, failures: Sequence[Failure]) -> set[Key]:
    """The same for many, in a few statements. Returns those that a person has discarded: they stay discarded."""
    silent: set[Key] = set()
    for part in chunks(failures, AT_ONCE):
        known = _load_known(conn, ctx.name, part)
        silent |= {failure.key for failure in part if _is_given_up(failure, known.get(failure.key))}
        fresh = [failure for failure in part if failure.key not in silent and not _is_open(known.get(failure.key))]
        for failure in part:
            letter = known.get(failure.key)
            if letter is not None and _is_open(letter):
                _count_attempt(conn, ctx, failure, letter)
        numbers = next_numbers(conn, dead_letter, len(fresh)) if fresh else range(0)
        insert(
            conn, dead_letter, [_new_row(ctx, failure, number) for failure, number in zip(fresh, numbers, strict=True)]
        )
    return silent


def _is_open(letter: Any) -> bool:
    return letter is not None and letter.state != "discarded"


def _is_given_up(failure: Failure, letter: Any) -> bool:
    """A person has given this very content up. What is sent out has a new decision behind it, and is told anew."""
    if letter is None or letter.state != "discarded" or failure.direction == "out":
        return False
    return bool(letter.content == failure.content if failure.content else letter.fingerprint == fingerprint(failure))


def _load_known(conn: Connection, connection: str, failures: Sequence[Failure]) -> dict[Key, Any]:
    """The newest letter of each that is open or discarded."""
    ids = list({failure.external_id for failure in failures})
    names = ("id", "entity", "external_id", "direction", "attempts", "state", "fingerprint")
    columns = [dead_letter.c[name] for name in names]
    content = dead_letter.c.payload["content"].as_string().label("content")
    mine = (dead_letter.c.connection == connection, is_among(conn, dead_letter.c.external_id, ids))
    query = select(*columns, content).where(*mine, or_(DEAD_OPEN, dead_letter.c.state == "discarded"))
    rows = conn.execute(query.order_by(dead_letter.c.number))
    return {(row.entity, row.external_id, row.direction): row for row in rows}


def _values(ctx: RunContext, failure: Failure, attempts: int) -> dict[str, Any]:
    now, error = ctx.app.clock.now(), failure.error
    return {
        "stage": failure.stage,
        "error_class": type(error).__name__,
        "code": (error.where.code or "")[:40] or None,
        "reason": _clean(error.message, 2000),
        "next_step": _clean(_next_step(failure), 500),
        "fingerprint": fingerprint(failure),
        "state": "open",
        "attempts": attempts,
        "last_at": now,
        "next_attempt_at": _next_attempt(ctx, attempts),
        "source": failure.source,
        "payload": _payload(failure),
        "mapping_version": ctx.mapping.version,
        "run_id": ctx.run_id,
    }


def _next_step(failure: Failure) -> str:
    """What to do, as the error says; where it says no more than "look at the letter" that is what one is doing."""
    step = failure.error.next_step
    if step != RecordError.default_next_step:
        return step
    if failure.direction == "out":
        return "mend the contact, then: sverka dead retry; or what is sent: sverka dead edit"
    return f"mend it in {failure.source or 'accounting'}: it is read again by itself; or here: sverka dead edit"


def _new_row(ctx: RunContext, failure: Failure, number: int) -> dict[str, Any]:
    row = {
        "id": new_id(),
        "number": number,
        "connection": ctx.name,
        "entity": failure.entity,
        "external_id": failure.external_id,
        "direction": failure.direction,
        "first_at": ctx.app.clock.now(),
    }
    return row | _values(ctx, failure, 1)


def _count_attempt(conn: Connection, ctx: RunContext, failure: Failure, known: Row[Any]) -> None:
    values = _values(ctx, failure, known.attempts + 1)
    if failure.payload is None:
        values.pop("payload")
    conn.execute(update(dead_letter).where(dead_letter.c.id == known.id).values(values))


def _payload(failure: Failure) -> dict[str, Any] | None:
    """As text within JSON: whatever the record holds, control characters too, can be stored and shown."""
    raw = failure.payload
    if raw is None:
        return None
    text = _clean(raw[:LONGEST_PAYLOAD].decode("utf-8", "replace"), LONGEST_PAYLOAD)
    cut = {"cut": True} if len(raw) > LONGEST_PAYLOAD else {}
    return {"raw": text, "content": failure.content, **cut}


def _clean(text: str, longest: int) -> str:
    return redact(text).encode("utf-8", "replace").decode("utf-8").replace("\x00", "�")[:longest]


def resolve(
    conn: Connection, connection: str, entity: str, external_id: str | Sequence[str], direction: str | None = None
) -> None:
    """The record has succeeded: its open letters close by themselves. In the caller's transaction.

    Args:
        conn: the transaction.
        connection: whose record.
        entity: its entity.
        external_id: one id or many.
        direction: only letters of this direction; all when None.
    """
    ids = [external_id] if isinstance(external_id, str) else list(external_id)
    for part in chunks(ids, AT_ONCE):
        conditions = [dead_letter.c.connection == connection, dead_letter.c.entity == entity, DEAD_OPEN]
        conditions.append(is_among(conn, dead_letter.c.external_id, part))
        if direction is not None:
            conditions.append(dead_letter.c.direction == direction)
        conn.execute(update(dead_letter).where(*conditions).values(state="resolved", next_attempt_at=None))


def is_due(now: datetime) -> ColumnElement[bool]:
    """Letters whose time has come: their record is to be read, or sent, again."""
    known = or_(dead_letter.c.source != "", dead_letter.c.direction == "out")
    return and_(DEAD_OPEN, dead_letter.c.next_attempt_at <= now, known)


def load_due(ctx: RunContext) -> dict[tuple[str, str], list[str]]:
    """Records whose letters are due to be read again: (entity, set) -> external ids. A person's order makes all due."""
    timely = ctx.order.kind in ("schedule", "retry")
    due = is_due(ctx.app.clock.now()) if timely else and_(DEAD_OPEN, dead_letter.c.source != "")
    mine = and_(dead_letter.c.connection == ctx.name, dead_letter.c.direction == "in", due)
    older = dead_letter.c.run_id.is_distinct_from(ctx.run_id)  # not what this very run has just written
    query = select(dead_letter.c.entity, dead_letter.c.source, dead_letter.c.external_id).where(mine, older)
    found: dict[tuple[str, str], list[str]] = {}
    with reading(ctx.app.engine) as conn:
        for row in conn.execute(query.order_by(dead_letter.c.last_at).limit(AT_ONCE)):
            found.setdefault((row.entity, row.source), []).append(row.external_id)
    return found


def load_tried(ctx: RunContext, entity: str, keys: Sequence[str]) -> set[str]:
    """Which of these records this very run has tried and found dead: once a run is enough, and is counted once."""
    mine = (dead_letter.c.connection == ctx.name, dead_letter.c.entity == entity, dead_letter.c.direction == "in")
    query = select(dead_letter.c.external_id).where(*mine, DEAD_OPEN, dead_letter.c.run_id == ctx.run_id)
    found: set[str] = set()
    with reading(ctx.app.engine) as conn:
        for part in chunks(keys, AT_ONCE):
            found |= set(conn.execute(query.where(is_among(conn, dead_letter.c.external_id, part))).scalars())
    return found


def defer(ctx: RunContext, found: dict[tuple[str, str], list[str]]) -> None:
    """Letters that are still due although they have had their turn (nothing reads their set now) wait for another day.

    That is no attempt: nothing was tried.
    """
    if not found or ctx.order.dry_run:
        return
    now = ctx.app.clock.now()
    with writing(ctx, "dead") as conn:
        for (entity, _), keys in found.items():
            mine = (dead_letter.c.connection == ctx.name, dead_letter.c.entity == entity, is_due(now))
            late = update(dead_letter).where(*mine, is_among(conn, dead_letter.c.external_id, keys))
            conn.execute(late.values(state="open", next_attempt_at=now + NOTHING_TO_TRY))
