"""First load, sweeps and quiet cycles: the store equals the truth, and nothing is written without need."""

from collections.abc import Callable
from datetime import timedelta

from store.entities import balances, entity_tables
from store.tables import binding, cursor, landing, run, run_counter
from tests.integration.sync_pull.world import (
    World,
    assert_balances,
    assert_level,
    dump,
    line,
    line_sums,
    rows,
    states,
)

SALE = "Document_РеализацияТоваровУслуг"
PARTIES = "Catalog_Контрагенты"


def test_first_load_equals_the_truth(build: Callable[..., World]) -> None:
    world = build(documents=120)
    result = world.sync()
    assert_level(world)
    assert_balances(world)
    assert line(result, "shipment")["created"] == len(rows(world, entity_tables["shipment"]))
    assert rows(world, run)[0]["status"] == "ok"
    assert sum(row["read"] for row in rows(world, run_counter)) == sum(one.read for one in result.lines)
    assert {row["external_id"] for row in rows(world, landing, entity="order")} == {
        row["external_id"] for row in rows(world, binding, entity="order", state="bound")
    } | {row["external_id"] for row in rows(world, binding, entity="order", state="deleted")}


def test_lines_come_with_their_document(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=60)
    world.sync()
    sums = line_sums(world, "shipment", "lines")
    posted = [row for row in rows(world, entity_tables["shipment"]) if row["posted"] and row["amount"]]
    assert posted
    assert all(sums.get(row["id"], 0) > 0 for row in posted)


def test_a_quiet_cycle_writes_nothing_but_its_own_run(build: Callable[..., World]) -> None:
    world = build(documents=60)
    world.sync()
    world.tick()
    before = dump(world.engine)
    result = world.sync()
    assert dump(world.engine) == before
    assert all(one.read == 0 for one in result.lines if one.entity != "balance")
    assert len(rows(world, run)) == 2


def test_references_are_resolved(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=60)
    world.sync()
    shipments = rows(world, entity_tables["shipment"])
    assert all(row["counterparty_id"] and row["organisation_id"] and row["currency_id"] for row in shipments)
    assert all(row["parent_id"] is None or row["unresolved"] is None for row in rows(world, entity_tables["group"]))
    assert not any(row["relink"] for row in (one["state"] for one in rows(world, cursor) if "relink" in one["state"]))


def test_edits_arrive_back_dated_and_in_closed_months_too(build: Callable[..., World]) -> None:
    world = build(documents=80)
    world.sync()
    for seed in range(3):
        world.tick()
        world.base.random_edits(25, seed)
        world.sync()
        assert_level(world)
        assert_balances(world)


def test_same_content_under_a_new_version_is_unchanged(build: Callable[..., World]) -> None:
    world = build(documents=40)
    world.sync()
    world.tick()
    before = dump(world.engine)
    key = next(key for key, state in states(world, "shipment").items() if state == "bound")
    world.base.touch(SALE, key) if world.base.exists(SALE, key) else None
    result = world.sync()
    assert line(result, "shipment") == {"read": 1, "unchanged": 1}
    after = dump(world.engine)
    assert {name for name in after if after[name] != before[name]} == {"binding"}
    assert len(set(after["binding"]) - set(before["binding"])) == 1


def test_deletion_mark_and_physical_deletion_are_marks(build: Callable[..., World]) -> None:
    world = build(documents=60)
    world.sync()
    first, second = sorted(key for key in states(world, "shipment") if world.base.exists(SALE, key))[:2]
    world.base.mark(SALE, first)
    world.base.delete(SALE, second)
    world.tick()
    result = world.sync()
    assert line(result, "shipment") == {"read": 2, "deleted": 2}
    gone = {row["external_id"]: row for row in rows(world, binding, entity="shipment", state="deleted")}
    assert gone[first]["deleted"] is False and gone[second]["deleted"] is True
    kept = {row["id"]: row for row in rows(world, entity_tables["shipment"])}
    assert kept[gone[first]["entity_id"]]["deleted"] and kept[gone[second]["entity_id"]]["deleted"]
    world.base.mark(SALE, first, False)
    world.tick()
    assert line(world.sync(), "shipment") == {"read": 1, "updated": 1}
    assert_level(world)


def test_documents_before_since_are_left_alone(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=80, since="2025-01-01")
    result = world.sync()
    assert_level(world)
    assert all(row["date"].year >= 2025 for row in rows(world, entity_tables["shipment"]))
    assert result.notices == [] or all("broken" not in notice for notice in result.notices)


def test_one_entity_by_order(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=40)
    result = world.sync(entity="currency")
    assert {one.entity for one in result.lines} == {"currency"}
    assert rows(world, balances) == []


def test_interval_of_an_entity_counts_for_the_schedule_only(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=20, settings='intervals = { products = "1h" }')
    world.sync(kind="schedule")
    world.tick(600)
    assert "product" not in {one.entity for one in world.sync(kind="schedule").lines}
    assert "product" in {one.entity for one in world.sync(kind="order").lines}
    world.tick(timedelta(hours=2).total_seconds())
    assert "product" in {one.entity for one in world.sync(kind="schedule").lines}
