"""Which card is it: the tax id links and changes nothing, whatever is less sure goes to a person."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from sandbox.bitrix24.build import Customer
from store.entities import counterparties
from sync.push.reviews import create_review, link_review
from tests.integration.outbox.start import Start, Stores
from tests.integration.outbox.world import BALANCE, Circle, counted, from_start, make_circle, order_after_the_link
from tests.integration.owners.systems import TAX_IDS, same_customer

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql(
    "test_several_cards_with_the_tax_id_are_a_question_and_its_answer_links",
    "test_what_people_change_of_ours_is_set_right",
)

PHONE = "+74950000000"


@pytest.fixture
def circle(stores: Stores, starts: dict[str, Start], empty_store: str, tmp_path: Path) -> Iterator[Circle]:
    """An agreed link of an empty portal; customer 0 has ordered something, and companies come behind our back."""
    with from_start("ordered after the link", starts, stores, empty_store, tmp_path, order_after_the_link) as made:
        yield made


def keys(circle: Circle) -> list[str]:
    return [str(one.get("originId")) for one in circle.elements().values()]


def test_one_card_with_the_tax_id_is_claimed_and_left_as_it_is(circle: Circle) -> None:
    number = circle.add_company("Ромашка по-нашему", TAX_IDS[0], "770701001", phone="+79990001122")
    before = dict(circle.elements()[number])
    result = circle.show(kind="push")
    assert counted(result)["linked"] == 1
    after = circle.elements()[number]
    assert after["originId"] == str(circle.customer_id()) and after[BALANCE] == "700.00|RUB"
    kept = {name: value for name, value in before.items() if not name.startswith("ufCrm")}
    ours = ("originId", "originatorId", "updatedTime", "updatedBy", "lastActivityTime")
    assert {name: after[name] for name in kept if name not in ours} == {
        name: value for name, value in kept.items() if name not in ours
    }
    row = circle.customer_id()
    circle.sync()
    assert circle.bound()[row] == str(number) and counted(circle.show(kind="push")) == {}


def test_several_cards_with_the_tax_id_are_a_question_and_its_answer_links(circle: Circle) -> None:
    first = circle.add_company("Ромашка", TAX_IDS[0], "770701001")
    second = circle.add_company("Ромашка (старая)", TAX_IDS[0], "770701001")
    assert counted(circle.show(kind="push"))["review"] == 1
    (question,) = circle.questions()
    assert {one["external_id"] for one in question["candidates"]} == {str(first), str(second)}
    assert str(circle.customer_id()) not in keys(circle)
    link_review(circle.app, question["number"], str(second))
    circle.show(kind="push")
    assert circle.company()["id"] == second and circle.company()[BALANCE] == "700.00|RUB"
    assert circle.questions() == [] and circle.company()["title"] == "Ромашка (старая)"


def test_a_card_that_two_of_ours_could_have_is_nobodys_before_a_person_says(circle: Circle) -> None:
    """One on each side, or a question: who of two is looked at first does not decide."""
    twin = circle.base.create("Catalog_Контрагенты", same_customer(0) | {"Description": "Покупатель 0, ещё раз"})
    order = circle.order("З-2", amount=50)
    circle.base.change("Document_СчетНаОплатуПокупателю", order, {"Контрагент_Key": twin})
    number = circle.add_company("Ромашка", TAX_IDS[0], "770701001")
    circle.sync("accounting", status=("ok", "partial"))
    found = counted(circle.show(kind="push"))
    assert found["review"] == 2 and "linked" not in found
    assert not circle.elements()[number].get("originId")
    asked = next(one for one in circle.questions() if one["entity_id"] == _named(circle, "Покупатель 0"))
    link_review(circle.app, asked["number"], str(number))
    circle.show(kind="push", status=("ok", "partial"))
    assert circle.elements()[number]["originId"] == str(asked["entity_id"])


def _named(circle: Circle, name: str) -> Any:
    with circle.engine.connect() as conn:
        return conn.execute(select(counterparties.c.id).where(counterparties.c.name == name)).scalar_one()


def test_a_chosen_card_that_was_deleted_is_not_asked_for_in_every_run(circle: Circle) -> None:
    circle.add_company("Ромашка", TAX_IDS[0], "770701001")
    second = circle.add_company("Ромашка (старая)", TAX_IDS[0], "770701001")
    circle.show(kind="push")
    link_review(circle.app, circle.questions()[0]["number"], str(second))
    circle.show(kind="push")
    circle.person_does("delete", id=second)
    circle.show(full=True)
    before = len(circle.calls())
    for _ in range(2):
        circle.show(kind="push")
    assert "crm.item.list" not in circle.calls()[before:]


def test_a_phone_alone_never_links_and_its_answer_creates(circle: Circle) -> None:
    number = circle.add_company("Кто-то с тем же телефоном", phone="8 (495) 000-00-00")
    assert counted(circle.show(kind="push"))["review"] == 1
    (question,) = circle.questions()
    (candidate,) = question["candidates"]
    assert (candidate["external_id"], candidate["strength"]) == (str(number), "weak")
    create_review(circle.app, question["number"])
    assert counted(circle.show(kind="push"))["created"] >= 1
    assert circle.company()["id"] != number
    for _ in range(2):
        circle.sync(status=("ok", "partial"))
    assert keys(circle).count(str(circle.customer_id())) == 1


def test_a_card_under_another_key_is_never_taken(circle: Circle) -> None:
    number = circle.add_company("Чужая", TAX_IDS[0], "770701001")
    circle.person_does("update", id=number, fields={"originatorId": "other", "originId": "77"})
    assert counted(circle.show(kind="push"))["review"] == 1
    assert circle.elements()[number]["originId"] == "77"


def test_what_people_change_of_ours_is_set_right(store_url: str, tmp_path: Path) -> None:
    """A name that accounting owns and the mapping keeps equal; the first link leaves it, a later change does not."""
    rules = '[cards.company.new]\ntitle = false\n[cards.company.fields]\ntitle = "name"\n'
    company = Customer("Ромашка по-нашему", TAX_IDS[0], "770701001")
    with make_circle(store_url, tmp_path, mapping=rules, companies=(company,)) as circle:
        circle.ship(circle.order("З-1", amount=700), 700)
        circle.sync()
        circle.set_up()
        circle.show()
        assert circle.elements()[circle.companies[0]]["title"] == "Ромашка по-нашему"
        circle.base.change("Catalog_Контрагенты", _party(circle), {"Description": "Покупатель переименованный"})
        circle.sync("accounting")
        circle.show()
        assert circle.company()["title"] == "Покупатель переименованный"
        circle.sync()
        circle.person_does("update", id=circle.companies[0], fields={"title": "Как попало"})
        circle.sync()
        circle.sync()
        assert circle.company()["title"] == "Покупатель переименованный"
        sent = circle.written()
        circle.sync()
        assert circle.written() == sent


def _party(circle: Circle) -> str:
    rows: list[dict[str, Any]] = circle.base.truth_documents("Catalog_Контрагенты")
    return str(next(row["Ref_Key"] for row in rows if row.get("ИНН") == TAX_IDS[0]))


def test_a_branch_gets_a_card_of_its_own_where_the_mapping_says_so(store_url: str, tmp_path: Path) -> None:
    """As `sverka link` would do; without the setting it is a question (`test_somebody_else`)."""
    with make_circle(store_url, tmp_path, mapping='[settings]\nbranches = "create"\n') as circle:
        circle.sync()
        circle.set_up()
        circle.ship(circle.order("З-1", amount=700), 700)
        circle.sync("accounting")
        branch = circle.add_company("Ромашка, филиал", TAX_IDS[0], "781301001")
        assert "review" not in counted(circle.show(kind="push"))
        assert circle.company()["id"] != branch and circle.questions() == []
