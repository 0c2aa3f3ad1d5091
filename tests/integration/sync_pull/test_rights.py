"""A user of 1C who may read some of the published sets only: the others go on, what is missing is said by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from mapping.rules import load_mapping
from sandbox.onec.schema import PARTIES, REGISTER
from store.entities import balances, entity_tables
from store.tables import connection
from sync.context import Order
from sync.cycle import RunResult, run_cycle
from sync.reconcile.compare import reconcile
from tests.integration.sync_pull.world import World, make_world

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql("test_a_set_that_the_user_may_not_read_stops_nobody_else")
SALES = "Document_РеализацияТоваровУслуг"


def paused(world: World) -> dict[str, str]:
    with world.engine.connect() as conn:
        return dict(conn.execute(select(connection.c.paused_entities)).scalar_one() or {})


def whole_pause(world: World) -> Any:
    with world.engine.connect() as conn:
        return conn.execute(select(connection.c.paused_reason)).scalar_one()


def held(world: World, entity: str) -> int:
    with world.engine.connect() as conn:
        table = balances if entity == "balance" else entity_tables[entity]
        return int(conn.execute(select(func.count()).select_from(table)).scalar_one())


def told(result: RunResult, entity: str) -> str:
    line = next(one for one in result.lines if (one.entity, one.direction) == (entity, "in"))
    assert line.status == "paused", line
    return line.message


def test_a_set_that_the_user_may_not_read_stops_nobody_else(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path, no_rights=[SALES]) as world:
        result = world.sync(status="partial")
        assert f"{SALES} is kept from us" in told(result, "shipment")
        assert "Недостаточно прав доступа" in told(result, "shipment")
        assert told(result, "shipment").endswith("sverka doctor")
        assert set(paused(world)) == {"shipment"}
        assert whole_pause(world) is None, "the connection works"
        assert held(world, "counterparty")
        assert held(world, "payment")
        assert not held(world, "shipment")

        world.server.options.no_rights.clear()
        world.tick()
        world.sync(kind="schedule")
        assert held(world, "shipment")
        assert paused(world) == {}


def test_documents_come_without_the_catalogue_that_they_refer_to(store_url: str, tmp_path: Path) -> None:
    """Nothing is parked for a right that only a person can give; all is bound when he has."""
    with make_world(store_url, tmp_path, no_rights=[PARTIES]) as world:
        result = world.sync(status="partial")
        assert PARTIES in told(result, "counterparty")
        assert not any(line.counts.get("parked") for line in result.lines), result.lines
        shipments = entity_tables["shipment"]
        assert held(world, "shipment")
        world.server.options.no_rights.clear()
        world.tick()
        world.sync(kind="schedule")
        with world.engine.connect() as conn:
            open_ones = select(func.count()).where(shipments.c.counterparty_id.is_(None))
            assert conn.execute(open_ones).scalar_one() == 0


@pytest.mark.parametrize("status", [401, 403])
def test_a_web_server_that_keeps_one_set_is_told_by_the_others(store_url: str, tmp_path: Path, status: int) -> None:
    with make_world(store_url, tmp_path) as world:
        world.server.faults.add("error", path=rf"/{SALES}", status=status, body="<html>no</html>")
        result = world.sync(status="partial")
        assert f"{SALES} is kept from us" in told(result, "shipment")
        assert held(world, "payment")


def test_a_register_that_the_user_may_not_read_pauses_the_balances(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        world.server.options.no_rights.add(REGISTER)
        result = world.sync(status="partial")
        assert REGISTER in told(result, "balance")
        assert held(world, "shipment")
        world.server.options.no_rights.clear()
        world.tick()
        world.sync(kind="schedule")
        assert held(world, "balance")


def test_a_base_that_lets_us_in_nowhere_stops_the_connection(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        world.sync()
        world.server.faults.add("error", status=401, body="<html>no</html>")
        assert run_cycle(world.app, "accounting", Order()).status == "failed"
        assert whole_pause(world)
        assert paused(world) == {}


def test_the_books_are_compared_without_what_may_not_be_read(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        world.sync()
        world.server.options.no_rights.add(SALES)
        result = reconcile(world.app, "accounting")
        assert result.failure == ""
        assert set(result.incomplete) == {SALES}
        compared = {line.entity: line for line in result.entities}
        assert compared["counterparty"].theirs


def test_where_all_that_is_there_is_kept_from_us_nothing_was_read(store_url: str, tmp_path: Path) -> None:
    """A set that the base never had hides that of no run."""
    rules = load_mapping("bp30")
    every = {source.name for entity in rules.entities.values() for source in entity.sources} | {REGISTER}
    with make_world(store_url, tmp_path, no_rights=sorted(every)) as world:
        world.base.schema.unpublished.add("Catalog_Пользователи")
        result = run_cycle(world.app, "accounting", Order())
        assert result.status == "failed"
        assert sum(line.read for line in result.lines) == 0
        assert whole_pause(world) is not None


def test_one_refused_set_pauses_itself_only_where_changes_come_by_a_plan(store_url: str, tmp_path: Path) -> None:
    """Also in a base that tells nobody what it has."""
    with make_world(store_url, tmp_path, plan=True) as world:
        world.server.faults.add("error", path=r"/\$metadata", status=403, body="<html>Forbidden</html>")
        world.sync(kind="schedule", status=None)
        world.tick()
        world.server.options.no_rights.add(SALES)
        result = run_cycle(world.app, "accounting", Order(kind="schedule"))
        assert (result.status, whole_pause(world)) == ("partial", None)
        assert set(paused(world)) == {"shipment"}
