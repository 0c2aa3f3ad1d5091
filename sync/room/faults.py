"""Fault points: where a run can be killed on purpose (`SVERKA_FAULT="point:n"`), at every commit and remote call.

The crash matrix walks `POINTS`; outside tests the variable is not set and nothing happens here.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Mapping

VARIABLE = "SVERKA_FAULT"
COMMITS = ("run-start", "page", "mark", "tombstone", "relink", "dead", "balance", "run-finish")
CALLS = (
    "fetch-page",
    "fetch-keys",
    "fetch-records",
    "fetch-record",
    "fetch-changes",
    "confirm-changes",
    "fetch-balances",
)
PULL_POINTS = tuple(f"{name}.{side}" for name in COMMITS + CALLS for side in ("before", "after"))
"""Before and after each commit and each remote call of the pulling side."""
PUSH_POINTS = ("push.before", "push.after", "push.before-send", "push.after-send", "push.after-commit")
POINTS = PULL_POINTS + PUSH_POINTS
"""Every point there is in a cycle."""

_hits: Counter[str] = Counter()


def fault_from_environment(environ: Mapping[str, str] = os.environ) -> Callable[[str], None]:
    """What `RunContext.fault` does: nothing, or SIGKILL to ourselves at the n-th hit of the named point."""
    wanted, _, number = environ.get(VARIABLE, "").partition(":")
    if not wanted:
        return lambda point: None
    due = int(number or 1)

    def hit(point: str) -> None:
        if point != wanted:
            return
        _hits[point] += 1
        if _hits[point] == due:
            os.kill(os.getpid(), signal.SIGKILL)

    return hit
