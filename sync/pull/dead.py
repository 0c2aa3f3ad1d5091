"""Dead letters: a record that could not be read, mapped, written or sent, kept with its reason until it succeeds.

One open letter a record and direction: a second failure counts an attempt. A later success resolves it by itself.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, or_, select, update

from core.errors import SverkaError, UsageError
from core.ids import new_id
from core.secrets import redact
from store.bulk import chunks, insert, is_among
from store.engine import reading
from store.tables import audit, dead_letter
from sync.context import App, RunContext
from sync.room.numbers import next_numbers

FIRST_RETRY = timedelta(minutes=15)
LONGEST_RETRY = timedelta(days=1)
LONGEST_PAYLOAD = 64 * 1024
AT_ONCE = 1000
_OPEN = dead_letter.c.state.in_(("open", "retrying"))
_CHANGING = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|'[^']*'|«[^»]*»|\d+")


@dataclass(frozen=True, slots=True)
class Failure:
    """One record that failed: what it is, where it got stuck and why. `payload` is the record as received."""

    entity: str
    external_id: str
    stage: str
    error: SverkaError
    source: str = ""
    payload: bytes | None = None
    direction: str = "in"


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


def retry_pause(attempts: int) -> timedelta:
    """How long a letter rests after so many attempts."""
    doubled: int = 2 ** min(max(attempts - 1, 0), 10)
    return min(FIRST_RETRY * doubled, LONGEST_RETRY)


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
) -> None:
    """Write one letter, or count an attempt on the open one, in the caller's transaction."""
    record_failures(conn, ctx, [Failure(entity, external_id, stage, error, source, payload, direction)])


def record_failures(conn: Connection, ctx: RunContext, failures: Sequence[Failure]) -> None:
    """The same for many, in a few statements."""
    for part in chunks(failures, AT_ONCE):
        known = _load_open(conn, ctx.name, part)
        fresh = [failure for failure in part if _key(failure) not in known]
        for failure in part:
            if _key(failure) in known:
                _count_attempt(conn, ctx, failure, known[_key(failure)])
        numbers = next_numbers(conn, dead_letter, len(fresh)) if fresh else range(0)
        insert(
            conn, dead_letter, [_new_row(ctx, failure, number) for failure, number in zip(fresh, numbers, strict=True)]
        )


def _key(failure: Failure) -> tuple[str, str, str]:
    return failure.entity, failure.external_id, failure.direction


def _load_open(conn: Connection, connection: str, failures: Sequence[Failure]) -> dict[tuple[str, str, str], Any]:
    ids = {failure.external_id for failure in failures}
    columns = (
        dead_letter.c.id,
        dead_letter.c.entity,
        dead_letter.c.external_id,
        dead_letter.c.direction,
        dead_letter.c.attempts,
    )
    query = select(*columns).where(dead_letter.c.connection == connection, _OPEN, dead_letter.c.external_id.in_(ids))
    return {(row.entity, row.external_id, row.direction): row for row in conn.execute(query)}


def _values(ctx: RunContext, failure: Failure, attempts: int) -> dict[str, Any]:
    now, error = ctx.app.clock.now(), failure.error
    return {
        "stage": failure.stage,
        "error_class": type(error).__name__,
        "code": (error.where.code or "")[:40] or None,
        "reason": _clean(error.message, 2000),
        "next_step": _clean(error.next_step, 500),
        "fingerprint": fingerprint(failure),
        "state": "open",
        "attempts": attempts,
        "last_at": now,
        "next_attempt_at": now + retry_pause(attempts),
        "source": failure.source,
        "payload": _payload(failure.payload),
        "mapping_version": ctx.mapping.version,
        "run_id": ctx.run_id,
    }


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


def _payload(raw: bytes | None) -> dict[str, str] | None:
    """As text within JSON: whatever the record holds, control characters too, can be stored and shown."""
    return None if raw is None else {"raw": _clean(raw[:LONGEST_PAYLOAD].decode("utf-8", "replace"), LONGEST_PAYLOAD)}


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
        conditions = [dead_letter.c.connection == connection, dead_letter.c.entity == entity, _OPEN]
        conditions.append(is_among(conn, dead_letter.c.external_id, part))
        if direction is not None:
            conditions.append(dead_letter.c.direction == direction)
        conn.execute(update(dead_letter).where(*conditions).values(state="resolved", next_attempt_at=None))


def load_due(ctx: RunContext) -> dict[tuple[str, str], list[str]]:
    """Records whose letters are due to be read again: (entity, set) -> external ids. A person's order makes all due."""
    now = ctx.app.clock.now()
    due: ColumnElement[bool] = or_(dead_letter.c.next_attempt_at <= now, dead_letter.c.state == "retrying")
    if ctx.order.kind != "schedule":
        due = _OPEN
    mine = and_(
        dead_letter.c.connection == ctx.name, dead_letter.c.direction == "in", dead_letter.c.source != "", _OPEN, due
    )
    older = dead_letter.c.run_id.is_distinct_from(ctx.run_id)  # not what this very run has just written
    query = select(dead_letter.c.entity, dead_letter.c.source, dead_letter.c.external_id).where(mine, older)
    found: dict[tuple[str, str], list[str]] = {}
    with reading(ctx.app.engine) as conn:
        for row in conn.execute(query.order_by(dead_letter.c.last_at).limit(AT_ONCE)):
            found.setdefault((row.entity, row.source), []).append(row.external_id)
    return found


def list_letters(app: App, *, everything: bool = False) -> list[dict[str, Any]]:
    """Letters for people, those of one cause together; open ones only, unless `everything`."""
    hidden = {"id", "payload", "run_id"}
    columns = [column for column in dead_letter.c if column.name not in hidden]
    query = select(*columns).order_by(dead_letter.c.fingerprint, dead_letter.c.number)
    if not everything:
        query = query.where(_OPEN)
    with reading(app.engine) as conn:
        return [dict(row) for row in conn.execute(query).mappings()]


def load_letter(app: App, number: int) -> dict[str, Any]:
    """One letter, whole. Raises UsageError when there is none with this number."""
    with reading(app.engine) as conn:
        row = conn.execute(select(dead_letter).where(dead_letter.c.number == number)).mappings().first()
    if row is None:
        raise UsageError(f"There is no letter {number}.", next_step="sverka dead list")
    return dict(row)


def retry_letters(app: App, *, number: int | None = None, fingerprint: str | None = None) -> int:
    """Have open letters tried at the next cycle: one, those of one cause, or all. Returns how many.

    Raises:
        UsageError: there is no open letter with this number.
    """
    conditions: list[ColumnElement[bool]] = [_OPEN]
    if number is not None:
        conditions.append(dead_letter.c.number == number)
    if fingerprint is not None:
        conditions.append(dead_letter.c.fingerprint == fingerprint)
    now = app.clock.now()
    with app.engine.begin() as conn:
        changed = conn.execute(update(dead_letter).where(*conditions).values(state="retrying", next_attempt_at=now))
    if number is not None and changed.rowcount == 0:
        raise UsageError(f"There is no open letter {number}.", next_step="sverka dead list")
    return changed.rowcount


def discard_letter(app: App, number: int, reason: str, who: str = "cli") -> None:
    """Give a letter up: marked with the reason and audited, never deleted.

    Raises:
        UsageError: there is no open letter with this number, or no reason was given.
    """
    if not reason.strip():
        raise UsageError("Say why: the reason is kept.", next_step="sverka dead discard --help")
    letter = load_letter(app, number)
    now = app.clock.now()
    with app.engine.begin() as conn:
        mine = (dead_letter.c.number == number, _OPEN)
        values = {"state": "discarded", "note": reason, "next_attempt_at": None}
        if conn.execute(update(dead_letter).where(*mine).values(values)).rowcount == 0:
            raise UsageError(f"Letter {number} is {letter['state']} already.", next_step="sverka dead list --all")
        line = {"id": new_id(), "at": now, "who": who, "what": "dead.discard", "subject": f"letter {number}"}
        before = {"state": letter["state"], "reason": letter["reason"], "external_id": letter["external_id"]}
        conn.execute(audit.insert().values(**line, before=before, after={"state": "discarded", "note": reason}))
