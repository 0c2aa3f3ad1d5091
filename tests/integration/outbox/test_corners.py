"""Corners of keeping cards: leave to write, twins of ours, cards that come another way, deals of orders."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update

from core.ids import new_id
from sandbox.bitrix24.build import Customer
from sandbox.bitrix24.fields import COMPANY
from store.entities import counterparties
from store.tables import run
from sync.deals.deciding import unassign_order
from sync.letters import discard_letter
from sync.outbox import refresh
from tests.integration.outbox.world import BALANCE, CRM, WRITES, Circle, counted, make_circle
from tests.integration.owners.systems import TAX_IDS, same_customer

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql(
    "test_two_of_ours_with_one_tax_id_never_get_two_cards_unasked",
    "test_what_is_committed_late_is_not_missed",
)

PARTIES = "Catalog_Контрагенты"


def begin(circle: Circle) -> None:
    circle.ship(circle.order("З-1", amount=700), 700)
    circle.sync(status=("ok", "partial"))
    circle.set_up()


def sent(circle: Circle) -> list[str]:
    return [name for name in circle.calls() if name in WRITES]


def configure(circle: Circle, **changes: Any) -> None:
    mine = circle.settings.connections[CRM].model_copy(update=changes)
    connections = circle.settings.connections | {CRM: mine}
    circle.settings = circle.settings.model_copy(update={"connections": connections})


def test_off_sends_nothing_whatever_is_due(store_url: str, tmp_path: Path) -> None:
    with make_circle(store_url, tmp_path) as circle:
        begin(circle)
        configure(circle, write="off")
        for kind in ("push", "order", "schedule"):
            circle.show(kind=kind)
        assert sent(circle) == [] and circle.rows() == []
        configure(circle, write="review")
        circle.show(kind="push")
        assert circle.company()[BALANCE] == "700.00|RUB"


def test_on_keeps_bound_cards_before_the_link_and_makes_none(store_url: str, tmp_path: Path) -> None:
    company = Customer("Ромашка по-нашему", TAX_IDS[0], "770701001")
    with make_circle(store_url, tmp_path, companies=(company,)) as circle:
        configure(circle, write="on")
        circle.ship(circle.order("З-1", amount=700), 700)
        _fields(circle)
        circle.sync(status=("ok", "partial"))
        circle.show()
        card = circle.elements()[circle.companies[0]]
        assert (card[BALANCE], card["title"]) == ("700.00|RUB", "Ромашка по-нашему")
        assert "crm.item.add" not in sent(circle)


def _fields(circle: Circle) -> None:
    from sync.setup.cards import set_up_cards

    assert list(set_up_cards(circle.app, circle.settings.connection(CRM), "admin", dry_run=False))


def test_two_of_ours_with_one_tax_id_never_get_two_cards_unasked(store_url: str, tmp_path: Path) -> None:
    with make_circle(store_url, tmp_path) as circle:
        circle.sync(status=("ok", "partial"))
        circle.set_up()
        twin = circle.base.create(PARTIES, same_customer(0) | {"Description": "Покупатель 0, ещё раз"})
        circle.ship(circle.order("З-1", amount=700), 700)
        order = circle.order("З-2", amount=50)
        circle.base.change("Document_СчетНаОплатуПокупателю", order, {"Контрагент_Key": twin})
        circle.sync("accounting", status=("ok", "partial"))
        assert counted(circle.show(kind="push")).get("review") == 1
        same = [one for one in circle.elements().values() if str(one["title"]).startswith("Покупатель 0")]
        assert len(same) == 1 and len(circle.questions()) == 1
        circle.show(kind="push", pause=3700)
        assert len(circle.questions()) == 1


def test_a_card_that_was_given_up_and_made_by_a_person_is_kept_again(store_url: str, tmp_path: Path) -> None:
    with make_circle(store_url, tmp_path) as circle:
        begin(circle)
        circle.show()
        circle.person_does("delete", id=circle.company()["id"])
        circle.ship(circle.order("З-2", amount=50), 50)
        circle.sync("accounting", CRM, status=("ok", "partial"))
        (letter,) = circle.letters()
        discard_letter(circle.app, letter["number"], "he is no customer of ours")
        for _ in range(2):
            circle.sync(status=("ok", "partial"))
        assert circle.row()["state"] == "left" and circle.letters() == []
        number = circle.add_company("Снова он", TAX_IDS[0], "770701001")
        for _ in range(2):
            circle.sync(status=("ok", "partial"))
        assert circle.elements()[number][BALANCE] == "750.00|RUB"
        assert circle.row()["state"] == "done"


def test_whom_the_crm_alone_had_and_has_deleted_is_no_letter(store_url: str, tmp_path: Path) -> None:
    """Whoever was thrown away there is nobody's work here; restored there, his card is kept again."""
    with make_circle(store_url, tmp_path) as circle:
        begin(circle)
        number = circle.add_company("Только в портале")
        circle.sync(status=("ok", "partial"))
        kinds = circle.portal.portal.kinds[COMPANY].items

        def state() -> list[str]:
            return [row["state"] for row in circle.rows() if row["external_id"] == str(number)]

        assert state() == ["done"] and kinds[number]["ufCrmSverkaStanding"]
        thrown = dict(kinds[number])
        circle.person_does("delete", id=number)
        circle.sync(CRM, full=True)
        circle.sync(CRM)
        assert state() == ["off"] and circle.letters() == []
        kinds[number] = thrown | {"updatedTime": circle.portal.portal.stamp(), "ufCrmSverkaStanding": None}
        for _ in range(2):
            circle.sync(CRM, full=True)
        assert state() == ["done"] and circle.letters() == []


def test_an_order_is_tied_to_its_deal(store_url: str, tmp_path: Path) -> None:
    with make_circle(store_url, tmp_path) as circle:
        begin(circle)
        circle.show()
        company = circle.company()["id"]
        given = {"title": "Сделка", "companyId": company}
        deal = circle._person("add", fields=given)["item"]["id"]
        for _ in range(2):
            circle.sync(status=("ok", "partial"))
        (element,) = [one for one in circle.smart("Заказы 1С").values() if one["title"].startswith("З-1")]
        assert (element["companyId"], element.get("parentId2")) == (company, deal)


def test_an_order_that_was_taken_from_its_deal_shows_none(store_url: str, tmp_path: Path) -> None:
    """Also while the deal is the only one that is open; a deal that a person puts there by hand is left alone."""
    with make_circle(store_url, tmp_path, companies=(Customer("Ромашка", TAX_IDS[0], "770701001"),)) as circle:
        deal = int(circle.deal())
        begin(circle)
        circle.show()
        (number,) = [key for key, one in circle.smart("Заказы 1С").items() if one["title"].startswith("З-1")]
        assert circle.smart("Заказы 1С")[number]["parentId2"] == deal
        unassign_order(circle.app, "З-1", who="anna")
        circle.show(kind="push")
        assert not circle.smart("Заказы 1С")[number].get("parentId2")
        written = circle.written()
        circle.sync(status=("ok", "partial"))
        assert circle.written() == written
        circle.smart("Заказы 1С")[number]["parentId2"] = deal
        circle.pay({circle.base.keys("Document_СчетНаОплатуПокупателю")[-1]: 100})
        circle.sync(status=("ok", "partial"))
        circle.show(kind="push")
        assert circle.written() > written and circle.smart("Заказы 1С")[number]["parentId2"] == deal


def test_whoever_orders_one_entity_gets_the_cards_of_that(store_url: str, tmp_path: Path) -> None:
    with make_circle(store_url, tmp_path) as circle:
        begin(circle)
        circle.show()
        circle.pay({circle.order("З-5", amount=40): 40})
        circle.sync("accounting")
        result = circle.show(kind="order", entity="order")
        assert {line.entity for line in result.lines if line.direction == "out"} == {"order"}
        assert any(one["title"].startswith("З-5") for one in circle.smart("Заказы 1С").values())
        assert circle.company()[BALANCE] == "700.00|RUB"
        circle.show(kind="order", entity="balance")
        assert circle.company()[BALANCE] == "660.00|RUB"


def test_what_cannot_be_shown_is_one_letter_and_costs_nothing_later(store_url: str, tmp_path: Path) -> None:
    rule = (
        '[cards.company.own]\nsverka_days = { kind = "integer", from = "code", labels = { en = "Days", ru = "Дни" } }\n'
    )
    with make_circle(store_url, tmp_path, mapping=rule) as circle:
        begin(circle)
        result = circle.show()
        rows = circle.rows("company") + circle.rows("contact")
        assert counted(result)["dead"] == len(circle.letters()) == len(rows) > 0
        assert "sverka_days" in circle.letters()[0]["reason"]
        attempts = [one["attempts"] for one in circle.letters()]
        for _ in range(3):
            circle.show(pause=60)
        assert [one["attempts"] for one in circle.letters()] == attempts
        assert sent(circle) == [] and {row["state"] for row in rows} == {"dead"}


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "taken-away"])
def test_what_is_committed_late_is_not_missed(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    """A long run of accounting writes moments that are half an hour old when its transactions commit."""
    if not guarded:
        monkeypatch.setattr(refresh, "find_floor", lambda conn, now, but: now)
    with make_circle(store_url, tmp_path) as circle:
        begin(circle)
        circle.show()
        began = circle.clock.now()
        _insert_running(circle, began)
        circle.clock.sleep(1800)
        circle.show()
        circle.show(pause=1)
        mine = counterparties.c.id == circle.customer_id()
        with circle.engine.begin() as conn:
            values = {"name": "Покупатель переименованный", "updated_at": began + timedelta(seconds=5)}
            conn.execute(update(counterparties).where(mine).values(values))
        circle.show(pause=1, kind="push")
        assert (circle.company()["title"] == "Покупатель переименованный") == guarded


def _insert_running(circle: Circle, began: datetime) -> None:
    row = {"id": new_id(), "connection": "accounting", "kind": "schedule", "status": "running", "owner": "somebody"}
    with circle.engine.begin() as conn:
        conn.execute(insert(run).values(row | {"fence": 1, "started_at": began}))
