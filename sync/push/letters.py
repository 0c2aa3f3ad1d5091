"""What accounting has refused for good: a dead letter with direction out, which a person sees and can try again."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Connection, select, update

from core.errors import RecordError
from store.queries.queues import DEAD_OPEN
from store.tables import dead_letter
from sync.context import RunContext
from sync.pull import dead
from sync.push import intents
from sync.push.intents import Intent

_MINE = (dead_letter.c.direction == "out", dead_letter.c.entity == "counterparty")


def record_refusal(conn: Connection, ctx: RunContext, intent: Intent, error: RecordError) -> None:
    """Write the letter in the caller's transaction. Its external id is our own id: accounting has none for it yet."""
    step = intent.steps[intent.step] if intent.step < len(intent.steps) else {}
    sent = {"set": step.get("set"), "role": step.get("role"), "body": step.get("made") or step.get("body")}
    dead.record(
        conn,
        ctx,
        entity=intent.entity,
        external_id=str(intent.entity_id),
        stage="send",
        error=error,
        direction="out",
        source=str(step.get("set") or ""),
        payload=msgspec.json.encode(sent, enc_hook=str),
    )


def settle_refusal(conn: Connection, ctx: RunContext, intent: Intent) -> None:
    """The write succeeded after all: its letter resolves itself."""
    dead.resolve(conn, ctx.name, intent.entity, str(intent.entity_id), "out")


def revive_refused(conn: Connection, ctx: RunContext, now: datetime) -> None:
    """Letters that a person wants tried again, or whose time has come, make their intents due.

    Where nothing is to be sent any more (it is there, or nobody wants it) the letter resolves.
    """
    mine = (*_MINE, dead_letter.c.connection == ctx.name)
    for key in conn.execute(select(dead_letter.c.external_id).where(*mine, dead.is_due(now))).scalars().all():
        intents.revive(conn, ctx.name, UUID(key), now)
        latest = intents.load_latest(conn, ctx.name, UUID(key))
        if latest is None or latest.state in ("done", "discarded"):
            dead.resolve(conn, ctx.name, "counterparty", key, "out")
        this = update(dead_letter).where(*mine, dead_letter.c.external_id == key, DEAD_OPEN)
        conn.execute(this.values(next_attempt_at=None))
