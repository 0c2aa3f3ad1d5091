"""The deletion guard: absence is not deletion, and never too many at once (design §5-7)."""

from collections.abc import Callable

from store.tables import binding
from tests.integration.sync_pull.world import World, assert_level, line, mirrored, rows, states

SALE = "Document_РеализацияТоваровУслуг"


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
