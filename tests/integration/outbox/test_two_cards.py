"""A customer with two living cards of one type: everything goes to one of them, and a person says which one stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from core.errors import UsageError
from store.tables import review
from sync.push.reviews import create_review, dismiss_review, link_review
from tests.integration.outbox.world import BALANCE, CRM, Circle, counted, make_circle
from tests.integration.owners.systems import TAX_IDS


@pytest.fixture
def circle(store_url: str, tmp_path: Path) -> Iterator[Circle]:
    """Customer 0 has a card with his balance and an order; then somebody links a second company to him."""
    with make_circle(store_url, tmp_path) as made:
        made.ship(made.order("З-1", amount=700), 700)
        made.sync()
        made.set_up()
        made.show()
        made.sync(status=("ok", "partial"))
        made.companies.append(int(made.company()["id"]))
        made.companies.append(made.add_company("Ромашка, двойник", TAX_IDS[0], "770701001"))
        made.sync(status=("ok", "partial"))
        (asked,) = made.questions()
        link_review(made.app, asked["number"])
        made.sync(status=("ok", "partial"))
        yield made


def _of_orders(circle: Circle) -> set[int]:
    """The companies that customer 0's orders hang on."""
    return {int(one["companyId"]) for one in circle.smart("Заказы 1С").values() if one["title"].startswith("З-")}


def test_orders_and_balance_are_on_one_card_and_a_person_is_asked_which(circle: Circle) -> None:
    first, second = circle.companies
    circle.ship(circle.order("З-2", amount=50), 50)
    circle.sync(status=("ok", "partial"))
    circle.show(kind="push")
    assert _of_orders(circle) == {first}
    assert circle.elements()[first][BALANCE] == "750.00|RUB"
    assert circle.elements()[second].get(BALANCE) in (None, "0.00|RUB"), "as it was before he had it"
    (asked,) = circle.questions()
    assert (asked["connection"], asked["entity_id"]) == (CRM, circle.customer_id())
    assert {one["external_id"] for one in asked["candidates"]} == {str(first), str(second)}
    assert "2 cards" in asked["reason"]


def test_the_chosen_card_gets_everything_and_nobody_is_asked_again(circle: Circle) -> None:
    first, second = circle.companies
    link_review(circle.app, circle.questions()[0]["number"], str(second))
    for _ in range(2):
        circle.sync(status=("ok", "partial"))
        circle.show(kind="push")
    assert _of_orders(circle) == {second}
    assert circle.elements()[second][BALANCE] == "700.00|RUB" and circle.row()["external_id"] == str(second)
    circle.pay({circle.base.keys("Document_СчетНаОплатуПокупателю")[-1]: 100})
    circle.sync(status=("ok", "partial"))
    circle.show(kind="push")
    assert circle.elements()[second][BALANCE] == "600.00|RUB" and circle.elements()[first][BALANCE] == "700.00|RUB"
    written = circle.written()
    circle.sync()
    assert (circle.written(), circle.questions()) == (written, [])


def test_a_dismissed_question_stays_answered_and_the_shown_card_stays(circle: Circle) -> None:
    dismiss_review(circle.app, circle.questions()[0]["number"], "both are used")
    circle.sync(status=("ok", "partial"))
    circle.show(kind="push")
    assert circle.questions() == [] and _of_orders(circle) == {circle.companies[0]}


def test_the_question_closes_when_one_of_the_cards_is_deleted(circle: Circle) -> None:
    """The card that is left gets everything, whichever it is."""
    first, second = circle.companies
    circle.person_does("delete", id=first)
    circle.sync(status=("ok", "partial"), full=True)
    circle.show(kind="push")
    assert circle.questions() == [] and _of_orders(circle) == {second}
    assert circle.elements()[second][BALANCE] == "700.00|RUB"


def test_which_stays_is_not_answered_by_a_third_card(circle: Circle) -> None:
    (asked,) = circle.questions()
    for force in (False, True):
        with pytest.raises(UsageError, match="bound"):
            create_review(circle.app, asked["number"], force=force)
    with circle.engine.connect() as conn:
        state = conn.execute(select(review.c.state).where(review.c.number == asked["number"])).scalar_one()
    assert state == "open"


def _two_under_our_key(circle: Circle) -> tuple[int, int]:
    """Customer 1's card, made by us, and a copy of it with its key, before either was read."""
    circle.order("З-9", customer=1, amount=5)
    circle.sync("accounting", status=("ok", "partial"))
    key = {"originatorId": "sverka", "originId": str(circle.customer_id(1))}
    one, other = (circle.add_company(f"Чей-то {number}") for number in (1, 2))
    for number in (one, other):
        circle.person_does("update", id=number, fields=key)
    assert counted(circle.show(kind="push"))["review"] >= 1
    return one, other


def test_none_of_several_cards_under_our_key_makes_his_own(circle: Circle) -> None:
    cards = _two_under_our_key(circle)
    asked = next(one for one in circle.questions() if one["entity_id"] == circle.customer_id(1))
    create_review(circle.app, asked["number"], force=True)
    circle.show(kind="push")
    number = int(str(circle.row(1)["external_id"]))
    assert number not in cards and circle.row(1)["state"] == "done"
    for _ in range(2):
        circle.sync(status=("ok", "partial"))
        circle.show(kind="push")
    mine = [one for one in circle.elements().values() if one.get("originId") == str(circle.customer_id(1))]
    assert {one["id"] for one in mine} == {number, *cards}, "made once"
    assert circle.bound()[circle.customer_id(1)] == str(number)


def test_one_of_several_cards_under_our_key_is_his(circle: Circle) -> None:
    _, other = _two_under_our_key(circle)
    asked = next(one for one in circle.questions() if one["entity_id"] == circle.customer_id(1))
    link_review(circle.app, asked["number"], str(other))
    circle.show(kind="push")
    assert circle.row(1)["external_id"] == str(other) and circle.row(1)["state"] == "done"
