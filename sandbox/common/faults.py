"""Faults by script: which request is spoilt, and how. What a stand-in answers instead is in its own table."""

from __future__ import annotations

import re
import threading
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

from sandbox.common.serving import Answer

ACTIONS = ("drop_before", "drop_after", "cut", "login_page", "slow", "hang", "error")
"""What can go wrong with any system; a stand-in may know more."""
BEFORE = ("drop_before", "hang", "error", "login_page")
"""Actions after which the system behind was never asked."""


@dataclass(slots=True)
class Fault:
    """One rule: the first that matches a request acts on it.

    ``nth`` starts at the n-th matching request, ``times`` limits how often it acts, ``probability`` draws by ``seed``;
    ``error`` names an answer of the stand-in's own table.
    """

    action: str
    method: str = ".*"
    path: str = ".*"
    nth: int = 1
    times: int | None = None
    probability: float = 1.0
    seed: int = 1
    error: str = ""
    status: int = 0
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    field: str = ""
    value: str = ""
    bytes: int = 100
    seconds: float = 1.0
    seen: int = 0
    done: int = 0

    def matches(self, method: str, path: str) -> bool:
        """Whether the rule looks at this request at all."""
        return re.fullmatch(self.method, method) is not None and re.search(self.path, path) is not None

    def own(self, answer: Answer) -> Answer:
        """The answer of the table with the rule's own status, body and headers where it has any."""
        answer.status, answer.body = self.status or answer.status, self.body.encode() or answer.body
        own = [(name.encode(), text.encode()) for name, text in self.headers.items()]
        answer.headers = list((dict(answer.headers) | dict(own)).items())
        return answer

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
    """The rules of one stand-in, which knows these actions and errors; safe to change while it serves."""

    def __init__(self, actions: Collection[str], errors: Collection[str]) -> None:
        self.rules: list[Fault] = []
        self.lock = threading.Lock()
        self.actions, self.errors = actions, errors

    def add(self, action: str, **how: Any) -> Fault:
        """New rule at the end of the script; unknown actions and errors are refused at once."""
        if action not in self.actions:
            raise ValueError(f"unknown action {action!r}: one of {', '.join(self.actions)}")
        rule = Fault(action, **how)
        if rule.error and rule.error not in self.errors:
            raise ValueError(f"unknown error {rule.error!r}: one of {', '.join(self.errors)}")
        with self.lock:
            self.rules.append(rule)
        return rule

    def clear(self) -> None:
        """Drop every rule."""
        with self.lock:
            self.rules.clear()

    def pick(self, method: str, path: str) -> Fault | None:
        """The rule that acts on this request; every matching rule counts it."""
        with self.lock:
            return next((rule for rule in self.rules if rule.matches(method, path) and rule.fires()), None)

    def as_json(self) -> list[dict[str, Any]]:
        """Rules with their counters."""
        with self.lock:
            return [asdict(rule) for rule in self.rules]
