"""Time is aware UTC and injected; this is the only module that asks the operating system for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """Where the engine gets time from; tests give their own."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back."""

    def sleep(self, seconds: float) -> None:
        """Let so many seconds pass."""


class SystemClock:
    """The computer's clock."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let so many seconds pass."""
        time.sleep(seconds)


class ManualClock:
    """A clock that tests move by hand; sleeping moves it, nothing waits."""

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
        self._monotonic = 0.0
        self.on_sleep: Callable[[float], None] | None = None

    def now(self) -> datetime:
        """The moment that the test has set."""
        return self._now

    def monotonic(self) -> float:
        """Seconds moved since the clock was made."""
        return self._monotonic

    def sleep(self, seconds: float) -> None:
        """Move on by so many seconds at once."""
        self.move(timedelta(seconds=seconds))
        if self.on_sleep is not None:
            self.on_sleep(seconds)

    def move(self, by: timedelta) -> None:
        """Move the wall clock; monotonic time only ever grows."""
        self._now += by
        self._monotonic += max(by.total_seconds(), 0.0)


EMPTY_YEAR = 1
"""1C writes "no date" as 0001-01-01T00:00:00 (reference/1c-odata.md §1.4)."""


def utc_from_local(naive: datetime, zone: ZoneInfo) -> datetime:
    """Accounting's wall-clock time as UTC. An hour that daylight saving repeats is taken as the first."""
    return naive.replace(tzinfo=zone).astimezone(UTC)


def on_wall_clock(moment: datetime, zone: tzinfo) -> datetime:
    """A moment as people of a zone say it. The last hours of the year 9999, which some would say in 10000, stay UTC."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment.astimezone(UTC)


def local_from_utc(moment: datetime, zone: ZoneInfo) -> datetime:
    """UTC as accounting's naive wall-clock time, for its filters."""
    return moment.astimezone(zone).replace(tzinfo=None)
