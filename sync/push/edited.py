"""A write that a person has mended by hand: what is sent in the place of what the mapping makes of the contact.

It counts as long as the mapping makes of the contact what it made when the letter was written: a contact that is
changed later is sent as it is then, and the audit says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select, update

from core.errors import UsageError
from mapping.hashing import hash_content
from mapping.values import CONVERTERS, MARKER, Env
from store.engine import reading
from store.queries.work.queues import DEAD_OPEN
from store.tables import dead_letter
from sync.context import RunContext
from sync.push import intents
from sync.push.intents import Intent
from sync.push.merge import add_audit
from sync.room.writing import writing

_ENV = Env(ZoneInfo("UTC"), "")


@dataclass(frozen=True, slots=True)
class Asked:
    """The write that was refused: its role in the mapping, what the mapping made, and a hash of that."""

    role: str
    base: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OutEdit:
    """Attributes that are sent otherwise than the mapping says; nothing (null) leaves one out."""

    role: str
    base: str
    values: Mapping[str, Any]

    def apply(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The body with the person's values.

        Raises:
            UsageError: values that do not fit, all mistakes at once.
        """
        found, problems = dict(body), list[str]()
        for name, value in self.values.items():
            try:
                found[name] = _fit(body.get(name), value)
            except ValueError as error:
                problems.append(f"{name}: {error}")
        if problems or not self.values:
            told = "; ".join(problems) or "nothing is to be changed"
            raise UsageError(
                f"{told}. What is sent has: {', '.join(body)}.", next_step="sverka dead edit NUMBER --set NAME=VALUE"
            )
        return {name: value for name, value in found.items() if value is not None}


def _fit(before: object, value: object) -> object:
    """A person's value, of the kind that the attribute has. Our marker stays, or a lost answer could not be found."""
    if isinstance(before, dict):
        raise ValueError("is a reference, which the mapping fills")
    if isinstance(before, list) != isinstance(value, list) or isinstance(value, dict):
        raise ValueError("rows are given with --file, as a list" if isinstance(before, list) else "is no list of rows")
    if value is None or value == "":
        if isinstance(before, str) and MARKER.search(before):
            return MARKER.findall(before)[0]
        return None
    if isinstance(before, bool):
        return CONVERTERS["bool"](value, _ENV)
    if isinstance(before, int):
        return CONVERTERS["int"](value, _ENV)
    if isinstance(before, str):
        text = str(CONVERTERS["text"](value, _ENV))
        marks = [mark for mark in MARKER.findall(before) if mark not in text]
        return " ".join([text, *marks])
    return value


def hash_body(body: Mapping[str, Any]) -> str:
    """What the mapping makes of a contact for one write, as a hash."""
    return hash_content(body)


def load_asked(conn: Connection, connection: str, external_id: str) -> Asked:
    """What was refused and stands in a letter of direction out.

    Raises:
        UsageError: the write is not waiting for a person any more, or it failed before it was put together.
    """
    intent = intents.load_behind(conn, connection, UUID(external_id))
    if intent is None or intent.state != "dead" or intent.step >= len(intent.steps):
        why = "There is no refused write behind this letter: nothing to edit."
        raise UsageError(why, next_step="sverka contact list")
    step = intent.steps[intent.step]
    made = step.get("made") or step["body"]
    return Asked(str(step["role"]), hash_body(made), made)


def mend_steps(ctx: RunContext, intent: Intent) -> None:
    """Put what a person has written by hand into the step it is about; drop an edit whose contact has changed since.

    What the mapping had made is kept beside it (`made`).
    """
    for row in _load_edits(ctx, intent):
        edit = OutEdit(row.edited["role"], row.edited["base"], row.edited["values"])
        open_steps = [step for step in intent.steps if step["role"] == edit.role and step["state"] != "done"]
        same = next((step for step in open_steps if hash_body(step["body"]) == edit.base), None)
        if same is not None:
            same |= {"made": same["body"], "body": edit.apply(same["body"])}
        elif open_steps:
            _supersede(ctx, row)


def _load_edits(ctx: RunContext, intent: Intent) -> Sequence[Any]:
    columns = (dead_letter.c.id, dead_letter.c.number, dead_letter.c.edited)
    mine = (dead_letter.c.connection == ctx.name, dead_letter.c.external_id == str(intent.entity_id))
    edited = (dead_letter.c.direction == "out", DEAD_OPEN, dead_letter.c.edited.is_not(None))
    with reading(ctx.app.engine) as conn:
        return conn.execute(select(*columns).where(*mine, *edited)).all()


def _supersede(ctx: RunContext, row: Any) -> None:
    after = {"reason": "the contact was changed since; it is sent as it is now"}
    with writing(ctx, "push-settle") as conn:
        now, subject = ctx.app.clock.now(), f"letter {row.number}"
        conn.execute(update(dead_letter).where(dead_letter.c.id == row.id).values(edited=None))
        add_audit(conn, now, "sverka", "dead.edit-superseded", subject, before={"edited": row.edited}, after=after)
