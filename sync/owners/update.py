"""A change of ours made known in accounting: read, let the owner rules speak, send only what is left, record.

```
claim ─► read the card ─► news there? ─► apply them ─┐
             ▲                └─► none ──────────────┴─► what is to be sent? ─► nothing: done
             └── changed meanwhile ◄── send, with the version read ◄── approved ◄──┘
```

Nothing is asked or sent inside a transaction; every transaction checks the lease first (design §5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.base import RawRecord, Write
from core.errors import ConfigError, ConflictError, NotFound, RecordError, SchemaDrift, TransientError, UncertainOutcome
from mapping.model import SourceSet
from store.engine import reading
from sync.context import RunContext
from sync.owners.body import as_json, build_body
from sync.owners.leave import ask_leave, is_allowed
from sync.owners.planning import HELD, why_waiting
from sync.owners.recording import Done, record_done
from sync.owners.rules import ENTITY, Ownership, build_sent, fingerprint, load_pair, wants_sending
from sync.owners.settling import plain
from sync.owners.sides import Bound, leads, load_bound, load_bound_one, sides_of
from sync.pull.apply import apply_records
from sync.push import intents
from sync.push.bind import build_card, load_theirs
from sync.push.intents import Intent
from sync.push.letters import load_held
from sync.push.match import target_of
from sync.push.merge import load_row
from sync.push.outcome import forget_sending, settle
from sync.push.send import send_write
from sync.push.silence import build_still_waiting, is_in_time, note_lost, settled_at, wait_until_settled
from sync.push.steps import describe_differences, fill_object
from sync.room.writing import asking, writing

MOST_LOOKS = 3
"""So often a card may be changed by somebody while we look at it; then we come back later."""
AGAIN = "again"
NOT_COUNTED = ""
Contact = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pending:
    """One card as it stands now on both sides, and what of ours is to be sent into it."""

    raw: RawRecord
    card: Bound
    contact: Contact
    theirs: Mapping[str, Any]
    rules: tuple[Ownership, ...]

    def value(self, rule: Ownership) -> Any:
        """What is written there of a field."""
        seen = load_pair(self.card["seen"], rule.name)
        return build_sent(rule, self.contact[rule.column], self.theirs.get(rule.name), seen)

    @property
    def told(self) -> Contact:
        """Our row as that side is to have it."""
        return {**self.contact, **{rule.column: self.value(rule) for rule in self.rules}}

    @property
    def candidates(self) -> list[dict[str, Any]]:
        """The change as a person is asked about it."""
        return [
            {
                "external_id": self.raw.external_id, "field": rule.name, "strength": "change", "reasons": [],
                "ours": plain(self.value(rule)), "theirs": plain(self.theirs.get(rule.name)),
            }
            for rule in self.rules
        ]  # fmt: skip


def advance_update(ctx: RunContext, intent: Intent, contact: Contact | None) -> str:
    """Carry a claimed update as far as it goes; returns the outcome to count, "" where there is none.

    Raises:
        RecordError: refused for good. TransientError, ConfigError, SchemaDrift: certainly not carried out.
    """
    waits = why_waiting(ctx.settings.write, ctx.name)
    if waits and not intent.pending:
        return settle(ctx, intent, "waiting", NOT_COUNTED, waits)
    if not intent.pending and _is_held(ctx, intent):
        return settle(ctx, intent, "discarded", NOT_COUNTED, HELD)
    for _ in range(MOST_LOOKS):
        outcome = _look_and_send(ctx, intent, contact)
        if outcome != AGAIN:
            return outcome
    busy = "the card is being changed there"
    return settle(ctx, intent, "due", NOT_COUNTED, busy, next_attempt_at=_later(ctx, intent), steps=intent.steps)


def _is_held(ctx: RunContext, intent: Intent) -> bool:
    """Whether the card itself stands refused: it is looked at as a whole when that is settled."""
    with reading(ctx.app.engine) as conn:
        return bool(load_held(conn, ctx.name, [intent.entity_id]))


def foresee_update(ctx: RunContext, intent: Intent) -> str:
    """What would be sent, for a dry run; asks, writes nothing."""
    pending = _read(ctx, intent)
    if pending is None:
        return "the card is not there any more"
    told = [f"{one['field']}: {one['theirs']!r} -> {one['ours']!r}" for one in pending.candidates]
    return "would change " + "; ".join(told) if told else "nothing to change"


def _look_and_send(ctx: RunContext, intent: Intent, contact: Contact | None) -> str:
    pending = _read(ctx, intent) if contact is not None and not contact["deleted"] else None
    if pending is None:
        return settle(ctx, intent, "discarded", NOT_COUNTED, "the card is not there any more")
    if not pending.rules:
        return settle(ctx, intent, "done", "updated" if intent.pending else "unchanged", steps=[])
    if intent.pending and is_in_time(ctx, intent):
        if ctx.order.kind == "order" and wait_until_settled(ctx, intent):
            return _look_and_send(ctx, intent, contact)
        values = {"next_attempt_at": settled_at(ctx, intent), "steps": intent.steps}
        return settle(ctx, intent, "uncertain", "uncertain", build_still_waiting(ctx, intent), **values)
    forget_sending(intent)
    waits = why_waiting(ctx.settings.write, ctx.name)
    if waits:  # an answer was lost before writing was switched off, and what was sent has not arrived
        return settle(ctx, intent, "waiting", NOT_COUNTED, waits, steps=intent.steps)
    if ctx.settings.write == "review" and not is_allowed(ctx, intent, pending.candidates):
        return ask_leave(ctx, intent, str(pending.contact["name"]), pending.candidates)
    return _send(ctx, intent, pending)


def _read(ctx: RunContext, intent: Intent) -> Pending | None:
    """The card live; what somebody has changed there since is applied first, by the owner rules, like any reading."""
    with reading(ctx.app.engine) as conn:
        card = load_bound_one(conn, ctx.name, intent.entity_id)
    source = _source_of(ctx, card)
    if card is None or source is None:
        return None
    ctx.next_fetch()
    try:
        with asking(ctx, "fetch-record"):
            raw = target_of(ctx).fetch_record(source, card["external_id"])
    except NotFound:
        return None
    if raw.version != card["version"] and not ctx.order.dry_run:
        apply_records(ctx, source, [raw])
    return _weigh(ctx, intent, raw)


def _source_of(ctx: RunContext, card: Bound | None) -> SourceSet | None:
    sources = ctx.mapping.entities[ENTITY].sources
    return next((source for source in sources if card is not None and source.name == card["source"]), None)


def _weigh(ctx: RunContext, intent: Intent, raw: RawRecord) -> Pending | None:
    """Which fields of ours are to be sent, after all that is known of both sides."""
    mapped = build_card(ctx, raw).mapped
    with reading(ctx.app.engine) as conn:
        card, contact = load_bound_one(conn, ctx.name, intent.entity_id), load_row(conn, intent.entity_id)
        cards = load_bound(conn, [intent.entity_id]).get(intent.entity_id, [])
        theirs = load_theirs(conn, ctx, mapped) if mapped else {}
    if card is None or contact is None or mapped is None or raw.deleted:
        return None
    sides, updates = sides_of(ctx), ctx.mapping.outbound[ENTITY].updates
    side = sides[ctx.name]
    leading = leads(side, sides, cards)
    rules = tuple(
        rule
        for name, rule in side.rules.items()
        if name in updates
        and name in theirs
        and wants_sending(
            rule,
            rule.who(side.role, leads=leading),
            contact[rule.column],
            theirs[name],
            load_pair(card["seen"], name),
        )
    )
    return Pending(raw, card, contact, theirs, rules)


def _send(ctx: RunContext, intent: Intent, pending: Pending) -> str:
    """Send the change once, on the version that it was decided on."""
    updates = ctx.mapping.outbound[ENTITY].updates
    body = build_body(ctx, pending.raw, pending.told, [updates[rule.name] for rule in pending.rules])
    filled = fill_object(ctx, intent, body)
    if not filled:
        raise RecordError("There is nothing to send of this change.", next_step="sverka mapping check")
    _record_sending(ctx, intent, pending, filled)
    raw = pending.raw
    try:
        result = send_write(ctx, Write("change", raw.source, raw.external_id, filled, raw.version))
    except ConflictError:
        forget_sending(intent)
        return AGAIN
    except UncertainOutcome as error:
        note_lost(ctx, intent)
        values = {"next_attempt_at": _later(ctx, intent), "steps": intent.steps}
        return settle(ctx, intent, "uncertain", "uncertain", error.message, **values)
    except (TransientError, ConfigError, SchemaDrift, RecordError):  # certainly not carried out
        forget_sending(intent)
        raise
    sent = {rule: (pending.value(rule), pending.theirs.get(rule.name)) for rule in pending.rules}
    record_done(ctx, intent, Done(build_card(ctx, result.record), pending.contact, sent, describe_differences(result)))
    return "updated"


def _record_sending(ctx: RunContext, intent: Intent, pending: Pending, body: Mapping[str, Any]) -> None:
    now = ctx.app.clock.now()
    intent.step = 0
    intent.steps = [
        {
            "set": pending.raw.source, "role": "update", "key": pending.raw.external_id, "body": as_json(body),
            "state": "sending", "external_id": pending.raw.external_id, "sent_at": now.isoformat(),
            "fields": {rule.name: fingerprint(pending.contact[rule.column]) for rule in pending.rules},
        }
    ]  # fmt: skip
    with writing(ctx, "push-sending") as conn:
        until = now + ctx.app.settings.schedule.lease
        intents.save(conn, intent, now, until=until, mapping_version=ctx.mapping.version)


def _later(ctx: RunContext, intent: Intent) -> datetime:
    return ctx.app.clock.now() + intents.build_delay(intent.attempts, ctx.app.settings.schedule.every, ctx.app.chance)
