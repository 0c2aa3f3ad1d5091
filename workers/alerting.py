"""The watchdog of every process of the service: looks whether something is wrong, beat or no beat, and tells people."""

from __future__ import annotations

import threading
from datetime import datetime

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from core.clock import SystemClock
from core.settings import Settings
from store.engine import open_engine
from sync.alerts.deliver import deliver_due
from sync.alerts.watch import look
from sync.context import App
from sync.room.following import Follower

log = structlog.get_logger()


def keep_telling(settings: Settings) -> threading.Thread:
    """Start the thread. Mail servers are slow: nothing else waits for it, and a dead beat does not silence it."""
    thread = threading.Thread(target=_tell_for_ever, args=(settings,), name="alerts", daemon=True)
    thread.start()
    return thread


def _tell_for_ever(settings: Settings) -> None:
    clock, follower = SystemClock(), Follower(settings)
    since = clock.now()
    while True:
        clock.sleep(settings.alerts.check_every.total_seconds())
        tell_once(follower.current(), since)


def tell_once(settings: Settings, since: datetime | None = None) -> None:
    """One look and one round of telling, on connections that are closed at once: this process may fork meanwhile.

    `since`: when this process began, from which it may expect the schedule to tick.

    Never raises: a thread that died would tell nobody anything any more.
    """
    engine: Engine = open_engine(settings.store.url, pool_size=1)
    try:
        app = App(settings=settings, engine=engine, clock=SystemClock(), owner="alerts", serving_since=since)
        look(app)
        deliver_due(app)
    except SQLAlchemyError as error:
        log.warning("alerts.store-away", error=type(error).__name__, reason=str(error)[:200])
    except Exception:
        log.exception("alerts.not-told")
    finally:
        engine.dispose()
