"""A write that was sent and not answered: how long its object may still appear, and what a person is asked."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from store.engine import reading
from sync.context import RunContext
from sync.push import intents
from sync.push.ask import open_review
from sync.push.intents import Intent

SETTLED, LONGEST = timedelta(seconds=20), timedelta(minutes=10)
"""What has not appeared so long after its answer was lost will not appear any more: the least and the most.

Between them: as long again as we have waited for the answer. A system that was silent for three minutes is at work on
something; one that dropped the line at once is not. A person's order waits for the least of it, never longer.
"""
MOST_QUESTIONS = 8
"""After so many tries that found accounting silent a person is asked whether the write has arrived."""


def note_lost(ctx: RunContext, intent: Intent) -> None:
    """The answer to the current step is lost now: from here on it is counted how long its object may still appear."""
    intent.steps[intent.step]["lost_at"] = ctx.app.clock.now().isoformat()


def may_still_come(ctx: RunContext, intent: Intent) -> bool:
    """Whether "not there" may only mean "not yet", and sending again would make a second object.

    A base that is known to take our keys refuses the second by itself. Any other gets time to finish, whoever orders.
    """
    if not is_in_time(ctx, intent):
        return False
    if any(step["state"] == "done" and step["external_id"] == step["key"] for step in intent.steps):
        return False
    with reading(ctx.app.engine) as conn:
        return not intents.takes_keys(conn, ctx.name)


def is_in_time(ctx: RunContext, intent: Intent) -> bool:
    """Whether what the current step has sent may, going by the time, still appear or take effect."""
    settled = settled_at(ctx, intent)
    return settled is not None and ctx.app.clock.now() < settled


def wait_until_settled(ctx: RunContext, intent: Intent) -> bool:
    """Sleep until it is certain; for a person, who rather waits some seconds than hears "perhaps".

    False, and nothing was waited for, where it would take longer than that: he is told until when.
    """
    settled, now = settled_at(ctx, intent), ctx.app.clock.now()
    left = settled - now if settled is not None else timedelta(0)
    if left > SETTLED:
        ctx.leave(f"{intent.entity} out: {build_still_waiting(ctx, intent)}")
        return False
    ctx.progress.step(intent.entity, 0, "asking accounting again in some seconds")
    ctx.app.clock.sleep(max(left.total_seconds(), 0.0))
    return True


def build_still_waiting(ctx: RunContext, intent: Intent) -> str:
    """Also told to a person who orders a run meanwhile: accounting may still be at work on the first."""
    settled = settled_at(ctx, intent)
    moment = f"{settled.astimezone(ctx.settings.zone):%H:%M:%S}" if settled else "then"
    return f"sent, no answer, and not there yet; sent again only when it has not appeared by {moment}"


def settled_at(ctx: RunContext, intent: Intent) -> datetime | None:
    """When what the current step has sent has either appeared or never will."""
    step = intent.steps[intent.step]
    if not step.get("sent_at"):
        return None
    sent = datetime.fromisoformat(step["sent_at"])
    if not step.get("lost_at"):  # whoever sent it died over it: at the latest when his lease began to lapse
        guess = ctx.app.clock.now() - ctx.app.settings.schedule.lease
        step["lost_at"] = min(max(sent, guess), sent + LONGEST).isoformat()
    lost = datetime.fromisoformat(step["lost_at"])
    return lost + min(max(SETTLED, lost - sent), LONGEST)


def ask_if_arrived(conn: Connection, ctx: RunContext, intent: Intent, name: str) -> None:
    """After many questions that accounting did not answer a person is asked too, in the caller's transaction.

    The write stays uncertain and is asked about meanwhile: whoever knows first settles it, and the question closes.
    """
    if intent.attempts < MOST_QUESTIONS:
        return
    asked = (
        f"{name} was sent to {ctx.name}, and it has not answered since ({intent.attempts} tries). "
        "Is he there? Then link him to his card; else create him. Accounting is asked on meanwhile."
    )
    now, who = ctx.app.clock.now(), intent.entity_id
    open_review(conn, now, ctx.name, who, "uncertain", asked, candidates=[], intent_id=intent.id)


def build_never(name: str, connection: str, sent: int) -> str:
    """The question about a write that was sent often enough and is never there."""
    return (
        f"{name} was sent {sent} times without an answer, and {connection} never has him. "
        "Is he there under another name? Then link him to his card; else create him, which sends once more."
    )
