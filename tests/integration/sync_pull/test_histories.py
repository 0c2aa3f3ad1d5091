"""Scenarios 1 and 2: random histories, and what happens at a boundary. At the end the store equals the truth."""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from core.clock import local_from_utc
from sandbox.onec.base import Base
from tests.integration.sync_pull.world import ZONE, World, assert_balances, assert_level, line, mirrored, states

SALE = "Document_РеализацияТоваровУслуг"
AT_ONCE = 10
"""Seeds that one base and store live through, one after the other."""


def live(world: World, seed: int) -> None:
    """Some days in the life of a base: edits, pulls at any moment, edits while pages are read, broken answers."""
    random = Random(seed)

    def meanwhile(base: Base, number: int) -> None:
        if random.random() < 0.15:
            base.random_edits(1, random.randrange(1 << 30))

    for _ in range(random.randrange(2, 5)):
        world.base.random_edits(random.randrange(1, 8), random.randrange(1 << 30))
        world.tick(random.randrange(60, 86400))
        world.server.before_page = meanwhile if random.random() < 0.7 else None
        if random.random() < 0.3:
            world.server.faults.add("drop_before", nth=random.randrange(1, 30), times=20)
        order: dict[str, Any] = {"kind": random.choice(("schedule", "order")), "full": random.random() < 0.2}
        result = world.sync(status=None, **order)
        assert all(one.adds_up() for one in result.lines), seed
        world.server.faults.clear()
    world.server.before_page = None


def check(world: World, seed: int) -> None:
    world.tick()
    result = world.sync(full=True, status=None)
    assert result.status == "ok", (seed, result.message)
    try:
        assert_level(world)
        assert_balances(world)
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}") from error


def run_seeds(world: World, first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        live(world, seed)
        check(world, seed)


SETTINGS = "attempts = 1\ndeletion_guard_records = 1000"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("group", range(4))
def test_random_histories(build_sqlite: Callable[..., World], group: int) -> None:
    run_seeds(build_sqlite(documents=30, seed=group + 1, settings=SETTINGS), group * AT_ONCE)


@pytest.mark.timeout(600)
@pytest.mark.services
def test_random_histories_on_postgresql(postgres_url: str, tmp_path: Any) -> None:
    from tests.integration.sync_pull.world import make_world

    with make_world(postgres_url, tmp_path, documents=30, seed=9, settings=SETTINGS) as world:
        run_seeds(world, 40)


@pytest.mark.timeout(600)
def test_random_histories_through_an_exchange_plan(build_sqlite: Callable[..., World]) -> None:
    run_seeds(build_sqlite(documents=30, seed=11, plan=True, settings=SETTINGS), 50)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("group", range(100))
def test_a_thousand_random_histories(build_sqlite: Callable[..., World], group: int) -> None:
    how: dict[str, Any] = {"plan": True} if group % 4 == 3 else {}
    run_seeds(build_sqlite(documents=30, seed=group + 1, settings=SETTINGS, **how), 1000 + group * AT_ONCE)


@pytest.mark.parametrize("where", ["since", "near", "past"])
def test_rows_at_just_before_and_just_after_a_boundary(build_sqlite: Callable[..., World], where: str) -> None:
    world = build_sqlite(documents=40, since="2025-01-01")
    world.sync()
    world.tick()
    boundary = {
        "since": datetime.fromisoformat("2025-01-01"),
        "near": local_from_utc(world.clock.now() - timedelta(days=45), ZONE).replace(microsecond=0),
        "past": datetime.fromisoformat("2025-06-01"),
    }[where]
    keys = [key for key in states(world, "shipment") if world.base.exists(SALE, key)][:3]
    for key, seconds in zip(keys, (-1, 0, 1), strict=True):
        moment = boundary + timedelta(seconds=seconds)
        world.base.change(SALE, key, {"Date": moment.isoformat()}, repost=False)
    result = world.sync()
    assert line(result, "shipment")["read"] >= 3
    assert_level(world, "shipment")
    assert (keys[0] in mirrored(world, "shipment")) is (where != "since")


def test_rows_inserted_between_two_pages(build_sqlite: Callable[..., World]) -> None:
    """Pages shift under the reader in the first load: the complete sweep after it finds what was missed."""
    world = build_sqlite(documents=60, settings="page_bytes = 2048")
    random = Random(5)

    def meanwhile(base: Base, number: int) -> None:
        if number % 7 == 0:
            base.random_edits(1, random.randrange(1 << 30))

    world.server.before_page = meanwhile
    world.sync(status=None)
    world.server.before_page = None
    world.tick()
    world.sync()
    assert_level(world)
    assert_balances(world)
