"""kill -9 at every commit and every call of orders and deals, run again: each order one deal, each deal moved once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.clock import SystemClock
from sync.letters import list_letters, retry_letters
from sync.room.faults import DEAL_POINTS, VARIABLE
from tests.integration.deals.world import MOVES, NUMBER, Deals, make_deals

ROOT = Path(__file__).parents[3]
WORKER = """
import sys
from pathlib import Path
from connectors.registry import option_models
from core.clock import SystemClock
from core.settings import load_settings
from store.engine import open_engine
from sync.context import App, Order
from sync.cycle import run_cycle
settings = load_settings(Path(sys.argv[1]), environ={}, connectors=option_models())
app = App(settings, open_engine(settings.store.url), SystemClock(), "victim")
print(run_cycle(app, "crm", Order(kind="order")))
"""


def kill(folder: Path, point: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WORKER, str(folder / "settings.toml")], cwd=ROOT,
        env={**os.environ, VARIABLE: point}, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, (done.stdout[-2000:], done.stderr[-2000:])


def go_on(deals: Deals) -> None:
    """The lease and the claims of the dead lapse."""
    deals.clock.sleep((SystemClock().now() - deals.clock.now()).total_seconds() + 300)
    deals.sync("crm", kind="order")
    deals.sync("crm", kind="order")


def refuse_once(deals: Deals) -> None:
    """A move is refused and put before a person, who wants it tried again."""
    stages = deals.portal.portal.dictionaries.statuses
    final = next(row for row in stages if row["STATUS_ID"] == "FINAL_INVOICE")
    deals.sync("crm")
    deals.pay({deals.order("9", customer=2): 1000}, customer=2)
    deals.sync("accounting")
    stages.remove(final)
    deals.sync("crm", status=("partial",))
    stages.append(final)
    assert retry_letters(deals.app) == 1


@pytest.mark.parametrize("point", [*DEAL_POINTS, "write-cards.before", "write-cards.after"])
def test_a_kill_loses_nothing_and_does_nothing_twice(store_url: str, tmp_path: Path, point: str) -> None:
    with make_deals(store_url, tmp_path, NUMBER + MOVES) as deals:
        third = deals.deal(customer=2)
        if point.startswith("deal-revive"):
            refuse_once(deals)
        first, second = deals.deal(), deals.deal(customer=1)
        deals.pay({deals.order("1"): 1000})
        deals.order("2", customer=1)
        deals.sync("accounting")
        kill(tmp_path, point)
        go_on(deals)
        assigned = deals.assigned()
        assert (assigned["1"], assigned["2"]) == ((first, "only_open"), (second, "only_open"))
        assert (deals.stage(first), deals.stage(second)) == ("FINAL_INVOICE", "NEW")
        refused = point.startswith("deal-revive")
        assert deals.stage(third) == ("FINAL_INVOICE" if refused else "NEW")
        assert deals.updates() == 1 + refused
        assert {row["state"] for row in deals.moves()} == {"done"}
        assert list_letters(deals.app) == []
