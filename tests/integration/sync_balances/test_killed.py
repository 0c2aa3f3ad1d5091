"""A run that dies at any commit or question of the balances: the next one brings everything level."""

from collections.abc import Callable, Iterator
from unittest.mock import patch

import pytest

from sync import cycle as cycles
from sync.settle.register import POINTS
from tests.integration.sync_balances.world import World, open_world


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


@pytest.fixture
def world(store_url: str) -> Iterator[World]:
    with open_world(store_url, documents=80, counterparties=10) as opened:
        yield opened


def kill_at(point: str, hit: int) -> Callable[[], Callable[[str], None]]:
    """A fault that strikes at the n-th time the point is passed; `passed` tells whether it did."""
    left = [hit]

    def fault(name: str) -> None:
        if name == point:
            left[0] -= 1
            if left[0] == 0:
                raise Killed(point)

    return lambda: fault


@pytest.mark.parametrize("point", POINTS)
def test_killed_in_the_first_and_in_a_later_cycle(world: World, point: str) -> None:
    struck = 0
    for hit in range(1, 6):
        with patch.object(cycles, "fault_from_environment", kill_at(point, hit)):
            try:
                world.cycle()
            except Killed:
                struck += 1
        world.base.random_edits(15, seed=hit)
    assert struck
    world.cycle()
    assert world.result.status in ("ok", "partial")
    assert world.ours() == world.theirs()
    assert world.reconcile().unexplained == {}
    offsets = {row.id: row.unexplained for row in world.rows()}
    world.cycle()
    assert {row.id: row.unexplained for row in world.rows()} == offsets
