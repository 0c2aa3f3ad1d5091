"""Settlement balances from accounting's own register, every cycle (design §5-7, §5-11, §5-12).

What a doubtful answer says (cut, empty, or zeroing too many at once) is asked again, and then believed only where the
mirrored documents say the same: nobody is zeroed by a fault of accounting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select

from store.bulk import upsert
from store.engine import reading
from store.queries.settlements.balance_rows import (
    StoredBalance,
    iter_balances_of,
)
from store.tables import cursor
from sync.context import RunContext
from sync.room.pausing import resume_entity
from sync.room.writing import writing
from sync.settle.absent import pausing_balances
from sync.settle.aging import refresh_overdue
from sync.settle.customer import check_moves
from sync.settle.explain import find_explained
from sync.settle.register import (
    COMMIT,
    ENTITY,
    BalanceKey,
    Plan,
    Reading,
    balance_source,
    build_plan,
    fetch_reading,
    fetch_references,
    key_of,
    update_identities,
    write_plan,
)
from sync.settle.settled import find_settled


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why an answer is not simply believed."""

    kind: Literal["cut", "empty", "mass"]
    reason: str


@dataclass(slots=True)
class BalanceState:
    """What is remembered from cycle to cycle: when moves were last checked, and the day when all were looked at.

    With the day stand the usual days to pay, where there are any: when they change, everybody is looked at anew.
    """

    checked_at: datetime | None = None
    day: str = ""


def pull_balances(ctx: RunContext) -> None:
    """Read all balances, write what has changed, read the documents of whoever moved without one, refresh overdue.

    Does nothing where the mapping or the connector knows no balances. A dry run only counts and shows. Drift pauses
    balances and fails no run; a register that this base never had is a notice.
    """
    if balance_source(ctx) is None:
        return
    with pausing_balances(ctx):
        _pull_balances(ctx)
    if ctx.count(ENTITY).status != "paused":
        resume_entity(ctx, ENTITY)


def _pull_balances(ctx: RunContext) -> None:
    state, stored = _load_state(ctx), load_stored(ctx)
    answer, plan, doubt = _read(ctx, stored)
    if doubt is not None:
        answer, plan, doubt = _read(ctx, stored)  # a posting between two questions heals here
    if doubt is not None:
        plan, doubt = _believe(ctx, stored, plan, doubt)
    fetch_references(ctx, [*plan.created, *plan.updated])
    write_plan(ctx, plan, stored, answer.asked_at)
    ctx.progress.step(ENTITY, ctx.count(ENTITY).read)
    if ctx.order.dry_run:
        return
    update_identities(ctx)
    _finish(ctx, state, answer, first=not stored, doubtful=doubt is not None)


def _finish(ctx: RunContext, state: BalanceState, answer: Reading, *, first: bool, doubtful: bool) -> None:
    if doubtful and first:
        return
    if not doubtful:
        _save_state(ctx, state, answer.asked_at)
    now = ctx.app.clock.now()
    today = now.astimezone(ctx.settings.zone).date().isoformat() + (f" +{days}" if (days := ctx.payment_days) else "")
    set_back = state.checked_at is not None and ctx.started_at < state.checked_at  # the clock was put back
    whom = check_moves(ctx, state.checked_at, first=first, everybody=set_back or state.day != today)
    refresh_overdue(ctx, whom)
    _save_state(ctx, BalanceState(now, today), None if doubtful else answer.asked_at)


def load_stored(ctx: RunContext) -> dict[BalanceKey, StoredBalance]:
    """All balances of the connection as they stand."""
    with reading(ctx.app.engine) as conn:
        return {key_of(row): row for row in iter_balances_of(conn, ctx.name)}


def _read(ctx: RunContext, stored: Mapping[BalanceKey, StoredBalance]) -> tuple[Reading, Plan, Doubt | None]:
    answer = fetch_reading(ctx)
    plan = build_plan(stored, answer.amounts)
    return answer, plan, find_doubt(ctx, stored, answer, plan)


def find_doubt(
    ctx: RunContext, stored: Mapping[BalanceKey, StoredBalance], answer: Reading, plan: Plan
) -> Doubt | None:
    """Whether something speaks against believing the answer. What the mirrored documents explain never does."""
    if not answer.whole:
        return Doubt("cut", f"the balances did not arrive whole: {answer.reason or 'no reason given'}")
    limit = guard_limit(ctx, stored)
    if not plan.missing or (answer.amounts and len(plan.missing) <= limit):
        return None
    unexplained = len(plan.missing.keys() - find_explained(ctx, stored, plan.missing))
    if unexplained and not answer.amounts:
        return Doubt("empty", f"accounting named no balance at all; {unexplained} would have become zero")
    if unexplained > limit:
        reason = f"{unexplained} balances would have become zero at once, the guard lets pass {limit}"
        return Doubt("mass", reason)
    return None


def guard_limit(ctx: RunContext, stored: Mapping[BalanceKey, StoredBalance]) -> int:
    """How many balances may become zero at once without a document that says so."""
    standing = sum(1 for row in stored.values() if row.receivable or row.advance)
    return max(int(standing * ctx.settings.deletion_guard_share), ctx.settings.deletion_guard_records)


def _believe(
    ctx: RunContext, stored: Mapping[BalanceKey, StoredBalance], plan: Plan, doubt: Doubt
) -> tuple[Plan, Doubt | None]:
    """What of a doubtful answer is written.

    Of a cut one only what documents say too, of the others all but the zeroes that neither documents nor all of the
    customer's movements confirm. A person's `sync --full` lets a mass of zeroes pass that accounting has said twice.
    """
    if doubt.kind == "mass" and ctx.order.full and ctx.order.kind == "order":
        ctx.notice(f"{doubt.reason}; `--full` let them pass.")
        return plan, None
    if doubt.kind == "cut":
        return _believe_cut(ctx, stored, plan, doubt), doubt
    explained = find_explained(ctx, stored, plan.missing)
    confirmed = find_settled(ctx, plan.missing.keys() - explained)
    missing = {key: value for key, value in plan.missing.items() if key in explained | confirmed}
    believed = Plan(plan.created, plan.updated, missing, plan.unchanged, refused=plan.refused)
    held = len(plan.missing) - len(missing)
    if not held:
        return believed, None
    ctx.leave(f"{held} balances are held: {doubt.reason}. {_way_out(ctx, doubt)}")
    return believed, doubt


def _believe_cut(ctx: RunContext, stored: Mapping[BalanceKey, StoredBalance], plan: Plan, doubt: Doubt) -> Plan:
    changes = plan.created | plan.updated
    explained = find_explained(ctx, stored, changes)
    created = {key: value for key, value in plan.created.items() if key in explained}
    updated = {key: value for key, value in plan.updated.items() if key in explained}
    ctx.leave(f"Nobody was set to zero: {doubt.reason}. The next cycle asks again.")
    held = len(changes) - len(created) - len(updated)
    return Plan(created, updated, {}, plan.unchanged, held, plan.refused)


def _way_out(ctx: RunContext, doubt: Doubt) -> str:
    if doubt.kind == "mass":
        return f"The next cycle asks again; if it is right: sverka sync {ctx.name} --full"
    return f"The next cycle asks again; look at the settlement accounts: sverka reconcile {ctx.name}"


def _load_state(ctx: RunContext) -> BalanceState:
    statement = select(cursor.c.state).where(cursor.c.connection == ctx.name, cursor.c.entity == ENTITY)
    with reading(ctx.app.engine) as conn:
        state: dict[str, Any] = conn.execute(statement).scalar() or {}
    checked = state.get("checked_at")
    return BalanceState(datetime.fromisoformat(checked) if checked else None, str(state.get("day", "")))


def _save_state(ctx: RunContext, state: BalanceState, fresh_at: datetime | None) -> None:
    """`fresh_at` is the age of every balance that did not change; a doubtful answer leaves it where it was."""
    row: dict[str, Any] = {
        "connection": ctx.name,
        "entity": ENTITY,
        "state": {"checked_at": state.checked_at.isoformat() if state.checked_at else None, "day": state.day},
        "updated_at": ctx.app.clock.now(),
    }
    if fresh_at is not None:
        row["fresh_at"] = fresh_at
    with writing(ctx, COMMIT) as conn:
        upsert(conn, cursor, [row], ("connection", "entity"))
