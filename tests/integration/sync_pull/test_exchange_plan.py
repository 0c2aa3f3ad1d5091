"""Registered changes: one packet a cycle, confirmed only after the commit, tombstones, nothing lost on the way."""

from collections.abc import Callable
from datetime import datetime

import pytest

from core.errors import RecordError
from mapping.model import ENTITIES
from sandbox.onec import exchange
from store.tables import binding, cursor
from sync.context import RunContext
from sync.pull import changes
from tests.integration.sync_pull.world import (
    World,
    assert_balances,
    assert_level,
    dump,
    line,
    load_nodes_of,
    rows,
    states,
)

SALE = "Document_РеализацияТоваровУслуг"


def pending(world: World) -> int:
    node = next(str(row["Ref_Key"]) for row in load_nodes_of(world.base) if not row.get("ThisNode"))
    return len(exchange.pending(world.base, node))


def test_five_hundred_edits_are_level_after_one_cycle(build: Callable[..., World]) -> None:
    world = build(documents=150, plan=True)
    world.sync()
    assert_level(world)
    world.tick()
    world.base.random_edits(500, 7)
    world.sync()
    assert_level(world)
    assert_balances(world)
    assert pending(world) == 0


def test_a_quiet_cycle_asks_for_one_packet_and_writes_nothing(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=40, plan=True)
    world.sync()
    world.sync()
    world.tick()
    before, asked = dump(world.engine), len(world.server.requests)
    world.sync()
    assert dump(world.engine) == before
    paths = [entry.path for entry in world.server.requests[asked:]]
    assert sum("SelectChanges" in path for path in paths) == 1
    assert not any("Notify" in path for path in paths)


def test_not_confirmed_means_sent_again(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=40, plan=True)
    world.sync()
    world.tick()
    key = next(key for key in states(world, "shipment") if world.base.exists(SALE, key))
    world.base.change(SALE, key, {"Комментарий": "правка"})
    world.server.faults.add("drop_before", path="NotifyChangesReceived")
    world.sync(status="failed")
    assert pending(world) >= 1
    world.server.faults.clear()
    world.tick()
    again = world.sync()
    assert line(again, "shipment") == {"read": 1, "unchanged": 1}
    assert pending(world) == 0


def test_physical_deletion_comes_as_a_tombstone(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=40, plan=True)
    world.sync()
    world.sync()
    world.tick()
    key = next(key for key in states(world, "shipment") if world.base.exists(SALE, key))
    world.base.delete(SALE, key)
    assert line(world.sync(), "shipment") == {"read": 1, "deleted": 1}
    assert rows(world, binding, entity="shipment", external_id=key)[0]["deleted"] is True


def fresh(world: World) -> dict[str, datetime]:
    return {row["entity"]: row["fresh_at"] for row in rows(world, cursor) if row["entity"] in ENTITIES}


def test_nothing_is_fresh_before_the_packet_is_applied(build: Callable[..., World]) -> None:
    """SelectChanges is refused: what was left to the packet is as old as it was."""
    world = build(documents=40, plan=True)
    world.sync()
    world.tick()
    world.sync()
    before = fresh(world)
    assert set(before.values()) == {world.clock.now()}
    world.tick()
    world.server.faults.add("error", error="no_licence", path="SelectChanges")
    world.sync(status="failed")
    assert fresh(world) == before
    world.server.faults.clear()
    world.tick()
    world.sync(status=None)
    assert set(fresh(world).values()) == {world.clock.now()}


def test_an_unreadable_packet_is_swept_around(
    build_sqlite: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = build_sqlite(documents=40, plan=True)
    world.sync()
    world.base.random_edits(10, 3)
    plain = changes.pull_changes

    def broken(ctx: RunContext) -> None:
        def refuse(sources: object) -> None:
            raise RecordError("A control character stands in the object X.")

        monkeypatch.setattr(ctx.connector, "fetch_changes", refuse, raising=False)
        plain(ctx)

    monkeypatch.setattr("sync.pull.entities.pull_changes", broken)
    results = []
    for _ in range(3):
        world.tick()
        results.append(world.sync(status="partial"))
    assert_level(world)
    assert any("3 times in a row" in notice for notice in results[-1].notices)


def test_a_packet_larger_than_the_limit_is_swept_around_and_confirmed(build: Callable[..., World]) -> None:
    world = build(documents=150, plan=True, settings="table_bytes = 65536")
    world.sync(status=None)
    world.tick()
    for key in sorted(world.base.keys(SALE)):
        world.base.touch(SALE, key)
    gone = sorted(key for key in states(world, "shipment") if world.base.exists(SALE, key))[0]
    world.base.delete(SALE, gone)
    spoilt = world.sync(status="partial", kind="schedule")
    assert "table_bytes" in spoilt.message
    assert_level(world)
    assert rows(world, binding, entity="shipment", external_id=gone)[0]["deleted"] is True
    assert pending(world) == 0
    world.tick()
    world.sync(kind="schedule")


def test_a_packet_that_takes_too_long_is_swept_around(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=20, plan=True, settings="stream_timeout = 1\nattempts = 1")
    world.sync()
    world.tick()
    world.base.random_edits(10, 3)
    world.server.faults.add("hang", path="SelectChanges")
    spoilt = world.sync(status="partial")
    assert "stream_timeout" in spoilt.message
    assert_level(world)
    world.server.faults.clear()
    world.tick()
    world.sync()
    assert pending(world) == 0


def test_a_large_packet_is_not_confirmed_while_the_guard_holds(build_sqlite: Callable[..., World]) -> None:
    limits = "table_bytes = 65536\ndeletion_guard_records = 0\ndeletion_guard_share = 0.0"
    world = build_sqlite(documents=150, plan=True, settings=limits)
    world.sync(status=None)
    world.tick()
    for key in sorted(world.base.keys(SALE)):
        world.base.touch(SALE, key)
    world.base.delete(SALE, sorted(key for key in states(world, "shipment") if world.base.exists(SALE, key))[0])
    world.sync(status="partial", kind="schedule")
    assert pending(world) > 0
