"""When to try again: growing pauses, spread out by chance so that many do not come back at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

SHORTEST = timedelta(seconds=30)
"""However chance falls, nothing is tried again sooner."""


def build_pause(attempts: int, first: timedelta, longest: timedelta, chance: Callable[[], float]) -> timedelta:
    """How long to rest after so many attempts: full jitter under a limit that doubles from `first` to `longest`."""
    limit: timedelta = min(first * 2 ** min(max(attempts - 1, 0), 20), longest)
    return max(limit * chance(), min(SHORTEST, limit))
