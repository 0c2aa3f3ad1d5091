"""A page of customers that other sides write too: each field gets the value of its owner, and none is lost silently.

Most pages hold no such customer and cost nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from core.ids import new_id
from store.bulk import insert, select_in
from store.tables import audit, binding
from sync.context import RunContext
from sync.outbox.rows import touch_cards
from sync.owners.conflicts import Conflict, ask_about, close_settled
from sync.owners.planning import Change, note_changes, plan_updates
from sync.owners.rules import ENTITY, Ownership, Settled, fingerprint, load_pair, settle
from sync.owners.sides import MANY, Bound, Side, leads, load_bound, sides_of
from sync.pull.prepare import Item

AUDITED = "field.overruled"
"""In the audit: two sides held different values, and this one gave way."""


@dataclass(slots=True)
class Settlement:
    """What the owner rules make of one customer: columns to hold, what to remember, what follows.

    `leading`: no earlier accounting has him too; only then marks and open references are this record's to write.
    """

    columns: dict[str, Any] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)
    lost: list[tuple[Ownership, Any, Any]] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    send: bool = False
    leading: bool = True


def settle_shared(
    conn: Connection, ctx: RunContext, items: Sequence[Item], before: Mapping[UUID, Mapping[str, Any]]
) -> dict[UUID, Settlement]:
    """Settle every field of the customers of a page whom another side writes too; by our id.

    In the caller's transaction: the pairs to remember are put on the items, overruled values into the audit, conflicts
    before a person, and intents planned for those who are to learn of what has changed.
    """
    shared, cards = _find_shared(conn, ctx, items, before)
    if not shared:
        return {}
    sides = sides_of(ctx)
    side = sides[ctx.name]
    remembered = load_seen(conn, ctx.name, [item.key for item in shared])
    found: dict[UUID, Settlement] = {}
    for item in shared:
        if item.record is None or item.entity_id is None:
            continue
        leading = leads(side, sides, cards.get(item.entity_id, []))
        seen = remembered.get(item.key, {})
        settled = settle_record(side, item, seen, before[item.entity_id], leading=leading)
        item.seen = settled.seen or None
        found[item.entity_id] = settled
    _follow(conn, ctx, sides, shared, before, found)
    return found


def _find_shared(
    conn: Connection, ctx: RunContext, items: Sequence[Item], before: Mapping[UUID, Mapping[str, Any]]
) -> tuple[list[Item], dict[UUID, list[Bound]]]:
    """Those whose home is another side than this, or who have a card in another connection."""
    known = [item for item in items if item.entity_id in before]
    several = len(ctx.app.settings.connections) >= MANY
    cards = load_bound(conn, [item.entity_id for item in known if item.entity_id]) if several and known else {}
    elsewhere = {key for key, rows in cards.items() if any(row["connection"] != ctx.name for row in rows)}
    role = ctx.settings.role
    shared = [item for item in known if item.entity_id and _is_shared(before[item.entity_id], item, elsewhere, role)]
    return shared, cards


def _is_shared(row: Mapping[str, Any], item: Item, elsewhere: set[UUID], role: str) -> bool:
    return row["home"] != role or item.entity_id in elsewhere or bool(item.known and item.known["seen"])


def load_seen(conn: Connection, connection: str, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What the bindings of these cards remember, as it stands now."""
    columns = (binding.c.external_id, binding.c.seen)
    rows = select_in(conn, binding, columns, binding.c.external_id, keys, connection=connection, entity=ENTITY)
    return {row.external_id: row.seen for row in rows if row.seen}


def settle_record(
    side: Side, item: Item, seen: Mapping[str, Any], before: Mapping[str, Any], *, leading: bool
) -> Settlement:
    """What becomes of each field that a record speaks of; `seen`: what its binding remembers. Pure."""
    remembered = dict(seen)
    result = Settlement(leading=leading)
    for name, theirs in _values(item).items():
        rule = side.rules.get(name)
        if rule is None:
            result.columns[name] = theirs if theirs not in (None, "", [], {}) and leading else before.get(name)
            continue
        pair = load_pair(remembered, name)
        remembered.pop(name, None)
        one = settle(rule, rule.who(side.role, leads=leading), before.get(rule.column), theirs, pair)
        _add(result, rule, one, before.get(rule.column), theirs)
    result.seen |= remembered
    return result


def _values(item: Item) -> dict[str, Any]:
    """By field, references by our id."""
    if item.record is None:
        return {}
    return dict(item.record.fields) | {name: item.refs.get(name) for name in item.record.refs}


def _add(result: Settlement, rule: Ownership, one: Settled, ours: Any, theirs: Any) -> None:
    result.columns[rule.column] = one.value
    if one.seen is not None:
        result.seen[rule.name] = list(one.seen)
    if one.lost:
        result.lost.append((rule, ours, theirs) if one.lost == "ours" else (rule, theirs, ours))
    if one.ask:
        result.conflicts.append(Conflict(rule.name, ours, theirs))
    result.send = result.send or one.send


def _follow(
    conn: Connection, ctx: RunContext, sides: Mapping[str, Side], items: Sequence[Item],
    before: Mapping[UUID, Mapping[str, Any]], found: Mapping[UUID, Settlement],
) -> None:  # fmt: skip
    """What a settlement asks for beyond the values themselves."""
    now, side = ctx.app.clock.now(), sides[ctx.name]
    keys = {item.entity_id: item.key for item in items if item.entity_id}
    write_audit(conn, now, ctx.name, found)
    if ctx.mapping.cards:  # what its people have changed on a card of ours is set right by whoever keeps the cards
        touch_cards(conn, now, ctx.name, [key for key, one in found.items() if one.lost])
    asked = {key: one.conflicts for key, one in found.items() if one.conflicts}
    for key, conflicts in asked.items():
        number = ask_about(conn, now, ctx.name, key, keys[key], str(before[key]["name"]), conflicts)
        ctx.leave(f"{before[key]['name']}: both sides changed the same; a person decides: sverka review show {number}")
    if any(rule.owner == "review" for rule in side.rules.values()):
        close_settled(conn, now, ctx.name, [key for key in found if key not in asked])
    changes = [Change(key, before[key], one.columns) for key, one in found.items()]
    note_changes(conn, now, sides, changes, but=ctx.name)
    told = [key for key, one in found.items() if one.send]
    if told:
        plan_updates(conn, now, side, told)


def write_audit(conn: Connection, now: datetime, who: str, found: Mapping[UUID, Settlement]) -> None:
    """Both values of every field where one side gave way."""
    rows = [
        {
            "id": new_id(), "at": now, "who": who, "what": AUDITED, "subject": str(key),
            "before": {rule.name: plain(lost), "owner": rule.owner}, "after": {rule.name: plain(kept)},
        }
        for key, one in found.items()
        for rule, lost, kept in one.lost
    ]  # fmt: skip
    insert(conn, audit, rows)


def plain(value: Any) -> Any:
    """A value as JSON keeps it."""
    return value if isinstance(value, str | int | bool | list | dict | type(None)) else str(value)


def build_baseline(
    side: Side, ours: Mapping[str, Any], theirs: Mapping[str, Any], *, leading: bool = True
) -> dict[str, Any] | None:
    """What to remember at a first link: the two values as they are, so that only what changes later is a change."""
    seen = {}
    for name, rule in side.rules.items():
        if name in theirs and (rule.sends or rule.who(side.role, leads=leading) != "theirs"):
            seen[name] = [fingerprint(theirs[name]), fingerprint(ours.get(rule.column))]
    return seen or None
