"""Whose value a field has, with a portal on one side and 1C on the other; what comes back of our own is no news."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import insert

from connectors.cards import Card, CardTarget
from sandbox.onec.schema import PARTIES
from store.tables import binding
from sync.room.opening import open_for
from tests.integration.crm_in.world import ACCOUNTING, INN, World, make_world

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql(
    "test_accounting_s_name_stays_and_the_crm_s_phone_comes",
    "test_both_changed_the_same_and_a_person_decides_where_the_rule_says_so",
)

PHONE_OF_1C = {"Тип": "Телефон", "Представление": "+74950000001", "НомерТелефона": "74950000001"}


def customer_of_1c(world: World, **fields: Any) -> str:
    made: str = world.base.create(PARTIES, {"Description": "Ромашка", "ИНН": INN, "КПП": "770701001"} | fields)
    world.run("accounting")
    return made


def write_card(world: World, key: str, external_id: str | None = None, **fields: object) -> str:
    """What the outbox does: a card under our own key."""
    connector = cast("CardTarget", open_for(world.app, world.settings.connection("crm")))
    try:
        legal = {"RQ_INN": INN, "RQ_KPP": "770701001"} if fields.pop("legal", True) else {}
        phones = ("+74950000001",) if fields.pop("phone", False) else ()
        (result,) = connector.write_cards([Card("company", key, external_id, fields, legal, phones)])
    finally:
        connector.close()
    assert result.error is None, result.error
    return str(result.external_id)


def test_a_card_that_we_made_comes_back_as_ours_also_without_a_tax_id(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        key = customer_of_1c(world, ИНН="", КПП="")
        row, sent = world.row(key, "accounting"), world.written()
        company = write_card(world, str(row["id"]), title="Ромашка", typeId="CUSTOMER", legal=False)
        result = world.run("crm")
        counted = world.counted(result)
        assert (counted["read"], counted.get("created", 0), counted["filtered"]) == (1, 0, 1)
        assert result.notices == [], "nobody had to be recognised"
        assert world.row(company)["id"] == row["id"], "one customer, no twin"
        assert world.intents() == []
        world.settle()
        assert world.written() == sent


def test_a_card_bound_when_it_was_made_changes_nothing_when_it_is_read_first(store_url: str, tmp_path: Path) -> None:
    """The portal fills in what we did not write: a type, who is responsible."""
    with make_world(store_url, tmp_path, name="crm", phones="newest") as world:
        key = customer_of_1c(world, КонтактнаяИнформация=[PHONE_OF_1C])
        before, sent = world.row(key, "accounting"), world.written()
        company = write_card(world, str(before["id"]), title="ООО «Ромашка» (из 1С)", typeId="OTHER")
        with world.engine.begin() as conn:
            made = {"connection": "crm", "entity": "counterparty", "external_id": company, "source": "company"}
            conn.execute(insert(binding).values(made | {"entity_id": before["id"]}))
        counted = world.counted(world.run("crm"))
        assert (counted["read"], counted["filtered"]) == (1, 1)
        after = world.row(company)
        assert (after["id"], after["name"], after["phones"]) == (before["id"], before["name"], before["phones"])
        world.settle()
        assert (world.row(company)["name"], world.written()) == (before["name"], sent)
        world.person_does("update", number=int(company), title="Как в портале")
        world.run("crm")
        assert world.row(company)["name"] == "Как в портале", "a later change of its owner counts"


def test_what_we_wrote_into_a_card_changes_nothing_when_it_comes_back(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        company = world.add_company()
        world.settle()
        before, sent = world.row(company), world.written()
        write_card(world, str(before["id"]), company, comments="долг 100", legal=False, phone=True)
        counted = world.counted(world.run("crm"))
        assert (counted.get("created", 0), counted.get("updated", 0)) == (0, 1), "the phone that the card got is new"
        write_card(world, str(before["id"]), company, comments="долг 200", legal=False)
        counted = world.counted(world.run("crm"))
        assert (counted["read"], counted["unchanged"]) == (1, 1)
        world.settle()
        assert world.row(company)["name"] == before["name"]
        assert world.written() >= sent


def test_a_copied_card_with_our_key_is_nobody_s(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        key = customer_of_1c(world)
        row = world.row(key, "accounting")
        company = write_card(world, str(row["id"]), title="Ромашка", typeId="CUSTOMER")
        world.run("crm")
        copied: dict[str, Any] = {"title": "Ромашка (копия)", "originatorId": "sverka", "originId": str(row["id"])}
        copy = str(world.person_does("add", **copied)["item"]["id"])
        world.run("crm")
        assert world.row(copy)["id"] != world.row(company)["id"]
        assert [one["entity_id"] for one in world.reviews()] == [world.row(copy)["id"]]


def test_a_key_of_another_program_is_not_ours(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        key = customer_of_1c(world)
        row = world.row(key, "accounting")
        other: dict[str, Any] = {"title": "Чужая", "originatorId": "1c", "originId": str(row["id"])}
        company = str(world.person_does("add", **other)["item"]["id"])
        world.run("crm")
        assert world.row(company)["id"] != row["id"]


def test_accounting_s_name_stays_and_the_crm_s_phone_comes(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path, name="accounting") as world:
        key = customer_of_1c(world, КонтактнаяИнформация=[PHONE_OF_1C])
        company = world.add_company("Как в портале", phone="+74950000001")
        world.settle()
        assert world.row(company)["name"] == "Ромашка"
        fm = {"n0": {"typeId": "PHONE", "valueType": "WORK", "value": "+74957654321"}}
        world.person_does("update", number=int(company), title="Снова иначе", fm=fm)
        world.settle()
        assert world.row(company)["name"] == "Ромашка"
        card = world.base.get(PARTIES, key)
        assert card["Description"] == "Ромашка"
        assert {row["Представление"] for row in card["КонтактнаяИнформация"]} >= {"+74957654321"}
        world.base.change(PARTIES, key, {"Description": "Ромашка Плюс"})
        world.settle()
        assert world.row(company)["name"] == "Ромашка Плюс"


def test_an_empty_value_blanks_nothing_on_either_side(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        key = customer_of_1c(world, КонтактнаяИнформация=[PHONE_OF_1C])
        company = world.add_company(phone="")
        world.settle()
        assert world.row(company)["phones"] == ["+74950000001"]
        card = world.base.get(PARTIES, key)
        assert [row["Представление"] for row in card["КонтактнаяИнформация"]] == ["+74950000001"]
        requisite = next(iter(world.portal.requisites))
        world.person_does("set_requisite", number=requisite, RQ_KPP="")
        world.settle()
        assert world.row(company)["registration_code"] == "770701001"


def test_both_changed_the_same_and_a_person_decides_where_the_rule_says_so(store_url: str, tmp_path: Path) -> None:
    accounting = ACCOUNTING.replace('owner = "crm"', 'owner = "review"')
    with make_world(store_url, tmp_path, phones="review", accounting=accounting) as world:
        key = customer_of_1c(world, КонтактнаяИнформация=[PHONE_OF_1C])
        company = world.add_company(phone="+74950000001")
        world.settle()
        assert world.reviews() == []
        theirs = dict(PHONE_OF_1C, Представление="+74950000002", НомерТелефона="74950000002")
        world.base.change(PARTIES, key, {"КонтактнаяИнформация": [theirs]})
        fm = {"n0": {"typeId": "PHONE", "valueType": "WORK", "value": "+74950000003"}}
        world.person_does("update", number=int(company), fm=fm)
        world.run("accounting")
        world.run("crm")
        assert [(one["connection"], one["kind"]) for one in world.reviews()] == [("crm", "conflict")]
