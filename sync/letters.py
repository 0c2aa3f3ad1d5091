"""What people do with dead letters: look at them by cause, have them tried again, mend them by hand, give them up.

A decision changes the letter and leaves word for the service, which acts at its next tick; where none is running the
next `sverka sync` does it.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, func, select, update

from core.errors import ConflictError, UsageError
from store.engine import reading
from store.queries.work.queues import DEAD_OPEN
from store.tables import dead_letter
from sync.context import App
from sync.outbox.letters import build_edit, give_up_card, is_card_letter
from sync.owners.recording import catch_up
from sync.owners.sides import load_sides
from sync.pull.edited import read_values
from sync.push.edited import OutEdit, load_asked
from sync.push.letters import give_up
from sync.push.merge import add_audit
from sync.room.requests import leave_request

GROUP_DIGITS = 8
"""So much of a fingerprint names a group for people."""
_HIDDEN = frozenset({"id", "payload", "run_id", "edited"})
_LIST = "sverka dead list"


def name_group(fingerprint: str) -> str:
    """The name of a group of letters with one cause, short enough to be typed."""
    return fingerprint[:GROUP_DIGITS]


def list_letters(
    app: App, *, everything: bool = False, group: str | None = None, after: int = 0, limit: int | None = None
) -> list[dict[str, Any]]:
    """Letters one by one, those of one cause together; open ones only, unless `everything`.

    `after`, `limit`: of one group, so many behind that number.

    Raises:
        UsageError: there is no such group.
    """
    columns = [column for column in dead_letter.c if column.name not in _HIDDEN]
    query = select(*columns).order_by(dead_letter.c.fingerprint, dead_letter.c.number)
    query = query.where(dead_letter.c.number > after).limit(limit)
    if not everything:
        query = query.where(DEAD_OPEN)
    with reading(app.engine) as conn:
        if group is not None:
            query = query.where(dead_letter.c.fingerprint == _find_group(conn, group))
        return [dict(row) | {"group": name_group(row["fingerprint"])} for row in conn.execute(query).mappings()]


def list_groups(app: App, *, skip: int = 0, limit: int | None = None) -> list[dict[str, Any]]:
    """Open letters by cause, the largest group first: how many, where, since when, and the newest one's reason."""
    counted = (
        select(
            dead_letter.c.fingerprint,
            func.count().label("letters"),
            func.min(dead_letter.c.first_at).label("first_at"),
            func.max(dead_letter.c.last_at).label("last_at"),
            func.max(dead_letter.c.number).label("newest"),
        )
        .where(DEAD_OPEN)
        .group_by(dead_letter.c.fingerprint)
        .subquery()
    )
    names = ("connection", "entity", "direction", "stage", "reason", "next_step")
    query = select(counted, *(dead_letter.c[name] for name in names)).join(
        dead_letter, dead_letter.c.number == counted.c.newest
    )
    order = (counted.c.letters.desc(), counted.c.newest)
    with reading(app.engine) as conn:
        rows = conn.execute(query.order_by(*order).limit(limit).offset(skip or None)).mappings().all()
    return [dict(row) | {"group": name_group(row["fingerprint"])} for row in rows]


def load_letter(app: App, number: int) -> dict[str, Any]:
    """One letter, whole. Raises UsageError when there is none with this number."""
    with reading(app.engine) as conn:
        row = _load(conn, number)
    return dict(row._mapping) | {"group": name_group(row.fingerprint)}


def _load(conn: Connection, number: int) -> Row[Any]:
    row = conn.execute(select(dead_letter).where(dead_letter.c.number == number)).first()
    if row is None:
        raise UsageError(f"There is no letter {number}.", next_step=_LIST)
    return row


def _find_group(conn: Connection, group: str) -> str:
    """The fingerprint that begins so."""
    begins = dead_letter.c.fingerprint.startswith(group.strip().lower(), autoescape=True)
    found = list(conn.execute(select(dead_letter.c.fingerprint).where(begins).distinct().limit(2)).scalars())
    if len(found) != 1 or not group.strip():
        many = f"More than one group begins with {group!r}: write more of it."
        raise UsageError(many if len(found) > 1 else f"There is no group {group!r}.", next_step=_LIST)
    return str(found[0])


def retry_letters(app: App, *, number: int | None = None, group: str | None = None, who: str = "cli") -> int:
    """Have open letters tried again now: one, those of one cause, or all. Returns how many.

    A running service acts at its next tick, also where the other side is left alone by the schedule.

    Raises:
        UsageError: there is no open letter with this number, or no such group.
    """
    conditions: list[ColumnElement[bool]] = [DEAD_OPEN]
    with app.engine.begin() as conn:
        if number is not None:
            conditions.append(dead_letter.c.number == number)
        if group is not None:
            conditions.append(dead_letter.c.fingerprint == _find_group(conn, group))
        count = _wake(conn, app, conditions)
        if number is not None and count == 0:
            raise UsageError(f"There is no open letter {number}.", next_step=_LIST)
        subject = f"letter {number}" if number is not None else f"group {group}" if group is not None else "all letters"
        add_audit(conn, app.clock.now(), who, "dead.retry", subject, after={"letters": count})
    return count


def _wake(conn: Connection, app: App, conditions: list[ColumnElement[bool]]) -> int:
    now = app.clock.now()
    values = {"state": "retrying", "next_attempt_at": now}
    changed = conn.execute(update(dead_letter).where(*conditions).values(values))
    waiting = select(dead_letter.c.connection).where(dead_letter.c.state == "retrying", *conditions).distinct()
    for name in conn.execute(waiting).scalars().all():
        if name in app.settings.connections:
            leave_request(conn, now, "retry", name)
    return changed.rowcount


def edit_letter(app: App, number: int, values: dict[str, Any], *, who: str = "cli") -> dict[str, Any]:
    """Mend one record by hand and have it tried again. What was received, or was to be sent, stays beside the edit.

    In: fields, references and lines of the record as the model names them. Out: attributes of what is sent to
    accounting. The edit counts as long as its source (the record there, the contact here) says what it says now.

    Raises:
        UsageError: no open letter with this number, nothing to edit, or values that do not fit (all mistakes at once).
        ConflictError: somebody else has just settled the letter.
    """
    now = app.clock.now()
    with app.engine.begin() as conn:
        letter = _load(conn, number)
        _check_open(letter)
        if letter.direction == "out" and _is_of_card(conn, letter):
            edited = build_edit(dict(letter._mapping), values)
        else:
            edited = _edit_out(conn, letter, values) if letter.direction == "out" else _edit_in(app, letter, values)
        edited |= {"by": who, "at": now.isoformat()}
        mine = (dead_letter.c.id == letter.id, DEAD_OPEN)
        if conn.execute(update(dead_letter).where(*mine).values(edited=edited)).rowcount != 1:
            raise ConflictError(f"Somebody else has just settled letter {number}.", next_step=_LIST)
        before = {"edited": letter.edited} if letter.edited else None
        add_audit(conn, now, who, "dead.edit", f"letter {number}", before=before, after=edited)
        _wake(conn, app, [dead_letter.c.id == letter.id, DEAD_OPEN])
    return load_letter(app, number)


def _check_open(letter: Row[Any]) -> None:
    if letter.state not in ("open", "retrying"):
        raise UsageError(f"Letter {letter.number} is {letter.state} already.", next_step="sverka dead list --all")


def _is_of_card(conn: Connection, letter: Row[Any]) -> bool:
    return is_card_letter(conn, letter.connection, letter.source, UUID(letter.external_id))


def _edit_in(app: App, letter: Row[Any], values: dict[str, Any]) -> dict[str, Any]:
    base = (letter.payload or {}).get("content")
    if not base:
        why = f"Nothing was received of the record of letter {letter.number}, so there is nothing to edit."
        raise UsageError(why, next_step=f"sverka dead retry {letter.number}, then look again")
    zone = app.settings.connection(letter.connection).zone
    kept = letter.edited["values"] if letter.edited and letter.edited["base"] == base else {}
    return {"base": base, "values": read_values({**kept, **values}, letter.entity, zone)}


def _edit_out(conn: Connection, letter: Row[Any], values: dict[str, Any]) -> dict[str, Any]:
    asked = load_asked(conn, letter.connection, letter.external_id)
    kept = letter.edited or {}
    same = kept.get("base") == asked.base and kept.get("role") == asked.role
    edit = OutEdit(asked.role, asked.base, {**(kept["values"] if same else {}), **values})
    edit.apply(asked.body)
    return {"role": edit.role, "base": edit.base, "values": dict(edit.values)}


def discard_letter(app: App, number: int, reason: str, *, who: str = "cli") -> None:
    """Give a letter up: marked with reason, person and time, and audited; never deleted.

    Out: the write is given up with it, also where it still waits or stands before a person. In: the record is left
    alone as long as it says the same; when it has changed and fails again a new letter is opened.

    Raises:
        UsageError: there is no open letter with this number, no reason was given, or its write was sent and not
            answered: what became of it is to be found out first.
        ConflictError: somebody else has just settled it.
    """
    if not reason.strip():
        raise UsageError("Say why: the reason is kept.", next_step="sverka dead discard --help")
    now, sides = app.clock.now(), load_sides(app)
    with app.engine.begin() as conn:
        letter = _load(conn, number)
        _check_open(letter)
        values = {"state": "discarded", "note": reason, "next_attempt_at": None, "decided_at": now, "decided_by": who}
        mine = (dead_letter.c.id == letter.id, DEAD_OPEN)
        if conn.execute(update(dead_letter).where(*mine).values(values)).rowcount != 1:
            raise ConflictError(f"Somebody else has just settled letter {number}.", next_step=_LIST)
        if letter.direction == "out" and _is_of_card(conn, letter):
            key = UUID(letter.external_id)
            give_up_card(conn, letter.connection, letter.source, key, now, f"discarded: {reason}")
        elif letter.direction == "out":
            key, side = UUID(letter.external_id), sides.get(letter.connection)
            give_up(conn, letter.connection, key, now, f"discarded: {reason}")
            if side is not None:
                catch_up(conn, now, side, key)
        before = {"state": letter.state, "reason": letter.reason, "external_id": letter.external_id}
        after = {"state": "discarded", "note": reason}
        add_audit(conn, now, who, "dead.discard", f"letter {number}", before=before, after=after)
