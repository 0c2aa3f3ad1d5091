"""One intent from its claim to an outcome: identify, ask where an answer was lost, send step by step, bind.

```
claim ─► pending step? ─► ask accounting ─► found: record ──────────┐
   │                          └─► not found ─┐                      ▼
   └─► own binding? decision? missing? match ┴─► send step ─► record, bind ─► next step … done
```

Nothing is asked or sent inside a transaction; every transaction checks the lease first (design §5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from connectors.base import RawRecord
from core.errors import (
    ConfigError,
    ConflictError,
    NotFound,
    RecordError,
    SchemaDrift,
    SverkaError,
    TransientError,
    UncertainOutcome,
)
from store.engine import reading
from sync.context import RunContext
from sync.owners.planning import UPDATE
from sync.owners.recording import catch_up, look_again
from sync.owners.sides import sides_of
from sync.owners.update import advance_update
from sync.push import intents
from sync.push.ask import Kind, close_reviews, is_approved, load_decided, load_link, open_review
from sync.push.bind import (
    ENTITY,
    apply_binding,
    build_card,
    build_differences,
    describe,
    is_card_gone,
    load_own_binding,
    note_written,
)
from sync.push.edited import mend_steps
from sync.push.intents import Intent
from sync.push.letters import record_refusal, settle_refusal
from sync.push.match import Match, NeedsPerson, build_own, find_match, target_of
from sync.push.merge import load_row
from sync.push.outcome import forget_sending, settle
from sync.push.send import send_write
from sync.push.silence import (
    ask_if_arrived,
    build_never,
    build_still_waiting,
    may_still_come,
    note_lost,
    settled_at,
    wait_until_settled,
)
from sync.push.steps import build_steps, build_write, describe_differences, fetch_card, fetch_written, rule_of
from sync.room.writing import asking, writing

MOST_SENDS = 5
"""After so many sendings without an answer a person looks at it."""
GO_ON, NOT_COUNTED = "send", ""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an intent: a word of design §5-5, or "" when it is not due after all; and the trouble met."""

    outcome: str
    trouble: SverkaError | None = None


def push_intent(ctx: RunContext, intent: Intent, contact: Mapping[str, Any] | None) -> Result:
    """Carry one claimed intent as far as it goes. Every way out leaves it in a settled state.

    Raises:
        LeaseLost: another worker has taken over; the intent lapses and is asked about.
    """
    try:
        return Result(_advance(ctx, intent, contact))
    except RecordError as error:
        if intent.pending:  # it was the question that failed: what was sent may have arrived
            ctx.leave(f"{ENTITY} out: {error.message}")
            return Result(_postpone(ctx, intent, contact, error))
        return Result(_refuse(ctx, intent, error))
    except NotFound as error:
        return Result(_refuse(ctx, intent, _build_gone(ctx, error)))
    except NeedsPerson as error:
        forget_sending(intent)
        found = Match("review", error.message, None, build_own(rule_of(ctx), error.rows))
        return Result(_ask_person(ctx, intent, "uncertain" if error.rows else "match", error.message, found))
    except ConflictError as error:  # the intent is no longer ours: whoever has it goes on
        ctx.leave(f"{ENTITY} out: {error.message}")
        return Result(NOT_COUNTED)
    except (TransientError, ConfigError, SchemaDrift) as error:
        return Result(_postpone(ctx, intent, contact, error), error)


def _advance(ctx: RunContext, intent: Intent, contact: Mapping[str, Any] | None) -> str:
    if intent.action == UPDATE:
        return advance_update(ctx, intent, contact)
    if intent.pending and contact is not None:
        outcome = _resolve_pending(ctx, intent, contact)
        if outcome != GO_ON:
            return outcome
    if contact is None or contact["deleted"] or _unwanted(intent, contact):
        return settle(ctx, intent, "discarded", NOT_COUNTED, "no longer a client")
    if intent.step == 0:
        outcome = _identify(ctx, intent, contact)
        if outcome != GO_ON:
            return outcome
    return _send_all(ctx, intent, contact)


def _unwanted(intent: Intent, contact: Mapping[str, Any]) -> bool:
    return intent.action == "create" and intent.step == 0 and contact["status"] != "client"


def _refuse(ctx: RunContext, intent: Intent, error: RecordError) -> str:
    """Refused for good: a letter, and the intent waits for a person. What earlier steps did stays bound."""
    forget_sending(intent)
    with writing(ctx, "push-refuse") as conn:
        record_refusal(conn, ctx, intent, error)
        intents.move(
            conn, intent, "dead", ctx.app.clock.now(), reason=error.message, steps=intent.steps, next_attempt_at=None
        )
    return "dead"


def _postpone(ctx: RunContext, intent: Intent, contact: Mapping[str, Any] | None, error: SverkaError) -> str:
    """Accounting is not itself: later. A step without an answer stays uncertain, all else is simply due again.

    After many questions without an answer a person is asked too; whoever is first settles it.
    """
    state = "uncertain" if intent.pending else "due"
    now, wait = ctx.app.clock.now(), _build_delay(ctx, intent)
    after = getattr(error, "retry_after", None)
    later = now + wait if not after else max(now + wait, now + type(wait)(seconds=after))
    with writing(ctx, "push-postpone") as conn:
        intents.move(conn, intent, state, now, reason=error.message, next_attempt_at=later, steps=intent.steps)
        if state == "uncertain" and contact is not None:
            ask_if_arrived(conn, ctx, intent, contact["name"])
    return "uncertain" if state == "uncertain" else NOT_COUNTED


def _build_delay(ctx: RunContext, intent: Intent) -> timedelta:
    return intents.build_delay(intent.attempts, ctx.app.settings.schedule.every, ctx.app.chance)


def _build_gone(ctx: RunContext, error: NotFound) -> RecordError:
    """What was to be written to, or read, is not there any more: a person looks at it."""
    step = f"look for the card in {ctx.name}, then: sverka dead retry"
    return RecordError(error.message, next_step=step, where=error.where, detail=error.detail)


# -------------------------------------------------------------------- who is it


def _identify(ctx: RunContext, intent: Intent, contact: Mapping[str, Any]) -> str:
    with reading(ctx.app.engine) as conn:
        own = load_own_binding(conn, ctx.name, intent.entity_id)
        chosen = load_link(conn, intent.id)
        decided = load_decided(conn, ctx.name, intent.entity_id)
    if own is not None:
        return settle(
            ctx,
            intent,
            "done",
            "unchanged",
            "in accounting already",
            external_id=own["external_id"],
            external_code=own["code"],
        )
    if chosen is not None:
        return _link_chosen(ctx, intent, contact, *chosen)
    if intent.action == "link":
        return settle(ctx, intent, "discarded", NOT_COUNTED, "decided otherwise")
    waits = why_waiting(ctx, contact)
    if waits:
        return settle(ctx, intent, "waiting", NOT_COUNTED, waits)
    match = find_match(ctx, rule_of(ctx), contact, decided)
    return _act(ctx, intent, contact, match, said_new=decided.new)


def why_waiting(ctx: RunContext, contact: Mapping[str, Any]) -> str:
    """Why a write cannot be sent yet: what is missing, or that writing is switched off. Empty when it can."""
    missing = ctx.mapping.outbound[ENTITY].missing(contact)
    if missing:
        return f"waits for {' and '.join(missing)}"
    return f"waits: writing into {ctx.name} is switched off (write = off)" if ctx.settings.write == "off" else ""


def _act(ctx: RunContext, intent: Intent, contact: Mapping[str, Any], match: Match, *, said_new: bool) -> str:
    for text in match.mentioned:
        ctx.notice(f"{ctx.name}: {text}")
    if match.hit is not None and match.said:
        return _link(ctx, intent, contact, match.hit, match.reason)
    if match.action == "review":
        return _ask_person(ctx, intent, "match", match.reason, match)
    if match.action == "link" and said_new:
        return _ask_person(ctx, intent, "match", f"Said to be new, but accounting knows him: {match.reason}.", match)
    if match.hit is None and _is_card_gone(ctx, intent):
        reason = f"His card in {ctx.name} was deleted there; a new one is made only when a person says so."
        return _ask_person(ctx, intent, "approval", reason, match)
    if ctx.settings.write == "review" and not said_new:
        plan = f"would be {match.reason}" if match.hit else f"would be created: {match.reason}"
        return _ask_person(ctx, intent, "approval", f"Writing into {ctx.name} needs approval; {plan}.", match)
    if match.hit is not None:
        return _link(ctx, intent, contact, match.hit, match.reason)
    return GO_ON


def _is_card_gone(ctx: RunContext, intent: Intent) -> bool:
    """Whether this write would bring back what accounting has deleted, and nobody has said that it shall."""
    with reading(ctx.app.engine) as conn:
        return is_card_gone(conn, ctx.name, intent.entity_id) and not is_approved(conn, intent.id)


def _ask_person(ctx: RunContext, intent: Intent, kind: Kind, reason: str, match: Match | None) -> str:
    found = [candidate.as_json() for candidate in match.candidates] if match else []
    with writing(ctx, "push-review") as conn:
        now = ctx.app.clock.now()
        number = open_review(conn, now, ctx.name, intent.entity_id, kind, reason, candidates=found, intent_id=intent.id)
        intents.move(conn, intent, "review", now, reason=f"in review {number}: {reason}", steps=intent.steps)
    return "review"


def _link(
    ctx: RunContext, intent: Intent, contact: Mapping[str, Any], raw: RawRecord, why: str, who: str | None = None
) -> str:
    """Bind to a card that was there before: nothing is overwritten on either side, differences are shown."""
    card = build_card(ctx, raw)
    differences = describe(build_differences(dict(contact), card.mapped.fields)) if card.mapped else ""
    reason = f"{why}; differs: {differences}" if differences else why
    with writing(ctx, "push-link") as conn:
        now = ctx.app.clock.now()
        kept = apply_binding(conn, ctx, contact, card, who=who or "sverka", chosen=who is not None)
        close_reviews(conn, now, ctx.name, intent.entity_id)
        settle_refusal(conn, ctx, intent)
        if kept == intent.entity_id:
            values = {"external_id": raw.external_id, "external_code": card.code, "next_attempt_at": None}
            intents.move(conn, intent, "done", now, action="link", reason=reason, **values)
            look_again(conn, ctx, kept, contact, now)
    if differences:
        ctx.notice(f"{ctx.name}: {contact['name']} {reason}")
    return "linked"


def _link_chosen(ctx: RunContext, intent: Intent, contact: Mapping[str, Any], external_id: str, who: str) -> str:
    try:
        with asking(ctx, "fetch-record"):
            raw = target_of(ctx).fetch_record(rule_of(ctx).source, external_id)
    except NotFound:
        return _ask_person(ctx, intent, "match", f"The chosen card {external_id} is not in accounting.", None)
    return _link(ctx, intent, contact, raw, f"linked by {who}", who)


# -------------------------------------------------------------------- sending


def _send_all(ctx: RunContext, intent: Intent, contact: Mapping[str, Any]) -> str:
    waits = why_waiting(ctx, contact)
    if waits:
        return settle(ctx, intent, "waiting", NOT_COUNTED, waits)
    intent.steps = build_steps(ctx, intent, contact)
    mend_steps(ctx, intent)
    while intent.step < len(intent.steps):
        outcome = _send_step(ctx, intent, contact)
        if outcome != GO_ON:
            return outcome
    return "created"


def _send_step(ctx: RunContext, intent: Intent, contact: Mapping[str, Any]) -> str:
    """Send the current step, once. What is not known to have failed is asked about, never sent again blindly."""
    write = build_write(ctx, intent)
    step = intent.steps[intent.step]
    step |= {"state": "sending", "sent": step.get("sent", 0) + 1, "sent_at": ctx.app.clock.now().isoformat()}
    step.pop("lost_at", None)
    _record_sending(ctx, intent)
    try:
        result = send_write(ctx, write)
    except (UncertainOutcome, ConflictError) as error:
        return _ask_at_once(ctx, intent, contact, error)
    except (TransientError, ConfigError, SchemaDrift, RecordError):  # certainly not carried out
        forget_sending(intent)
        raise
    _record_step(ctx, intent, contact, result.record, describe_differences(result))
    return GO_ON


def _record_sending(ctx: RunContext, intent: Intent) -> None:
    now = ctx.app.clock.now()
    with writing(ctx, "push-sending") as conn:
        until = now + ctx.app.settings.schedule.lease
        intents.save(conn, intent, now, until=until, mapping_version=ctx.mapping.version)


def _record_step(
    ctx: RunContext, intent: Intent, contact: Mapping[str, Any], raw: RawRecord, differences: str = ""
) -> None:
    """The object is there: step, binding and, at the last step, the end of the intent, in one transaction."""
    step = intent.steps[intent.step]
    card = build_card(ctx, raw) if step["set"] == rule_of(ctx).source.name else None
    grown = build_card(ctx, fetch_card(ctx, str(intent.external_id))) if step.get("known_by") else None
    step |= {"state": "done", "external_id": raw.external_id, "differences": differences}
    intent.step += 1
    with writing(ctx, "push-step") as conn:
        if card is not None:
            apply_binding(conn, ctx, contact, card)
            intent.external_id, intent.external_code = raw.external_id, card.code
        if grown is not None:
            note_written(conn, ctx, grown, contact)
        _save_progress(conn, ctx, intent, contact)
    if differences:
        ctx.notice(f"{ctx.name}: accounting keeps {contact['name']} otherwise than it was sent: {differences}")


def _save_progress(conn: Connection, ctx: RunContext, intent: Intent, contact: Mapping[str, Any]) -> None:
    now = ctx.app.clock.now()
    kept = {"external_id": intent.external_id, "external_code": intent.external_code}
    if intent.step < len(intent.steps):
        intents.save(conn, intent, now, **kept)
        return
    told = "; ".join(step["differences"] for step in intent.steps if step.get("differences"))
    close_reviews(conn, now, ctx.name, intent.entity_id)
    settle_refusal(conn, ctx, intent)
    values = kept | {"steps": intent.steps, "step": intent.step, "next_attempt_at": None}
    intents.move(conn, intent, "done", now, reason=told or None, **values)
    catch_up(conn, now, sides_of(ctx)[ctx.name], intent.entity_id)


# -------------------------------------------------------------------- no answer


def _ask_at_once(ctx: RunContext, intent: Intent, contact: Mapping[str, Any], error: SverkaError) -> str:
    """The answer was lost. A "yes" now settles it; a "no" may only mean that accounting is still at work."""
    note_lost(ctx, intent)
    try:
        found = fetch_written(ctx, intent, contact)
    except TransientError:
        found = None
    if found is not None:
        _record_step(ctx, intent, contact, found)
        return GO_ON
    if isinstance(error, ConflictError):
        forget_sending(intent)
        raise RecordError(error.message, next_step=error.next_step, where=error.where, detail=error.detail) from error
    now = ctx.app.clock.now()
    later = now + _build_delay(ctx, intent)
    return settle(ctx, intent, "uncertain", "uncertain", error.message, next_attempt_at=later, steps=intent.steps)


def _resolve_pending(ctx: RunContext, intent: Intent, contact: Mapping[str, Any]) -> str:
    """A step that an earlier worker sent, or was about to send: ask, then bind or send again; bounded."""
    found = fetch_written(ctx, intent, contact)
    if found is not None:
        _record_step(ctx, intent, contact, found)
        return "created" if intent.state == "done" else GO_ON
    if may_still_come(ctx, intent):
        if ctx.order.kind == "order" and wait_until_settled(ctx, intent):
            return _resolve_pending(ctx, intent, contact)
        values = {"next_attempt_at": settled_at(ctx, intent), "steps": intent.steps}
        return settle(ctx, intent, "uncertain", "uncertain", build_still_waiting(ctx, intent), **values)
    sent = intent.steps[intent.step].get("sent", 0)
    forget_sending(intent)
    if sent >= MOST_SENDS:
        intent.steps[intent.step]["sent"] = 0
        asked = build_never(contact["name"], ctx.name, sent)
        return _ask_person(ctx, intent, "uncertain", asked, None)
    return GO_ON


def claim_intent(ctx: RunContext, intent_id: Any) -> tuple[Intent, dict[str, Any] | None] | None:
    """Take one intent for this run, with the contact it is about; None when another worker has it."""
    with writing(ctx, "push-claim") as conn:
        now, lease = ctx.app.clock.now(), ctx.app.settings.schedule.lease
        intent = intents.claim(conn, intent_id, ctx.app.owner, now, lease)
        return (intent, load_row(conn, intent.entity_id)) if intent else None
