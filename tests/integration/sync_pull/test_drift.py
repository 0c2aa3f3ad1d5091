"""Drift met anywhere pauses the entity concerned; the others, the balances and the push go on."""

from collections.abc import Callable

from sqlalchemy import update

from store.tables import connection, dead_letter, parked
from tests.integration.sync_pull.world import World, line, rows, states

ORDER, SALE, PARTIES = "Document_СчетНаОплатуПокупателю", "Document_РеализацияТоваровУслуг", "Catalog_Контрагенты"


def paused(world: World) -> list[str]:
    return sorted(rows(world, connection)[0]["paused_entities"] or {})


def lose(world: World, name: str, field: str) -> None:
    """The field is gone from the records; the keys are listed as ever."""
    world.server.faults.add("field_gone", field=field, path=name + r"(?!.*select=Ref_Key,DataVersion)")


def test_an_open_letter_meets_drift(build: Callable[..., World]) -> None:
    """Nothing but the letter is read of shipments in this run; balances and whatever follows them still are."""
    world = build(documents=40)
    world.sync(kind="schedule")
    bad = sorted(key for key in states(world, "shipment") if world.base.exists(SALE, key))[0]
    amount = world.base.get(SALE, bad)["СуммаДокумента"]
    world.base.change(SALE, bad, {"СуммаДокумента": 10**15}, repost=False)
    world.tick(60)
    world.sync(status="partial", kind="schedule")
    with world.engine.begin() as conn:
        conn.execute(update(dead_letter).values(next_attempt_at=world.clock.now()))
    lose(world, SALE, "СуммаДокумента")
    world.tick(60)
    spoilt = world.sync(status="partial", kind="schedule")
    assert paused(world) == ["shipment"] and "shipments is paused" in spoilt.message
    assert line(spoilt, "balance")["read"] > 0
    world.server.faults.clear()
    world.base.change(SALE, bad, {"СуммаДокумента": amount}, repost=False)
    world.tick()
    world.sync()
    assert paused(world) == []
    assert {row["state"] for row in rows(world, dead_letter)} == {"resolved"}


def test_drift_of_a_referenced_counterparty_pauses_the_counterparty(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=40)
    world.sync()
    party = world.base.create(PARTIES, {"Description": "ООО Новый", "ИНН": "7707083893"})
    key = next(key for key in states(world, "order") if world.base.exists(ORDER, key))
    world.base.change(ORDER, key, {"Контрагент_Key": party}, repost=False)
    lose(world, PARTIES, "Description")
    world.tick()
    spoilt = world.sync(entity="order", status="partial")
    assert paused(world) == ["counterparty"]
    assert line(spoilt, "order") == {"read": 1, "parked": 1}
    assert rows(world, parked)[0]["needs_id"] == party
    world.server.faults.clear()
    world.tick()
    world.sync()
    assert paused(world) == [] and rows(world, parked) == []
