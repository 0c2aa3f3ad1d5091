"""Moves that are due are sent: read the deals again, send what still lies ahead, keep what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import Connection, select, update

from connectors.cards import Card, CardResult, CardTarget
from connectors.stages import Stage, StageReader
from core.errors import ConfigError, RecordError, SchemaDrift, SverkaError, TransientError, UncertainOutcome
from mapping.deals import DealRules
from store.bulk import is_among
from store.engine import reading
from store.tables import dead_letter, outbox
from sync.context import RunContext
from sync.deals.memory import Memory
from sync.deals.moving import CARD, Target, find_targets
from sync.outbox.rows import WAITING, CardRow, claim_rows, is_due, save_rows
from sync.pull import dead
from sync.pull.records import pull_keys
from sync.room.retrying import build_pause
from sync.room.writing import asking, writing

log = structlog.get_logger()
AT_ONCE = 50
PATIENCE = timedelta(minutes=2)
"""How long a claim of a move holds: a worker that died over it lets it go then."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=6)


def send_moves(ctx: RunContext, rules: DealRules, memory: Memory) -> None:
    """Send every move that is due. What cannot be sent now is due again later; a refused one is a letter.

    Raises:
        TransientError: the other side does not answer; what was sent before has been kept.
        LeaseLost: another worker has taken over.
    """
    if ctx.order.dry_run:
        return
    _revive(ctx)
    after: UUID | None = None
    while rows := _claim(ctx, after):
        after = rows[-1].entity_id
        trouble = _send(ctx, rules, memory, rows)
        if trouble is not None:
            ctx.leave(f"deals are not moved: {trouble.message}")
            if isinstance(trouble, TransientError) and trouble.retry_after is None:
                raise trouble
            return


def shelve_moves(ctx: RunContext) -> None:
    """Moves that wait where nothing is moved any more are off: planned anew when deals are moved again."""
    if ctx.order.dry_run or not _has_due(ctx):
        return
    mine = (outbox.c.connection == ctx.name, outbox.c.card == CARD, outbox.c.state.in_((*WAITING, "sending")))
    with writing(ctx, "deal-claim") as conn:
        conn.execute(update(outbox).where(*mine).values(state="off", next_attempt_at=None))


def _has_due(ctx: RunContext) -> bool:
    whatever = ctx.order.kind == "order"
    mine = (outbox.c.connection == ctx.name, outbox.c.card == CARD)
    query = select(outbox.c.entity_id).where(*mine, is_due(ctx.app.clock.now(), whatever_the_time=whatever)).limit(1)
    with reading(ctx.app.engine) as conn:
        return conn.execute(query).first() is not None


def _claim(ctx: RunContext, after: UUID | None) -> list[CardRow]:
    if not _has_due(ctx):
        return []
    now = ctx.app.clock.now()
    with writing(ctx, "deal-claim") as conn:
        return claim_rows(
            conn, ctx.name, CARD, now, now + PATIENCE, after=after, most=AT_ONCE,
            whatever_the_time=ctx.order.kind == "order",
        )  # fmt: skip


def _send(ctx: RunContext, rules: DealRules, memory: Memory, rows: Sequence[CardRow]) -> SverkaError | None:
    """One page of moves. Returns what stands in the way of all of them, where something does."""
    assert isinstance(ctx.connector, CardTarget) and isinstance(ctx.connector, StageReader)  # noqa: S101 - asked by may_move
    try:
        targets = _look_again(ctx, rules, memory, rows)
        moving = [(row, one.stage) for row in rows if (one := targets.get(row.entity_id)) and one.stage is not None]
        cards = [_card(ctx.connector.stage_field, row, stage) for row, stage in moving]
        with asking(ctx, "write-cards"):
            results = ctx.connector.write_cards(cards) if cards else []
    except (ConfigError, SchemaDrift, TransientError) as error:
        _keep(ctx, rows, {}, [CardResult(row.key, row.external_id, _as_transient(error)) for row in rows])
        return error
    _keep(ctx, rows, targets, results)
    failed = [one.error for one in results if one.error is not None]
    late = [told for told in failed if not isinstance(told, (RecordError, UncertainOutcome))]
    if late and len(late) == len(results):
        return late[0]
    if late:
        ctx.leave(f"deal out: {len(late)} moves wait: {late[0].message}")
    return None


def _as_transient(error: SverkaError) -> SverkaError:
    """What ended the whole call before anything was known of a single card."""
    return error if isinstance(error, TransientError) else TransientError(error.message, next_step=error.next_step)


def _look_again(ctx: RunContext, rules: DealRules, memory: Memory, rows: Sequence[CardRow]) -> dict[UUID, Target]:
    """Where the deals are to be moved by what they are at this moment; those that are gone are left out."""
    keys = [row.external_id for row in rows if row.external_id]
    for source in ctx.mapping.entities["deal"].sources:
        ctx.next_fetch()
        pull_keys(ctx, source, keys)
    with reading(ctx.app.engine) as conn:
        by_id = {row.entity_id: row for row in rows}
        found = find_targets(conn, ctx.name, rules, memory, list(by_id), by_id)
    return {target.deal.id: target for target in found}


def _card(field: str, row: CardRow, stage: Stage) -> Card:
    row.hash = stage.id
    return Card("deal", row.key, row.external_id, {field: stage.id})


def _keep(ctx: RunContext, rows: Sequence[CardRow], targets: dict[UUID, Target], results: Sequence[CardResult]) -> None:
    now = ctx.app.clock.now()
    by_key = {result.key: result for result in results}
    line = ctx.count("deal", "out")
    outcomes: list[str] = []
    with writing(ctx, "deal-sent") as conn:
        for row in rows:
            result = by_key.get(row.key)
            outcome = _settle(conn, ctx, row, result) if result else _rest(conn, ctx, row, targets.get(row.entity_id))
            outcomes += [outcome] if outcome else []
        save_rows(conn, rows, now)
    line.read += len(outcomes)
    for outcome in outcomes:
        line.add(outcome)
    log.info("deals.moved", connection=ctx.name, taken=len(rows), updated=outcomes.count("updated"))


def _rest(conn: Connection, ctx: RunContext, row: CardRow, target: Target | None) -> str:
    """Nothing is to be sent: it stands there already, or further, or a person has ended it, or it is gone."""
    if target is not None and target.deal.stage == row.hash:
        row.sent_hash = row.hash
    row.state, row.next_attempt_at, row.reason = "done" if target is not None else "gone", None, None
    dead.resolve(conn, ctx.name, CARD, row.key, "out")
    return "unchanged"


def _settle(conn: Connection, ctx: RunContext, row: CardRow, result: CardResult) -> str:
    """Keep what became of one move; empty for one that is simply due again."""
    now, error = ctx.app.clock.now(), result.error
    row.reason = error.message if error is not None else None
    if error is None:
        row.state, row.sent_hash, row.sent_at, row.next_attempt_at, row.attempts = "done", row.hash, now, None, 0
        dead.resolve(conn, ctx.name, CARD, row.key, "out")
        return "updated"
    row.next_attempt_at = now + build_pause(row.attempts, FIRST_PAUSE, LONGEST_PAUSE, ctx.app.chance)
    if isinstance(error, UncertainOutcome):
        row.state = "uncertain"
        return "uncertain"
    if isinstance(error, RecordError):
        row.state, row.next_attempt_at = "dead", None
        _bury(conn, ctx, row, error)
        return "dead"
    row.state = "uncertain" if row.state in ("sending", "uncertain") else "due"
    return ""


def _bury(conn: Connection, ctx: RunContext, row: CardRow, error: RecordError) -> None:
    sent: dict[str, Any] = {"deal": row.external_id, "stage": row.hash}
    dead.record(
        conn, ctx, entity=CARD, external_id=row.key, stage="send", error=error, direction="out", source=CARD,
        payload=msgspec.json.encode(sent),
    )  # fmt: skip


def _revive(ctx: RunContext) -> None:
    """Letters of moves that a person wants tried again, or whose time has come: their moves are due."""
    now = ctx.app.clock.now()
    mine = (
        dead_letter.c.connection == ctx.name, dead_letter.c.entity == CARD, dead_letter.c.direction == "out",
        dead.is_due(now),
    )  # fmt: skip
    with reading(ctx.app.engine) as conn:
        keys = [UUID(key) for key in conn.execute(select(dead_letter.c.external_id).where(*mine)).scalars()]
    if not keys:
        return
    with writing(ctx, "deal-revive") as conn:
        dead_rows = (outbox.c.connection == ctx.name, outbox.c.card == CARD, outbox.c.state == "dead")
        these = is_among(conn, outbox.c.entity_id, keys)
        conn.execute(update(outbox).where(*dead_rows, these).values(state="due", next_attempt_at=None))
        conn.execute(update(dead_letter).where(*mine).values(next_attempt_at=None))
