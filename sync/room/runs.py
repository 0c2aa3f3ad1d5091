"""Runs: what was done, by whom, with counters that must add up; never green with something wrong (design §5-5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, update

from connectors.base import Usage
from core.ids import new_id
from core.secrets import redact
from store.bulk import insert
from store.tables import PULL_COUNTERS, PUSH_COUNTERS, run, run_counter, slot
from sync.context import App, Counters, Order, RunContext
from sync.room.lease import Lease
from sync.room.slots import abandon_slots
from sync.room.writing import committing

_LEFT_UNDONE = ("parked", "dead", "uncertain", "review")
LONGEST_TEXT = 2000


@dataclass(slots=True)
class RunResult:
    """How a run ended, as commands and pages show it. `changes` is filled by a dry run only."""

    run_id: UUID | None
    status: str
    lines: list[Counters] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    message: str = ""
    changes: list[dict[str, Any]] = field(default_factory=list)


def start_run(app: App, connection: str, order: Order, lease: Lease) -> UUID:
    """Open a run row under the lease. One that a dead worker left running is marked abandoned in the same transaction.

    Raises:
        LeaseLost: the lease went to somebody else meanwhile.
    """
    now, run_id = app.clock.now(), new_id()
    with committing(app, "run-start") as conn:
        lease.check(conn)
        mark_abandoned(conn, connection, app)
        abandon_slots(conn, connection)
        row = {
            "id": run_id,
            "connection": connection,
            "kind": order.kind,
            "slot": order.slot,
            "status": "running",
            "owner": lease.owner,
            "fence": lease.fence,
            "started_at": now,
        }
        insert(conn, run, [row])
        if order.slot is not None:
            mine = (slot.c.connection == connection, slot.c.start == order.slot)
            conn.execute(update(slot).where(*mine).values(run_id=run_id, state="running"))
    return run_id


def mark_abandoned(conn: Connection, connection: str, app: App) -> int:
    """Say of runs whose worker is gone that they were abandoned; called by whoever holds the lease now."""
    left = (run.c.connection == connection, run.c.status == "running")
    values = {
        "status": "abandoned",
        "finished_at": app.clock.now(),
        "message": "Its worker died or lost the lease; the next run goes on where it stopped.",
    }
    return conn.execute(update(run).where(*left).values(values)).rowcount


def judge(lines: Iterable[Counters], partial: list[str], failure: str) -> tuple[str, str]:
    """Status and message of a run: failed, partial or ok, never better than its worst part.

    Counters that do not add up fail the run: something was read and its fate is unknown.
    """
    wrong = [line for line in lines if not line.adds_up()]
    if failure:
        return "failed", failure
    if wrong:
        told = "; ".join(
            f"{line.entity} {line.direction}: {line.read} read, {sum(line.counts.values())} accounted for"
            for line in wrong
        )
        return "failed", f"The counters do not add up ({told}). Next: sverka doctor"
    left = [*partial, *(_left_undone(line) for line in lines if _left_undone(line))]
    return ("partial", "; ".join(left)) if left else ("ok", "")


def _left_undone(line: Counters) -> str:
    parts = [f"{line.counts[word]} {word}" for word in _LEFT_UNDONE if line.counts.get(word)]
    return f"{line.entity}: {', '.join(parts)}" if parts else ""


def finish_lines(lines: Iterable[Counters]) -> None:
    """Give each line its own status; one that was paused or failed keeps what it was given."""
    for line in lines:
        if line.status == "ok" and (_left_undone(line) or not line.adds_up()):
            line.status = "partial" if line.adds_up() else "failed"


def finish_run(ctx: RunContext, lease: Lease, failure: str = "") -> RunResult:
    """Close the run: check that its counters add up, judge it, write its rows.

    Raises:
        LeaseLost: somebody has taken over and marked this run abandoned.
    """
    lines = list(ctx.counters.values())
    finish_lines(lines)
    status, message = judge(lines, ctx.partial, failure)
    message = redact(message)[:LONGEST_TEXT]
    with committing(ctx.app, "run-finish") as conn:
        lease.check(conn)
        insert(conn, run_counter, [_counter_row(ctx.run_id, line) for line in lines])
        values = _usage_values(ctx.connector.usage) | {
            "status": status,
            "finished_at": ctx.app.clock.now(),
            "message": message or None,
            "notices": ctx.notices[:100] or None,
            "mapping_version": ctx.mapping.version,
        }
        conn.execute(update(run).where(run.c.id == ctx.run_id, run.c.status == "running").values(values))
        if ctx.order.slot is not None:
            close_slot(conn, ctx.name, ctx.order, ctx.run_id)
    return RunResult(ctx.run_id, status, lines, ctx.notices, message, ctx.state.changes)


def fail_run(app: App, run_id: UUID, connection: str, order: Order, message: str) -> None:
    """Close a run that failed before it could begin to read (settings, mapping, opening the connector)."""
    values = {"status": "failed", "finished_at": app.clock.now(), "message": redact(message)[:LONGEST_TEXT]}
    with committing(app, "run-fail") as conn:
        conn.execute(update(run).where(run.c.id == run_id, run.c.status == "running").values(values))
        if order.slot is not None:
            close_slot(conn, connection, order, run_id)


def close_slot(conn: Connection, connection: str, order: Order, run_id: UUID) -> None:
    """The slot has had its run; one that has gone to another run meanwhile is that one's to close."""
    mine = (slot.c.connection == connection, slot.c.start == order.slot, slot.c.run_id == run_id)
    conn.execute(update(slot).where(*mine, slot.c.state == "running").values(state="done"))


def _usage_values(usage: Usage) -> dict[str, Any]:
    return {"requests": usage.requests, "bytes": usage.bytes, "seconds": usage.seconds, "writes": usage.writes}


def _counter_row(run_id: UUID, line: Counters) -> dict[str, Any]:
    words = dict.fromkeys(PULL_COUNTERS + PUSH_COUNTERS)
    return {
        "run_id": run_id,
        "entity": line.entity,
        "direction": line.direction,
        "status": line.status,
        "read": line.read,
        **{word: line.counts.get(word, 0) for word in words},
        "requests": line.requests,
        "seconds": line.seconds,
        "message": redact(line.message)[:LONGEST_TEXT] or None,
    }
