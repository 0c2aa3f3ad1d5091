"""Scenario 17: clocks that jump, daylight saving, and a 1C that is seven minutes ahead."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from core.clock import local_from_utc, utc_from_local
from core.ids import new_id
from store.tables import slot
from sync.push import intents
from sync.room.slots import claim_slot, clean_slots, slot_start
from tests.integration.sync_pull.world import ZONE, World, assert_balances, assert_level, mirrored, rows

SALE = "Document_РеализацияТоваровУслуг"
TWO_HOURS = timedelta(hours=2)


@pytest.mark.parametrize("jump", [TWO_HOURS, -TWO_HOURS])
def test_our_clock_jumps(build_sqlite: Callable[..., World], jump: timedelta) -> None:
    """1C's clock goes on as it was: what is written there meanwhile arrives, whichever way ours was put."""
    world = build_sqlite(documents=30)
    world.sync()
    shift = timedelta()
    world.base.clock = lambda: local_from_utc(world.clock.now() - shift, ZONE)
    for number in range(3):
        world.base.random_edits(4, number)
        world.tick()
        world.sync(status=None)
        if number == 0:
            world.clock.move(jump)
            shift = jump
    world.tick()
    world.sync(full=True)
    assert_level(world)
    assert_balances(world)


def test_1c_is_seven_minutes_ahead(build_sqlite: Callable[..., World]) -> None:
    """Documents that are dated after our own now are documents like others."""
    world = build_sqlite(documents=30)
    world.base.clock = lambda: local_from_utc(world.clock.now() + timedelta(minutes=7), ZONE)
    world.sync()
    sold = next(key for key in world.base.keys(SALE) if world.base.get(SALE, key)["Posted"])
    ahead = world.base.clock().replace(microsecond=0)
    fields = {name: value for name, value in world.base.get(SALE, sold).items() if name not in _ITS_OWN}
    made = world.base.create(SALE, fields | {"Date": ahead.isoformat()})
    world.base.post(SALE, made)
    world.tick()
    world.sync()
    assert mirrored(world, "shipment")[made][3] == utc_from_local(ahead, ZONE)
    assert_level(world)
    assert_balances(world)
    world.base.unpost(SALE, made)
    world.tick(600)
    world.sync()
    assert_level(world)


_ITS_OWN = {"Ref_Key", "DataVersion", "Number", "Date", "Posted", "DeletionMark"}


@pytest.mark.parametrize(
    ("start", "local"),
    [
        ("2026-03-29T00:30:00+00:00", "2026-03-29T04:15:00"),  # the hour that does not exist has just passed
        ("2026-10-25T00:30:00+00:00", "2026-10-25T03:30:00"),  # the hour that comes twice
    ],
)
def test_daylight_saving(build_sqlite: Callable[..., World], start: str, local: str) -> None:
    """A night in which the other side's wall clock is put: nothing is lost, and a second cycle changes nothing."""
    world = build_sqlite(documents=20, settings='timezone = "Europe/Kyiv"', start=datetime.fromisoformat(start))
    zone = world.settings.connections["accounting"].zone
    world.base.clock = lambda: local_from_utc(world.clock.now(), zone)
    world.sync()
    sold = next(key for key in world.base.keys(SALE) if world.base.get(SALE, key)["Posted"])
    fields = {name: value for name, value in world.base.get(SALE, sold).items() if name not in _ITS_OWN}
    made = world.base.create(SALE, fields | {"Date": local})
    for _ in range(4):
        world.tick(1800)
        world.sync()
    assert mirrored(world, "shipment")[made][3] == utc_from_local(datetime.fromisoformat(local), zone)
    before = mirrored(world, "shipment")
    world.base.change(SALE, made, {"Комментарий": "после перевода часов"})
    world.tick()
    assert [one.counts for one in world.sync().lines if one.entity == "shipment"] == [{"updated": 1}]
    assert mirrored(world, "shipment") == before


def test_a_claim_made_before_the_clock_was_put_back_does_not_hold_for_hours(build_sqlite: Callable[..., World]) -> None:
    """A worker died while it sent; then the clock went back by two hours."""
    world = build_sqlite(documents=5)
    now, entity_id = world.clock.now(), new_id()
    with world.engine.begin() as conn:
        made = intents.add(conn, now, "accounting", entity_id, state="due")
        assert intents.claim(conn, made.id, "dead", now, timedelta(seconds=30)) is not None
        assert intents.claim(conn, made.id, "heir", now, timedelta(seconds=30)) is None
    world.clock.move(-TWO_HOURS)
    with world.engine.begin() as conn:
        assert intents.load_ready(conn, "accounting", world.clock.now()) == [made.id]
        assert intents.claim(conn, made.id, "heir", world.clock.now(), timedelta(seconds=30)) is not None


def test_slots_of_the_future_are_forgotten(build_sqlite: Callable[..., World]) -> None:
    """Every period has its run again after the clock was put back by two hours."""
    world = build_sqlite(documents=5)
    every = timedelta(minutes=5)
    with world.engine.begin() as conn:
        assert claim_slot(conn, "accounting", slot_start(world.clock.now(), every))
    world.clock.move(-TWO_HOURS)
    current = slot_start(world.clock.now(), every)
    with world.engine.begin() as conn:
        clean_slots(conn, "accounting", world.clock.now(), current)
        assert claim_slot(conn, "accounting", current)
    assert [row["start"] for row in rows(world, slot)] == [current]
