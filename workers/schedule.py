"""The schedule, which looks for due work by itself: a tick never waits behind work that takes hours."""

from __future__ import annotations

from typing import Any

import structlog
from celery.beat import Scheduler
from kombu.exceptions import OperationalError as BrokerAway
from sqlalchemy.exc import SQLAlchemyError

log = structlog.get_logger()


class TickScheduler(Scheduler):
    """Runs a due entry here, in the process (or thread) of beat; only the work that it finds goes to the queue.

    As a message the tick would share queue and pool with first loads: two of those, and nobody looks at what is due
    for all the others. What fails is looked for again at the next tick.
    """

    def apply_async(self, entry: Any, producer: Any = None, advance: bool = True, **kwargs: Any) -> None:
        """Run the body of the entry's task now; celery's name for it, and it calls this for what is due."""
        chosen: Any = self.reserve(entry) if advance else entry
        try:
            self.app.tasks[chosen.task]()
        except SQLAlchemyError as error:
            log.warning("tick.store-away", error=type(error).__name__, reason=str(error)[:200])
        except BrokerAway as error:
            log.warning("tick.broker-away", reason=str(error)[:200])

    @property
    def producer(self) -> None:  # type: ignore[override]
        """None is needed to tick: the broker may be away while slots are claimed, and found again when it is back."""
        return None
