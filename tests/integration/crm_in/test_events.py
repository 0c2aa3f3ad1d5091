"""The queue of an application: deletions at once, nothing lost by a crash, our own writes not in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from connectors.cards import Card, CardTarget
from sandbox.bitrix24.errors import system
from sync.context import Order
from sync.cycle import run_cycle
from sync.room.opening import open_for
from tests.integration.crm_in.test_changes import Killed, kill_at
from tests.integration.crm_in.world import OTHER_INN, World, make_world

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql(
    "test_a_deletion_arrives_with_the_next_cycle_where_there_is_an_application",
    "test_killed_before_it_is_confirmed_a_pack_is_told_again",
    "test_packs_of_two_broken_runs_are_told_whole",
)


def queue(world: World) -> list[Any]:
    return list(world.portal.events.queue)


def test_a_deletion_arrives_with_the_next_cycle_where_there_is_an_application(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path, application=True) as world:
        world.run("crm")
        gone, stays = world.add_company(), world.add_company("Лютик", OTHER_INN)
        world.run("crm", kind="schedule")
        world.person_does("delete", number=int(gone))
        world.run("crm", kind="schedule")
        assert world.row(gone)["deleted"]
        assert not world.row(stays)["deleted"]
        assert queue(world) == [], "dealt with and confirmed"


@pytest.mark.parametrize(
    "point", ["fetch-events.after", "page.before", "tombstone.before", "tombstone.after", "confirm-events.before"]
)
def test_killed_before_it_is_confirmed_a_pack_is_told_again(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    with make_world(store_url, tmp_path, application=True) as world:
        world.run("crm")
        gone, changed = world.add_company(), world.add_company("Лютик", OTHER_INN)
        world.run("crm", kind="schedule")
        world.person_does("delete", number=int(gone))
        world.person_does("update", number=int(changed), title="Одуванчик")
        monkeypatch.setattr("sync.cycle.fault_from_environment", lambda: kill_at(point))
        world.clock.sleep(300)
        with pytest.raises(Killed):
            run_cycle(world.app, "crm", Order(kind="schedule"))
        monkeypatch.undo()
        assert queue(world), "reserved by nobody who lives"
        world.clock.sleep(3600)
        world.run("crm", kind="schedule")
        assert world.row(gone)["deleted"]
        assert world.row(changed)["name"] == "Одуванчик"
        assert queue(world) == []


def test_our_own_writes_are_not_in_the_queue(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path, application=True) as world:
        company = world.add_company()
        world.run("crm")
        connector = cast("CardTarget", open_for(world.app, world.settings.connection("crm")))
        (result,) = connector.write_cards([Card("company", "k", company, {"comments": "от нас"})])
        connector.close()
        assert result.error is None
        assert queue(world) == []
        world.person_does("update", number=int(company), comments="от человека")
        assert len(queue(world)) == 1


def test_a_long_queue_is_taken_in_packs(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path, application=True) as world:
        world.run("crm")
        companies = [world.add_company(f"Компания {number}", "") for number in range(120)]
        world.run("crm", kind="schedule")
        for company in companies[:60]:
            world.person_does("delete", number=int(company))
        world.run("crm", kind="schedule")
        assert sum(world.row(company)["deleted"] for company in companies) == 60
        assert queue(world) == []


def test_packs_of_two_broken_runs_are_told_whole(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than the portal lists at once: what is confirmed with a pack has been looked at, all of it."""
    with make_world(store_url, tmp_path, application=True) as world:
        world.run("crm")
        companies = [world.add_company(f"Компания {number}", "") for number in range(80)]
        world.run("crm", kind="schedule")
        monkeypatch.setattr("sync.cycle.fault_from_environment", lambda: kill_at("fetch-events.after"))
        for some in (companies[:30], companies[30:75]):
            for company in some:
                world.person_does("delete", number=int(company))
            world.clock.sleep(300)
            with pytest.raises(Killed):
                run_cycle(world.app, "crm", Order(kind="schedule"))
        monkeypatch.undo()
        world.clock.sleep(300)
        world.run("crm", kind="schedule")
        assert sum(world.row(company)["deleted"] for company in companies) == 75
        assert queue(world) == []


def test_many_deletions_at_once_wait_for_a_person_as_ever(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path, application=True, deletion_guard_records=3) as world:
        world.run("crm")
        companies = [world.add_company(f"Компания {number}", "") for number in range(12)]
        world.run("crm", kind="schedule")
        for company in companies[:6]:
            world.person_does("delete", number=int(company))
        assert world.run("crm", kind="schedule").status == "partial"
        assert not any(world.row(company)["deleted"] for company in companies)


def test_where_the_plan_has_no_confirming_the_cycle_goes_on(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path, application=True) as world:
        world.portal.extended_offline = False
        company = world.add_company("Ромашка", "")
        world.run("crm")
        world.person_does("update", number=int(company), title="Другое имя")
        world.run("crm", kind="schedule")
        assert world.row(company)["name"] == "Другое имя"


@pytest.mark.parametrize("error", ["ACCESS_DENIED", "ERROR_METHOD_NOT_FOUND", "insufficient_scope"])
def test_where_events_are_not_to_be_had_the_cycle_goes_on_and_says_so(
    store_url: str, tmp_path: Path, error: str
) -> None:
    def refuse(*_: object) -> object:
        raise system(error)

    with make_world(store_url, tmp_path, application=True) as world:
        world.crm.shell.rest.methods["event.get"] = refuse
        company = world.add_company("Ромашка", "")
        result = world.run("crm")
        assert world.row(company)["name"] == "Ромашка"
        assert any("gives us no events" in text for text in result.notices), result.notices


def test_a_webhook_is_asked_for_no_events(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        world.add_company()
        result = world.run("crm")
        assert not any(name.startswith("event.") for name, _ in world.crm.shell.rest.calls)
        assert result.notices == []
