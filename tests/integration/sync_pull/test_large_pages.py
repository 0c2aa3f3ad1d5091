"""A server that fails over large questions without a word about their size: they are asked smaller, and no oftener."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sync.context import Order
from sync.cycle import run_cycle
from tests.integration.sync_pull.world import World, assert_level, make_world

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql("test_a_plain_failure_over_a_large_page_is_asked_smaller")
LARGE = r"\$top=([3-9]\d\d|\d{4,})(&|$)"
SALES = "Document_РеализацияТоваровУслуг"
ONE_SET = rf"/{SALES}\?.*"


def tops(world: World, name: str) -> list[int]:
    found = (re.search(r"\$top=(\d+)", line.query) for line in world.server.requests if line.path.endswith(f"/{name}"))
    return [int(one[1]) for one in found if one]


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_plain_failure_over_a_large_page_is_asked_smaller(store_url: str, tmp_path: Path, status: int) -> None:
    with make_world(store_url, tmp_path, settings="attempts = 1") as world:
        world.server.faults.add("error", path=ONE_SET + LARGE, status=status, body="<html>no</html>")
        world.sync()
        assert_level(world, "shipment")
        asked = tops(world, SALES)
        assert asked.count(2000) == 1, "remembered for the run"


def test_a_server_that_dies_over_a_large_page(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path, settings="attempts = 1") as world:
        world.server.faults.add("drop_after", path=ONE_SET + LARGE)
        world.sync()
        assert_level(world, "shipment")


def test_a_dead_server_is_asked_a_few_times_and_counts_once(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path, settings="attempts = 1") as world:
        world.sync()
        world.server.requests.clear()
        world.server.faults.add("error", path=ONE_SET, status=500, body="<html>no</html>")
        result = run_cycle(world.app, "accounting", Order(kind="schedule"))
        assert result.status == "failed"
        assert len(tops(world, SALES)) == 3
