"""What may be asked of an outside system by all workers and processes together: one row, one conditional UPDATE a turn.

The row keeps the moment at which all that was granted is paid for (GCRA, the "leaky bucket as a meter"): a turn is
granted while that moment is at most `burst - 1` spacings ahead, so that no window of time sees more than `burst`
requests and what the rate allows in it. Nobody reserves turns: whoever dies while it waits takes none with it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import or_, select, update

from connectors.base import Budget
from core.errors import TransientError, Where
from core.settings import ConnectionSettings, Rate
from store.bulk import upsert
from store.engine import reading
from store.tables import rate
from sync.context import App
from sync.room.writing import committing

PATIENCE = timedelta(minutes=1)
"""A turn that does not come for so long (or for some spacings, where they are long) is not waited for any more."""
SLOW_RATES = 3
LONGEST_BLOCK = timedelta(hours=1)
"""What the other side asks for beyond that is the breaker's business."""
CLOCKS_DIFFER = timedelta(minutes=1)
"""A row farther in the future than it can be by so much was written by a clock that has since been put back."""
SHORTEST_WAIT = 0.001


class SharedBudget:
    """The budget of one connection, in the store. Any number of threads and processes may use it at once.

    Machines are expected to agree about the time, as leases expect them to: a clock that is behind waits longer.
    """

    def __init__(self, app: App, name: str, pace: Rate) -> None:
        self._app, self._name, self._pace = app, name, pace
        self._ahead = pace.every * (pace.burst - 1)
        self._patience = max(PATIENCE, pace.every * SLOW_RATES).total_seconds()
        self._look = select(rate.c.at, rate.c.blocked_until).where(rate.c.name == name)

    def take(self) -> None:
        """Wait for the turn of one request, on the injected clock; the lease is renewed meanwhile by its own thread.

        Raises:
            TransientError: it would not come in a time worth waiting, or the other side asked for a longer rest.
        """
        waited = 0.0
        while (wait := self._try()) > 0:
            if waited + wait > self._patience:
                raise TransientError(
                    f"The turn to ask {self._name} does not come: it may be asked {self._words()}, and others ask too.",
                    retry_after=wait,
                    next_step="sverka status",
                    where=Where(connection=self._name),
                )
            self._app.clock.sleep(wait)
            waited += wait

    def block(self, seconds: float) -> None:
        """Nobody asks anything for so many seconds (an hour at most); a longer block that is there already stays."""
        now = self._app.clock.now()
        until = now + timedelta(seconds=min(seconds, LONGEST_BLOCK.total_seconds()))
        shorter = or_(
            rate.c.blocked_until.is_(None), rate.c.blocked_until < until, rate.c.blocked_until > now + LONGEST_BLOCK
        )
        with committing(self._app, "rate-block") as conn:
            upsert(conn, rate, [{"name": self._name, "at": now}], ["name"], update=())
            conn.execute(update(rate).where(rate.c.name == self._name, shorter).values(blocked_until=until))

    def _try(self) -> float:
        """Take a turn now and return 0, or say in how many seconds it is worth trying again."""
        while True:
            now = self._app.clock.now()
            with reading(self._app.engine) as conn:
                row = conn.execute(self._look).first()
            if row is None:
                self._begin(now)
                continue
            paid = self._believed(row.at, now, self._ahead + self._pace.every)
            start = max(paid - self._ahead, self._believed(row.blocked_until or now, now, LONGEST_BLOCK))
            if start > now:
                return max((start - now).total_seconds(), SHORTEST_WAIT)
            if self._claim(row.at, row.blocked_until, max(paid, now) + self._pace.every):
                return 0.0  # else somebody was faster: look again

    def _begin(self, now: datetime) -> None:
        with committing(self._app, "rate-begin") as conn:
            upsert(conn, rate, [{"name": self._name, "at": now}], ["name"], update=())

    def _claim(self, seen: datetime, blocked: datetime | None, paid: datetime) -> bool:
        same_block = rate.c.blocked_until.is_(None) if blocked is None else rate.c.blocked_until == blocked
        mine = (rate.c.name == self._name, rate.c.at == seen, same_block)
        with committing(self._app, "rate-turn") as conn:
            return conn.execute(update(rate).where(*mine).values(at=paid)).rowcount == 1

    @staticmethod
    def _believed(moment: datetime, now: datetime, most: timedelta) -> datetime:
        return now if moment > now + most + CLOCKS_DIFFER else moment

    def _words(self) -> str:
        seconds = self._pace.every.total_seconds()
        return f"{1 / seconds:.3g} times a second" if seconds <= 1 else f"once in {seconds:.3g} seconds"


def open_budget(app: App, settings: ConnectionSettings) -> Budget | None:
    """The budget of a connection; None where neither its settings nor its connector know of one: nothing is written."""
    return SharedBudget(app, settings.name, settings.pace) if settings.pace is not None else None
