"""Telling: rows that are due are claimed by a conditional UPDATE, sent, and tried again with growing pauses.

A row is claimed before it is sent and settled afterwards. Who dies in between leaves a claim that lapses, and it is
sent again: an alert that comes twice is better than one that never comes.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Exists, Row, case, exists, select, update

from connectors.registry import open_webhook
from core.errors import ConfigError, SverkaError
from core.ids import new_id
from core.secrets import redact
from core.settings import AlertSettings
from store.engine import reading
from store.tables import alert, alert_delivery
from sync.alerts.mail import send_letter
from sync.alerts.message import Story, build_content, build_letter
from sync.alerts.standing import WAITING
from sync.context import App
from sync.room.writing import committing

log = structlog.get_logger()
EVENTS = ("opened", "escalated", "resolved")
"""In this order each alert is told, on each way by itself."""
CLAIM = timedelta(minutes=5)
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=30)
MOST_ATTEMPTS = 50
"""About a day of trying; after that the row says that it was never told, and `sverka alerts list` shows it."""
AT_ONCE = 20


def deliver_due(app: App) -> int:
    """Send what is due, some at a time. Returns how many were sent; failures are in the rows and in the log."""
    sent = 0
    for row in _load_due(app):
        if row.channel not in app.settings.alerts.channels:
            _settle(app, row, {"state": "dropped", "next_attempt_at": None, "reason": "This way is set up no more."})
        elif _claim(app, row):
            sent += _send(app, row)
    return sent


def send_test(app: App, channel: str) -> str:
    """Send one test message by this way, now. Returns a remark or "". Raises SverkaError when it was not taken."""
    now = app.clock.now()
    return _SENDERS[channel](app, Story(new_id(), "test", "test", None, None, {}, now))


def _load_due(app: App) -> list[Row[Any]]:
    """What is due now and has nothing of the same alert, told on the same way, before it.

    The oldest of each way: what waits on one that is closed keeps nothing of another from being told, nor does what
    may not be told yet.
    """
    now, waiting = app.clock.now(), alert_delivery.c.state.in_(WAITING)
    due = (waiting, alert_delivery.c.next_attempt_at <= now, ~_has_one_before())
    query = select(alert_delivery, alert.c.opened_at).join(alert, alert.c.id == alert_delivery.c.alert_id)
    oldest = query.where(*due).order_by(alert.c.opened_at).limit(AT_ONCE)
    found: list[Row[Any]] = []
    with reading(app.engine) as conn:
        for channel in conn.execute(select(alert_delivery.c.channel).where(waiting).distinct()).scalars().all():
            found += conn.execute(oldest.where(alert_delivery.c.channel == channel)).all()
    return found


def _has_one_before() -> Exists:
    """Something of the same alert is to be told on the same way first."""
    before, mine = alert_delivery.alias("before"), alert_delivery.c
    same = (before.c.alert_id == mine.alert_id, before.c.channel == mine.channel, before.c.state.in_(WAITING))
    return exists().where(*same, _turn(before.c.event) < _turn(mine.event))


def _turn(event: ColumnElement[str]) -> ColumnElement[int]:
    return case({name: number for number, name in enumerate(EVENTS)}, value=event)


def _claim(app: App, row: Row[Any]) -> bool:
    """Take a row for sending; of several that try only one gets it."""
    same = (alert_delivery.c.state == row.state, alert_delivery.c.attempts == row.attempts)
    values = {"state": "sending", "attempts": row.attempts + 1, "next_attempt_at": app.clock.now() + CLAIM}
    with committing(app, "alert-claim") as conn:
        return conn.execute(update(alert_delivery).where(*_key(row), *same).values(values)).rowcount == 1


def _key(row: Row[Any]) -> tuple[Any, ...]:
    table = alert_delivery.c
    return (table.alert_id == row.alert_id, table.event == row.event, table.channel == row.channel)


def _send(app: App, row: Row[Any]) -> bool:
    story = _load_story(app, row)
    try:
        remark = _SENDERS[row.channel](app, story)
    except SverkaError as error:
        _put_off(app, row, error)
        return False
    values = {"state": "sent", "sent_at": app.clock.now(), "next_attempt_at": None, "reason": remark or None}
    _settle(app, row, values)
    log.info("alert.told", cause=story.cause, told=row.event, channel=row.channel, remark=remark)
    return True


def _load_story(app: App, row: Row[Any]) -> Story:
    with reading(app.engine) as conn:
        found = conn.execute(select(alert).where(alert.c.id == row.alert_id)).one()
    return Story(
        found.id,
        row.event,
        found.cause,
        found.kind,
        found.connection,
        found.details or {},
        found.opened_at,
        found.resolved_at if row.event == "resolved" else None,
        found.escalated_at is not None,
    )


def _put_off(app: App, row: Row[Any], error: SverkaError) -> None:
    attempts, reason = row.attempts + 1, redact(error.message)
    log.warning("alert.not-told", told=row.event, channel=row.channel, attempts=attempts, reason=reason)
    if attempts >= MOST_ATTEMPTS:
        _settle(app, row, {"state": "failed", "next_attempt_at": None, "reason": reason})
        return
    later = app.clock.now() + pause_after(attempts, getattr(error, "retry_after", None))
    _settle(app, row, {"state": "due", "next_attempt_at": later, "reason": reason})


def pause_after(attempts: int, asked: float | None) -> timedelta:
    """How long to wait before the next attempt; what the other side asks for is the least, up to the longest pause."""
    doubled: int = 2 ** min(attempts - 1, 10)
    wanted = timedelta(seconds=min(asked or 0.0, LONGEST_PAUSE.total_seconds()))
    return min(max(FIRST_PAUSE * doubled, wanted), LONGEST_PAUSE)


def _settle(app: App, row: Row[Any], values: dict[str, Any]) -> None:
    with committing(app, "alert-end") as conn:
        conn.execute(update(alert_delivery).where(*_key(row), alert_delivery.c.state.in_(WAITING)).values(values))


def _by_email(app: App, story: Story) -> str:
    alerts = app.settings.alerts
    if alerts.email is None:
        raise ConfigError("There is no e-mail in [alerts].")
    return send_letter(build_letter(story, alerts, alerts.email, _now(app)), alerts.email)


def _by_webhook(app: App, story: Story) -> str:
    alerts: AlertSettings = app.settings.alerts
    if alerts.webhook is None:
        raise ConfigError("There is no webhook in [alerts].")
    with closing(open_webhook(alerts.webhook, app.clock)) as webhook:
        webhook.post(build_content(story, alerts))
    return ""


def _now(app: App) -> datetime:
    return app.clock.now()


_SENDERS: dict[str, Callable[[App, Story], str]] = {"email": _by_email, "webhook": _by_webhook}
