"""Push: what the CRM has decided is made known to accounting, one intent after the other (design §5-4, §5-13)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.base import RecordSource, RecordTarget
from core.errors import TransientError
from store.engine import reading
from sync.context import RunContext
from sync.owners.planning import UPDATE
from sync.owners.planning import why_waiting as why_no_change
from sync.owners.update import foresee_update
from sync.push import intents
from sync.push.ask import load_decided
from sync.push.bind import ENTITY, load_own_binding
from sync.push.letters import defer_refused, has_due, revive_refused
from sync.push.match import find_match
from sync.push.merge import load_rows
from sync.push.one import claim_intent, push_intent, why_waiting
from sync.push.steps import rule_of
from sync.room.writing import writing

PATIENCE = 3
"""So many intents in a row may meet a silent accounting; then the run stops."""


def push_connection(ctx: RunContext) -> None:
    """Carry out all that is due for this connection, in order; one that fails never stops the others.

    Counters of direction "out" add up: what still waits for something is not due.

    Raises:
        TransientError: accounting has stopped answering. LeaseLost: another worker has taken over.
    """
    if not can_push(ctx):
        if not ctx.mapping.cards or ctx.settings.write == "off":  # letters of cards have a stage of their own
            _defer_letters(ctx)
        return
    if ctx.order.dry_run:
        _preview(ctx)
        return
    _wake(ctx)
    silent = 0
    for intent_id in _load_ready(ctx):
        trouble = _push_one(ctx, intent_id)
        silent = silent + 1 if isinstance(trouble, TransientError) else 0
        if trouble is not None and (silent >= PATIENCE or silent == 0):
            _stop(ctx, trouble)
            return


def _defer_letters(ctx: RunContext) -> None:
    """Nothing can be sent there now: its letters are looked at again later, instead of being due for ever."""
    if ctx.order.entity is not None or ctx.order.dry_run:
        return
    now = ctx.app.clock.now()
    with reading(ctx.app.engine) as conn:
        if not has_due(conn, ctx, now):
            return
    with writing(ctx, "push-wake") as conn:
        defer_refused(conn, ctx, now)


def can_push(ctx: RunContext) -> bool:
    """Whether this connection can be written to, and the mapping says how. Into a CRM only changes are ever planned."""
    able = isinstance(ctx.connector, RecordTarget) and isinstance(ctx.connector, RecordSource)
    wanted = ctx.order.entity in (None, ENTITY, "contact")
    return able and wanted and ENTITY in ctx.mapping.outbound


def _load_ready(ctx: RunContext) -> list[Any]:
    with reading(ctx.app.engine) as conn:
        return intents.load_ready(conn, ctx.name, ctx.app.clock.now(), whatever_the_time=ctx.order.kind == "order")


def _push_one(ctx: RunContext, intent_id: Any) -> Exception | None:
    claimed = claim_intent(ctx, intent_id)
    if claimed is None:
        return None
    started, asked = ctx.app.clock.monotonic(), ctx.connector.usage.requests
    result = push_intent(ctx, *claimed)
    counters = ctx.count(ENTITY, "out")
    counters.seconds += ctx.app.clock.monotonic() - started
    counters.requests += ctx.connector.usage.requests - asked
    if result.outcome:
        counters.read += 1
        counters.add(result.outcome)
        ctx.progress.step(ENTITY, counters.read, "to accounting")
    if result.trouble is not None:
        ctx.leave(f"{ENTITY} out: {result.trouble.message}")
    return result.trouble


def _stop(ctx: RunContext, trouble: Exception) -> None:
    """A silent accounting stops the run; a right or a set that is missing stops only the writing."""
    if isinstance(trouble, TransientError):
        raise trouble


def _wake(ctx: RunContext) -> None:
    """What waited for a value or for leave to write, and has it now, is due; so is what a person wants tried again."""
    with writing(ctx, "push-wake") as conn:
        revive_refused(conn, ctx, ctx.app.clock.now())
        waiting = intents.load_waiting(conn, ctx.name)
        contacts = load_rows(conn, [intent.entity_id for intent in waiting])
        for intent in waiting:
            contact = contacts.get(intent.entity_id)
            waits = _why_waiting(ctx, intent, contact) if contact else ""
            if not waits:
                intents.move(conn, intent, "due", ctx.app.clock.now(), reason=None, next_attempt_at=None)
            elif waits != intent.reason:
                intents.move_reason(conn, intent, ctx.app.clock.now(), waits)


def _why_waiting(ctx: RunContext, intent: intents.Intent, contact: Mapping[str, Any]) -> str:
    """A change of a card that is there needs nothing but leave to write."""
    return why_no_change(ctx.settings.write, ctx.name) if intent.action == UPDATE else why_waiting(ctx, contact)


def _preview(ctx: RunContext) -> None:
    """A dry run: asks what would happen to each intent, sends nothing and writes nothing."""
    with reading(ctx.app.engine) as conn:
        waiting = [intent.id for intent in intents.load_waiting(conn, ctx.name)]
        ready = intents.load_ready(conn, ctx.name, ctx.app.clock.now(), whatever_the_time=True)
        found = [intents.load(conn, intent_id) for intent_id in (*ready, *waiting)]
        contacts = load_rows(conn, [intent.entity_id for intent in found if intent])
    for intent in found:
        contact = contacts.get(intent.entity_id) if intent else None
        if intent is not None and contact is not None:
            told = foresee_update(ctx, intent) if intent.action == UPDATE else _foresee(ctx, contact)
            ctx.notice(f"{ctx.name}: {contact['name']}: {told}")


def _foresee(ctx: RunContext, contact: Mapping[str, Any]) -> str:
    with reading(ctx.app.engine) as conn:
        own = load_own_binding(conn, ctx.name, contact["id"])
        decided = load_decided(conn, ctx.name, contact["id"])
    waits = why_waiting(ctx, contact)
    if own or waits:
        return waits or "in accounting already"
    match = find_match(ctx, rule_of(ctx), contact, decided)
    return f"would {match.action}: {match.reason}"
