"""Comparing the two books because a person asked for it on a page: his request, carried out under the nightly's lease.

One connection is compared at a time, whoever asked, so that workers are left for the cycles. An order is answered by
any reconciliation that began after it and was kept: delivered twice, or taken up again after its worker was killed, it
is done once.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from core.errors import LeaseLost
from core.settings import ConnectionSettings
from store.engine import reading
from store.tables import reconciliation
from sync.context import App
from sync.reconcile.compare import compare_books, keep_result
from sync.reconcile.nightly import LEASE
from sync.room.lease import claim_lease, is_held
from sync.room.requests import leave_request
from sync.room.runs import RunResult
from sync.room.telling import Telling

KIND = "reconcile"
"""The kind of its requests."""
_RESULTS = {"ok": "ok", "explained": "ok", "failed": "failed"}
"""As `sverka reconcile` ends: a named difference is no alarm; what was not compared is not known to be well."""


def may_be_compared(settings: ConnectionSettings) -> bool:
    """Whether there are two books: an accounting that is mirrored."""
    return settings.role == "accounting" and bool(settings.mapping)


def order_reconciliation(conn: Connection, now: datetime, connection: str) -> None:
    """Leave word for the service, in the caller's transaction. Asked twice before it begins it is done once."""
    leave_request(conn, now, KIND, connection)


def is_comparing(conn: Connection, app: App) -> bool:
    """Whether books are being compared by the service now: an order has to wait, or is under way itself."""
    return is_held(conn, app, LEASE)


def carry_out_order(app: App, name: str, asked_at: datetime) -> RunResult:
    """Compare one connection, unless that was done since it was asked for.

    Returns:
        How it ended; "skipped" where the service compares something else now: the order waits.

    Raises:
        ConfigError: the mapping has mistakes.
    """
    held = claim_lease(app, LEASE)
    if held is None:
        return RunResult(None, "skipped", message="Books are being compared already. Next: sverka status")
    telling = Telling(app.clock, connection=name)
    held.start_heartbeat(telling.tell)
    try:
        with reading(app.engine) as conn:
            done = _load_done(conn, name, asked_at)
        if done is not None:
            return _answer(*done)
        result = compare_books(app, name, progress=telling)
        keep_result(app, result, fence=held)
    except LeaseLost as lost:  # whoever holds it now compares; then the order is looked at again
        return RunResult(None, "skipped", message=lost.message)
    finally:
        held.release()
    return _answer(result.status, result.failure)


def _load_done(conn: Connection, name: str, asked_at: datetime) -> tuple[str, str] | None:
    since = (reconciliation.c.connection == name, reconciliation.c.at >= asked_at)
    columns = (reconciliation.c.status, reconciliation.c.summary)
    row = conn.execute(select(*columns).where(*since).order_by(reconciliation.c.at.desc()).limit(1)).first()
    return None if row is None else (row.status, _message(row.summary))


def _message(summary: dict[str, Any]) -> str:
    return str(summary.get("message") or "")


def _answer(status: str, message: str) -> RunResult:
    return RunResult(None, _RESULTS.get(status, "partial"), message=message)
