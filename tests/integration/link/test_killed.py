"""kill -9 of `sverka link` at every commit and call, run again: each pair is bound once, each doubt is asked once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from core.clock import ManualClock, SystemClock
from sync.context import App, NoProgress
from sync.link.report import Report
from sync.link.stage import link_cards
from sync.room.faults import LINK_POINTS, VARIABLE
from tests.integration.link.world import CRM, World

ROOT = Path(__file__).parents[3]
COMMAND = "import sys; from cli.main import main; sys.exit(main())"
DAILY = ("claim-cards.after", "link.before", "link-agreed.before")
"""Every day; each of the others every night."""
SURE, DOUBTFUL = "7743013901", "7707083893"


def kill(world: World, point: str) -> None:
    """The command as a person starts it, dead at the point."""
    path = world.settings.path
    assert path is not None
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, "link", CRM, "--yes"], cwd=ROOT, timeout=90, check=False, text=True,
        env={**os.environ, VARIABLE: point, "SVERKA_SETTINGS": str(path)}, capture_output=True,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, (done.stdout[-2000:], done.stderr[-2000:])


def go_on(world: World) -> str:
    """The lease of the dead has lapsed."""
    clock = ManualClock(SystemClock().now() + timedelta(minutes=2))
    with_report = Report()
    try:
        app = App(world.settings, world.engine, clock, "heir")
        return link_cards(app, CRM, with_report, NoProgress(), dry_run=False, who="admin").status
    finally:
        with_report.close()


@pytest.mark.parametrize(
    "point", [pytest.param(one, marks=() if one in DAILY else pytest.mark.nightly) for one in LINK_POINTS]
)
def test_a_kill_binds_nobody_twice_and_asks_nobody_twice(world: World, point: str) -> None:
    ours, doubted = world.customer("ООО Ромашка", SURE), world.customer("ООО Лютик", DOUBTFUL)
    card = world.company("Ромашка", SURE)
    for title in ("Лютик", "Лютик (дубль)"):
        world.company(title, DOUBTFUL)
    kill(world, point)
    assert go_on(world) in ("ok", "partial")
    assert go_on(world) in ("ok", "partial")
    assert world.bound() == {ours: card}
    assert world.card(card)["originId"] == str(ours)
    assert [row["entity_id"] for row in world.reviews()] == [doubted]
