"""Deals that their orders move on: planned as rows of the outbox, sent as any card, looked at once more before.

A row says where a deal is to stand (`hash`) and where we have moved it last (`sent_hash`). Between planning and sending
a person may have moved the deal: it is read again, and what no longer lies ahead is not sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection, Row, delete

from connectors.cards import CardTarget
from connectors.stages import Stage, StageReader
from core.money import ZERO
from mapping.deals import DealRules
from store.bulk import is_among
from store.engine import reading
from store.queries.deals.asked import DEAL, iter_deals_to_move, load_deals, load_orders_of
from store.queries.deals.order_figures import NOTHING, OrderFigures, load_order_figures
from store.tables import outbox
from sync.context import RunContext
from sync.deals.forward import OrderSum, earned_stage, next_stage, unknown_names
from sync.deals.memory import Memory
from sync.link.agreed import LINKED_AT
from sync.outbox.rows import CardRow, load_rows, new_row, save_rows
from sync.pull import dead
from sync.room.writing import writing

log = structlog.get_logger()
CARD = "deal_stage"
"""What the rows of moves are called in the outbox."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a deal is to stand: `stage` None where it stays as it is; `earned`: its orders have earned some stage."""

    deal: Row[Any]
    stage: Stage | None
    earned: bool


def may_move(ctx: RunContext) -> bool:
    """Whether deals of this connection are moved: the mapping says so, writing is on, or reviewed and agreed to."""
    rules, write = ctx.mapping.deals, ctx.settings.write
    if rules is None or not rules.moving or "deal" not in ctx.mapping.entities:
        return False
    able = isinstance(ctx.connector, StageReader) and isinstance(ctx.connector, CardTarget)
    return able and (write == "on" or (write == "review" and bool(ctx.state.facts.get(LINKED_AT))))


def plan_moves(ctx: RunContext, rules: DealRules, memory: Memory, since: datetime | None) -> int:
    """Write down which deals are to be moved, of those whose orders have changed since a moment (None: of all).

    Returns:
        How many were looked at.
    """
    for wrong in unknown_names(rules, memory.stages, ctx.name):
        ctx.leave(f"{wrong} Next: sverka deals stages")  # it moves nothing, and that is said
    looked = 0
    with reading(ctx.app.engine) as conn:
        for ids in iter_deals_to_move(conn, ctx.name, since):
            looked += len(ids)
            rows = load_rows(conn, ctx.name, CARD, ids)
            targets = find_targets(conn, ctx.name, rules, memory, ids, rows)
            _save(ctx, rows, targets)
    return looked


def find_targets(
    conn: Connection, connection: str, rules: DealRules, memory: Memory, ids: Sequence[UUID], rows: dict[UUID, CardRow]
) -> list[Target]:
    """Where each of these deals is to stand by what has become of its orders; five questions for all."""
    deals = load_deals(conn, connection, DEAL.c.id, ids)
    orders = load_orders_of(conn, ids)
    figures = load_order_figures(conn, (order.id for every in orders.values() for order in every))
    return [_target(deal, rules, memory, orders.get(deal.id, []), figures, rows.get(deal.id)) for deal in deals]


def _target(
    deal: Row[Any], rules: DealRules, memory: Memory, orders: Sequence[Row[Any]], figures: dict[UUID, OrderFigures],
    row: CardRow | None,
) -> Target:  # fmt: skip
    pipeline = memory.pipeline(deal.pipeline)
    moves = rules.moves_of(deal.pipeline or "", pipeline[0].pipeline_name) if pipeline else None
    if moves is None or deal.deleted:
        return Target(deal, None, earned=False)
    sums = [_sum(order, figures.get(order.id, NOTHING)) for order in orders]
    moved_to = row.sent_hash if row is not None else ""
    stage = next_stage(pipeline, deal.stage or "", moves, sums, moved_to=moved_to, backwards=rules.backwards)
    return Target(deal, stage, earned=earned_stage(pipeline, moves, sums) is not None)


def _sum(order: Row[Any], figures: OrderFigures) -> OrderSum:
    return OrderSum(order.amount or ZERO, figures.shipped, figures.paid)


def _save(ctx: RunContext, rows: dict[UUID, CardRow], targets: Sequence[Target]) -> None:
    now = ctx.app.clock.now()
    changed, idle = [], []
    for target in targets:
        row = rows.get(target.deal.id)
        if target.stage is None:
            if row is not None and not target.earned and row.state in ("done", "due", "dead"):
                idle.append(row.entity_id)
            elif row is not None and row.state == "due":
                row.state = "done"
                changed.append(row)
        elif row is None or row.hash != target.stage.id or row.state in ("done", "off", "gone"):
            row = row or new_row(ctx.name, CARD, target.deal.id, now)
            changed.append(plan_row(row, target.deal.external_id, target.stage.id, ctx.mapping.version))
    if not changed and not idle:
        return
    with writing(ctx, "deal-moves") as conn:
        save_rows(conn, changed, now)
        forget_moves(conn, ctx.name, idle)
    if ctx.order.dry_run:
        ctx.state.add_changes([_change(target) for target in targets if target.stage is not None])


def plan_row(row: CardRow, external_id: str, stage: str, version: str) -> CardRow:
    """A row that is to be sent."""
    if row.state not in ("sending", "uncertain"):
        row.state, row.attempts, row.next_attempt_at, row.reason = "due", 0, None, None
    row.external_id, row.hash, row.mapping_version = external_id, stage, version
    return row


def forget_moves(conn: Connection, connection: str, deals: Iterable[UUID]) -> None:
    """Nothing has been earned any more: when it is again, the deal is moved again."""
    mine = (outbox.c.connection == connection, outbox.c.card == CARD)
    these = list(deals)
    if these:
        conn.execute(delete(outbox).where(*mine, is_among(conn, outbox.c.entity_id, these)))
        dead.resolve(conn, connection, CARD, [str(deal) for deal in these], "out")


def _change(target: Target) -> dict[str, Any]:
    assert target.stage is not None  # noqa: S101 - asked by the caller
    fields = {"stage": (target.deal.stage, target.stage.id)}
    return {"action": "updated", "entity": "deal", "external_id": target.deal.external_id, "fields": fields}
