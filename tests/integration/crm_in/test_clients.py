"""A company or contact of the portal that became a client is made known to accounting, once and by its tax id."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.exc import NoResultFound

from sandbox.onec.schema import PARTIES
from store.tables import intent
from sync.push.contacts import add_contact
from tests.integration.crm_in.world import CONTACT, INN, OTHER_INN, PERSON_INN, make_world

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql(
    "test_a_client_of_the_portal_gets_a_card_in_accounting_and_its_code",
    "test_a_twin_that_comes_later_does_not_take_the_card_of_the_first",
    "test_of_two_companies_that_come_at_once_neither_is_joined",
    "test_several_requisites_of_one_company_are_one_customer",
    "test_a_later_change_of_what_the_crm_owns_goes_to_accounting",
)


def test_a_client_of_the_portal_gets_a_card_in_accounting_and_its_code(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        world.both()
        company = world.add_company(phone="+7 (495) 123-45-67")
        counted = world.counted(world.run("crm"))
        assert counted["created"] == 1
        assert [(one["connection"], one["state"], one["action"]) for one in world.intents()] == [
            ("accounting", "due", "create")
        ]
        world.run("accounting")
        (card,) = world.cards()
        row = world.row(company)
        assert (row["home"], row["status"], row["code"]) == ("crm", "client", card["Code"])
        assert world.row(str(card["Ref_Key"]), "accounting")["id"] == row["id"]
        assert world.standing(company) == f"in accounting, code {card['Code']}"
        sent = world.written()
        world.settle()
        assert world.written() == sent, "what came back is no change"
        assert len(world.cards()) == 1


def test_a_lead_is_not_told_of_and_is_when_he_becomes_client(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        company = world.add_company(client=False)
        world.settle()
        assert (world.intents(), world.cards(), world.row(company)["status"]) == ([], [], "lead")
        world.person_does("update", number=int(company), typeId="CUSTOMER")
        world.both()
        assert len(world.cards()) == 1


def test_who_is_no_client_any_more_before_he_was_sent_is_not_sent(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        world.both()
        company = world.add_company()
        world.run("crm")
        world.person_does("update", number=int(company), typeId="OTHER")
        world.both()
        assert world.cards() == []
        assert [one["state"] for one in world.intents()] == ["discarded"]
        world.person_does("update", number=int(company), typeId="CUSTOMER")
        world.both()
        assert len(world.cards()) == 1, "and is, when he is one again"


def test_a_client_without_a_tax_id_waits_for_it(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        company = world.add_company(inn="")
        world.both()
        assert world.standing(company).startswith("waits for the INN")
        assert world.cards() == []
        world.clock.sleep(600)
        world.add_requisite(company, INN)
        world.both()
        assert len(world.cards()) == 1
        assert world.standing(company).startswith("in accounting, code")


def test_writing_needs_leave_where_the_settings_say_so(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path, write="review") as world:
        company = world.add_company()
        world.both()
        assert (world.written(), len(world.reviews())) == (0, 1)
        assert world.standing(company).startswith("in review ")
        world.settle()
        assert len(world.reviews()) == 1


def test_a_person_without_a_company_is_a_customer_with_one_he_is_a_person_there(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        company = world.add_company()
        employee = world.add_person(company=company)
        alone = world.add_person(inn=PERSON_INN)
        world.both()
        assert world.row(alone)["kind"] == "person"
        assert len(world.cards(PERSON_INN)) == 1
        with pytest.raises(NoResultFound):
            world.row(employee)
        assert len(world.intents()) == 2


def test_a_customer_whom_accounting_has_is_joined_and_nothing_is_sent(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        world.base.create(PARTIES, {"Description": "Ромашка в 1С", "ИНН": INN, "КПП": "770701001"})
        world.run("accounting")
        sent, company = world.written(), world.add_company("Ромашка в портале")
        world.run("crm")
        row = world.row(company)
        assert (row["home"], row["name"], row["status"]) == ("accounting", "Ромашка в 1С", "client")
        assert world.intents() == []
        world.settle()
        assert (world.written(), len(world.cards())) == (sent, 1)


def test_what_was_to_be_made_is_given_up_when_accounting_turns_out_to_have_it(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        world.base.create(PARTIES, {"Description": "Ромашка", "ИНН": INN, "КПП": "770701001"})
        company = world.add_company()
        world.run("crm")
        assert [one["state"] for one in world.intents()] == ["due"]
        world.run("accounting")
        assert [(one["state"], one["reason"]) for one in world.intents()] == [("done", "in accounting already")]
        assert len({row["id"] for row in world.rows() if row["tax_id"] == INN}) == 1
        assert (len(world.cards()), world.written()) == (1, 0)
        assert world.standing(company).startswith("in accounting")


def test_another_branch_is_no_other_name_of_the_same(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        world.base.create(PARTIES, {"Description": "Ромашка", "ИНН": INN, "КПП": "770701001"})
        world.run("accounting")
        company = world.add_company("Ромашка, филиал", kpp="780101001")
        world.both()
        assert len(world.cards()) == 1
        assert [one["kind"] for one in world.reviews()] == ["match"]
        assert world.standing(company).startswith("in review")


def test_two_companies_of_one_tax_id_go_to_a_person_and_nothing_is_sent_twice(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        first, second = world.add_company("Ромашка"), world.add_company("Ромашка (дубль)")
        world.settle()
        assert world.cards() == []
        assert {one["entity_id"] for one in world.reviews()} == {world.row(first)["id"], world.row(second)["id"]}


def test_a_twin_that_comes_later_does_not_take_the_card_of_the_first(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        first = world.add_company("Ромашка")
        world.settle()
        second = world.add_company("Ромашка (дубль)")
        world.settle()
        assert len(world.cards()) == 1
        assert world.row(first)["id"] != world.row(second)["id"]
        assert {one["entity_id"] for one in world.reviews()} == {world.row(second)["id"]}


def test_of_two_companies_that_come_at_once_neither_is_joined(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        world.base.create(PARTIES, {"Description": "Ромашка", "ИНН": INN, "КПП": "770701001"})
        world.run("accounting")
        first, second = world.add_company("Ромашка"), world.add_company("Ромашка (дубль)")
        world.settle()
        assert world.row(first)["id"] != world.row(second)["id"], "two cards of one portal are never made one by us"
        assert len(world.cards()) == 1
        asked = {one["entity_id"] for one in world.reviews()}
        assert asked == {world.row(first)["id"], world.row(second)["id"]}


def test_a_contact_of_the_store_and_a_company_of_the_portal_are_one(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        added = add_contact(world.app, name="Ромашка", tax_id=INN, status="client")
        company = world.add_company("Ромашка из портала")
        world.both()
        assert str(world.row(company)["id"]) == added["id"]
        assert len(world.cards()) == 1


def test_several_requisites_of_one_company_are_one_customer(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        company = world.add_company()
        world.add_requisite(company, INN, "780101001")
        world.both()
        assert (world.row(company)["tax_id"], world.row(company)["registration_code"]) == (INN, "770701001")
        assert len(world.cards()) == 1


def test_a_doubtful_tax_id_links_nobody(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        world.base.create(PARTIES, {"Description": "Ромашка", "ИНН": "7707083894", "КПП": "770701001"})
        world.run("accounting")
        company = world.add_company(inn="7707083894")
        world.both()
        assert world.row(company)["marks"]
        assert world.row(company)["home"] == "crm", "not joined"
        assert [one["kind"] for one in world.reviews()] == ["match"]


def test_a_won_deal_makes_a_client_where_the_mapping_says_so(store_url: str, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('extends = "portal.toml"\n[settings]\nwon_deal_makes_client = true\n')
    with make_world(store_url, tmp_path, mapping="own.toml") as world:
        company = world.add_company(client=False)
        other = world.add_company("Лютик", OTHER_INN, client=False)
        deal = world.person_does("add", 2, title="Поставка", companyId=int(company))["item"]["id"]
        world.settle()
        assert world.intents() == []
        world.person_does("update", 2, int(deal), stageId="WON")
        world.both()
        assert (world.row(company)["status"], world.row(other)["status"]) == ("client", "lead")
        assert (len(world.cards()), len(world.cards(OTHER_INN))) == (1, 0)
        world.person_does("update", number=int(company), title="Ромашка Плюс")
        world.both()
        assert world.row(company)["status"] == "client", "his card says lead, his deal says client"
        assert [one["state"] for one in world.intents() if one["action"] == "create"] == ["done"]


def test_a_later_change_of_what_the_crm_owns_goes_to_accounting(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        company = world.add_company(phone="+74951234567")
        world.settle()
        fm = {"n0": {"typeId": "PHONE", "valueType": "WORK", "value": "+74957654321"}}
        world.person_does("update", number=int(company), fm=fm)
        world.both()
        (card,) = world.cards()
        rows = world.base.get(PARTIES, str(card["Ref_Key"]))["КонтактнаяИнформация"]
        assert "+74957654321" in {row["Представление"] for row in rows}
        sent = world.written()
        world.settle()
        assert world.written() == sent


def test_a_refused_client_says_why_and_is_tried_again_when_his_card_changes(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        world.both()
        company = world.add_company()
        world.onec.faults.add("error", error="refused", path=PARTIES, method="POST", times=1)
        world.both()
        assert world.standing(company).startswith("refused: ")
        world.person_does("update", number=int(company), title="Ромашка Плюс")
        world.both()
        assert len(world.cards()) == 1


def test_what_a_person_has_given_up_is_not_taken_up_by_any_change_of_the_card(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path, write="review") as world:
        company = world.add_company()
        world.both()
        with world.engine.begin() as conn:
            conn.execute(update(intent).values(state="discarded", reason="a person does not want it"))
        world.person_does("update", number=int(company), title="Ромашка Плюс")
        world.both()
        assert [one["state"] for one in world.intents()] == ["discarded"]


def test_kinds_of_elements_do_not_take_each_other_s_numbers(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        company = world.add_company()
        person = world.add_person(inn=PERSON_INN)
        world.both()
        assert world.row(company)["id"] != world.row(person)["id"]
        world.person_does("delete", CONTACT, int(person.removeprefix("contact:")))
        world.both(full=True)
        assert world.bound(person)["deleted"]
        assert not world.bound(company)["deleted"]
