"""Accounting falls silent and comes back (acceptance scenario 22): one alert, one "resolved", and an honest card."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from cli.cards import print_card
from core.settings import AlertSettings
from store.entities import balances
from store.queries.customers.card import load_card
from store.queries.shapes import View
from sync.alerts.deliver import deliver_due
from sync.alerts.watch import look
from sync.room.dispatch import run_work, tick
from tests.integration.alerts.mailbox import Mailbox
from tests.integration.sync_pull.world import World, make_world


def live(world: World, minutes: float) -> None:
    """So many minutes of a service: ticks, work, a look now and then."""
    for _ in range(int(minutes)):
        world.clock.sleep(60)
        for item in tick(world.app):
            run_work(world.app, item.to_message())
        look(world.app)
        deliver_due(world.app)


def card(world: World, capsys: pytest.CaptureFixture[str]) -> str:
    """What a manager sees of a customer."""
    view = View(old_after={"accounting": world.settings.old_after("accounting")})
    with world.engine.connect() as conn:
        owner = conn.execute(select(balances.c.counterparty_id).limit(1)).scalar_one()
        capsys.readouterr()
        print_card(load_card(conn, owner, view, now=world.clock.now()))
    return capsys.readouterr().out


# How accounting falls silent makes no difference to the tables: one way of it is enough on PostgreSQL.
@pytest.mark.on_postgresql("test_one_alert_and_one_resolved[postgresql-no answer]")
@pytest.mark.parametrize(
    "spoil",
    [
        lambda world: world.server.faults.add("drop_before"),
        lambda world: world.server.faults.add("error", error="unavailable"),
        lambda world: world.server.faults.add("empty", path="Balance"),
    ],
    ids=["no answer", "503", "balances that are not whole"],
)
def test_one_alert_and_one_resolved(
    store_url: str,
    tmp_path: Path,
    mailbox: Mailbox,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[World], None],
) -> None:
    with make_world(store_url, tmp_path, documents=12) as world:
        alerts = AlertSettings.model_validate({"email": mailbox.settings()})
        world.settings = world.settings.model_copy(update={"alerts": alerts})
        live(world, 11)
        assert mailbox.letters == [] and "OLD" not in card(world, capsys)
        spoil(world)
        live(world, 20)
        assert len(mailbox.letters) == 1
        shown = card(world, capsys)
        assert "OLD: accounting was last read 2" in shown and "min ago" in shown
        live(world, 45)
        assert len(mailbox.letters) == 1  # not another word
        world.server.faults.clear()
        live(world, 40)
        assert "OLD" not in card(world, capsys)
        live(world, 30)
    assert [subject.split(":")[0] for subject in mailbox.subjects] == ["[Sverka] Problem", "[Sverka] Resolved"]
