"""A published version carried over to what is here: exactly as previewed, exactly taken back, nothing asked of 1C."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from store import versions
from store.entities import counterparties
from store.tables import binding, connection, dead_letter, landing, reapply
from sync.context import Order
from sync.mappings import reapply as machine
from sync.mappings.ordering import order_reapply
from sync.mappings.remap import remap_landed
from sync.room import dispatch
from tests.integration.sync_mappings.changing import (
    carry_over,
    draft,
    last_order,
    look,
    publish,
    requests_of,
    run_slice,
    tables_of,
)
from tests.integration.sync_pull.world import World, assert_level, dump, line, rows

FILTERING = """
extends = "bp30"
[entities.order]
when = "number(СуммаДокумента) > 100000"
[entities.shipment.fields]
amount = { formula = "left(Number, 3)" }
"""


def test_it_does_exactly_what_the_preview_says_and_rollback_gives_the_former_state(
    build: Callable[..., World],
) -> None:
    world = build(documents=60)
    world.sync()
    before, asked = tables_of(world), requests_of(world)
    mapping = draft()
    promised = look(world, mapping)
    assert promised.counts["counterparty"]["fields"]["name"] > 0
    assert promised.counts["counterparty"]["fields"]["industry"] > 0
    assert promised.counts["order"]["fields"]["manager"] > 0
    assert promised.counts["shipment"]["fields"]["lines"] > 0

    publish(world, mapping)
    done = carry_over(world)
    assert done == promised.counts
    after = tables_of(world)
    assert after != before
    with world.engine.connect() as conn:
        carried = set(conn.execute(select(binding.c.mapping_version).where(binding.c.state == "bound")).scalars())
    assert carried == {mapping.version}

    publish(world, draft('extends = "bp30"'))
    again = carry_over(world)
    assert tables_of(world) == before
    assert again["counterparty"]["fields"]["industry"] == done["counterparty"]["fields"]["industry"]
    assert requests_of(world) == asked


def test_nothing_changes_where_the_same_mapping_is_applied_again(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=30)
    world.sync()
    before = dump(world.engine, {"reapply", "run", "run_counter", "lease", "audit", "connection"})
    counts = carry_over(world)
    assert all(line["fields"] == {} for line in counts.values())
    assert sum(line["read"] for line in counts.values()) == sum(line.get("unchanged", 0) for line in counts.values())
    assert dump(world.engine, {"reapply", "run", "run_counter", "lease", "audit", "connection"}) == before


def test_records_left_out_and_unreadable_and_back_again(build: Callable[..., World]) -> None:
    world = build(documents=60)
    world.sync()
    before = tables_of(world)
    mapping = draft(FILTERING)
    promised = look(world, mapping)
    publish(world, mapping)
    done = carry_over(world)
    assert done == promised.counts
    assert done["order"]["filtered"] > 0
    assert done["shipment"]["dead"] == len(rows(world, dead_letter, state="open")) > 0
    assert sum(promised.reasons["shipment"].values()) == done["shipment"]["dead"]

    back = draft('extends = "bp30"')
    promised = look(world, back)
    publish(world, back)
    done = carry_over(world)
    assert done == promised.counts
    assert done["order"]["unfiltered"] > 0
    assert done["shipment"]["healed"] > 0
    assert rows(world, dead_letter, state="open") == []
    assert tables_of(world) == before


def test_what_was_left_out_from_the_start_comes_in(build: Callable[..., World]) -> None:
    world = build(documents=60)
    narrow, wide = draft('extends = "bp30"\n[entities.order]\nwhen = "Posted and 1 == 2"'), draft('extends = "bp30"')
    versions.ensure_published(world.engine, "bp30", narrow.text, "Анна", version=narrow.version)
    world.sync()
    assert rows(world, binding, entity="order", state="bound") == []
    promised = look(world, wide)
    asked = requests_of(world)
    publish(world, wide)
    assert carry_over(world) == promised.counts
    assert promised.counts["order"]["unfiltered"] > 0
    assert requests_of(world) == asked
    world.sync()
    assert_level(world)


def test_a_record_that_has_changed_meanwhile_is_the_newer_one(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=30)
    world.sync()
    publish(world, draft())
    order_reapply(world.app, "accounting", "Анна")
    key = rows(world, landing, entity="counterparty")[0]["external_id"]
    world.base.change("Catalog_Контрагенты", key, {"Description": "Новое имя"})
    world.tick()
    world.sync()
    while last_order(world)["state"] in ("due", "running"):
        run_slice(world)
    bound = rows(world, binding, entity="counterparty", external_id=key)[0]
    assert rows(world, counterparties, id=bound["entity_id"])[0]["name"] == "НОВОЕ ИМЯ"


def test_a_newer_fetch_is_never_overwritten_by_what_was_received_before(build_sqlite: Callable[..., World]) -> None:
    """Gone at the other side, waiting, or not bound at all: left alone, and counted."""
    world = build_sqlite(documents=30)
    world.sync()
    keys = [row["external_id"] for row in rows(world, landing, entity="counterparty")][:3]
    with world.engine.begin() as conn:
        of = binding.c.entity == "counterparty"
        conn.execute(update(binding).where(of, binding.c.external_id == keys[0]).values(deleted=True, state="deleted"))
        conn.execute(update(binding).where(of, binding.c.external_id == keys[1]).values(state="parked"))
        conn.execute(delete(binding).where(of, binding.c.external_id == keys[2]))
    untouched = {key: rows(world, binding, entity="counterparty", external_id=key) for key in keys}
    publish(world, draft())
    assert carry_over(world)["counterparty"]["skipped"] == 3
    assert {key: rows(world, binding, entity="counterparty", external_id=key) for key in keys} == untouched


def test_it_goes_on_where_it_was_killed(build: Callable[..., World], monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that dies between two pages leaves each page once; the counters are those of an undisturbed one."""
    world = build(documents=60)
    world.sync()
    mapping = draft()
    promised = look(world, mapping)
    publish(world, mapping)
    monkeypatch.setattr(machine, "AT_ONCE", 7)
    monkeypatch.setattr(machine, "SLICE", 0.0)
    order_reapply(world.app, "accounting", "Анна")
    calls = 0

    def dies(*args: object) -> object:
        nonlocal calls
        calls += 1
        if calls % 3 == 0:
            raise KeyboardInterrupt
        return remap_landed(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(machine, "remap_landed", dies)
    for _ in range(500):
        try:
            run_slice(world)
        except KeyboardInterrupt:
            world.tick(60)
        if last_order(world)["state"] == "done":
            break
    assert last_order(world)["counters"] == promised.counts
    assert calls > 10


def test_the_service_finds_it_and_cycles_come_in_between(
    build_sqlite: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = build_sqlite(documents=30)
    world.sync()
    monkeypatch.setattr(machine, "AT_ONCE", 5)
    monkeypatch.setattr(machine, "SLICE", 0.0)
    publish(world, draft())
    order_reapply(world.app, "accounting", "Анна")
    cycles = []
    for _ in range(400):
        for item in dispatch.tick(world.app):
            result = dispatch.run_work(world.app, item.to_message())
            assert result is not None
            if item.kind == "slot":
                cycles.append(result.status)
        world.tick(100)
        if last_order(world)["state"] == "done":
            break
    assert last_order(world)["state"] == "done"
    assert len(cycles) >= 2
    assert set(cycles) == {"ok"}


def test_a_newer_version_and_a_newer_order_supersede(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=12)
    world.sync()
    publish(world, draft())
    first = order_reapply(world.app, "accounting", "Анна")
    assert order_reapply(world.app, "accounting", "Борис") == first, "it is on its way already"
    publish(world, draft('extends = "bp30"'))
    run_slice(world)
    row = last_order(world)
    assert (row["state"], row["reason"]) == ("superseded", "Another version has been published since.")
    second = order_reapply(world.app, "accounting", "Анна")
    publish(world, draft())
    third = order_reapply(world.app, "accounting", "Анна")
    states = {row["id"]: row["state"] for row in rows(world, reapply)}
    assert states == {first: "superseded", second: "superseded", third: "due"}


def test_a_reapply_says_nothing_of_the_other_side(build_sqlite: Callable[..., World]) -> None:
    """With 1C away it goes on all the same, and freshness does not move."""
    world = build_sqlite(documents=12)
    world.sync()
    fresh = rows(world, reapply)
    publish(world, draft())
    world.server.faults.add("drop_before")
    order_reapply(world.app, "accounting", "Анна")
    assert run_slice(world).status == "ok"
    assert fresh == []
    assert Order(kind="reapply").remap


def test_it_goes_on_while_the_other_side_is_known_to_be_away(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=12)
    world.sync()
    publish(world, draft())
    later = world.clock.now() + timedelta(minutes=30)
    with world.engine.begin() as conn:
        conn.execute(update(connection).values(breaker="open", breaker_until=later))
    order_reapply(world.app, "accounting", "Анна")
    asked = requests_of(world)
    found = dispatch.tick(world.app)
    assert [item.kind for item in found] == ["due"]
    result = dispatch.run_work(world.app, found[0].to_message())
    assert result is not None
    assert result.status == "ok"
    assert last_order(world)["state"] == "done"
    assert requests_of(world) == asked
    assert rows(world, connection)[0]["breaker"] == "open"


def test_a_change_that_the_mapping_does_not_read_is_kept_for_a_later_one(build_sqlite: Callable[..., World]) -> None:
    """The record counts as unchanged, and what was received is renewed all the same."""
    world = build_sqlite(documents=12)
    narrow = draft('extends = "bp30"\n[entities.counterparty.fields]\ncomment = false')
    versions.ensure_published(world.engine, "bp30", narrow.text, "Анна", version=narrow.version)
    world.sync()
    key = rows(world, landing, entity="counterparty")[0]["external_id"]
    world.base.change("Catalog_Контрагенты", key, {"Комментарий": "звонить после обеда"})
    before = tables_of(world)
    world.tick()
    result = world.sync()
    assert line(result, "counterparty") == {"read": 1, "unchanged": 1}
    assert tables_of(world) == before
    publish(world, draft('extends = "bp30"'))
    asked = requests_of(world)
    assert carry_over(world)["counterparty"]["fields"] == {"comment": 1}
    assert requests_of(world) == asked
    bound = rows(world, binding, entity="counterparty", external_id=key)[0]
    assert rows(world, counterparties, id=bound["entity_id"])[0]["comment"] == "звонить после обеда"
