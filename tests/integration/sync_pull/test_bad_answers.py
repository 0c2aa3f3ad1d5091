"""Scenario 5: whatever the other side answers, nothing is wiped, the run says what it met, the next run heals."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from store.tables import binding, connection
from sync.room.breaker import pause_reason, resume_connection
from tests.integration.sync_pull.world import World, assert_balances, assert_level, line, mirrored, rows

SETS = "(Document_|Catalog_)"
ANY = {"path": SETS}
FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "empty list everywhere": ("empty", ANY),
    "empty list of shipments": ("empty", {"path": "Document_РеализацияТоваровУслуг"}),
    "login page": ("login_page", ANY),
    "half a JSON": ("half_json", ANY),
    "cut answer": ("cut", ANY),
    "gzip that is none": ("gzip_lie", ANY),
    "maintenance": ("error", {"error": "maintenance"}),
    "no licence": ("error", {"error": "no_licence"}),
    "business refusal": ("error", {"error": "refused", "path": "Document_СчетНаОплатуПокупателю"}),
    "pool exhausted": ("error", {"error": "pool"}),
    "too many requests": ("error", {"error": "too_many"}),
    "crash page": ("error", {"error": "crash", "path": "Document_"}),
    "never answers": ("hang", {"path": "Document_СчетНаОплатуПокупателю"}),
    "connection dropped": ("drop_after", ANY),
}


@pytest.fixture
def world(build_sqlite: Callable[..., World]) -> World:
    made = build_sqlite(
        documents=60, settings="read_timeout = 4\nattempts = 2\nretry_seconds = 1\ndeletion_guard_records = 5"
    )
    made.sync()
    return made


@pytest.mark.parametrize("name", FAULTS)
def test_nothing_is_wiped_and_the_next_run_heals(world: World, name: str) -> None:
    action, how = FAULTS[name]
    before = {entity: mirrored(world, entity) for entity in ("order", "shipment", "payment")}
    world.base.random_edits(5, 4)
    world.tick()
    world.server.faults.add(action, **how)
    spoilt = world.sync(status=None)
    assert spoilt.status in ("failed", "partial"), spoilt.message
    assert spoilt.message
    after = {entity: mirrored(world, entity) for entity in before}
    for entity, kept in before.items():
        gone = [key for key in kept if key not in after[entity]]
        assert all(not world.base.exists(source, key) for key in gone for source in _sets(world, entity)), gone
        blanked = [key for key in kept if key in after[entity] and after[entity][key][2] == 0 != kept[key][2]]
        assert blanked == []
    world.server.faults.clear()
    world.tick()
    assert world.sync(full=True).status == "ok"
    assert_level(world)
    assert_balances(world)


def _sets(world: World, entity: str) -> list[str]:
    with world.engine.connect() as conn:
        query = binding.select().where(binding.c.entity == entity)
        return sorted({row.source for row in conn.execute(query)} - {""})


@pytest.mark.parametrize(
    ("action", "field", "value"),
    [
        ("field_gone", "СуммаДокумента", ""),
        ("field_gone", "Контрагент_Key", ""),
        ("field_retyped", "СуммаДокумента", '"много"'),
        ("field_retyped", "Date", "17"),
    ],
)
def test_a_field_gone_or_retyped_pauses_the_entity(world: World, action: str, field: str, value: str) -> None:
    sale = "Document_РеализацияТоваровУслуг"
    before = mirrored(world, "shipment")
    for key in world.base.keys(sale):
        world.base.touch(sale, key)
    world.tick()
    world.server.faults.add(action, field=field, value=value, path=sale)
    spoilt = world.sync(status="partial")
    assert mirrored(world, "shipment") == before
    assert "shipments is paused" in spoilt.message
    assert list(rows(world, connection)[0]["paused_entities"]) == ["shipment"]
    assert line(spoilt, "payment")["read"] == 0
    world.server.faults.clear()
    world.tick()
    world.sync()
    assert rows(world, connection)[0]["paused_entities"] is None
    assert_level(world)


def test_a_field_that_is_declared_no_more_is_noticed_while_nothing_changes(world: World) -> None:
    world.base.schema.hide_field("Document_РеализацияТоваровУслуг", "СуммаДокумента")
    world.tick()
    spoilt = world.sync(status="partial")
    assert "СуммаДокумента" in rows(world, connection)[0]["paused_entities"]["shipment"]
    assert "shipments is paused" in spoilt.message


def test_an_unpublished_set_is_a_notice_and_one_that_vanishes_is_drift(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=20, unpublished={"Catalog_КонтактныеЛица"})
    result = world.sync()
    assert any("Catalog_КонтактныеЛица" in notice for notice in result.notices)


def test_wrong_password_pauses_the_connection_until_a_person_succeeds(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=12)
    world.server.options.password = "another"
    assert world.sync(status="failed").message
    assert rows(world, connection)[0]["paused_reason"]
    world.server.options.password = "secret"
    world.sync()
    assert rows(world, connection)[0]["paused_reason"] is None


def test_a_pause_ends_when_somebody_has_mended_it(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=12)
    world.server.options.password = "another"
    spoilt = world.sync(status="failed")
    assert [one.status for one in spoilt.lines if one.status != "ok"] == ["failed"]
    with world.engine.connect() as conn:
        assert pause_reason(conn, "accounting", world.clock.now())
        assert pause_reason(conn, "accounting", world.clock.now() + timedelta(hours=1)) is None
    world.server.options.password = "secret"
    assert resume_connection(world.app, "accounting")
    assert not resume_connection(world.app, "accounting")
    with world.engine.connect() as conn:
        assert pause_reason(conn, "accounting", world.clock.now()) is None
