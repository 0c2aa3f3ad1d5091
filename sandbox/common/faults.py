"""Faults by script: which request is spoilt, and how."""

from __future__ import annotations

import re
import threading
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from sandbox.common.serving import Answer

HTML = "text/html; charset=utf-8"
LOGIN_PAGE = "<!DOCTYPE html><html><head><title>Авторизация</title></head><body><form></form></body></html>"
ACTIONS = ("drop_before", "drop_after", "cut", "half", "login_page", "slow", "hang", "error")
BEFORE = ("drop_before", "hang", "error", "login_page")
"""Actions after which the system behind was never asked."""


@dataclass(slots=True)
class Fault:
    """One rule: the first that matches a request acts on it.

    ``path`` is searched in the path (or method's name); ``nth`` starts at the n-th matching request, ``times`` limits
    how often it acts, ``probability`` draws by ``seed``; ``error`` names an answer of the stand-in's own table.
    """

    action: str
    path: str = ".*"
    nth: int = 1
    times: int | None = None
    probability: float = 1.0
    seed: int = 1
    error: str = ""
    bytes: int = 100
    seconds: float = 1.0
    seen: int = 0
    done: int = 0

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise ValueError(f"there is no action {self.action!r}; there are {', '.join(ACTIONS)}")

    def fires(self) -> bool:
        """Count a matching request and decide."""
        self.seen += 1
        if self.seen < self.nth or (self.times is not None and self.done >= self.times):
            return False
        if self.probability < 1 and Random(f"{self.seed}/{self.seen}").random() >= self.probability:
            return False
        self.done += 1
        return True


class FaultScript:
    """The rules of one stand-in; safe to change while it serves."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, action: str, **options: Any) -> Fault:
        """Add a rule. Raises ValueError or TypeError for one that makes no sense."""
        rule = Fault(action, **options)
        with self._lock:
            self._rules.append(rule)
        return rule

    def clear(self) -> None:
        """No more faults."""
        with self._lock:
            self._rules.clear()

    def pick(self, path: str) -> Fault | None:
        """The rule that acts on this request; every matching rule counts it."""
        with self._lock:
            return next((rule for rule in self._rules if re.search(rule.path, path) and rule.fires()), None)

    def as_json(self) -> list[dict[str, Any]]:
        """Rules with their counters."""
        with self._lock:
            return [asdict(rule) for rule in self._rules]


def login_page() -> Answer:
    """What a proxy or an expired session shows instead of an answer."""
    return Answer(200, HTML, LOGIN_PAGE.encode())
