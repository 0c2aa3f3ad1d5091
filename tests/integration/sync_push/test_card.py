"""What a card is made of: references, lookups, keys that clash; and what happens when accounting does not let us."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import insert, update

from core.ids import new_id
from sandbox.onec.schema import CURRENCIES, PARTIES
from store.entities import counterparties, entity_tables
from store.tables import binding, intent
from sync import letters
from sync.context import Order
from sync.push import reviews
from sync.reconcile.repair import repair_lines
from sync.reconcile.result import Line
from tests.integration.sync_push.world import INN, OTHER_INN, World, party

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql(
    "test_our_key_is_taken_already",
    "test_a_card_that_we_wrote_can_be_repaired",
)

USERS = "Catalog_Пользователи"
KINDS = "Catalog_ВидыКонтактнойИнформации"


def give_manager(world: World, contact: dict[str, Any], key: str | None) -> None:
    """The contact's manager is a user of accounting, or somebody whom accounting does not know."""
    manager, now = new_id(), world.clock.now()
    entity_id = world.row(contact["id"])["id"]
    with world.app.engine.begin() as conn:
        row = {"id": manager, "name": "Анна", "deleted": False, "created_at": now, "updated_at": now}
        conn.execute(insert(entity_tables["manager"]).values(row))
        conn.execute(update(counterparties).where(counterparties.c.id == entity_id).values(manager_id=manager))
        if key is not None:
            bound = {"connection": "accounting", "entity": "manager", "external_id": key, "entity_id": manager}
            conn.execute(insert(binding).values(bound | {"source": USERS}))


def test_the_manager_goes_along(world: World) -> None:
    key = world.base.keys(USERS)[0]
    give_manager(world, world.add(tax_id=INN), key)
    assert world.push() == {"created": 1}
    assert world.cards()[0]["Ответственный_Key"] == key


def test_a_manager_unknown_to_accounting_is_left_out_and_said(world: World) -> None:
    give_manager(world, world.add(tax_id=INN), None)
    assert world.push() == {"created": 1}
    assert any("manager" in notice and "left out" in notice for notice in world.notices)


def test_contact_rows_point_to_their_kinds(world: World) -> None:
    world.add(tax_id=INN, phones=["+74951234567", "+79161234567"], emails=["info@romashka.ru"])
    world.push()
    rows = world.cards()[0]["КонтактнаяИнформация"]
    kinds = [world.base.get(KINDS, row["Вид_Key"])["PredefinedDataName"] for row in rows]
    assert kinds == ["ТелефонКонтрагента", "ТелефонКонтрагента", "EmailКонтрагенты"]
    assert [int(row["LineNumber"]) for row in rows] == [1, 2, 3]


def test_a_kind_that_is_not_there_is_left_out_and_said(world: World) -> None:
    for key in world.base.keys(KINDS):
        world.base.mark(KINDS, key)
    world.add(tax_id=INN, phones=["+74951234567"])
    assert world.push() == {"created": 1}
    assert any(KINDS in notice for notice in world.notices)


def test_what_the_card_cannot_do_without_is_a_letter(world: World) -> None:
    roubles = [key for key in world.base.keys(CURRENCIES) if world.base.get(CURRENCIES, key)["Code"] == "643"]
    world.base.mark(CURRENCIES, roubles[0])
    world.add(tax_id=INN)
    assert world.push() == {"dead": 1}
    (letter,) = letters.list_letters(world.app)
    assert CURRENCIES in letter["reason"]
    world.base.mark(CURRENCIES, roubles[0], False)
    letters.retry_letters(world.app)
    assert world.push() == {"created": 1}
    assert len(world.cards()) == 1


def test_lookups_are_asked_once_a_run(world: World) -> None:
    world.add(tax_id=INN)
    world.add("ООО Лютик", tax_id=OTHER_INN)
    assert world.push() == {"created": 2}
    assert sum(item.path.endswith(CURRENCIES) for item in world.server.requests) == 1


def test_no_right_to_write_stops_the_writing_and_not_the_run(world: World) -> None:
    world.server.faults.add("error", error="unauthorized", method="POST")
    contact = world.add(tax_id=INN)
    world.add("ООО Лютик", tax_id=OTHER_INN)
    assert world.push() == {}
    assert len(world.writes()) == 1
    assert world.contexts[-1].partial
    assert world.state_of(contact)[0] == "due"
    world.server.faults.clear()
    assert world.push() == {"created": 2}


def test_our_key_is_taken_already(world: World) -> None:
    """Another worker's request was carried out late: the key clashes, and the object is ours."""
    world.add(tax_id=INN)
    (row,) = world.intents()
    marker = f"[sverka:{row['entity_id']}]"

    def late(ctx_point: str) -> None:
        if ctx_point == "send.before" and not world.cards():
            world.base.create(PARTIES, {"Ref_Key": row["client_key"], "ИНН": INN, "Комментарий": marker})

    assert world.push(fault=late) == {"created": 1}
    assert len(world.cards()) == 1


def test_two_objects_of_ours_are_shown_to_a_person(world: World) -> None:
    world.base.ignores_ref_key = True
    world.add(tax_id=INN)
    (row,) = world.intents()
    marker = f"[sverka:{row['entity_id']}]"
    step = {"set": PARTIES, "role": "counterparty", "body": {}, "key": row["client_key"], "state": "sending"}
    with world.app.engine.begin() as conn:
        values = {"state": "uncertain", "steps": [step | {"external_id": None, "sent": 1}]}
        conn.execute(update(intent).values(values))
    keys = [world.base.create(PARTIES, {"ИНН": INN, "Комментарий": marker}) for _ in range(2)]
    assert world.push(order=Order(kind="order")) == {"review": 1}
    (review,) = reviews.list_reviews(world.app)
    assert all(key in review["reason"] for key in keys)
    reviews.link_review(world.app, review["number"], keys[0])
    assert world.push() == {"linked": 1}


def test_the_mapping_may_leave_nothing_to_send(world: World) -> None:
    outbound = world.mapping.outbound["counterparty"]
    world.mapping.outbound = {"counterparty": replace(outbound, programs=[])}
    world.add(tax_id=INN)
    assert world.push() == {"dead": 1}
    (letter,) = letters.list_letters(world.app)
    assert "mapping" in letter["reason"]


def damage_and_repair(world: World, key: str) -> dict[str, Any]:
    """What we hold of a card is spoilt behind our back; the row after a repair."""
    entity_id = world.bound(key)["entity_id"]
    with world.app.engine.begin() as conn:
        conn.execute(update(counterparties).where(counterparties.c.id == entity_id).values(legal_name="spoilt"))
    assert world.pull(key) == {"filtered": 1}, "our own write coming back is dropped"
    ctx = world.context()
    repair_lines(ctx, [Line("differs", "counterparty", None, source=PARTIES, external_id=key)])
    ctx.connector.close()
    assert dict(ctx.count("counterparty").counts) == {"updated": 1}
    return world.row(entity_id)


def test_a_card_that_we_wrote_can_be_repaired(world: World) -> None:
    world.add(tax_id=INN)
    assert world.push() == {"created": 1}
    (card,) = world.cards()
    row = damage_and_repair(world, str(card["Ref_Key"]))
    assert (row["legal_name"], row["home"]) == (card["НаименованиеПолное"], "crm")
    assert world.pull(str(card["Ref_Key"])) == {"filtered": 1}


def test_a_card_that_we_linked_can_be_repaired(world: World) -> None:
    key = world.base.create(PARTIES, party())
    world.add(tax_id=INN)
    assert world.push() == {"linked": 1}
    assert damage_and_repair(world, key)["legal_name"] == "ООО Ромашка"
