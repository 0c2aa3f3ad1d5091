"""What has become of an intent is written down in one transaction with what hangs on it."""

from __future__ import annotations

from typing import Any

from sync.context import RunContext
from sync.push import intents
from sync.push.intents import Intent
from sync.push.letters import settle_refusal
from sync.room.writing import writing


def settle(ctx: RunContext, intent: Intent, state: str, outcome: str, reason: str | None = None, **values: Any) -> str:
    """Move an intent to a state; gives back the outcome that is counted. What is over settles former refusals too."""
    with writing(ctx, "push-settle") as conn:
        intents.move(conn, intent, state, ctx.app.clock.now(), reason=reason, **values)
        if state in ("done", "discarded"):
            settle_refusal(conn, ctx, intent)
    return outcome


def forget_sending(intent: Intent) -> None:
    """What was being sent is known not to have arrived: it is sent again."""
    if intent.pending:
        intent.steps[intent.step]["state"] = "new"
