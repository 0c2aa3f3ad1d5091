"""Limits of a cloud portal: a leaky bucket of requests, and run time a method and caller (fact sheet §5)."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.bitrix24.errors import system

WINDOW = 600.0
BUCKET = 60.0


@dataclass(slots=True)
class Limits:
    """What a portal allows; `moment` is a monotonic clock in seconds.

    ``drain`` requests a second run out of a bucket that holds ``cap``. ``cost`` is the run time that a method is said
    to take; the sum of ten one-minute buckets may not pass ``operating``.
    """

    drain: float = 2.0
    cap: float = 50.0
    operating: float = 480.0
    cost: dict[str, float] = field(default_factory=dict)
    usual_cost: float = 0.05
    moment: Callable[[], float] = time.monotonic
    level: float = 0.0
    at: float = 0.0
    refused: int = 0
    highest: float = 0.0
    spent: dict[tuple[str, str], deque[tuple[float, float]]] = field(default_factory=lambda: defaultdict(deque))

    def enter(self) -> None:
        """Count one HTTP request. Raises RestError (QUERY_LIMIT_EXCEEDED) where the bucket is full."""
        now = self.moment()
        self.level = max(0.0, self.level - (now - self.at) * self.drain)
        self.at = now
        if self.level + 1 > self.cap:
            self.refused += 1
            raise system("QUERY_LIMIT_EXCEEDED")
        self.level += 1
        self.highest = max(self.highest, self.level)

    def check(self, caller: str, method: str) -> None:
        """Raises RestError (OPERATION_TIME_LIMIT) while the method has used up its run time."""
        if self.used(caller, method) >= self.operating:
            raise system("OPERATION_TIME_LIMIT")

    def spend(self, caller: str, method: str) -> tuple[float, float]:
        """Book a call: what the method has used in ten minutes, and when the oldest minute of it falls out."""
        now = self.moment()
        bucket = now - now % BUCKET
        spent = self.spent[(caller, method)]
        cost = self.cost.get(method, self.usual_cost)
        if spent and spent[-1][0] == bucket:
            spent[-1] = (bucket, spent[-1][1] + cost)
        else:
            spent.append((bucket, cost))
        return self.used(caller, method), spent[0][0] + WINDOW - now

    def used(self, caller: str, method: str) -> float:
        """Run time of the last ten minutes."""
        now = self.moment()
        spent = self.spent[(caller, method)]
        while spent and spent[0][0] + WINDOW <= now:
            spent.popleft()
        return sum(cost for _, cost in spent)
