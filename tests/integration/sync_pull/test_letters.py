"""Scenarios 6 and 7: poison stays apart and heals by itself; what came too early waits and is then applied."""

from collections.abc import Callable

import pytest

from core.errors import UsageError
from store.entities import entity_tables
from store.tables import audit, binding, dead_letter, parked
from sync import letters
from tests.integration.sync_pull.world import World, assert_level, line, rows, states

SALE = "Document_РеализацияТоваровУслуг"
ABSURD = 10**15
PARTIES = "Catalog_Контрагенты"


def poison(world: World, keys: list[str]) -> None:
    for key in keys:
        world.base.change(SALE, key, {"СуммаДокумента": ABSURD}, repost=False)


def sales(world: World) -> list[str]:
    return sorted(key for key, state in states(world, "shipment").items() if world.base.exists(SALE, key))


def with_a_letter(build_sqlite: Callable[..., World]) -> tuple[World, str]:
    world = build_sqlite(documents=40)
    world.sync(kind="schedule")
    bad = sales(world)[0]
    poison(world, [bad])
    world.tick(60)
    assert line(world.sync(status="partial", kind="schedule"), "shipment") == {"read": 1, "dead": 1}
    world.tick(60)
    return world, bad


def test_poison_is_isolated_grouped_and_heals(build: Callable[..., World]) -> None:
    world = build(documents=120)
    world.sync()
    keys = [key for key in sales(world) if states(world, "shipment")[key] == "bound"]
    right = {key: world.base.get(SALE, key)["СуммаДокумента"] for key in keys[:3]}
    for key in keys:
        world.base.touch(SALE, key)
    poison(world, keys[:3])
    world.tick()
    result = world.sync(status="partial")
    counted = line(result, "shipment")
    assert counted["dead"] >= 3 and counted["unchanged"] == len(keys) - 3
    found = [one for one in letters.list_letters(world.app) if one["external_id"] in keys[:3]]
    assert len(found) == 3 and len({one["fingerprint"] for one in found}) == 1
    assert "believable" in found[0]["reason"] and found[0]["next_step"]
    assert not any(row["amount"] >= ABSURD for row in rows(world, entity_tables["shipment"]))
    for key, amount in right.items():
        world.base.change(SALE, key, {"СуммаДокумента": amount}, repost=False)
    world.tick()
    world.sync()
    assert {one["state"] for one in rows(world, dead_letter) if one["external_id"] in right} == {"resolved"}
    assert all(states(world, "shipment")[key] == "bound" for key in right)


def test_a_dead_record_is_not_read_again_until_something_changes(build_sqlite: Callable[..., World]) -> None:
    world, bad = with_a_letter(build_sqlite)
    world.base.touch(SALE, bad)
    assert line(world.sync(status="partial", kind="schedule"), "shipment") == {"read": 1, "dead": 1}
    letter = rows(world, dead_letter)[0]
    assert letter["attempts"] == 2 and letter["next_attempt_at"] > world.clock.now()
    world.tick(60)
    assert line(world.sync(kind="schedule"), "shipment")["read"] == 0


def test_letters_are_shown_retried_and_discarded(build_sqlite: Callable[..., World]) -> None:
    world, _ = with_a_letter(build_sqlite)
    number = letters.list_letters(world.app)[0]["number"]
    assert letters.load_letter(world.app, number)["payload"]["raw"].startswith("{")
    assert letters.retry_letters(world.app, number=number) == 1
    world.tick(10)
    world.sync(status="partial", kind="schedule")
    assert letters.load_letter(world.app, number)["attempts"] == 2
    letters.discard_letter(world.app, number, "a test document")
    assert letters.list_letters(world.app) == []
    assert letters.list_letters(world.app, everything=True)[0]["note"] == "a test document"
    assert rows(world, audit, what="dead.discard")
    with pytest.raises(UsageError):
        letters.retry_letters(world.app, number=number)
    with pytest.raises(UsageError):
        letters.load_letter(world.app, 999)


def test_a_document_before_its_counterparty_is_parked_and_wakes(build: Callable[..., World]) -> None:
    """The counterparty is new, and 1C fails exactly when it is asked for by key."""
    world = build(documents=40)
    world.sync()
    party = world.base.create(PARTIES, {"Description": "ООО Позже", "ИНН": "7707083893"})
    order = "Document_СчетНаОплатуПокупателю"
    old = next(key for key in states(world, "order") if world.base.exists(order, key))
    world.tick()
    world.server.faults.add("error", error="internal", path=PARTIES)
    world.base.change(order, old, {"Контрагент_Key": party}, repost=False)
    first = world.sync(entity="order", status="partial")
    assert line(first, "order") == {"read": 1, "parked": 1}
    assert rows(world, parked)[0]["needs_id"] == party
    assert states(world, "order")[old] == "parked"
    world.server.faults.clear()
    world.tick()
    second = world.sync()
    assert line(second, "order") == {"read": 1, "updated": 1}
    assert rows(world, parked) == []
    bound = rows(world, binding, entity="order", external_id=old)[0]
    found = next(row for row in rows(world, entity_tables["order"]) if row["id"] == bound["entity_id"])
    assert found["counterparty_id"] == rows(world, binding, entity="counterparty", external_id=party)[0]["entity_id"]
    assert_level(world)


def test_a_missing_reference_is_fetched_in_the_same_run(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=40)
    result = world.sync(entity="order")
    assert line(result, "counterparty")["created"] > 0
    assert all(row["counterparty_id"] for row in rows(world, entity_tables["order"]))
    world.sync()
    assert_level(world)


def test_a_broken_link_is_applied_with_the_external_id_only(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=40)
    world.sync()
    order = "Document_СчетНаОплатуПокупателю"
    key = next(key for key in states(world, "order") if world.base.exists(order, key))
    ghost = "11111111-2222-3333-4444-555555555555"
    world.base.change(order, key, {"Контрагент_Key": ghost}, repost=False)
    world.tick()
    result = world.sync()
    assert any("broken link" in notice for notice in result.notices)
    bound = rows(world, binding, entity="order", external_id=key)[0]
    row = next(one for one in rows(world, entity_tables["order"]) if one["id"] == bound["entity_id"])
    assert row["unresolved"] == {"counterparty": ghost} and row["counterparty_id"] is None
    asked = len(world.server.requests)
    world.tick()
    world.sync()
    assert not any(ghost in entry.path for entry in world.server.requests[asked:])


def test_a_reference_that_comes_to_life_is_linked(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=40)
    world.sync()
    order = "Document_СчетНаОплатуПокупателю"
    key = next(key for key in states(world, "order") if world.base.exists(order, key))
    ghost = "11111111-2222-3333-4444-555555555555"
    world.base.change(order, key, {"Контрагент_Key": ghost}, repost=False)
    world.tick()
    world.sync()
    world.base.create(PARTIES, {"Ref_Key": ghost, "Description": "ООО Нашлось"})
    world.tick()
    world.sync()
    bound = rows(world, binding, entity="order", external_id=key)[0]
    row = next(one for one in rows(world, entity_tables["order"]) if one["id"] == bound["entity_id"])
    assert row["unresolved"] is None
    assert row["counterparty_id"] == rows(world, binding, entity="counterparty", external_id=ghost)[0]["entity_id"]
