"""Scenario 13, the pulling side: kill -9 at every commit and every remote call, run again: no loss, no double."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.clock import SystemClock
from store.entities import counterparties, entity_tables
from store.tables import binding, lease, run
from sync.push.contacts import add_contact
from sync.room.faults import PULL_POINTS, PUSH_POINTS
from tests.integration.sync_pull.world import World, assert_balances, assert_level, line, make_world, rows, states
from tests.services.victim import cycle_of, run_victim

SALE, ORDER, PARTIES = "Document_РеализацияТоваровУслуг", "Document_СчетНаОплатуПокупателю", "Catalog_Контрагенты"
GHOST = "11111111-2222-3333-4444-555555555555"


def killed_at(world: World, point: str) -> bool:
    """One cycle in a process of its own; whether it was killed at the point."""
    return run_victim(cycle_of, world.settings.path, point=point)


def disturb(world: World) -> None:
    """Something for every kind of write: new, changed, gone, a broken link, a record that cannot be read."""
    sales = sorted(key for key in states(world, "shipment") if world.base.exists(SALE, key))
    orders = sorted(key for key in states(world, "order") if world.base.exists(ORDER, key))
    world.base.delete(SALE, sales[0])
    world.base.delete(SALE, sales[1])
    world.base.change(ORDER, orders[2], {"СуммаДокумента": 10**15}, repost=False)
    world.server.faults.add("error", error="control_char", path=ORDER + ".*" + orders[3])
    world.base.touch(ORDER, orders[3])
    world.base.change(ORDER, orders[0], {"Контрагент_Key": GHOST}, repost=False)
    party = world.base.create(PARTIES, {"Description": "ООО Новое"})
    world.base.change(ORDER, orders[1], {"Контрагент_Key": party}, repost=False)
    world.base.random_edits(10, 3)


def mend(world: World) -> None:
    world.server.faults.clear()
    for key in world.base.keys(ORDER):
        if world.base.get(ORDER, key)["СуммаДокумента"] >= 10**15:
            world.base.change(ORDER, key, {"СуммаДокумента": 1000}, repost=False)


def recover(world: World, cycles: int = 1) -> None:
    """What the next run finds: takes over, goes on, ends level, with counters that add up and no orphaned lease."""
    world.clock.move(SystemClock().now() - world.clock.now())
    world.tick(35)
    mend(world)
    for _ in range(cycles):
        result = world.sync()
        assert all(one.adds_up() for one in result.lines)
        world.tick(5)
    quiet = world.sync()
    busy = {one.entity: line(quiet, one.entity) for one in quiet.lines if one.read and one.entity != "balance"}
    assert busy == {}
    assert_level(world)
    assert_balances(world)
    assert all(row["owner"] is None for row in rows(world, lease))
    assert "running" not in {row["status"] for row in rows(world, run)}
    for entity, table in entity_tables.items():  # nothing twice, nobody without a binding
        bound = [row["entity_id"] for row in rows(world, binding, entity=entity) if row["entity_id"]]
        assert len(bound) == len(set(bound)) == len(rows(world, table)), entity


def crash(world: World, point: str) -> None:
    killed = killed_at(world, point)
    if not killed:
        world.clock.move(SystemClock().now() - world.clock.now())
        disturb(world)
        killed = killed_at(world, point)
    assert killed, f"{point} was never hit"
    recover(world)


def how(point: str) -> dict[str, Any]:
    needs_plan = point.startswith(("fetch-changes", "confirm-changes"))
    return {"documents": 24, "start": SystemClock().now(), "plan": needs_plan}


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "point", [f"{name}:1" for name in PULL_POINTS] + ["page.before:9", "page.after:9", "fetch-keys.after:12"]
)
def test_killed_at_every_point(build_sqlite: Callable[..., World], point: str) -> None:
    crash(build_sqlite(**how(point)), point)


@pytest.mark.services
@pytest.mark.timeout(300)
@pytest.mark.parametrize("point", ["page.before:9", "page.after:9", "tombstone.after:1", "run-finish.before:1"])
def test_killed_on_postgresql(postgres_url: str, tmp_path: Path, point: str) -> None:
    with make_world(postgres_url, tmp_path, **how(point)) as world:
        crash(world, point)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("point", [f"{name}:1" for name in PUSH_POINTS])
def test_killed_while_a_client_is_made_known(build_sqlite: Callable[..., World], point: str) -> None:
    """One counterparty in accounting, bound, whatever happens in between."""
    world = build_sqlite(documents=16, start=SystemClock().now(), write="on")
    world.sync()
    inn = "7743013901"
    add_contact(world.app, name="ООО Первый", tax_id=inn, phones=["+7 495 123-45-67"], status="client")
    assert killed_at(world, point), f"{point} was never hit"
    recover(world, cycles=2)  # the contract that was made with the card is read in the cycle after
    cards = [key for key in world.base.keys(PARTIES) if str(world.base.get(PARTIES, key).get("ИНН")).strip() == inn]
    assert len(cards) == 1
    bound = rows(world, binding, entity="counterparty", external_id=cards[0])[0]
    contact = next(row for row in rows(world, counterparties) if row["tax_id"] == inn)
    assert (bound["entity_id"], contact["home"]) == (contact["id"], "crm")
