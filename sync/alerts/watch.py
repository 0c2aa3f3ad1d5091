"""Looking whether something is wrong: with every tick, and in a thread of every process, for a dead beat ticks not."""

from __future__ import annotations

from datetime import timedelta

import structlog
from sqlalchemy import or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from store.bulk import upsert
from store.engine import reading
from store.tables import tick
from sync.alerts.causes import find_causes
from sync.alerts.standing import record
from sync.context import App
from sync.room.writing import committing

log = structlog.get_logger()
NAME = "alerts"
"""Whose turn it was to look stands beside the ticks."""
CLOCK_WENT_BACK = timedelta(hours=1)


def look(app: App) -> bool:
    """Find what is wrong and bring the alerts in line with it; at most once in `check_every`, whoever asks.

    Never raises: telling people must not stop the work, and whatever went wrong is looked at again in some seconds.

    Returns:
        Whether it was this caller's turn and all went well.
    """
    try:
        if not _claim_turn(app):
            return False
        with reading(app.engine) as conn:
            causes = find_causes(conn, app)
        record(app, causes)
    except SQLAlchemyError as error:
        log.warning("alerts.store-away", error=type(error).__name__, reason=str(error)[:200])
        return False
    except Exception:
        log.exception("alerts.failed")
        return False
    return True


def _claim_turn(app: App) -> bool:
    now, every = app.clock.now(), app.settings.alerts.check_every
    with reading(app.engine) as conn:
        last = conn.execute(select(tick.c.at).where(tick.c.name == NAME)).scalar_one_or_none()
    if last is not None and now - every < last <= now + CLOCK_WENT_BACK:
        return False
    due = or_(tick.c.at <= now - every, tick.c.at > now + CLOCK_WENT_BACK)
    with committing(app, "alert-turn") as conn:
        upsert(conn, tick, [{"name": NAME, "at": now - every, "host": app.owner[:200]}], ["name"], update=())
        mine = update(tick).where(tick.c.name == NAME, due).values(at=now, host=app.owner[:200])
        return conn.execute(mine).rowcount == 1
