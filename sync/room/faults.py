"""Fault points: where a process can be killed on purpose, around every commit and every remote call of the engine.

The crash matrix walks `POINTS`; outside tests the variable is not set and nothing happens here.
`SVERKA_FAULT="point:n"` kills the process at the n-th hit. `SVERKA_FAULT="@folder"` obeys orders that come while it
runs: a file of the point's name, with the signal's number inside. Whoever takes the file away has been hit.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

VARIABLE = "SVERKA_FAULT"
COMMITS = ("page", "mark", "tombstone", "relink", "dead", "balance", "customer-lists")
"""Commits of the pulling side."""
PUSH_COMMITS = (
    "push-wake",
    "push-claim",
    "push-sending",
    "push-step",
    "push-settle",
    "push-refuse",
    "push-postpone",
    "push-review",
    "push-link",
)
ROOM_COMMITS = (
    "tick",
    "due",
    "wake",
    "wake-begin",
    "wake-end",
    "slot-begin",
    "slot-end",
    "request-begin",
    "request-free",
    "request-end",
    "lease-claim",
    "lease-renew",
    "lease-release",
    "connection-row",
    "run-start",
    "run-finish",
    "run-fail",
    "breaker-close",
    "breaker-count",
    "pause",
    "resume",
)
"""Commits of the machine room: ticks, slots, requests, leases, runs, breakers."""
BUDGET_COMMITS = ("rate-begin", "rate-turn", "rate-block")
"""Commits of the rate budget, where a connection has one."""
ALERT_COMMITS = ("alert-turn", "alert-mark", "alert-claim", "alert-end")
"""Commits of the alerts: whose turn it is to look, what holds, who sends, what became of it."""
MAPPING_COMMITS = ("reapply",)
"""Records and how far a re-application has come, in one."""
RECONCILE_COMMITS = ("reconcile-movements", "reconcile-result")
TOKEN_COMMITS = ("token-claim", "token-save", "token-release")
"""Commits of an application's tokens, which no 1C has: tests/integration/room/test_vault.py kills there."""
CRM_COMMITS = ("hint", "hints-end")
"""Commits where a CRM is concerned, which no 1C has: tests/integration/crm_in and crm_out kill there."""
CRM_CALLS = ("fetch-moment", "fetch-changed", "fetch-events", "confirm-events")
OUTBOX_COMMITS = ("outbox-refresh", "outbox-mark", "outbox-claim", "outbox-record", "outbox-link", "outbox-wake")
OUTBOX_CALLS = ("find-cards", "write-cards", "claim-card")
"""Commits and calls of cards shown in a CRM, which no 1C has: tests/integration/outbox kills there."""
DEAL_COMMITS = ("deal-assign", "deal-moves", "deal-claim", "deal-sent", "deal-revive")
DEAL_CALLS = ("fetch-stages",)
"""The same of orders and deals: tests/integration/deals kills there."""
PERSON_COMMITS = ("hold", "release")
"""What a person says of a connection on a page: tests/integration/room/test_held.py kills there."""
LINK_COMMITS = ("link", "link-ask", "link-agreed")
LINK_CALLS = ("list-cards", "claim-cards")
"""The same of `sverka link`: tests/integration/link kills there."""
CALLS = (
    "fetch-page",
    "fetch-keys",
    "fetch-records",
    "fetch-record",
    "fetch-changes",
    "confirm-changes",
    "fetch-balances",
    "fetch-movements",
    "fetch-customer-keys",
    "fetch-figures",
    "fetch-terms",
)
PUSH_CALLS = ("find-records", "send")


def _sides(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}.{side}" for name in names for side in ("before", "after"))


PULL_POINTS = _sides("run-start", *COMMITS, "run-finish", *CALLS[:7])
"""Before and after each commit and each remote call that an ordinary reading makes."""
PUSH_POINTS = _sides("push-claim", "push-sending", "push-step", *PUSH_CALLS)
"""The same of a client that is made known."""
POINTS = _sides(
    *COMMITS,
    *PUSH_COMMITS,
    *ROOM_COMMITS,
    *BUDGET_COMMITS,
    *ALERT_COMMITS,
    *MAPPING_COMMITS,
    *RECONCILE_COMMITS,
    *CALLS,
    *PUSH_CALLS,
)
"""Every point there is where 1C is concerned."""
OUTBOX_POINTS = _sides(*OUTBOX_COMMITS, *OUTBOX_CALLS)
DEAL_POINTS = _sides(*DEAL_COMMITS, *DEAL_CALLS)
PERSON_POINTS = _sides(*PERSON_COMMITS)
LINK_POINTS = _sides(*LINK_COMMITS, *LINK_CALLS)
TOKEN_POINTS = _sides(*TOKEN_COMMITS)
CRM_POINTS = _sides(*CRM_COMMITS, *CRM_CALLS)

Fault = Callable[[str], None]
_hits: Counter[str] = Counter()


def fault(point: str) -> None:
    """A fault point outside of a run, which has its own in `RunContext.fault`."""
    _of_this_process()(point)


@cache
def _of_this_process() -> Fault:
    return fault_from_environment()


def fault_from_environment(environ: Mapping[str, str] = os.environ) -> Fault:
    """What happens at a fault point: nothing, or a signal to ourselves where this process was told to."""
    wanted = environ.get(VARIABLE, "")
    if wanted.startswith("@"):
        return _obey(Path(wanted[1:]))
    return _die_at(wanted) if wanted else lambda point: None


def _die_at(wanted: str) -> Fault:
    name, _, number = wanted.partition(":")
    due = int(number or 1)

    def hit(point: str) -> None:
        if point != name:
            return
        _hits[point] += 1
        if _hits[point] == due:
            os.kill(os.getpid(), signal.SIGKILL)

    return hit


def _obey(folder: Path) -> Fault:
    def hit(point: str) -> None:
        taken = folder / f"{point}.hit-{os.getpid()}"
        try:
            (folder / point).rename(taken)
        except FileNotFoundError:
            return
        os.kill(os.getpid(), int(taken.read_text("ascii")))

    return hit
