"""What has changed in the portal arrives by its moment, for a handful of requests; what is gone, by the sweep."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from sandbox.bitrix24.errors import system
from sync.context import Order
from sync.cycle import run_cycle
from sync.pull.cursors import load_cursors
from tests.integration.crm_in.world import COMPANY, INN, OTHER_INN, World, make_world

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql(
    "test_an_unchanged_cycle_costs_a_handful_of_requests",
    "test_what_is_committed_late_and_what_shares_a_second_is_not_missed",
    "test_too_many_at_once_are_not_believed",
    "test_killed_anywhere_the_next_cycle_goes_on",
)

HANDFUL = 8


class Killed(BaseException):
    """The process is gone: nothing catches it."""


def quiet_cycle(world: World) -> list[str]:
    """What an unchanged cycle asks, once everything has come to rest and is older than the overlap."""
    world.run("crm")
    world.run("crm", pause=3600)
    world.crm.requests.clear()
    result = world.run("crm", pause=600, kind="schedule")
    assert all(not line.counts for line in result.lines), result.lines
    return world.asked()


def test_an_unchanged_cycle_costs_a_handful_of_requests(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        for number in range(130):
            world.add_company(f"Компания {number}", "")
        asked = quiet_cycle(world)
        assert len(asked) <= HANDFUL, asked


def test_an_edit_comes_with_the_next_cycle_and_costs_no_sweep(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        companies = [world.add_company(f"Компания {number}", "") for number in range(60)]
        quiet_cycle(world)
        world.person_does("update", number=int(companies[7]), title="Другое имя")
        world.crm.requests.clear()
        counted = world.counted(world.run("crm", kind="schedule"))
        assert (counted["read"], counted["updated"]) == (1, 1)
        assert world.row(companies[7])["name"] == "Другое имя"
        assert len(world.asked()) <= HANDFUL + 2, world.asked()


def test_a_requisite_that_changes_by_itself_is_seen(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        company = world.add_company(inn="")
        quiet_cycle(world)
        requisite = world.add_requisite(company, INN)
        world.run("crm", kind="schedule")
        assert world.row(company)["tax_id"] == INN, "a requisite that was never changed has no date of change"
        world.clock.sleep(3600)
        world.run("crm", kind="schedule")
        world.person_does("set_requisite", number=int(requisite), RQ_INN=OTHER_INN)
        world.run("crm", kind="schedule")
        assert world.row(company)["tax_id"] == OTHER_INN


def test_more_changes_than_a_page_come_all(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        companies = [world.add_company(f"Компания {number}", "") for number in range(180)]
        quiet_cycle(world)
        for company in companies[:150]:
            world.person_does("update", number=int(company), comments="новое")
            world.add_requisite(company, INN)
        world.add_requisite(companies[160], INN)
        counted = world.counted(world.run("crm", kind="schedule"))
        assert (counted["read"], counted["updated"]) == (151, 151)
        assert world.row(companies[160])["tax_id"] == INN


def test_what_is_committed_late_and_what_shares_a_second_is_not_missed(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        company = world.add_company("Ромашка", "")
        quiet_cycle(world)
        row = world.portal.kind(COMPANY).items[int(company)]
        asked_at = world.portal.stamp()
        world.run("crm", kind="schedule", pause=0)
        world.clock.sleep(60)
        with world.portal.lock:  # dated before the question that has passed it by, and visible only now
            row |= {"title": "Поздно", "updatedTime": asked_at}
        world.run("crm", kind="schedule", pause=0)
        assert world.row(company)["name"] == "Поздно"


def test_two_edits_within_one_second_are_both_seen(store_url: str, tmp_path: Path) -> None:
    """The portal dates changes by the second: the second edit has the very version of the first."""
    with make_world(store_url, tmp_path) as world:
        company = world.add_company("Ромашка", "")
        quiet_cycle(world)
        for name in ("Раз", "Два"):
            world.person_does("update", number=int(company), title=name)
            world.run("crm", kind="schedule", pause=0)
            assert world.row(company)["name"] == name


@pytest.mark.parametrize("minutes", [-30, 30])
def test_the_portal_s_own_clock_counts(store_url: str, tmp_path: Path, minutes: int) -> None:
    with make_world(store_url, tmp_path) as world:
        world.portal.shift = timedelta(minutes=minutes)
        company = world.add_company("Ромашка", "")
        quiet_cycle(world)
        for name in ("Раз", "Два"):
            world.person_does("update", number=int(company), title=name)
            world.run("crm", kind="schedule")
            assert world.row(company)["name"] == name


@pytest.mark.parametrize("zone", ["Asia/Vladivostok", "Europe/Kyiv"])
def test_a_portal_in_another_zone_than_the_settings_say(store_url: str, tmp_path: Path, zone: str) -> None:
    with make_world(store_url, tmp_path, timezone=zone) as world:
        company = world.add_company("Ромашка", "")
        quiet_cycle(world)
        world.person_does("update", number=int(company), title="Другое имя")
        world.run("crm", kind="schedule")
        assert world.row(company)["name"] == "Другое имя"


def test_the_nightly_sweep_finds_what_is_gone(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        gone, stays = world.add_company(), world.add_company("Лютик", OTHER_INN)
        quiet_cycle(world)
        world.person_does("delete", number=int(gone))
        world.run("crm", kind="schedule")
        assert not world.bound(gone)["deleted"], "nobody tells of a deletion"
        world.run("crm", kind="schedule", pause=86_400)
        assert world.bound(gone)["deleted"]
        assert world.row(gone)["deleted"]
        assert not world.row(stays)["deleted"]


def test_a_client_that_was_deleted_before_he_was_sent_is_not_sent(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        company = world.add_company()
        world.run("crm")
        world.person_does("delete", number=int(company))
        world.run("crm", full=True)
        world.run("accounting")
        assert [one["state"] for one in world.intents()] == ["discarded"]
        assert world.cards() == []


def test_a_customer_whom_accounting_still_has_is_not_deleted_with_his_card(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        company = world.add_company()
        world.settle()
        before = world.row(company)
        world.person_does("delete", number=int(company))
        world.run("crm", full=True)
        row = world.row(company)
        assert world.bound(company)["deleted"]
        assert not row["deleted"]
        assert row["updated_at"] > before["updated_at"], "whoever shows him looks again"


def test_too_many_at_once_are_not_believed(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path, deletion_guard_records=3) as world:
        companies = [world.add_company(f"Компания {number}", "") for number in range(12)]
        world.run("crm")
        for company in companies[:6]:
            world.person_does("delete", number=int(company))
        result = world.run("crm", full=True)
        assert result.status == "partial"
        assert not any(world.bound(company)["deleted"] for company in companies)


@pytest.mark.parametrize("error", ["QUERY_LIMIT_EXCEEDED", "OPERATION_TIME_LIMIT", "INTERNAL_SERVER_ERROR"])
def test_a_busy_portal_is_asked_again_and_nothing_is_lost(store_url: str, tmp_path: Path, error: str) -> None:
    with make_world(store_url, tmp_path) as world:
        company = world.add_company("Ромашка", "")
        quiet_cycle(world)
        world.person_does("update", number=int(company), title="Другое имя")
        world.crm.faults.add("error", error=error)
        world.clock.sleep(300)
        result = run_cycle(world.app, "crm", Order(kind="schedule"))
        assert result.status == "failed"
        assert world.row(company)["name"] == "Ромашка"
        world.crm.faults.clear()
        world.run("crm", pause=1800)
        assert world.row(company)["name"] == "Другое имя"


def test_a_refused_part_of_a_batch_leaves_the_mark_where_it_was(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        company = world.add_company("Ромашка", "")
        quiet_cycle(world)
        requisite_list = world.crm.shell.rest.methods["crm.requisite.list"]
        before = load_cursors(world.app, "crm")["counterparty"].source("company").changed

        def refuse(*_: object) -> object:
            raise system("INTERNAL_SERVER_ERROR")

        world.crm.shell.rest.methods["crm.requisite.list"] = refuse
        world.add_requisite(company, INN)
        world.clock.sleep(300)
        assert run_cycle(world.app, "crm", Order(kind="schedule")).status == "failed"
        assert load_cursors(world.app, "crm")["counterparty"].source("company").changed == before
        world.crm.shell.rest.methods["crm.requisite.list"] = requisite_list
        world.run("crm", pause=1800)
        assert world.row(company)["tax_id"] == INN


POINTS = ("fetch-changed.before", "fetch-changed.after", "page.before", "page.after", "mark.before", "mark.after")


@pytest.mark.parametrize("point", POINTS)
def test_killed_anywhere_the_next_cycle_goes_on(
    store_url: str, tmp_path: Path, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with make_world(store_url, tmp_path) as world:
        company = world.add_company()
        world.settle()
        world.person_does("update", number=int(company), title="Другое имя")
        second = world.add_company("Лютик", OTHER_INN)
        monkeypatch.setattr("sync.cycle.fault_from_environment", lambda: kill_at(point))
        world.clock.sleep(300)
        with pytest.raises(Killed):
            run_cycle(world.app, "crm", Order(kind="schedule"))
        monkeypatch.undo()
        world.clock.sleep(3600)
        world.settle()
        assert world.row(company)["name"] == "Другое имя"
        assert (len(world.cards()), len(world.cards(OTHER_INN))) == (1, 1)
        assert world.row(second)["code"]
        creates = [one for one in world.intents() if one["action"] == "create"]
        assert [one["state"] for one in creates] == ["done", "done"]


def kill_at(point: str) -> Callable[[str], None]:
    """What happens at the fault points of a run that is to be killed at one of them."""

    def fault(here: str) -> None:
        if here == point:
            raise Killed(here)

    return fault
