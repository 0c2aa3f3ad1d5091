"""Reconciliations as they are kept: found when, asked for by whom, and each difference with the day it was first found.

Bounded: single lines are kept of the newest reconciliations of a connection, sums of two years.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, select

from core.ids import new_id
from core.money import to_minor
from store.bulk import insert
from store.engine import reading
from store.queries.settlements.reconciliations import load_first_found
from store.tables import reconciliation, reconciliation_line
from sync.context import App, Fence
from sync.reconcile.result import Line, Reconciliation
from sync.room.writing import committing

WITH_LINES = 30
"""So many reconciliations of a connection are kept line by line."""
KEPT = timedelta(days=730)


def keep_result(app: App, result: Reconciliation, status: str | None = None, *, fence: Fence | None = None) -> UUID:
    """Write one reconciliation, forget old ones.

    Args:
        app: where to.
        result: what was found; its differences are told since when they have been found without a break.
        status: what it is kept as, where that is not simply what the two books say.
        fence: the lease under which it was made; who has lost it keeps nothing.
    """
    with reading(app.engine) as conn:
        before = load_first_found(conn, result.connection)
    for line in result.lines:
        if line.weight != "named":
            line.since = before.get(line.identity, result.at)
    record_id = new_id()
    lines = [_line_row(record_id, number, line) for number, line in enumerate(result.lines, 1)]
    with committing(app, "reconcile-result") as conn:  # in one: a reconciliation that can be seen is whole
        if fence is not None:
            fence.check(conn)
        insert(conn, reconciliation, [_head_row(record_id, result, status)])
        insert(conn, reconciliation_line, lines)
        _forget(conn, result.connection, result.at)
    return record_id


def _head_row(record_id: UUID, result: Reconciliation, status: str | None) -> dict[str, Any]:
    return {
        "id": record_id,
        "connection": result.connection,
        "at": result.at,
        "status": status or result.status,
        "unexplained": sum(to_minor(line.unexplained) for line in result.balances.values()),
        "summary": result.summary()
        | {
            "entities": [line.to_json() for line in result.entities],
            "balances": [line.to_json() for line in result.balances.values()],
        },
        "asked_by": result.asked_by,
        "repaired": result.repaired,
        "seconds": result.seconds,
    }


def _line_row(record_id: UUID, number: int, line: Line) -> dict[str, Any]:
    return {
        "reconciliation_id": record_id,
        "line": number,
        "entity": line.entity,
        "counterparty_id": line.counterparty_id,
        "kind": line.kind,
        "amount": None if line.amount is None else to_minor(line.amount),
        "details": line.to_json(),
    }


def _forget(conn: Connection, connection: str, now: datetime) -> None:
    """Old reconciliations, and the lines of all but the newest."""
    mine = reconciliation.c.connection == connection
    newest = select(reconciliation.c.id).where(mine).order_by(reconciliation.c.at.desc())
    older = newest.offset(WITH_LINES).limit(WITH_LINES)
    expired = newest.where(reconciliation.c.at < now - KEPT)
    for query in (older, expired):
        for old in conn.execute(query).scalars().all():
            conn.execute(delete(reconciliation_line).where(reconciliation_line.c.reconciliation_id == old))
    conn.execute(delete(reconciliation).where(mine, reconciliation.c.at < now - KEPT))
