"""What a change that was sent leaves behind, in one transaction: binding, what came back, intent, audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, update

from store import landing
from store.entities import counterparties
from store.search import search_text
from store.tables import binding
from sync.context import RunContext
from sync.owners.leave import close_leaves
from sync.owners.planning import Change, note_changes, plan_update
from sync.owners.rules import ENTITY, Ownership, build_pair, fingerprint, join, load_pair
from sync.owners.settling import plain
from sync.owners.sides import Side, load_bound_one, sides_of
from sync.push import intents
from sync.push.bind import Card
from sync.push.intents import Intent
from sync.push.letters import settle_refusal
from sync.push.merge import add_audit, load_row
from sync.room.writing import writing

UPDATED = "contact.update"
"""In the audit: values of ours that were written over theirs."""


@dataclass(frozen=True, slots=True)
class Done:
    """The card as it is there now; our row that was sent; rule -> (ours, what stood there); what it keeps otherwise."""

    card: Card
    contact: Mapping[str, Any]
    sent: Mapping[Ownership, tuple[Any, Any]]
    differences: str


def record_done(ctx: RunContext, intent: Intent, done: Done) -> None:
    """Record a change that accounting has taken.

    Guarantees that its coming back is recognised as our own write, and that what was changed here while it was on its
    way goes out as well.

    Raises:
        LeaseLost: another worker has taken over; the intent lapses, and the card is read again.
    """
    with writing(ctx, "push-step") as conn:
        now = ctx.app.clock.now()
        _bind(conn, ctx, intent, done)
        intent.steps[0] |= {"state": "done", "differences": done.differences}
        values = {
            "steps": intent.steps, "step": 1, "next_attempt_at": None, "external_id": done.card.raw.external_id,
            "external_code": done.card.code,
        }  # fmt: skip
        intents.move(conn, intent, "done", now, reason=done.differences or None, **values)
        close_leaves(conn, now, ctx.name, intent.entity_id)
        settle_refusal(conn, ctx, intent)
        _audit(conn, ctx, intent, done, now)
        look_again(conn, ctx, intent.entity_id, done.contact, now)
        _take_over(conn, ctx, intent.entity_id, done, now)
    if done.differences:
        ctx.notice(f"{ctx.name}: accounting keeps a card otherwise than it was sent: {done.differences}")


def _bind(conn: Connection, ctx: RunContext, intent: Intent, done: Done) -> None:
    raw, known = done.card.raw, load_bound_one(conn, ctx.name, intent.entity_id)
    values = remember_written(done, dict(known["seen"] or {}) if known else {})
    where = (
        binding.c.connection == ctx.name, binding.c.entity == ENTITY, binding.c.external_id == raw.external_id,
    )  # fmt: skip
    conn.execute(update(binding).where(*where).values(values | {"fetch_seq": ctx.fetch_seq}))
    digest, now = done.card.mapped.hash if done.card.mapped else "", ctx.app.clock.now()
    landed = landing.Landed(ctx.name, ENTITY, raw.external_id, raw.source, raw.version, raw.raw, digest, now)
    landing.save(conn, [landed])


def remember_written(done: Done, seen: Mapping[str, Any]) -> dict[str, Any]:
    """The echo guard: what the binding is to know of our own write, so that its coming back is no change of theirs.

    Not what was sent is remembered but what accounting kept of it: a value that it cuts or tidies would otherwise come
    back as news, go to the next system, be tidied there, and never come to rest.
    """
    card = done.card
    kept = dict(card.mapped.fields) if card.mapped else {}
    pairs = dict(seen)
    for rule, (ours, _) in done.sent.items():
        there = fingerprint(kept.get(rule.name)) if rule.name in kept else fingerprint(ours)
        pairs[rule.name] = list(build_pair(there, ours, kept.get(rule.name)))
    digest = card.mapped.hash if card.mapped else ""
    return {"version": card.raw.version, "hash": digest, "written_hash": digest or None, "seen": pairs}


def _audit(conn: Connection, ctx: RunContext, intent: Intent, done: Done, now: datetime) -> None:
    before = {rule.name: plain(theirs) for rule, (_, theirs) in done.sent.items()}
    after = {rule.name: plain(ours) for rule, (ours, _) in done.sent.items()}
    add_audit(conn, now, ctx.name, UPDATED, str(intent.entity_id), before=before, after=after)


def _take_over(conn: Connection, ctx: RunContext, entity_id: UUID, done: Done, now: datetime) -> None:
    """What only they had of a list that was joined is ours as well from now on, and everybody else's."""
    row = load_row(conn, entity_id)
    values = {
        rule.column: join(row[rule.column] or [], [one for one in value if one not in (was or [])])
        for rule, (value, _) in done.sent.items()
        if row is not None and fingerprint(value) != fingerprint(was := done.contact[rule.column])
    }
    if row is None or not values:
        return
    stored = values | {"search": search_text({**row, **values}), "updated_at": now}
    conn.execute(update(counterparties).where(counterparties.c.id == entity_id).values(stored))
    note_changes(conn, now, sides_of(ctx), [Change(entity_id, row, values)], but=ctx.name)


def look_again(conn: Connection, ctx: RunContext, entity_id: UUID, contact: Mapping[str, Any], now: datetime) -> None:
    """What was changed here while a write was on its way found an open intent and left it at that: it goes out now.

    `contact`: the row by which the write was built.
    """
    row, side = load_row(conn, entity_id), sides_of(ctx)[ctx.name]
    sent = [rule for rule in side.rules.values() if rule.sends]
    if row and any(fingerprint(row[rule.column]) != fingerprint(contact[rule.column]) for rule in sent):
        plan_update(conn, now, side, entity_id)


def catch_up(conn: Connection, now: datetime, side: Side, entity_id: UUID) -> None:
    """What was changed here since the card was made, while its other parts were on their way or stood refused."""
    row, card = load_row(conn, entity_id), load_bound_one(conn, side.name, entity_id)
    if row is None or card is None:
        return
    pairs = {rule: load_pair(card["seen"], rule.name) for rule in side.rules.values() if rule.sends}
    if any(pair is not None and pair[1] != fingerprint(row[rule.column]) for rule, pair in pairs.items()):
        plan_update(conn, now, side, entity_id)
