"""From a change of a customer in the store to intents: one for each outside system that is to learn of it.

What is sent is found out when it is sent, from what the other side holds by then; an intent only says that there is
something to look at. So any number of changes makes one intent, and one that is lost is made anew by the next change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, update

from store.tables import binding
from sync.owners.rules import ENTITY, Ownership, fingerprint
from sync.owners.sides import Bound, Side, leads, load_bound
from sync.push import intents
from sync.push.letters import load_held

UPDATE = intents.UPDATE
Remembered = tuple[str, str, Mapping[str, Any] | None]
"""Of a binding: its connection and external id, and what it is to remember of the fields that others write too."""
HELD = "waits: the card itself was refused (sverka dead list)"


@dataclass(frozen=True, slots=True)
class Change:
    """What has become of a customer of the store: columns before and after (those that were written)."""

    entity_id: UUID
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    def has_moved(self, rule: Ownership) -> bool:
        """Whether this field holds another value now."""
        if rule.column not in self.after:
            return False
        return fingerprint(self.before.get(rule.column)) != fingerprint(self.after[rule.column])


def note_change(
    conn: Connection, now: datetime, sides: Mapping[str, Side], change: Change, *, but: str = ""
) -> list[str]:
    """Remember what the other sides had, and plan to tell those whose mapping sends a field that has moved.

    In the caller's transaction. `but`: the connection that the change came from. Returns remarks for a person.
    """
    return note_changes(conn, now, sides, [change], but=but)


def note_changes(
    conn: Connection, now: datetime, sides: Mapping[str, Side], changes: Iterable[Change], *, but: str = ""
) -> list[str]:
    """The same of many customers, with as few questions."""
    moved = [change for change in changes if change.after]
    cards = load_bound(conn, [change.entity_id for change in moved]) if moved else {}
    seen: list[Remembered] = []
    wanted: dict[str, list[UUID]] = {}
    for change in moved:
        known = cards.get(change.entity_id, [])
        for card in known:
            side = sides.get(card["connection"])
            if side is None or side.name == but:
                continue
            if _note(seen, side, change, card, leading=leads(side, sides, known)):
                wanted.setdefault(side.name, []).append(change.entity_id)
    save_all_seen(conn, seen)
    return [plan_updates(conn, now, sides[name], ids) for name, ids in wanted.items()]


def _note(found: list[Remembered], side: Side, change: Change, card: Bound, *, leading: bool) -> bool:
    """Add what the card's binding is to remember; whether the other side is to be told."""
    moved = [rule for rule in side.rules.values() if change.has_moved(rule)]
    fresh = {rule.name: [fingerprint(change.before.get(rule.column))] * 2 for rule in moved}
    if moved and card["seen"] is None:  # until now he was only mirrored: both sides held what we hold
        fresh |= build_mirrored(side, change.before, leading=leading)
    seen = fresh | dict(card["seen"] or {})
    if moved and seen != card["seen"]:
        found.append((side.name, card["external_id"], seen))
    return any(rule.sends and rule.who(side.role, leads=leading) != "theirs" for rule in moved)


def build_mirrored(side: Side, row: Mapping[str, Any], *, leading: bool = True) -> dict[str, Any]:
    """What to remember of a card that was only mirrored so far: both sides hold what the store holds."""
    return {
        name: [fingerprint(row.get(rule.column))] * 2
        for name, rule in side.rules.items()
        if rule.sends or rule.who(side.role, leads=leading) != "theirs"
    }


def seed_cards(conn: Connection, sides: Mapping[str, Side], row: Mapping[str, Any], cards: list[Bound]) -> None:
    """From now on more than one side writes this customer: remember what those that had him alone hold."""
    for card in cards:
        side = sides.get(card["connection"])
        if side is not None and card["seen"] is None:
            seen = build_mirrored(side, row, leading=leads(side, sides, cards))
            save_seen(conn, side.name, card["external_id"], seen)


def save_seen(conn: Connection, connection: str, external_id: str, seen: Mapping[str, Any] | None) -> None:
    """Write what a binding remembers of the fields that others write too."""
    save_all_seen(conn, [(connection, external_id, seen)])


def save_all_seen(conn: Connection, rows: Sequence[Remembered]) -> None:
    """The same of many bindings, in one statement."""
    mine = (binding.c.connection == bindparam("at"), binding.c.external_id == bindparam("key"))
    remember = update(binding).where(*mine, binding.c.entity == ENTITY).values(seen=bindparam("pairs"))
    values = [{"at": at, "key": key, "pairs": dict(seen) if seen else None} for at, key, seen in rows]
    if values:
        conn.execute(remember, values)


def plan_update(conn: Connection, now: datetime, side: Side, entity_id: UUID) -> str:
    """Make sure that a customer's card there will be looked at, in the caller's transaction; says so to a person."""
    return plan_updates(conn, now, side, [entity_id])


def plan_updates(conn: Connection, now: datetime, side: Side, ids: Sequence[UUID]) -> str:
    """The same of many, with as few questions.

    While another write to the same card is open nothing is added: whoever finishes that looks again. So does whoever
    settles the letter of a card that was refused. No word is left for the service: its next tick finds what is due.
    """
    held = load_held(conn, side.name, ids)
    wanted = [key for key in ids if key not in held]
    waits = why_waiting(side.settings.write, side.name)
    intents.add_updates(conn, now, side.name, wanted, waits=waits)
    return f"{side.name}: {waits or 'will be told' if wanted else HELD}"


def why_waiting(write: str, name: str) -> str:
    """Why a change cannot be sent; empty when it can."""
    return f"waits: writing into {name} is switched off (write = off)" if write == "off" else ""
