"""Leave to change a card: where `write = "review"` a person sees each change field by field before it is sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select, update

from store.engine import reading
from store.tables import review
from sync.context import RunContext
from sync.push import intents
from sync.push.ask import Kind, open_review
from sync.push.intents import Intent
from sync.room.writing import writing

CHANGE: Kind = "change"
APPROVED = "approved"


def is_allowed(ctx: RunContext, intent: Intent, candidates: list[dict[str, Any]]) -> bool:
    """Whether a person has said yes to exactly these values; to others he is asked anew."""
    where = (review.c.intent_id == intent.id, review.c.kind == CHANGE, review.c.state == APPROVED)
    query = select(review.c.candidates).where(*where).order_by(review.c.number.desc()).limit(1)
    with reading(ctx.app.engine) as conn:
        approved = conn.execute(query).scalar()
    return approved is not None and _values(approved) == _values(candidates)


def _values(candidates: list[dict[str, Any]]) -> dict[str, Any]:
    return {one["field"]: one["ours"] for one in candidates}


def ask_leave(ctx: RunContext, intent: Intent, name: str, candidates: list[dict[str, Any]]) -> str:
    """Put the change before a person; the intent waits in review."""
    fields = ", ".join(one["field"] for one in candidates)
    reason = f"Writing into {ctx.name} needs approval; {name} would get: {fields}."
    with writing(ctx, "push-review") as conn:
        now = ctx.app.clock.now()
        number = open_review(
            conn, now, ctx.name, intent.entity_id, CHANGE, reason, candidates=candidates, intent_id=intent.id
        )
        intents.move(conn, intent, "review", now, reason=f"in review {number}: {reason}", steps=intent.steps)
    return "review"


def close_leaves(conn: Connection, now: datetime, connection: str, entity_id: UUID) -> None:
    """Questions about a change that has been made leave the queue."""
    where = (
        review.c.connection == connection, review.c.entity_id == entity_id, review.c.kind == CHANGE,
        review.c.state == "open",
    )  # fmt: skip
    conn.execute(update(review).where(*where).values(state="dismissed", decided_at=now, decided_by="sverka"))
