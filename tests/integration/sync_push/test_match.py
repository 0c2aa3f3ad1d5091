"""Scenario 10: who is it? One card with the INN links, none creates, several and mere likeness go to a person."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import insert, select

from core.errors import UsageError
from core.ids import new_id
from sandbox.onec.schema import PARTIES
from store.entities import entity_tables
from sync.push import reviews
from sync.push.contacts import add_contact, list_contacts, set_contact
from tests.integration.sync_push.world import INN, OTHER_INN, PERSON_INN, World, party

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql(
    "test_twice_the_same_inn_goes_to_review_and_nothing_is_created",
    "test_phone_and_similar_name_of_the_mirror_go_to_review",
    "test_a_mirrored_card_and_its_documents_become_the_contacts",
    "test_two_new_contacts_with_one_inn_are_asked_about",
)


def test_one_card_with_the_inn_is_linked_and_nothing_is_overwritten(world: World) -> None:
    key = world.base.create(PARTIES, party(Description="Ромашка, старая", НаименованиеПолное="Общество Ромашка"))
    before = world.base.get(PARTIES, key)
    contact = world.add("ООО Ромашка плюс", tax_id=INN, phones=["+74951234567"])
    assert world.push() == {"linked": 1}
    assert world.base.get(PARTIES, key) == before
    assert world.writes() == []
    row = world.row(contact["id"])
    assert row["name"] == "ООО Ромашка плюс"
    assert row["registration_code"] == "770701001"
    assert world.contact(contact["id"])["external_id"] == key
    assert any("differs: name" in notice for notice in world.notices)


def test_the_inn_in_accounting_may_be_padded(world: World) -> None:
    key = world.base.create(PARTIES, party(ИНН=f"{INN}  "))
    world.mirror(key)
    contact = world.add(tax_id=OTHER_INN)
    set_contact(world.app, contact["id"], tax_id=INN)
    with world.app.engine.begin() as conn:
        conn.execute(entity_tables["counterparty"].update().values(tax_id=INN))
    assert world.push() == {"linked": 1}
    assert world.contact(contact["id"])["external_id"] == key


def test_twice_the_same_inn_goes_to_review_and_nothing_is_created(world: World) -> None:
    keys = {world.base.create(PARTIES, party(Description=name, КПП="")) for name in ("Ромашка 1", "Ромашка 2")}
    contact = world.add(tax_id=INN)
    assert world.push() == {"review": 1}
    assert world.push() == {}
    (review,) = reviews.list_reviews(world.app)
    assert {item["external_id"] for item in review["candidates"]} == keys
    assert all(item["reasons"] for item in review["candidates"])
    assert world.state_of(contact)[0] == "review"
    assert world.writes() == []


def test_folders_and_marked_cards_are_no_candidates_but_are_mentioned(world: World) -> None:
    marked = world.base.create(PARTIES, party(Description="Ромашка, удалённая"))
    world.base.mark(PARTIES, marked)
    world.add(tax_id=INN)
    assert world.push() == {"created": 1}
    assert any("marked for deletion" in notice for notice in world.notices)


@pytest.mark.parametrize(("setting", "outcome"), [("review", "review"), ("create", "created")])
def test_a_branch_goes_to_review_or_gets_a_card_of_its_own(world: World, setting: str, outcome: str) -> None:
    world.base.create(PARTIES, party(КПП="770701001"))
    world.mapping.settings["branches"] = setting
    world.add("ООО Ромашка, филиал", tax_id=INN, registration_code="526043001")
    assert world.push() == {outcome: 1}
    assert len(world.cards()) == (2 if outcome == "created" else 1)


def test_among_branches_the_same_kpp_is_the_customer(world: World) -> None:
    world.base.create(PARTIES, party(КПП="770701001"))
    branch = world.base.create(PARTIES, party(КПП="526043001"))
    contact = world.add(tax_id=INN, registration_code="526043001")
    assert world.push() == {"linked": 1}
    assert world.contact(contact["id"])["external_id"] == branch


def test_branches_and_no_kpp_of_ours_is_not_clear(world: World) -> None:
    world.base.create(PARTIES, party(КПП="770701001"))
    world.base.create(PARTIES, party(КПП=""))
    world.add(tax_id=INN, registration_code="526043001")
    assert world.push() == {"review": 1}


def test_a_name_alone_never_links_and_is_asked_once(world: World) -> None:
    key = world.base.create(PARTIES, party(ИНН="", КПП="", Description="ООО Ромашка"))
    world.add(tax_id=INN)
    assert world.push() == {"review": 1}
    (review,) = reviews.list_reviews(world.app)
    assert [item["external_id"] for item in review["candidates"]] == [key]
    assert review["candidates"][0]["reasons"] == ["same name"]
    reviews.create_review(world.app, review["number"])
    assert world.push() == {"created": 1}
    assert len(world.cards()) == 1


def test_phone_and_similar_name_of_the_mirror_go_to_review(world: World) -> None:
    key = world.base.create(PARTIES, party(ИНН="", КПП="", Description="Ромашка Трейдинг ООО"))
    entity_id = world.mirror(key)
    with world.app.engine.begin() as conn:
        table = entity_tables["counterparty"]
        values = {"phones": ["+74951234567"], "search": "\nромашка трейдинг ооо\n+74951234567\n"}
        conn.execute(table.update().where(table.c.id == entity_id).values(values))
    world.add("Ромашка-трейдинг", tax_id=INN, phones=["8 495 123 45 67"])
    assert world.push() == {"review": 1}
    (review,) = reviews.list_reviews(world.app)
    assert review["candidates"][0]["external_id"] == key
    assert review["candidates"][0]["reasons"] == ["same phone +74951234567", "same name"]


def test_same_name_and_another_inn_is_for_a_person(world: World) -> None:
    world.base.create(PARTIES, party(ИНН=OTHER_INN, Description="ООО Ромашка"))
    world.add(tax_id=INN)
    assert world.push() == {"review": 1}


def test_similar_name_and_another_inn_is_somebody_else(world: World) -> None:
    key = world.base.create(PARTIES, party(ИНН=OTHER_INN, Description="ООО Ромашкино"))
    world.mirror(key)
    world.add("ООО Ромашкина", tax_id=INN)
    assert world.push() == {"created": 1}


def test_a_doubtful_inn_never_links(world: World) -> None:
    world.base.create(PARTIES, party(ИНН="7707083890"))
    contact = world.add(tax_id="7707083890")
    assert "check" in contact["marks"]["tax_id"] or "wrong" in contact["marks"]["tax_id"]
    assert world.push() == {"review": 1}


def test_a_mirrored_card_and_its_documents_become_the_contacts(world: World) -> None:
    key = world.base.create(PARTIES, party())
    contact = world.add(tax_id=INN)
    mirrored = world.mirror(key)
    orders = entity_tables["order"]
    moment = world.clock.now()
    with world.app.engine.begin() as conn:
        values = {"id": new_id(), "counterparty_id": mirrored, "date": moment, "posted": True, "amount": Decimal(100)}
        conn.execute(insert(orders).values(values | {"deleted": False, "created_at": moment, "updated_at": moment}))
    assert world.push() == {"linked": 1}
    assert str(world.bound(key)["entity_id"]) == contact["id"]
    assert [row for row in world.rows() if row["id"] == mirrored] == []
    with world.app.engine.connect() as conn:
        assert str(conn.execute(select(orders.c.counterparty_id)).scalar_one()) == contact["id"]
    assert world.pull(key) == {"filtered": 1}


def test_adding_the_inn_of_a_known_customer_makes_no_twin(world: World) -> None:
    key = world.base.create(PARTIES, party())
    mirrored = world.mirror(key)
    contact = world.add("Другое имя", tax_id=INN)
    assert contact["id"] == str(mirrored)
    assert contact["reused"] is True
    assert world.row(mirrored)["name"] == "Ромашка"
    assert [row["external_id"] for row in list_contacts(world.app)] == [key]
    assert world.state_of(contact)[0] == "in_accounting"
    assert world.push() == {}


def test_a_lead_whom_several_could_be_is_asked_about(world: World) -> None:
    keys = [world.base.create(PARTIES, party(Description=name, КПП="")) for name in ("Ромашка 1", "Ромашка 2")]
    for key in keys:
        world.mirror(key)
    contact = add_contact(world.app, name="Ромашка", tax_id=INN)
    (review,) = reviews.list_reviews(world.app)
    assert {item["external_id"] for item in review["candidates"]} == set(keys)
    reviews.link_review(world.app, review["number"], keys[1])
    assert world.push() == {"linked": 1}
    assert world.contact(contact["id"])["external_id"] == keys[1]


def test_the_card_of_another_contact_is_not_taken_from_him(world: World) -> None:
    key = world.base.create(PARTIES, party())
    first = world.add(tax_id=INN)
    world.push()
    second = world.add("ООО Ромашка-2", tax_id=OTHER_INN)
    set_contact(world.app, second["id"], tax_id=INN)
    assert world.push() == {"review": 1}
    (review,) = reviews.list_reviews(world.app)
    assert any("already" in reason for reason in review["candidates"][0]["reasons"])
    with pytest.raises(UsageError, match="twin"):
        reviews.create_review(world.app, review["number"])
    reviews.link_review(world.app, review["number"])
    assert world.push() == {"linked": 1}
    assert [row["id"] for row in list_contacts(world.app)] == [first["id"]]
    assert world.contact(first["id"])["external_id"] == key


def test_two_new_contacts_with_one_inn_are_asked_about(world: World) -> None:
    world.add(tax_id=INN)
    second = world.add("ООО Ромашка-2", tax_id=PERSON_INN, kind="company", status="lead")
    set_contact(world.app, second["id"], tax_id=INN, status="client")
    counts = world.push()
    assert counts.get("created", 0) <= 1
    assert len(world.cards()) <= 1
    assert counts["review"] >= 1
