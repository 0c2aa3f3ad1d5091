"""What accounting has refused for good: a dead letter with direction out, which a person sees and can try again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Connection, select, update

from core.errors import RecordError, UsageError
from store.bulk import IN_CHUNK, chunks, is_among, select_in
from store.queries.work.queues import DEAD_OPEN
from store.tables import dead_letter
from store.tables import intent as table
from sync.context import RunContext
from sync.pull import dead
from sync.push import intents
from sync.push.ask import close_questions
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
    """The write succeeded after all: its letter resolves itself. A change is no answer to a card refused in parts."""
    if intent.action == intents.UPDATE and load_held(conn, ctx.name, [intent.entity_id]):
        return
    dead.resolve(conn, ctx.name, intent.entity, str(intent.entity_id), "out")


def load_held(conn: Connection, connection: str, ids: Sequence[UUID]) -> set[UUID]:
    """Those of these customers whose card was refused, wholly or in parts, and stands in an open letter.

    No change of such a card is planned or sent: when the letter is settled the card is looked at as a whole.
    """
    names = [str(key) for key in ids]
    where = (*_MINE, dead_letter.c.connection == connection, DEAD_OPEN)
    refused: set[UUID] = set()
    for part in chunks(names, IN_CHUNK):
        query = select(dead_letter.c.external_id).where(*where, is_among(conn, dead_letter.c.external_id, part))
        refused |= {UUID(key) for key in conn.execute(query).scalars()}
    columns = (table.c.entity_id, table.c.action)
    rows = select_in(conn, table, columns, table.c.entity_id, refused, connection=connection, state="dead")
    return {row.entity_id for row in rows if row.action != intents.UPDATE}


def revive_refused(conn: Connection, ctx: RunContext, now: datetime) -> None:
    """Letters that a person wants tried again, or whose time has come, make their intents due.

    Where nothing is to be sent any more (it is there, or nobody wants it) the letter resolves. Where a change of the
    card is on its way it is first to be known what became of that: the letter waits.
    """
    mine = (*_MINE, dead_letter.c.connection == ctx.name)
    for key in conn.execute(select(dead_letter.c.external_id).where(*mine, dead.is_due(now))).scalars().all():
        behind = intents.load_behind(conn, ctx.name, UUID(key))
        if behind is None or behind.state in ("done", "discarded"):
            dead.resolve(conn, ctx.name, "counterparty", key, "out")
        stuck = not intents.revive(conn, ctx.name, UUID(key), now) and behind is not None and behind.state == "dead"
        this = update(dead_letter).where(*mine, dead_letter.c.external_id == key, DEAD_OPEN)
        conn.execute(this.values(next_attempt_at=now + dead.FIRST_RETRY if stuck else None))


def has_due(conn: Connection, ctx: RunContext, now: datetime) -> bool:
    """Whether letters of writes into this connection are due."""
    mine = (*_MINE, dead_letter.c.connection == ctx.name, dead.is_due(now))
    return conn.execute(select(dead_letter.c.id).where(*mine).limit(1)).first() is not None


def defer_refused(conn: Connection, ctx: RunContext, now: datetime) -> None:
    """Letters that are due where nothing can be sent now (no mapping for it, no such ability) wait; that is no try."""
    mine = (*_MINE, dead_letter.c.connection == ctx.name, dead.is_due(now))
    late = {"state": "open", "next_attempt_at": now + dead.NOTHING_TO_TRY}
    conn.execute(update(dead_letter).where(*mine).values(late))


def give_up(conn: Connection, connection: str, entity_id: UUID, now: datetime, reason: str) -> None:
    """A person wants nothing more of the write behind a letter: it is not tried again until he decides anew.

    Raises:
        UsageError: it has been sent, and is not known to have failed: that is to be found out first.
    """
    behind = intents.load_behind(conn, connection, entity_id)
    if behind is None or behind.state in ("done", "discarded"):
        return
    if behind.state in ("sending", "uncertain"):
        why = f"The write behind this letter was sent to {connection} and not answered yet: it is asked about first."
        raise UsageError(why, next_step=f"sverka sync {connection}, then look again: sverka dead list")
    close_questions(conn, now, behind.id)
    intents.move(conn, behind, "discarded", now, reason=reason, next_attempt_at=None)
