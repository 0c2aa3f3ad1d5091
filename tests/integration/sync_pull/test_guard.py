"""The deletion guard: absence is not deletion, and never too many at once (design §5-7)."""

from collections.abc import Callable
from datetime import datetime

from store.tables import binding
from tests.integration.sync_pull.world import World, assert_level, line, mirrored, rows, states

SALE, PAYMENT = "Document_РеализацияТоваровУслуг", "Document_ПоступлениеНаРасчетныйСчет"


def test_more_than_the_guard_allows_deletes_nobody(build: Callable[..., World]) -> None:
    world = build(documents=80, settings="deletion_guard_records = 3\ndeletion_guard_share = 0.05")
    world.sync()
    before = mirrored(world, "shipment")
    gone = [key for key in states(world, "shipment") if world.base.exists(SALE, key)][:10]
    for key in gone:
        world.base.delete(SALE, key)
    world.tick()
    held = world.sync(status="partial")
    assert "nothing was deleted" in held.message and "shipments" in held.message
    assert mirrored(world, "shipment") == before
    assert rows(world, binding, deleted=True) == []
    chosen = world.settings.connections["accounting"].model_copy(update={"deletion_guard_records": 50})
    world.settings = world.settings.model_copy(update={"connections": {"accounting": chosen}})
    world.tick()
    assert line(world.sync(full=True), "shipment") == {"read": 10, "deleted": 10}
    assert_level(world)


def test_a_cycle_that_begins_in_the_second_of_many_documents_misses_none(build: Callable[..., World]) -> None:
    """Accounting counts in whole seconds, and statements of a bank are dated midnight: so are cycles, now and then."""
    settings = "deletion_guard_records = 3\ndeletion_guard_share = 0.05"
    world = build(documents=60, settings=settings, start=datetime.fromisoformat("2026-01-15T20:55:00.300000+00:00"))
    payments = sorted(str(row["Ref_Key"]) for row in world.base.truth_documents(PAYMENT))[:6]
    for key in payments:
        world.base.change(PAYMENT, key, {"Date": "2025-12-02T00:00:00"})  # 45 days before the next cycle, to the second
    world.sync(kind="schedule")
    world.tick()
    asked = len(world.server.requests)
    assert line(world.sync(kind="schedule"), "payment") == {"read": 0}
    told = [f"{entry.path}?{entry.query}" for entry in world.server.requests[asked:]]
    assert not any(key in text for key in payments for text in told)


def test_an_empty_list_deletes_nobody_without_the_other_sides_word(build_sqlite: Callable[..., World]) -> None:
    """Below the guard's number everybody is asked for directly, and answers."""
    world = build_sqlite(documents=40)
    world.sync()
    before = mirrored(world, "shipment")
    world.server.faults.add("empty", path=SALE + r"\?")
    world.tick()
    world.sync(status=None)
    assert mirrored(world, "shipment") == before
    world.server.faults.clear()
    world.tick()
    world.sync()
    assert rows(world, binding, deleted=True) == []
    assert [row for row in rows(world, binding) if row["missing_since"]] == []
