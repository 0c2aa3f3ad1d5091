"""A dry run writes nothing at all and shows what would change, field by field."""

from collections.abc import Callable

from tests.integration.sync_pull.world import World, dump, line, states

PARTIES, SALE = "Catalog_Контрагенты", "Document_РеализацияТоваровУслуг"


def test_on_an_empty_store(build: Callable[..., World]) -> None:
    world = build(documents=30)
    before = dump(world.engine, set())
    result = world.sync(dry_run=True)
    assert dump(world.engine, set()) == before
    assert line(result, "order")["created"] > 0
    assert result.changes[0]["action"] == "created"


def test_shows_fields_before_and_after(build: Callable[..., World]) -> None:
    world = build(documents=30)
    world.sync()
    key = next(iter(states(world, "counterparty")))
    name = world.base.get(PARTIES, key)["Description"]
    world.base.change(PARTIES, key, {"Description": "ООО Новое имя"})
    world.tick()
    before = dump(world.engine, set())
    result = world.sync(dry_run=True)
    assert dump(world.engine, set()) == before
    change = next(one for one in result.changes if one["external_id"] == key)
    assert (change["action"], change["entity"]) == ("updated", "counterparty")
    assert change["fields"]["name"] == (str(name).strip(), "ООО Новое имя")
    assert line(world.sync(), "counterparty") == {"read": 1, "updated": 1}


def test_shows_who_is_gone(build: Callable[..., World]) -> None:
    world = build(documents=40)
    world.sync()
    gone = sorted(key for key in states(world, "shipment") if world.base.exists(SALE, key))[:2]
    for key in gone:
        world.base.delete(SALE, key)
    world.tick()
    before = dump(world.engine, set())
    result = world.sync(dry_run=True)
    assert dump(world.engine, set()) == before
    assert line(result, "shipment") == {"read": 2, "deleted": 2}
    assert sorted(one["external_id"] for one in result.changes if one["action"] == "deleted") == gone
    assert line(world.sync(), "shipment") == {"read": 2, "deleted": 2}
