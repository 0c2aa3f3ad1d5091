"""Both systems at once, killed while they write: every client has one card in accounting, and one customer here."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from sandbox.onec.schema import PARTIES
from sync.context import Order
from sync.cycle import RunResult, run_cycle
from tests.integration.crm_in.test_changes import Killed, kill_at
from tests.integration.crm_in.world import COMPANY, World, make_world

CUSTOMERS = 24


def tax_ids(number: int) -> list[str]:
    """Valid tax ids of companies."""
    found = []
    for place in range(number):
        digits = [int(one) for one in f"77{7000000 + place:07}"]
        check = sum(a * b for a, b in zip(digits, (2, 4, 10, 3, 5, 9, 4, 6, 8), strict=True)) % 11 % 10
        found.append("".join(map(str, digits)) + str(check))
    return found


def at_once(world: World) -> list[RunResult]:
    """One cycle of each, at the same moment."""
    world.clock.sleep(600)
    found: list[RunResult] = []
    threads = [
        threading.Thread(target=lambda name=name: found.append(run_cycle(world.app, name, Order())))
        for name in ("crm", "accounting")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(found) == 2
    return found


def test_the_same_customers_made_in_both_at_once_are_one_each(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        world.settle()
        wanted = tax_ids(CUSTOMERS)
        for place, inn in enumerate(wanted):
            if place % 3 != 1:
                world.add_company(f"Компания {place}", inn)
            if place % 3 != 0:
                world.base.create(PARTIES, {"Description": f"Компания {place}", "ИНН": inn, "КПП": "770701001"})
        for _ in range(4):
            at_once(world)
        kept = Counter(row["tax_id"] for row in world.rows() if row["tax_id"] in wanted and not row["deleted"])
        assert kept == dict.fromkeys(wanted, 1)
        assert {inn: len(world.cards(inn)) for inn in wanted} == dict.fromkeys(wanted, 1)
        sent = world.written()
        world.settle()
        assert world.written() == sent


@pytest.mark.parametrize("point", ["push-sending.after", "send.after", "push-step.before", "push-claim.after"])
def test_killed_while_a_client_is_written_there_is_one_card(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    with make_world(store_url, tmp_path) as world:
        world.settle()
        company = world.add_company()
        world.run("crm")
        monkeypatch.setattr("sync.cycle.fault_from_environment", lambda: kill_at(point))
        world.clock.sleep(300)
        with pytest.raises(Killed):
            run_cycle(world.app, "accounting", Order())
        monkeypatch.undo()
        world.clock.sleep(3600)
        world.settle()
        world.clock.sleep(3600)
        world.settle()
        assert len(world.cards()) == 1
        assert world.standing(company).startswith("in accounting, code")


def test_a_page_without_news_writes_and_asks_nothing_per_record(store_url: str, tmp_path: Path) -> None:
    """However many are read again, an unchanged one costs no question of its own."""
    with make_world(store_url, tmp_path) as world:
        said: list[str] = []

        def note(*given: Any) -> None:
            said.append(given[2])

        event.listen(world.engine, "after_cursor_execute", note)
        asked: dict[int, int] = {}
        for number in (20, 120):
            while len(world.portal.kind(COMPANY).items) - 1 < number:
                world.add_company(f"Компания {len(world.portal.kind(COMPANY).items)}", "")
            world.settle()
            for key in [key for key in world.portal.kind(COMPANY).items if key > 1]:
                world.person_does("update", number=key, comments=f"{number}")
            said.clear()
            counted = world.counted(world.run("crm", kind="schedule"))
            asked[number] = len(said)
            assert counted["unchanged"] == number
        assert asked[120] - asked[20] < 20, asked
