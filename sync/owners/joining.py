"""One customer in several outside systems: a card that is new in one is joined to the customer whom another knows.

Only sure identity joins: the same tax id and no other registration code, exactly one such customer, and he has no card
here yet. Whatever is less sure makes a customer of its own and, with the reasons, a question to a person (design §5-8).
A first link changes nothing on either side: what is empty is filled, what differs is kept, remembered and audited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from store.bulk import select_in
from store.entities import counterparties
from sync.context import RunContext
from sync.owners.foreign import FOREIGN, load_foreign
from sync.owners.planning import Change, note_changes, seed_cards
from sync.owners.rules import is_empty
from sync.owners.settling import Settlement, build_baseline, write_audit
from sync.owners.sides import MANY, Bound, leads, load_bound, sides_of
from sync.pull.decide import is_own_making
from sync.pull.prepare import Item
from sync.push.ask import load_parted, open_review
from sync.push.merge import load_rows
from sync.push.mirror import is_branch

Row = Mapping[str, Any]
_TAX_ID, _CODE = "tax_id", "registration_code"


@dataclass(slots=True)
class Joins:
    """What is known of the new cards of a page: whom they join, and about whom a person is asked once they are here."""

    rows: dict[str, Row] = field(default_factory=dict)
    """External id -> the customer that is here."""
    doubts: dict[str, tuple[str, list[Row]]] = field(default_factory=dict)
    """External id -> why it is not sure, and who it could be."""
    cards: dict[UUID, list[Bound]] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)
    """Those of `rows` who are known by our own key: we have made these cards ourselves."""
    foreign: set[UUID] = field(default_factory=set)
    """Customers who are known only from cards of a CRM under another program's key."""


def find_joins(conn: Connection, ctx: RunContext, items: Sequence[Item]) -> Joins:
    """Whom new cards belong to, in the caller's transaction, which has taken its turn."""
    found, taken = Joins(), set[UUID]()
    _find_own(conn, ctx, items, found, taken)
    if len(ctx.app.settings.connections) < MANY and ctx.settings.role != "crm":
        return found
    left = [item for item in items if item.key not in found.rows and item.key not in found.doubts]
    wanted = {_tax_id(item): None for item in left if _tax_id(item)}
    if not wanted:
        return found
    table = counterparties
    rows = select_in(conn, table, list(table.c), table.c.tax_id, wanted, deleted=False)
    alike: dict[str, list[Row]] = {}
    for row in rows:
        if not (row.marks or {}).get(_TAX_ID):
            alike.setdefault(row.tax_id, []).append(dict(row._mapping))
    found.cards |= load_bound(conn, [row.id for row in rows])
    found.foreign = load_foreign(conn, [row.id for row in rows], but=ctx.name)
    twins, parted = _find_twins(left), load_parted(conn, ctx.name, [item.key for item in left])
    for item in left:
        others = [row for row in alike.get(_tax_id(item), []) if (row["id"], item.key) not in parted]
        _judge(ctx, item, others, found, taken, twins)
    return found


def _find_twins(items: Sequence[Item]) -> set[str]:
    """Cards of a page that come with the tax id of another one and no other registration code: none of them is sure."""
    cards: dict[str, list[Item]] = {}
    for item in items:
        if _tax_id(item):
            cards.setdefault(_tax_id(item), []).append(item)
    return {
        one.key
        for group in cards.values()
        for one in group
        if any(other is not one and not is_branch(_code(one), _code(other)) for other in group)
    }


def _code(item: Item) -> str | None:
    code = item.record.fields.get(_CODE) if item.record is not None else None
    return str(code) if code else None


def _find_own(conn: Connection, ctx: RunContext, items: Sequence[Item], found: Joins, taken: set[UUID]) -> None:
    """Cards that carry our own key are those of the customer behind it, made by us: nobody has to be recognised."""
    keys = {item.key: key for item in items if (key := _own_key(item)) is not None}
    rows = load_rows(conn, keys.values()) if keys else {}
    if not rows:
        return
    found.cards |= load_bound(conn, list(rows))
    parted = load_parted(conn, ctx.name, list(keys))
    for external_id, key in keys.items():
        if key not in rows or rows[key]["deleted"] or (key, external_id) in parted:
            continue
        if key in taken or _is_here(ctx, found.cards.get(key, [])):  # somebody has copied the card with its key
            found.doubts[external_id] = (f"the customer has another card in {ctx.name} already", [rows[key]])
            continue
        taken.add(key)
        found.own.add(external_id)
        found.rows[external_id] = rows[key]


def add_made(conn: Connection, known: Sequence[Item], found: Joins) -> tuple[list[Item], list[Item]]:
    """Of cards that are bound already, take those that we have made ourselves and read for the first time.

    Joined like any first link: what the other side has put into them by itself changes nothing. Returns (the others,
    these).
    """
    made = [item for item in known if is_own_making(item)]
    rows = load_rows(conn, [item.known["entity_id"] for item in made if item.known]) if made else {}
    found.cards |= load_bound(conn, list(rows)) if rows else {}
    joined = [item for item in made if item.known and item.known["entity_id"] in rows]
    for item in joined:
        found.rows[item.key] = rows[item.known["entity_id"]] if item.known else {}
        found.own.add(item.key)
    keys = {item.key for item in joined}
    return [item for item in known if item.key not in keys], joined


def _own_key(item: Item) -> UUID | None:
    try:
        return UUID(item.raw.own_key) if item.raw.own_key and item.record is not None else None
    except ValueError:
        return None


def _tax_id(item: Item) -> str:
    """A tax id that identifies somebody; "" for none, or one whose check digit is wrong."""
    record = item.record
    if record is None or record.deleted or _TAX_ID in record.marks:
        return ""
    return str(record.fields.get(_TAX_ID) or "")


def _judge(ctx: RunContext, item: Item, alike: Sequence[Row], found: Joins, taken: set[UUID], twins: set[str]) -> None:
    elsewhere = [row for row in alike if _is_known_elsewhere(ctx, found.cards.get(row["id"], []))]
    if not elsewhere or item.record is None:
        return
    code = item.record.fields.get(_CODE)
    same = [row for row in elsewhere if not is_branch(row[_CODE], str(code) if code else None)]
    exact = [row for row in same if code and row[_CODE] == code]
    same = exact if len(exact) == 1 else same
    if not same:
        if ctx.mapping.settings.get("branches", "review") == "review":
            found.doubts[item.key] = ("the same INN with another KPP (a branch?)", elsewhere)
    elif len(same) > 1:
        found.doubts[item.key] = (f"{len(same)} customers have this INN", same)
    elif item.key in twins:
        found.doubts[item.key] = (f"several new cards of {ctx.name} have this INN", same)
    elif same[0]["id"] in taken or _is_here(ctx, found.cards.get(same[0]["id"], [])):
        found.doubts[item.key] = (f"the customer has another card in {ctx.name} already", same)
    elif item.raw.foreign_key or same[0]["id"] in found.foreign:
        found.doubts[item.key] = (FOREIGN, same)
    else:
        taken.add(same[0]["id"])
        found.rows[item.key] = same[0]


def _is_known_elsewhere(ctx: RunContext, cards: Sequence[Bound]) -> bool:
    """Another system knows him; or the store alone, for a CRM's card (accounting is told of a contact by a push)."""
    return any(card["connection"] != ctx.name for card in cards) or (not cards and ctx.settings.role == "crm")


def _is_here(ctx: RunContext, cards: Sequence[Bound]) -> bool:
    return any(card["connection"] == ctx.name for card in cards)


def settle_joined(conn: Connection, ctx: RunContext, items: Sequence[Item], joins: Joins) -> dict[UUID, Settlement]:
    """What a first link writes: gaps filled, the rest as it is; both values of what differs into the audit."""
    joined = [item for item in items if item.key in joins.rows]
    if not joined:
        return {}
    sides = sides_of(ctx)
    side, found = sides[ctx.name], {}
    for item in joined:
        row = joins.rows[item.key]
        cards = joins.cards.get(row["id"], [])
        leading = leads(side, sides, cards)
        seed_cards(conn, sides, row, cards)
        theirs = dict(item.record.fields) | dict(item.refs) if item.record else {}
        result = Settlement(leading=False)
        for name, rule in side.rules.items():
            if name in theirs:
                ours = row[rule.column]
                result.columns[rule.column] = theirs[name] if is_empty(ours) else ours
                if not is_empty(ours) and not is_empty(theirs[name]) and ours != theirs[name]:
                    result.lost.append((rule, theirs[name], ours))
        result.columns["attributes"] = row["attributes"] or theirs.get("attributes")
        item.seen = build_baseline(side, {**row, **result.columns}, theirs, leading=leading)
        found[row["id"]] = result
    write_audit(conn, ctx.app.clock.now(), ctx.name, found)
    changes = [
        Change(joins.rows[item.key]["id"], joins.rows[item.key], found[joins.rows[item.key]["id"]].columns)
        for item in joined
    ]
    note_changes(conn, ctx.app.clock.now(), sides, changes, but=ctx.name)
    if any(item.key not in joins.own for item in joined):
        differing = sum(1 for one in found.values() if one.lost)
        ctx.notice(
            f"{ctx.name}: customers whom another connection knows too are joined by INN and KPP"
            + (f"; what differs is kept as it was here and stands in the audit ({differing})" if differing else "")
        )
    return found


def ask_doubts(conn: Connection, ctx: RunContext, items: Sequence[Item], joins: Joins) -> None:
    """Put what is not sure before a person, now that the new customers are written."""
    for item in items:
        if item.key in joins.doubts and item.entity_id is not None and item.record is not None:
            why, rows = joins.doubts[item.key]
            code = item.record.fields.get(_CODE)
            candidates = [
                one for row in rows for one in _candidates(ctx, row, joins.cards.get(row["id"], []), str(code or ""))
            ]
            if not candidates:
                continue
            name = item.record.fields.get("name")
            reason = f"{name} of {ctx.name} may be a customer of {candidates[0]['connection']}: {why}."
            open_review(
                conn, ctx.app.clock.now(), candidates[0]["connection"], item.entity_id, "match", reason,
                candidates=candidates, intent_id=None,
            )  # fmt: skip


def _candidates(ctx: RunContext, row: Row, cards: Sequence[Bound], code: str) -> list[dict[str, Any]]:
    """Cards of other systems as a review shows them."""
    strength = "branch" if is_branch(row[_CODE], code) else "same"
    known = {name: row[name] or "" for name in ("name", _TAX_ID, _CODE, "code")}
    return [
        known | {
            "connection": card["connection"], "external_id": card["external_id"], "strength": strength,
            "reasons": [f"same INN {row[_TAX_ID]}"],
        }
        for card in cards if card["connection"] != ctx.name
    ]  # fmt: skip
