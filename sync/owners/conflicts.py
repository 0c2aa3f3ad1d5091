"""Both sides changed the same field and the mapping says `owner = "review"`: a person keeps ours or takes theirs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, select, update

from core.errors import ConflictError, UsageError
from mapping.model import ENTITIES
from store.entities import counterparties
from store.search import search_text
from store.tables import review
from sync.context import App
from sync.owners.planning import Change, note_changes, plan_update, save_seen
from sync.owners.rules import ENTITY, fingerprint
from sync.owners.sides import load_bound_one, load_sides
from sync.push.ask import Kind, open_review
from sync.push.merge import add_audit, load_row

CONFLICT: Kind = "conflict"
_NEXT = "sverka review list"


@dataclass(frozen=True, slots=True)
class Conflict:
    """One field with two values, each changed since the other was last seen."""

    field: str
    ours: Any
    theirs: Any

    def as_json(self, external_id: str) -> dict[str, Any]:
        """As the review keeps and shows it."""
        return {
            "external_id": external_id, "field": self.field, "ours": _plain(self.ours), "theirs": _plain(self.theirs),
            "strength": CONFLICT, "reasons": ["changed here and there since they last agreed"],
        }  # fmt: skip


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | bool | list | type(None)) else str(value)


def ask_about(
    conn: Connection, now: datetime, connection: str, entity_id: UUID, external_id: str, name: str,
    conflicts: Sequence[Conflict],
) -> int:  # fmt: skip
    """Put a conflict before a person, once: an open question is brought up to date. Returns its number."""
    fields = ", ".join(conflict.field for conflict in conflicts)
    reason = f"{name}: {fields} changed here and in {connection}."
    candidates = [conflict.as_json(external_id) for conflict in conflicts]
    return open_review(conn, now, connection, entity_id, CONFLICT, reason, candidates=candidates, intent_id=None)


def close_settled(conn: Connection, now: datetime, connection: str, ids: Iterable[UUID]) -> None:
    """Conflicts that have gone away by themselves (somebody mended one side) leave the queue."""
    wanted = list(ids)
    where = (
        review.c.connection == connection, review.c.entity == ENTITY, review.c.kind == CONFLICT,
        review.c.state == "open", review.c.entity_id.in_(wanted),
    )  # fmt: skip
    if wanted:
        closed = {"state": "dismissed", "decided_at": now, "decided_by": "sverka"}
        conn.execute(update(review).where(*where).values(closed))


def take_review(app: App, number: int, *, who: str = "cli") -> None:
    """Theirs is right: the store takes the other side's values.

    Raises:
        UsageError: no open conflict with this number. ConflictError: another person was quicker.
    """
    sides = load_sides(app)
    with app.engine.begin() as conn:
        row = _load_open(conn, number)
        before = load_row(conn, row.entity_id)
        side = sides.get(row.connection)
        if before is None or side is None:
            raise UsageError("The customer of this review is not here any more.", next_step=_NEXT)
        if not side.rules:
            why = f"The mapping of {side.name} cannot be read now, so its values cannot be taken."
            raise UsageError(why, next_step="sverka mapping check")
        values = {
            side.rules[item["field"]].column: _restore(item["field"], item["theirs"])
            for item in row.candidates
            if item["field"] in side.rules
        }
        _decide(conn, app.clock.now(), row, "taken", "take", who)
        _write(conn, app.clock.now(), before, values)
        seen = {item["field"]: [_fingerprint(item, "theirs")] * 2 for item in row.candidates}
        _remember(conn, row, seen)
        note_changes(conn, app.clock.now(), sides, [Change(row.entity_id, before, values)], but=row.connection)


def keep_review(app: App, number: int, *, who: str = "cli") -> None:
    """Ours is right: the store keeps its values, and the other side is told (if its mapping sends the field).

    Raises:
        UsageError: no open conflict with this number. ConflictError: another person was quicker.
    """
    sides = load_sides(app)
    with app.engine.begin() as conn:
        row = _load_open(conn, number)
        _decide(conn, app.clock.now(), row, "kept", "keep", who)
        side = sides.get(row.connection)
        rules = side.rules if side else {}
        sent = {item["field"] for item in row.candidates if item["field"] in rules and rules[item["field"]].sends}
        _remember(conn, row, {item["field"]: _decided(item, sent=item["field"] in sent) for item in row.candidates})
        if side is not None and sent:
            plan_update(conn, app.clock.now(), side, row.entity_id)


def _load_open(conn: Connection, number: int) -> Row[Any]:
    row: Row[Any] | None = conn.execute(select(review).where(review.c.number == number)).first()
    if row is None:
        raise UsageError(f"There is no review {number}.", next_step=_NEXT)
    if row.kind != CONFLICT:
        raise UsageError(f"Review {number} is no conflict of two values.", next_step=f"sverka review show {number}")
    if row.state != "open":
        raise UsageError(f"Review {number} has been decided already: {row.state}.", next_step=_NEXT)
    return row


def _decide(conn: Connection, now: datetime, row: Row[Any], state: str, action: str, who: str) -> None:
    values = {"state": state, "decision": {"action": action}, "decided_at": now, "decided_by": who}
    where = (review.c.id == row.id, review.c.state == "open")
    if conn.execute(update(review).where(*where).values(values)).rowcount != 1:
        raise ConflictError(f"Somebody else has just decided review {row.number}.", next_step=_NEXT)
    kept, lost = ("theirs", "ours") if action == "take" else ("ours", "theirs")
    add_audit(
        conn, now, who, f"review.{action}", f"{ENTITY} {row.entity_id}",
        before={item["field"]: item[lost] for item in row.candidates},
        after={item["field"]: item[kept] for item in row.candidates},
    )  # fmt: skip


def _write(conn: Connection, now: datetime, before: Mapping[str, Any], values: dict[str, Any]) -> None:
    stored = values | {"search": search_text({**before, **values}), "updated_at": now}
    conn.execute(update(counterparties).where(counterparties.c.id == before["id"]).values(stored))


def _remember(conn: Connection, row: Row[Any], seen: Mapping[str, Any]) -> None:
    card = load_bound_one(conn, row.connection, row.entity_id)
    if card is not None:
        save_seen(conn, row.connection, card["external_id"], dict(card["seen"] or {}) | dict(seen))


def _decided(item: Mapping[str, Any], *, sent: bool) -> list[str]:
    """The pair to remember where ours is kept: as if it were news here where it is to be sent, else as it stands."""
    return [_fingerprint(item, "theirs"), "" if sent else _fingerprint(item, "ours")]


def _fingerprint(item: Mapping[str, Any], which: str) -> str:
    return fingerprint(_restore(item["field"], item[which]))


def _restore(name: str, value: Any) -> Any:
    """A value as its column keeps it, from JSON."""
    spec = ENTITIES[ENTITY]
    if name in spec.refs:
        return UUID(value)
    return Decimal(value) if spec.fields[name].kind in ("money", "quantity") else value
