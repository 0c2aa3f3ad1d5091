"""kill -9 at every commit and every call of the way out, run again: every customer has one card, none has two."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.clock import SystemClock
from sync.room.faults import OUTBOX_POINTS, VARIABLE
from tests.integration.outbox.world import BALANCE, Circle, make_circle
from tests.integration.owners.systems import TAX_IDS

ROOT = Path(__file__).parents[3]
ELSEWHERE = ("outbox-wake",)
"""After an accounting's run, not in the portal's own."""
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
print(run_cycle(app, sys.argv[2], Order(kind=sys.argv[3])))
"""


def kill(circle: Circle, name: str, point: str, kind: str = "push") -> None:
    done = subprocess.run(
        [sys.executable, "-c", WORKER, str(circle.settings.path), name, kind], cwd=ROOT,
        env={**os.environ, VARIABLE: point}, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, (done.stdout[-2000:], done.stderr[-2000:])


def go_on(circle: Circle) -> None:
    """The lease of the dead lapses, and what he may have sent has had its time."""
    circle.clock.sleep((SystemClock().now() - circle.clock.now()).total_seconds() + 90)
    circle.show(kind="push")
    circle.show(kind="push", pause=60)


DAILY = ("outbox-claim.after", "write-cards.after", "outbox-record.before", "claim-card.after")
"""Every day; each of the others every night."""
KILLS = [
    pytest.param(one, marks=() if one in DAILY else pytest.mark.nightly)
    for one in OUTBOX_POINTS
    if not one.startswith(ELSEWHERE)
]


@pytest.mark.parametrize("point", KILLS)
def test_a_kill_makes_no_second_card_and_loses_none(store_url: str, tmp_path: Path, point: str) -> None:
    with make_circle(store_url, tmp_path) as circle:
        circle.sync()
        circle.set_up()
        circle.ship(circle.order("З-1", amount=700), 700)
        circle.sync("accounting")
        there = circle.add_company("Уже здесь", TAX_IDS[0], "770701001")
        kill(circle, "crm", point)
        go_on(circle)
        stands = [
            str(one["originId"]) for kind in (3, 4) for one in circle.elements(kind).values() if one.get("originId")
        ]
        assert len(stands) == len(set(stands)) and len(stands) >= 3
        assert {row["state"] for card in ("company", "contact", "order") for row in circle.rows(card)} == {"done"}
        assert circle.company()["id"] == there and circle.company()[BALANCE] == "700.00|RUB"
        assert circle.company()["title"] == "Уже здесь"
        orders = [one["title"] for one in circle.smart("Заказы 1С").values()]
        assert len(orders) == len(set(orders)) and any(title.startswith("З-1") for title in orders)
        assert circle.letters() == [] and circle.questions() == []
        sent = circle.written()
        circle.show(kind="push", pause=30)
        assert circle.written() == sent


@pytest.mark.nightly
@pytest.mark.parametrize("point", ["outbox-wake.before", "outbox-wake.after"])
def test_a_kill_after_the_reading_is_made_good_by_the_next_period(store_url: str, tmp_path: Path, point: str) -> None:
    with make_circle(store_url, tmp_path) as circle:
        circle.sync()
        circle.set_up()
        circle.ship(circle.order("З-1", amount=700), 700)
        kill(circle, "accounting", point, "order")
        go_on(circle)
        assert circle.company()[BALANCE] == "700.00|RUB"
