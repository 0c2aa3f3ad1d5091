"""Alerts as rows: opened once a cause, resolved when it has held no more for a while, escalated once.

What is to be told is written in the same transaction as what it tells of, so neither is ever without the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, and_, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from core.ids import new_id
from core.sections import quiet_until
from store.bulk import insert
from store.tables import alert, alert_delivery
from sync.alerts.causes import Cause, plain
from sync.alerts.words import render
from sync.context import App
from sync.room.writing import committing

FLAPPING = timedelta(days=1)
LONGEST_SETTLING = timedelta(hours=1)
WAITING = ("due", "sending")


def record(app: App, causes: Iterable[Cause]) -> None:
    """Bring the rows in line with what is wrong now. Any number of processes may do so at once: one alert a cause."""
    holding = {cause.key: cause for cause in causes}
    with committing(app, "alert-mark") as conn:
        now = app.clock.now()
        open_alerts = {row.cause: row for row in conn.execute(select(alert).where(alert.c.state == "open"))}
        for key, cause in holding.items():
            if key in open_alerts:
                _renew(conn, app, open_alerts[key], cause)
            elif cause.opens:
                _open(conn, app, cause, now)
        seen = [row.id for key, row in open_alerts.items() if key in holding]
        if seen:
            conn.execute(update(alert).where(alert.c.id.in_(seen)).values(seen_at=now))
        for key, row in open_alerts.items():
            if key not in holding:
                _resolve(conn, app, row, now)
            else:
                _escalate(conn, app, row, now)


def _open(conn: Connection, app: App, cause: Cause, now: datetime) -> None:
    """A new alert with what is to be told of it, unless another process has just opened it."""
    alert_id = new_id()
    row = {
        "id": alert_id,
        "cause": plain(cause.key)[:200],
        "state": "open",
        "connection": cause.connection and plain(cause.connection)[:100],
        "opened_at": now,
        "seen_at": now,
    }
    dialect = sqlite if conn.dialect.name == "sqlite" else postgresql
    claim = dialect.insert(alert).values(row | _said(app, cause)).on_conflict_do_nothing().returning(alert.c.id)
    if conn.execute(claim).first() is not None:
        _tell(conn, app, alert_id, cause.kind, "opened", app.settings.alerts.channels, now)


def _said(app: App, cause: Cause) -> dict[str, Any]:
    """The stored texts are English and in the zone of the command line; messages are worded again from the details."""
    details = {name: plain(value) if isinstance(value, str) else value for name, value in cause.details.items()}
    words = render(cause.kind, details, zone=app.zone)
    return {"kind": cause.kind, "text": words.text, "next_step": words.next_step, "details": details}


def _renew(conn: Connection, app: App, row: Row[Any], cause: Cause) -> None:
    """The same trouble may get another sign, other numbers or another reason; nobody is told again for that."""
    said = _said(app, cause)
    if row.kind != cause.kind or row.details != said["details"]:
        conn.execute(update(alert).where(alert.c.id == row.id, alert.c.state == "open").values(said))


def _resolve(conn: Connection, app: App, row: Row[Any], now: datetime) -> None:
    """Over, when the cause has held no more for a while; those who were told of it are told of that.

    Who was not told yet (it began and ended in quiet hours) is not told at all.
    """
    if now - row.seen_at < _settling(conn, app, row, now):
        return
    mine = (alert.c.id == row.id, alert.c.state == "open", alert.c.seen_at == row.seen_at)
    if conn.execute(update(alert).where(*mine).values(state="resolved", resolved_at=now)).rowcount != 1:
        return
    _drop_untold(conn, row.id)
    told = (
        alert_delivery.c.alert_id == row.id,
        alert_delivery.c.event == "opened",
        alert_delivery.c.state != "dropped",
    )
    channels = sorted(conn.execute(select(alert_delivery.c.channel).where(*told)).scalars())
    _tell(conn, app, row.id, row.kind, "resolved", channels, now)


def _settling(conn: Connection, app: App, row: Row[Any], now: datetime) -> timedelta:
    """How long a cause must be gone: twice as long for each time that it has come back within a day."""
    lately = (alert.c.cause == row.cause, alert.c.state == "resolved", alert.c.opened_at >= now - FLAPPING)
    times = conn.scalar(select(func.count()).select_from(alert).where(*lately)) or 0
    doubled: int = 2 ** min(times, 10)
    settle = app.settings.alerts.settle
    return max(settle, min(settle * doubled, LONGEST_SETTLING))


def _drop_untold(conn: Connection, alert_id: UUID) -> None:
    untold = (alert_delivery.c.alert_id == alert_id, alert_delivery.c.state == "due", alert_delivery.c.attempts == 0)
    values = {"state": "dropped", "next_attempt_at": None, "reason": "It was over before it was to be told."}
    conn.execute(update(alert_delivery).where(*untold).values(values))


def _escalate(conn: Connection, app: App, row: Row[Any], now: datetime) -> None:
    """Once, when it is still open so long after people were told."""
    after = app.settings.alerts.escalate_after
    if after is None or row.escalated_at is not None:
        return
    opened = and_(alert_delivery.c.alert_id == row.id, alert_delivery.c.event == "opened")
    told: datetime | None = conn.execute(select(func.min(alert_delivery.c.sent_at)).where(opened)).scalar_one()
    if told is None or now - told < after:
        return
    mine = (alert.c.id == row.id, alert.c.state == "open", alert.c.escalated_at.is_(None))
    if conn.execute(update(alert).where(*mine).values(escalated_at=now)).rowcount == 1:
        email = app.settings.alerts.email
        wanted = [name for name in app.settings.alerts.channels if name != "email" or (email and email.escalate_to)]
        _tell(conn, app, row.id, row.kind, "escalated", wanted, now)


def _tell(
    conn: Connection, app: App, alert_id: UUID, kind: str, event: str, channels: Iterable[str], now: datetime
) -> None:
    """Write down what is to be told, by each of these ways; not before the quiet hours are over."""
    alerts = app.settings.alerts
    held = None if kind in alerts.urgent else quiet_until(now, alerts.zone, alerts.quiet)
    rows = [
        {"alert_id": alert_id, "event": event, "channel": channel, "state": "due", "next_attempt_at": held or now}
        for channel in channels
    ]
    insert(conn, alert_delivery, rows)
