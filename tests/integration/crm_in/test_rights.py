"""A portal that keeps some of its sets from us: the others go on, and what is missing is said by its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from sandbox.bitrix24.errors import RestError, old, system
from store.entities import entity_tables
from store.tables import connection
from sync.context import Order
from sync.cycle import RunResult, run_cycle
from sync.setup.doctor import examine_connection
from tests.integration.crm_in.world import CONTACT, DEAL, World, make_world

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql("test_deals_that_the_portal_keeps_from_us_stop_nobody_else")

Refuses = Callable[[dict[str, Any]], bool]


def denied() -> RestError:
    return RestError("ACCESS_DENIED", "Доступ запрещен")


def refuse(world: World, method: str, error: RestError, which: Refuses = lambda params: True) -> Callable[[], None]:
    """The portal refuses a method where its parameters are such; what ends it is returned."""
    methods = world.crm.shell.rest.methods
    kept = methods[method]

    def answer(params: dict[str, Any], caller: Any) -> Any:
        if which(params):
            raise error
        return kept(params, caller)

    methods[method] = answer
    return lambda: methods.__setitem__(method, kept)


def of_type(number: int) -> Refuses:
    return lambda params: int(params.get("entityTypeId") or 0) == number


def refuse_type(world: World, number: int, error: RestError | None = None) -> Callable[[], None]:
    """No right to the elements of one type: neither to read nor to know their fields."""
    names = ("crm.item.list", "crm.item.get", "crm.item.fields")
    ends = [refuse(world, name, error or denied(), of_type(number)) for name in names]

    def give() -> None:
        for end in ends:
            end()

    return give


def paused(world: World) -> dict[str, str]:
    with world.engine.connect() as conn:
        query = select(connection.c.paused_entities).where(connection.c.name == "crm")
        return dict(conn.execute(query).scalar_one() or {})


def whole_pause(world: World) -> Any:
    with world.engine.connect() as conn:
        query = select(connection.c.paused_reason).where(connection.c.name == "crm")
        return conn.execute(query).scalar_one()


def held(world: World, entity: str) -> int:
    with world.engine.connect() as conn:
        return len(conn.execute(select(entity_tables[entity].c.id)).all())


def add_deal(world: World, company: str) -> None:
    world.person_does("add", DEAL, title="Сделка", companyId=int(company))


def told(result: RunResult, entity: str) -> str:
    """What the run says of an entity that is paused."""
    line = next(one for one in result.lines if (one.entity, one.direction) == (entity, "in"))
    assert line.status == "paused", line
    return line.message


def test_deals_that_the_portal_keeps_from_us_stop_nobody_else(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        company = world.add_company()
        add_deal(world, company)
        give = refuse_type(world, DEAL)
        result = world.run()
        assert result.status == "partial", result.message
        assert world.row(company)["name"] == "Ромашка", "the others go on"
        assert world.bound(company)["state"] == "bound"
        said = told(result, "deal")
        assert "crm.item.fields (deal) is kept from us" in said
        assert "Доступ запрещен" in said
        assert said.endswith("sverka doctor")
        assert "deals is paused: " in result.message
        assert set(paused(world)) == {"deal"}
        assert whole_pause(world) is None, "the connection works"

        give()
        result = world.run(kind="schedule")
        assert result.status == "ok", result.message
        assert held(world, "deal") == 1
        assert paused(world) == {}


def test_a_right_that_goes_later_pauses_and_wipes_nothing(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        company = world.add_company()
        add_deal(world, company)
        world.run()
        give = refuse_type(world, DEAL)
        world.person_does("update", number=int(company), title="Лютик")
        assert world.run(kind="schedule").status == "partial"
        assert world.row(company)["name"] == "Лютик"
        assert held(world, "deal") == 1
        add_deal(world, company)
        give()
        assert world.run(kind="schedule").status == "ok"
        assert held(world, "deal") == 2


@pytest.mark.parametrize(
    ("method", "entity", "error"),
    [
        ("crm.activity.list", "activity", old("Access denied.")),
        ("user.get", "manager", system("insufficient_scope")),
    ],
)
def test_lists_that_are_refused_leave_the_customers_whole(
    store_url: str, tmp_path: Path, method: str, entity: str, error: RestError
) -> None:
    """Whoever is responsible for a customer may not be known; the customer is read all the same, and bound later."""
    with make_world(store_url, tmp_path, mapping="bitrix24") as world:
        company = world.add_company()
        give = refuse(world, method, error)
        result = world.run()
        assert result.status == "partial", result.message
        said = told(result, entity)
        assert f"{method} is kept from us" in said
        assert "sverka doctor" in said
        assert world.bound(company)["state"] == "bound"
        give()
        world.run(kind="schedule")
        assert paused(world) == {}
        assert world.row(company)["unresolved"] is None, "who is responsible is known now"


def test_a_missing_scope_is_named(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path, mapping="bitrix24") as world:
        refuse(world, "user.get", system("insufficient_scope"))
        assert "the scope user is missing" in told(world.run(), "manager")


def test_a_smart_process_that_only_an_administrator_may_list(store_url: str, tmp_path: Path) -> None:
    rules = """extends = "bitrix24"
[entities.activity.sources."smart:130"]
key = "id"
version = "updatedTime"
deleted = false
"""
    (tmp_path / "smart.toml").write_text(rules, encoding="utf-8")
    with make_world(store_url, tmp_path, mapping="smart.toml") as world:
        company = world.add_company()
        refuse(world, "crm.type.list", denied())
        result = world.run()
        assert world.bound(company)["state"] == "bound"
        assert "crm.type.list is kept from us" in told(result, "activity")


@pytest.mark.parametrize("error", ["ACCESS_DENIED", "insufficient_scope", "INVALID_CREDENTIALS"])
def test_a_portal_that_answers_nothing_at_all_stops_the_connection(store_url: str, tmp_path: Path, error: str) -> None:
    """The same code as for one set, when REST is off on the portal's plan."""
    with make_world(store_url, tmp_path) as world:
        world.add_company()
        world.crm.faults.add("error", error=error)
        result = run_cycle(world.app, "crm", Order())
        assert result.status == "failed"
        assert whole_pause(world)
        assert paused(world) == {}


def test_where_not_one_set_may_be_read_the_run_has_failed(store_url: str, tmp_path: Path) -> None:
    """A scope that everything needs: one thing to mend, not a pause of each entity."""
    with make_world(store_url, tmp_path) as world:
        world.add_company()
        ends = [refuse_type(world, number, system("insufficient_scope")) for number in (4, CONTACT, DEAL)]
        result = run_cycle(world.app, "crm", Order())
        assert result.status == "failed"
        assert "the scope crm is missing" in result.message
        assert whole_pause(world)
        for end in reversed(ends):
            end()
        result = world.run()
        assert result.status == "ok", result.message
        assert whole_pause(world) is None
        assert paused(world) == {}


def test_the_doctor_names_each_set_that_is_kept_from_us_and_looks_at_the_others(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path, mapping="bitrix24") as world:
        refuse(world, "crm.item.list", denied(), of_type(DEAL))
        refuse(world, "crm.activity.list", old("Access denied."))
        found = {one.subject: one for one in examine_connection(world.app, world.settings.connections["crm"])}
        assert found["deal"].level == "error"
        assert "crm.item.list (deal) is kept from us" in found["deal"].message
        assert found["activity"].level == "error"
        assert found["user"].level == "ok"
        assert found["company"].level == "ok"


def test_one_deal_that_is_hidden_from_us_pauses_no_other(store_url: str, tmp_path: Path) -> None:
    """It leaves the list of who asks, and asked for by its number it is refused: a letter, and the others go on."""
    with make_world(store_url, tmp_path) as world:
        company = world.add_company()
        add_deal(world, company)
        add_deal(world, company)
        world.run(full=True)
        methods, items = world.crm.shell.rest.methods, world.crm.portal.kinds[DEAL].items
        hidden = next(iter(items))
        kept = methods["crm.item.list"]

        def listed(params: dict[str, Any], caller: Any) -> Any:
            if not of_type(DEAL)(params):
                return kept(params, caller)
            away = items.pop(hidden)
            try:
                return kept(params, caller)
            finally:
                items[hidden] = away

        methods["crm.item.list"] = listed
        refuse(world, "crm.item.get", denied(), lambda params: of_type(DEAL)(params) and int(params["id"]) == hidden)
        for full in (True, False):
            add_deal(world, company)
            world.run(full=full)
            assert (paused(world), whole_pause(world)) == ({}, None)
            world.clock.sleep(300)
        assert held(world, "deal") == 4
