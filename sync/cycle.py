"""One run of one connection, from lease to judgement: read, balances, push, late references (design §2, §5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from uuid import UUID

import structlog
from sqlalchemy import select

from connectors.base import Connector
from core.errors import ConfigError, LeaseLost, SverkaError, TransientError
from core.ids import new_id
from core.settings import ConnectionSettings
from store.engine import reading
from store.tables import connection as connections
from store.tables.records import FETCH_BITS
from sync.context import App, Fence, Order, Progress, RunContext
from sync.deals.run import send_due_moves, settle_deals
from sync.link.decided import carry_out_decisions
from sync.lists import refresh_lists
from sync.mappings.reapply import reapply_slice
from sync.mappings.remap import NoConnector
from sync.outbox.stage import keep_cards
from sync.outbox.wake import wake_cards
from sync.pull.cursors import load_cursors
from sync.pull.entities import pull_entities, pull_waiting
from sync.pull.relink import relink
from sync.push.run import push_connection
from sync.room import breaker
from sync.room.faults import fault_from_environment
from sync.room.lease import Lease, claim_lease, is_held, wait_limit
from sync.room.opening import open_for
from sync.room.runs import RunResult, fail_run, finish_run, start_run
from sync.room.state import RunState
from sync.room.telling import Telling
from sync.room.writing import NoFence, committing
from sync.settle.balances import pull_balances
from sync.versions import load_ruling

__all__ = ["RunResult", "run_cycle", "run_stages"]

log = structlog.get_logger()
Stage: TypeAlias = Callable[[RunContext], None]


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be run, for whom, and who watches."""

    app: App
    settings: ConnectionSettings
    order: Order
    stages: Sequence[Stage]
    progress: Progress

    @property
    def name(self) -> str:
        """The connection's name."""
        return self.settings.name


def run_cycle(
    app: App, connection: str, order: Order, progress: Progress | None = None, *, wait: float | None = None
) -> RunResult:
    """One cycle: read what has changed, read the balances, send what is due.

    A person's order waits for a running cycle or takes over an expired lease; the schedule does not wait. Failures of
    the other side, of settings and of single records are in the result, never raised.

    Raises:
        ConfigError: there is no such connection.
        sqlalchemy.exc.OperationalError: the store itself does not answer; the next run goes on.
    """
    return run_stages(app, connection, order, _stages(order), progress, wait=wait)


def _stages(order: Order) -> list[Stage]:
    if order.kind == "push":
        return [push_connection, relink, carry_out_decisions, keep_cards, send_due_moves, wake_cards]
    if order.kind == "retry":
        return [pull_waiting, push_connection, relink, carry_out_decisions, keep_cards, send_due_moves, wake_cards]
    if order.kind == "reapply":
        return [reapply_slice]
    stages: list[Stage] = [pull_entities, refresh_lists] if order.entity != "balance" else []
    if order.entity in (None, "balance"):
        stages.append(pull_balances)
    return [*stages, push_connection, relink, carry_out_decisions, settle_deals, keep_cards, wake_cards]


def run_stages(
    app: App,
    connection: str,
    order: Order,
    stages: Sequence[Stage],
    progress: Progress | None = None,
    *,
    wait: float | None = None,
) -> RunResult:
    """The same for any work that needs a run: one customer read now, a repair.

    `wait`: seconds to wait for a running cycle; by default none for the schedule, some minutes for a person.
    """
    telling = Telling(app.clock, progress)
    task = Task(app, app.settings.connection(connection), order, stages, telling)
    if order.dry_run:
        return _run_dry(task)
    patience = 0.0 if order.kind == "schedule" else wait_limit(app)
    if order.kind == "order":
        _tell_of_waiting(task)
    lease = claim_lease(app, connection, wait=patience if wait is None else wait)
    if lease is None:
        return RunResult(None, "skipped", message="Another cycle of this connection is running. Next: sverka status")
    lease.start_heartbeat(telling.tell)
    try:
        return _run_leased(task, lease)
    except LeaseLost as lost:
        log.warning("run.lease-lost", connection=connection, owner=lease.owner)
        return RunResult(None, "failed", message=str(lost))
    finally:
        lease.release()


def _tell_of_waiting(task: Task) -> None:
    """A person sees what his order waits for: a running cycle, or the half minute of one that was killed."""
    with reading(task.app.engine) as conn:
        held = is_held(conn, task.app, task.name)
    if held:
        log.warning("run.waits", connection=task.name, reason="another run of it goes on, or was killed a moment ago")


def _run_leased(task: Task, lease: Lease) -> RunResult:
    run_id = start_run(task.app, task.name, task.order, lease)
    result: RunResult | None = None
    try:
        result = _open_and_run(task, lease, run_id)
    finally:
        if result is None:  # interrupted, or the store went away: the next run goes on where this one stopped
            fail_run(
                task.app,
                run_id,
                task.name,
                task.order,
                "The run was broken off; the next one goes on. Next: sverka sync",
            )
    return result


def _open_and_run(task: Task, lease: Lease, run_id: UUID) -> RunResult:
    app = task.app
    with committing(app, "connection-row") as conn:
        breaker.ensure_row(conn, task.name)
    try:
        mapping = load_ruling(app, task.settings)
        connector = _open(task)
    except SverkaError as error:
        _note_failure(task, error)
        fail_run(app, run_id, task.name, task.order, str(error))
        return RunResult(run_id, "failed", message=str(error))
    with closing(connector):
        ctx = RunContext(
            app, task.settings, connector, mapping, task.order, run_id, lease, lease.fence << FETCH_BITS,
            app.clock.now(), progress=task.progress, fault=fault_from_environment(), state=_load_state(task),
        )  # fmt: skip
        failure = _run(ctx, task)
        result = finish_run(ctx, lease, failure)
    asked = task.order.kind != "reapply"  # which says nothing of the other side
    if asked and result.status in ("ok", "partial") and breaker.record_success(app, task.name):
        log.info("connection.works-again", connection=task.name)
    return result


def _open(task: Task) -> Connector:
    app, settings = task.app, task.settings
    if task.order.kind == "reapply":
        return NoConnector()
    return open_for(app, settings, cache_dir=_cache_folder(task))


def _cache_folder(task: Task) -> Path | None:
    """The schedule may lean on what was asked an hour ago; a person's order looks afresh."""
    return task.app.settings.store.cache if task.order.kind in {"schedule", "push", "retry"} else None


def _load_state(task: Task) -> RunState:
    query = select(connections.c.facts, connections.c.paused_entities).where(connections.c.name == task.name)
    with reading(task.app.engine) as conn:
        row = conn.execute(query).first()
    facts = dict(row.facts or {}) if row else {}
    facts["paused"] = dict(row.paused_entities or {}) if row else {}
    return RunState(cursors=load_cursors(task.app, task.name), facts=facts)


def _run(ctx: RunContext, task: Task) -> str:
    """Run the stages; what ends the run early is told, not raised."""
    try:
        for stage in (*task.stages, refresh_lists):
            stage(ctx)
    except LeaseLost:
        raise
    except SverkaError as error:
        if not task.order.dry_run:
            _note_failure(task, error)
        return str(error)
    return ""


def _note_failure(task: Task, error: SverkaError) -> None:
    log.warning("run.failed", connection=task.name, error=type(error).__name__, reason=error.message)
    if isinstance(error, ConfigError):
        breaker.pause_connection(task.app, task.name, str(error))
    elif isinstance(error, TransientError) and _opens(task, error):
        log.error("connection.not-answering", connection=task.name, reason=error.message)


def _opens(task: Task, error: TransientError) -> bool:
    return breaker.record_failure(task.app, task.name, error.retry_after, error.message)


def _run_dry(task: Task) -> RunResult:
    """Read, map, compare and roll back: no lease, no run row, nothing written at all."""
    app = task.app
    try:
        mapping = load_ruling(app, task.settings, publish=False)
        connector = open_for(app, task.settings)
    except SverkaError as error:
        return RunResult(None, "failed", message=str(error))
    with closing(connector):
        fence: Fence = NoFence()
        highest = 1 << 62  # a dry run compares with everything that is here, whenever it came
        ctx = RunContext(
            app, task.settings, connector, mapping, task.order, new_id(), fence, highest, app.clock.now(),
            progress=task.progress, state=_load_state(task),
        )  # fmt: skip
        failure = _run(ctx, task)
    lines = list(ctx.counters.values())
    return RunResult(None, "failed" if failure else "ok", lines, ctx.notices + ctx.partial, failure, ctx.state.changes)
