"""A write that was sent and not answered: how long its object may still appear, and what a person is asked."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from store.engine import reading
from sync.context import RunContext
from sync.push import intents
from sync.push.ask import open_review
from sync.push.intents import Intent

SETTLED = timedelta(seconds=20)
"""What has not appeared so long after it was sent will not appear any more. A person's order waits for that."""
MOST_QUESTIONS = 8
"""After so many tries that found accounting silent a person is asked whether the write has arrived."""


def may_still_come(ctx: RunContext, intent: Intent) -> bool:
    """Whether "not there" may only mean "not yet", and sending again would make a second object.

    A base that is known to take our keys refuses the second by itself. Any other gets time to finish, whoever orders.
    """
    settled = settled_at(intent)
    if settled is None or ctx.app.clock.now() >= settled:
        return False
    if any(step["state"] == "done" and step["external_id"] == step["key"] for step in intent.steps):
        return False
    with reading(ctx.app.engine) as conn:
        return not intents.takes_keys(conn, ctx.name)


def wait_until_settled(ctx: RunContext, intent: Intent) -> None:
    """Sleep until it is certain; for a person, who rather waits some seconds than hears "perhaps"."""
    settled = settled_at(intent)
    left = (settled - ctx.app.clock.now()).total_seconds() if settled is not None else 0.0
    ctx.progress.step(intent.entity, 0, "asking accounting again in some seconds")
    ctx.app.clock.sleep(min(max(left, 0.0), SETTLED.total_seconds()))


def settled_at(intent: Intent) -> datetime | None:
    """When what the current step has sent has either appeared or never will."""
    sent_at = intent.steps[intent.step].get("sent_at")
    return datetime.fromisoformat(sent_at) + SETTLED if sent_at else None


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
