"""Reconciling by itself, once a night: a few differences are mended, many are one alert and nothing is touched.

Whether it is due is read from the history, so that a worker that was killed in the middle is simply followed by another
one. Comparing holds one lease for all connections and none of a connection's: one is compared at a time, so that
workers are left for the cycles, which go on meanwhile; only the repair, which reads a few records, is a run like any
other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, func, or_, select, update

from core.errors import LeaseLost
from core.settings import ConnectionSettings
from store.bulk import upsert
from store.engine import reading
from store.tables import connection, cursor, lease, reconciliation, run
from sync.context import App, Progress
from sync.reconcile.compare import compare_books, keep_result, repair_and_compare
from sync.reconcile.result import Reconciliation
from sync.room import slots
from sync.room.breaker import pause_reason
from sync.room.lease import Lease, claim_lease, is_held
from sync.room.runs import RunResult
from sync.room.telling import Telling
from sync.room.writing import committing

log = structlog.get_logger()
IN_FLIGHT = timedelta(seconds=30)
"""So long a woken worker may take to begin; then another one is woken."""
LEASE = "reconcile:"
"""One for all connections: comparing takes long, and workers must be left for the cycles."""
TRY_AGAIN = timedelta(hours=1)
"""After a comparison that could not be made, or not of everything."""
_WAITING = ("dead_letter", "parked")
"""Differences that a repair cannot mend and that people are told of as what they are."""


def claim_nightly(app: App, now: datetime) -> list[tuple[str, str]]:
    """Connections whose nightly reconciliation is due, each with the night; any number of beats may ask at once."""
    claimed = []
    for name, settings in app.settings.connections.items():
        night = slots.last_night(now, settings.zone, app.settings.schedule.nightly)
        if not is_meant(app, settings):
            continue
        with reading(app.engine) as conn:
            due = _is_due(conn, app, settings, night, now)
        if due and _wake(app, name, now):
            claimed.append((name, night.isoformat()))
    return claimed


def is_meant(app: App, settings: ConnectionSettings) -> bool:
    """Whether the service is to compare this connection by itself."""
    return app.settings.reconcile.nightly and settings.role == "accounting" and bool(settings.mapping)


def _is_due(conn: Connection, app: App, settings: ConnectionSettings, night: datetime, now: datetime) -> bool:
    """Not yet done this night, and the other side can be asked now."""
    name, quiet = settings.name, (*app.settings.schedule.quiet, *settings.quiet)
    if is_done(conn, name, night, now) or not _was_read_before(conn, name, night):
        return False
    if slots.is_quiet(now, settings.zone, quiet) or pause_reason(conn, name, now) is not None:
        return False
    breaker = conn.execute(select(connection.c.breaker).where(connection.c.name == name)).scalar_one_or_none()
    return breaker in (None, "closed") and not is_held(conn, app, LEASE)


def is_done(conn: Connection, name: str, night: datetime, now: datetime) -> bool:
    """Whether the books were compared since that night, or it was tried in vain just now."""
    mine = (reconciliation.c.connection == name, reconciliation.c.asked_by == "schedule", reconciliation.c.at >= night)
    compared = reconciliation.c.status.not_in(("failed", "incomplete"))
    enough = or_(compared, reconciliation.c.at > now - TRY_AGAIN)
    return conn.execute(select(reconciliation.c.id).where(*mine, enough).limit(1)).first() is not None


def _was_read_before(conn: Connection, name: str, night: datetime) -> bool:
    """Nothing is compared in the first night's half-loaded store: there was a run before it, and all was read since."""
    first = conn.execute(select(func.min(run.c.started_at)).where(run.c.connection == name)).scalar_one_or_none()
    read = (cursor.c.connection == name, cursor.c.fresh_at.is_not(None))
    return (
        first is not None and first < night and conn.execute(select(cursor.c.entity).where(*read)).first() is not None
    )


def _wake(app: App, name: str, now: datetime) -> bool:
    """Claim the waking of a worker, as a row beside the leases."""
    row = f"wake:{LEASE}{name}"
    with committing(app, "wake") as conn:
        upsert(conn, lease, [{"name": row, "fence": 0}], ["name"], update=())
        rested = or_(lease.c.until.is_(None), lease.c.until <= now, lease.c.until > now + timedelta(days=1))
        claim = update(lease).where(lease.c.name == row, rested).values(until=now + IN_FLIGHT)
        return conn.execute(claim).rowcount == 1


def run_nightly(app: App, name: str, night: str) -> RunResult | None:
    """Reconcile one connection; None where another worker does or has done it, or is at another connection."""
    held = claim_lease(app, LEASE)
    if held is None:
        return None
    telling = Telling(app.clock, connection=name)
    held.start_heartbeat(telling.tell)
    try:
        with reading(app.engine) as conn:
            if is_done(conn, name, datetime.fromisoformat(night), app.clock.now()):
                return None
        verdict = reconcile_by_itself(app, name, held, telling)
    except LeaseLost as lost:  # whoever holds it now compares, or finds it due again
        log.warning("reconcile.lease-lost", connection=name, reason=lost.message)
        return None
    finally:
        held.release()
    log.info("reconcile.nightly", connection=name, status=verdict.status, repaired=verdict.result.repaired)
    return RunResult(None, "failed" if verdict.status == "failed" else "ok", message=verdict.result.failure)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a nightly reconciliation found, and what it is kept as: "unexplained" is the alarm."""

    result: Reconciliation
    status: str


def reconcile_by_itself(app: App, name: str, held: Lease, progress: Progress | None = None) -> Verdict:
    """Compare; mend what differs where it is little, else leave everything as it is and say so.

    Raises:
        LeaseLost: somebody else has taken over; nothing is kept.
    """
    result = compare_books(app, name, asked_by="schedule", progress=progress)
    found, limit = result.count("drift", "unexplained"), app.settings.reconcile.repair_below
    if result.failure or not found:
        return _keep(app, result, held, result.status)
    if found > limit:
        result.left_to_people = found
        result.notice(
            f"{found} differences are more than repair_below = {limit}: nothing was touched. "
            f"To look: sverka reconcile {name}; to mend: sverka reconcile {name} --repair"
        )
        return _keep(app, result, held, "unexplained")
    again = repair_and_compare(app, result, progress)
    again.left_to_people = _count_left(again)
    return _keep(app, again, held, "unexplained" if again.left_to_people else again.status)


def _count_left(result: Reconciliation) -> int:
    if result.failure:
        return 0
    return sum(line.weight in ("drift", "unexplained") and line.kind not in _WAITING for line in result.lines)


def _keep(app: App, result: Reconciliation, held: Lease, status: str) -> Verdict:
    """Keep it under the lease, at its very end: a worker killed before is followed by one that begins anew."""
    keep_result(app, result, status, fence=held)
    return Verdict(result, status)
