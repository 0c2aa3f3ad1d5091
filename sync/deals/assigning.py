"""Orders to deals, page by page in a cycle: what the rules tell is written down, what a person decided stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection, bindparam, update

from mapping.deals import DealRules
from store.bulk import delete_where_in, is_among, upsert
from store.engine import reading
from store.queries.deals.asked import DEAL, ORDER, iter_orders_to_assign
from store.tables import deal_order
from sync.context import RunContext
from sync.deals.asking import ask_about, close_questions, load_questions
from sync.deals.choosing import Choice, Deal
from sync.deals.seeing import Scene, load_scene
from sync.push.merge import add_audit
from sync.room.writing import writing

log = structlog.get_logger()
PERSON = "person"
BY_ITSELF = "sverka"


@dataclass(slots=True)
class Plan:
    """What is to be written of a page of orders."""

    fresh: list[dict[str, Any]] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)
    dropped: list[dict[str, Any]] = field(default_factory=list)
    conflicts: dict[UUID, tuple[str, Deal]] = field(default_factory=dict)
    agreed: list[UUID] = field(default_factory=list)
    """Orders of which a person has decided and accounting says nothing else."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be written."""
        return not (self.fresh or self.changed or self.dropped or self.conflicts or self.agreed)


def assign_orders(ctx: RunContext, rules: DealRules, since: datetime | None) -> int:
    """Look at the orders whose deal may be another since a moment; all of them where it is None.

    Returns:
        How many were looked at.

    Raises:
        LeaseLost: another worker has taken over.
    """
    looked = asked = 0
    with reading(ctx.app.engine) as conn:
        for ids in iter_orders_to_assign(conn, since):
            scene = load_scene(conn, ctx.name, rules, ctx.app.zone, ids)
            plan = build_plan(scene, ctx.app.clock.now())
            looked += len(ids)
            if not plan.is_empty:
                asked += _write(ctx, plan)
    if asked:
        ctx.leave(f"{asked} orders name another deal than a person has chosen. Next: sverka review list")
    return looked


def build_plan(scene: Scene, now: datetime) -> Plan:
    """What the rules tell of a page of orders, held against what was decided before."""
    plan = Plan()
    for order in scene.orders:
        if order["deal_id"] is not None and order["deal_id"] not in scene.by_id:
            continue  # a deal of another CRM
        if order["rule"] == PERSON:
            _compare(plan, scene, order)
        else:
            _decide(plan, scene, order, now)
    return plan


def _compare(plan: Plan, scene: Scene, order: dict[str, Any]) -> None:
    """A person's decision stands; that accounting says otherwise is a question."""
    named = {deal.id: deal for number in scene.named(order) for deal in scene.by_number.get(number, [])}
    chosen = scene.by_id[order["deal_id"]]
    other = next(iter(named.values()), chosen)
    if len(named) != 1 or other is chosen or not other.may_be_of(order["counterparty_id"]):
        plan.agreed.append(order["id"])
        return
    reason = f"Order {order['number']} names deal {other.label}; a person has chosen deal {chosen.label}."
    plan.conflicts[order["id"]] = (reason, other)


def _decide(plan: Plan, scene: Scene, order: dict[str, Any], now: datetime) -> None:
    before = order["deal_id"]
    choice = scene.choose(order)
    row = {"order_id": order["id"], "decided_at": now, "decided_by": BY_ITSELF}
    if before is None:
        if choice.deal is not None:
            plan.fresh.append(row | {"deal_id": choice.deal.id, "rule": choice.rule})
        return
    fits = scene.by_id[before].may_be_of(order["counterparty_id"])
    if choice.deal is not None and _replaces(choice, before, order["rule"], fits=fits):
        plan.changed.append(row | {"deal_id": choice.deal.id, "rule": choice.rule, "before": before})
    elif choice.deal is None and not fits:
        plan.dropped.append({"order_id": order["id"], "before": before})


def _replaces(choice: Choice, before: UUID, rule: str, *, fits: bool) -> bool:
    """What was told once stays, unless the order itself says otherwise now or the deal cannot be its any more."""
    if choice.deal is None:
        return False
    if choice.deal.id == before:
        return choice.rule == "number" != rule
    return choice.rule == "number" or not fits


def _write(ctx: RunContext, plan: Plan) -> int:
    now = ctx.app.clock.now()
    with reading(ctx.app.engine) as conn:
        questions = load_questions(conn, ctx.name, [*plan.conflicts, *plan.agreed])
    answered = {row.entity_id for row in questions if row.state == "open"} & set(plan.agreed)
    if not (plan.fresh or plan.changed or plan.dropped or plan.conflicts or answered):
        return 0
    with writing(ctx, "deal-assign") as conn:
        upsert(conn, deal_order, plan.fresh, ["order_id"], update=())
        _change(conn, plan.changed)
        for rule in ("number", "only_open"):
            gone = [row["order_id"] for row in plan.dropped]
            delete_where_in(conn, deal_order, deal_order.c.order_id, gone, rule=rule)
        touch_deals(conn, now, [row["before"] for row in (*plan.changed, *plan.dropped)])
        touch_orders(conn, now, [row["order_id"] for row in plan.dropped])
        _audit(conn, now, [*plan.changed, *plan.dropped])
        asked = ask_about(conn, now, ctx.name, plan.conflicts, questions)
        close_questions(conn, now, sorted(answered), BY_ITSELF)
    log.info(
        "deals.assigned", connection=ctx.name, fresh=len(plan.fresh), changed=len(plan.changed),
        dropped=len(plan.dropped), asked=asked,
    )  # fmt: skip
    return asked


def _change(conn: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Unless a person has decided meanwhile."""
    if rows:
        mine = (deal_order.c.order_id == bindparam("key"), deal_order.c.rule != PERSON)
        names = ("deal_id", "rule", "decided_at", "decided_by")
        given = [{"key": row["order_id"]} | {name: row[name] for name in names} for row in rows]
        conn.execute(update(deal_order).where(*mine), given)


def touch_deals(conn: Connection, now: datetime, deals: Sequence[UUID | None]) -> None:
    """These have lost an order: what has become of the others may be enough to move them now."""
    lost = [deal for deal in deals if deal is not None]
    if lost:
        conn.execute(update(DEAL).where(is_among(conn, DEAL.c.id, lost)).values(updated_at=now))


def touch_orders(conn: Connection, now: datetime, orders: Sequence[UUID]) -> None:
    """These have lost their deal, and no row is left that says so: whatever shows them is to look again."""
    if orders:
        conn.execute(update(ORDER).where(is_among(conn, ORDER.c.id, list(orders))).values(updated_at=now))


def _audit(conn: Connection, now: datetime, rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        after = {"deal": str(row["deal_id"]), "rule": row["rule"]} if "deal_id" in row else {"deal": None}
        subject = f"order {row['order_id']}"
        add_audit(conn, now, BY_ITSELF, "deal.assign", subject, before={"deal": str(row["before"])}, after=after)
