"""Scenarios 8 to 12 of the acceptance list with Bitrix24 on one side and 1C on the other."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from sandbox.bitrix24.fields import COMPANY
from sandbox.onec.schema import PARTIES
from store.tables import audit
from sync.context import Order
from sync.cycle import run_cycle
from sync.push import reviews
from tests.integration.circle.clients import CODE, INN, KPP, STANDING, add_client, card, order_of, parties, turn
from tests.integration.circle.conftest import COMPANIES
from tests.integration.outbox.world import Circle, make_circle

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql(
    "test_a_client_of_the_portal_is_one_counterparty_and_its_code_comes_back",
    "test_two_workers_at_once_make_one_counterparty",
    "test_accounting_drops_the_connection_before_it_answers",
    "test_the_owner_wins_and_both_values_are_in_the_audit",
)

# ---------------------------------------------------------------- 8: a client once


def test_a_client_of_the_portal_is_one_counterparty_and_its_code_comes_back(circle: Circle) -> None:
    number = add_client(circle, phone="8 (495) 765-43-21")
    turn(circle)
    (party,) = parties(circle)
    assert (party["КПП"], party["Description"]) == (KPP, "Ромашка")
    assert card(circle, number)[CODE] == party["Code"]
    assert card(circle, number)[STANDING] == "заведён в 1С"
    assert card(circle, number)["title"] == "Ромашка"


def test_run_again_nothing_happens(circle: Circle) -> None:
    add_client(circle)
    turn(circle, 2)
    before, known = circle.written(), parties(circle)
    turn(circle, 2)
    assert circle.written() == before
    assert parties(circle) == known


def test_two_workers_at_once_make_one_counterparty(circle: Circle) -> None:
    number = add_client(circle)
    for _ in range(3):
        circle.clock.sleep(300)
        _at_once(circle, "crm", "crm", "accounting", "accounting")
    turn(circle)
    (party,) = parties(circle)
    assert card(circle, number)[CODE] == party["Code"]
    assert [one["title"] for one in circle.elements().values()].count("Ромашка") == 1


def _at_once(circle: Circle, *names: str) -> None:
    threads = [threading.Thread(target=run_cycle, args=(circle.app, name, Order())) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)


# ---------------------------------------------------------------- 9: the answer is lost


def test_accounting_drops_the_connection_before_it_answers(circle: Circle) -> None:
    number = add_client(circle)
    circle.sync("crm", status=("ok", "partial"))
    assert circle.onec is not None
    circle.onec.faults.add("drop_after", method="POST", times=1)
    circle.sync("accounting", status=("ok", "partial", "failed"))
    turn(circle, 3)
    (party,) = parties(circle)
    assert card(circle, number)[CODE] == party["Code"]


def test_the_portal_drops_the_connection_before_it_answers(circle: Circle) -> None:
    """A new customer of accounting: his card is made, and nobody hears of it."""
    fields = {"Description": "Лютик", "ИНН": INN, "КПП": KPP, "ЮридическоеФизическоеЛицо": "ЮридическоеЛицо"}
    circle.base.create(PARTIES, fields)
    order = order_of(circle, INN)
    assert order
    circle.sync("accounting")
    circle.portal.faults.add("drop_after", path="batch", body="crm.item.add", times=1)
    circle.show(status=("ok", "partial", "failed"))
    turn(circle, 2)
    made = [one for one in circle.elements().values() if one["title"] == "Лютик"]
    assert len(made) == 1
    assert made[0][CODE]


# ---------------------------------------------------------------- 10: the tax id is there already


def test_a_client_whom_accounting_knows_is_linked_and_nothing_is_overwritten(circle: Circle) -> None:
    key = circle.base.create(
        PARTIES, {"Description": "Ромашка-Центр", "ИНН": INN, "КПП": KPP, "Комментарий": "звонить"}
    )
    number = add_client(circle, "РОМАШКА")
    before = circle.base.get(PARTIES, key)
    turn(circle, 2)
    (party,) = parties(circle)
    assert circle.base.get(PARTIES, key) == before
    assert card(circle, number)["title"] == "РОМАШКА"
    assert card(circle, number)[CODE] == party["Code"]


def test_a_client_whom_accounting_knows_twice_is_a_persons(circle: Circle) -> None:
    for name in ("Ромашка", "Ромашка (дубль)"):
        circle.base.create(PARTIES, {"Description": name, "ИНН": INN, "КПП": KPP})
    number = add_client(circle)
    turn(circle, 2)
    assert len(parties(circle)) == 2
    assert not card(circle, number).get(CODE)
    asked = [one for one in circle.questions() if one["kind"] == "match"]
    assert len(asked) >= 1
    assert {item["external_id"] for one in asked for item in one["candidates"]} & {
        row["Ref_Key"] for row in parties(circle)
    }


def test_a_branch_is_a_persons(circle: Circle) -> None:
    circle.base.create(PARTIES, {"Description": "Ромашка, голова", "ИНН": INN, "КПП": "770101001"})
    add_client(circle, "Ромашка, филиал", INN, "781301001")
    turn(circle, 2)
    assert len(parties(circle)) == 1
    assert circle.questions()


def test_a_branch_gets_a_card_of_its_own_when_a_person_says_so(circle: Circle) -> None:
    circle.base.create(PARTIES, {"Description": "Ромашка, голова", "ИНН": INN, "КПП": "770101001"})
    number = add_client(circle, "Ромашка, филиал", INN, "781301001")
    turn(circle, 2)
    for asked in circle.questions():
        reviews.create_review(circle.app, asked["number"], who="anna")
    turn(circle, 2)
    assert sorted(row["КПП"] for row in parties(circle)) == ["770101001", "781301001"]
    (mine,) = [row for row in parties(circle) if row["КПП"] == "781301001"]
    assert card(circle, number)[CODE] == mine["Code"]


# ---------------------------------------------------------------- 11: our own writes come back


def test_our_own_writes_come_back_and_are_dropped(circle: Circle) -> None:
    circle.ship(circle.order("З-1", amount=700), 700)
    circle.sync("accounting")
    circle.show()
    before = circle.written()
    for _ in range(3):
        (result,) = circle.sync("crm", status=("ok", "partial"))
        news = [line for line in result.lines if (line.entity, line.direction) == ("counterparty", "in")]
        assert all(not line.counts.get("updated") for line in news)
        circle.sync("accounting")
    assert circle.written() == before


def test_without_the_guard_the_same_is_sent_for_ever(circle: Circle, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a card shows is compared with what it showed: taken out, each cycle writes."""
    circle.ship(circle.order("З-1", amount=700), 700)
    circle.sync("accounting")
    circle.show()
    monkeypatch.setattr("sync.outbox.refresh.decide_row", _always(circle))
    counts = []
    for _ in range(3):
        before = circle.written()
        circle.clock.sleep(90_000)
        circle.show()
        counts.append(circle.written() - before)
    assert all(counts)


def _always(circle: Circle) -> Any:
    from sync.outbox.decide import decide_row

    def decide(desk: Any, subject: Any, row: Any, now: Any) -> Any:
        if row is not None and row.state == "done":
            row.hash, row.sent_hash, row.known, row.as_of = "", "", None, None
        return decide_row(desk, subject, row, now)

    return decide


# ---------------------------------------------------------------- 12: both have changed the same


def test_the_owner_wins_and_both_values_are_in_the_audit(store_url: str, tmp_path: Path) -> None:
    """A mapping that keeps the title as accounting has it."""
    rules = '[cards.company.new]\ntitle = false\n[cards.company.fields]\ntitle = "name"\n'
    with make_circle(store_url, tmp_path, companies=COMPANIES, mapping=rules) as circle:
        circle.sync("accounting")
        circle.set_up()
        turn(circle)
        number = circle.companies[0]
        key = parties(circle, "7707083893")[0]["Ref_Key"]
        circle.base.change(PARTIES, key, {"Description": "Покупатель по 1С"})
        circle.person_does("update", id=number, fields={"title": "Покупатель по CRM"})
        turn(circle, 2)
        assert card(circle, number)["title"] == "Покупатель по 1С"
        assert circle.base.get(PARTIES, key)["Description"] == "Покупатель по 1С"
        with circle.engine.connect() as conn:
            told = conn.execute(select(audit).where(audit.c.what == "field.overruled").order_by(audit.c.at)).all()
        lost = [(row.before["name"], row.after["name"]) for row in told if "name" in row.before]
        assert lost == [("Покупатель по CRM", "Покупатель 0"), ("Покупатель 0", "Покупатель по 1С")]


def test_or_a_person_decides(store_url: str, tmp_path: Path) -> None:
    rules = '[settings]\ncontacts_owner = "review"\n'
    with make_circle(store_url, tmp_path, companies=COMPANIES, mapping=rules) as circle:
        circle.sync("accounting")
        circle.set_up()
        turn(circle)
        number, key = circle.companies[0], parties(circle, "7707083893")[0]["Ref_Key"]
        phones = [{"Тип": "Телефон", "Представление": "+74957776655", "НомерТелефона": "74957776655"}]
        circle.base.change(PARTIES, key, {"КонтактнаяИнформация": phones})
        multi = {"n0": {"typeId": "PHONE", "valueType": "WORK", "value": "+74991234567"}}
        circle.person_does("update", id=number, fields={"fm": multi})
        turn(circle, 2)
        (asked,) = [one for one in circle.questions() if one["kind"] == "conflict"]
        assert "+74991234567" in str(asked["candidates"])


def test_the_portals_own_firm_is_nobodys_card(circle: Circle) -> None:
    own = [one for one in circle.portal.portal.kinds[COMPANY].items.values() if one.get("isMyCompany") == "Y"]
    assert own
    assert all(not one.get("originId") for one in own)
