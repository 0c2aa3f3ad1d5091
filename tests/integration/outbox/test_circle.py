"""The circle: what accounting holds stands on the portal's cards, is sent once, and follows every move."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from sandbox.common.faults import Fault
from store.queries.work.status import load_status
from sync.context import Order
from sync.cycle import run_cycle
from sync.letters import discard_letter, edit_letter, retry_letters
from sync.outbox import which
from sync.room.dispatch import run_work, tick
from tests.integration.outbox.start import Start, Stores
from tests.integration.outbox.world import (
    BALANCE,
    CRM,
    WRITES,
    Circle,
    counted,
    from_start,
    look_at_everybody,
    make_circle,
)
from tests.integration.owners.systems import TAX_IDS
from tests.integration.store.counting import counting

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql(
    "test_customers_of_accounting_are_companies_with_balances",
    "test_an_unchanged_cycle_sends_and_writes_nothing",
    "test_two_workers_at_once_send_once",
    "test_status_counts_what_is_to_be_sent",
    "test_a_dry_run_shows_and_sends_nothing",
)


@pytest.fixture
def circle(stores: Stores, starts: dict[str, Start], empty_store: str, tmp_path: Path) -> Iterator[Circle]:
    """Everybody has been looked at; customer 0 has an order that was shipped, and no card yet."""
    with from_start("one order", starts, stores, empty_store, tmp_path, look_at_everybody) as made:
        yield made


def amount(item: dict[str, Any], name: str = BALANCE) -> Decimal:
    return Decimal(str(item[name]).partition("|")[0])


def test_customers_of_accounting_are_companies_with_balances(circle: Circle) -> None:
    result = circle.show()
    assert result.status == "ok", (result.message, result.notices)
    company = circle.company()
    assert amount(company) == 700
    assert (company["title"], company["ufCrmSverkaCode"]) == ("Покупатель 0", "00-000010")
    assert company["ufCrmSverkaLastShipment"] == "Р00001, 15.01.2026, 700.00 RUB"
    assert counted(result)["created"] == len(circle.rows("company")) + len(circle.rows("contact"))
    (order,) = [one for one in circle.smart("Заказы 1С").values() if one["title"].startswith("З-1")]
    assert order["companyId"] == company["id"] and amount(order, "opportunity") == 700
    (legal,) = [one for one in circle.portal.portal.requisites.values() if one["ENTITY_ID"] == str(company["id"])]
    assert (legal["RQ_INN"], legal["RQ_KPP"]) == (TAX_IDS[0], "770701001")


def test_an_unchanged_cycle_sends_and_writes_nothing(circle: Circle) -> None:
    circle.show()
    circle.sync("accounting", CRM, status=("ok", "partial"))
    rows, sent = circle.rows(), circle.written()
    for _ in range(3):
        results = circle.sync("accounting", CRM)
        assert [one.direction for result in results for one in result.lines if one.direction == "out"] == []
    assert (circle.written(), circle.rows()) == (sent, rows)
    with counting(circle.engine) as quiet:
        asked = len(circle.portal.requests)
        circle.show(kind="push")
    assert len(circle.portal.requests) == asked
    about = [text for text in quiet if "outbox" in text]
    assert len([text for text in about if text.startswith("SELECT")]) <= 2 * len(circle.settings.connections) + 9
    assert [text for text in about if not text.startswith(("SELECT", "SAVEPOINT"))] == []


def test_our_own_cards_coming_back_are_no_news(circle: Circle) -> None:
    made = counted(circle.show())["created"]
    (result,) = circle.sync(CRM)
    (line,) = [one for one in result.lines if (one.entity, one.direction) == ("counterparty", "in")]
    assert (line.counts.get("filtered"), line.counts.get("created", 0)) == (made, 0)
    assert circle.bound().keys() == {row["entity_id"] for card in ("company", "contact") for row in circle.rows(card)}


def test_a_payment_in_accounting_is_on_the_card_within_one_tick(circle: Circle) -> None:
    circle.show()
    circle.sync("accounting", CRM)
    (order,) = [key for key in circle.base.keys("Document_СчетНаОплатуПокупателю") if _number(circle, key) == "З-1"]
    circle.pay({order: 200})
    circle.sync("accounting")
    circle.clock.sleep(2)
    work = [one.to_message() for one in tick(circle.app) if one.connection == CRM]
    results = [run_work(circle.app, one) for one in work]
    assert results, "the portal waits a whole period"
    assert amount(circle.company()) == 500
    assert circle.company()["ufCrmSverkaLastPayment"].endswith("200.00 RUB")
    (element,) = [one for one in circle.smart("Заказы 1С").values() if one["title"].startswith("З-1")]
    assert amount(element, "ufCrmSverkaPaid" if "ufCrmSverkaPaid" in element else _own(element, "PAID")) == 200


def _number(circle: Circle, key: str) -> str:
    return str(circle.base.get("Document_СчетНаОплатуПокупателю", key)["Number"]).strip()


def _own(element: dict[str, Any], code: str) -> str:
    return next(name for name in element if name.upper().replace("_", "").endswith(f"SVERKA{code}"))


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "taken-away"])
def test_a_lost_answer_makes_no_second_card(circle: Circle, monkeypatch: pytest.MonkeyPatch, guarded: bool) -> None:
    """The batch of creations is carried out and its answer lost; what was made is found by our key, or not at all."""
    if not guarded:
        monkeypatch.setattr(which, "_ask", lambda desk, by, values: {})
    lost = _drop_creating_batch(circle)
    assert lost.status in ("partial", "failed")
    assert counted(lost)["uncertain"] > 0
    before = len(circle.elements())
    circle.clock.sleep(60)
    circle.show(kind="push")
    if not guarded:
        assert len(circle.elements()) > before
        return
    assert len(circle.elements()) == before
    assert len({one["originId"] for one in circle.elements().values()}) == before
    assert amount(circle.company()) == 700
    assert {row["state"] for row in circle.rows()} == {"done"}


def _drop_creating_batch(circle: Circle) -> Any:
    """The fault script sees addresses only, so it drops each answer after a request that has made something, once."""
    shell, known, dropping = circle.portal.shell, len(circle.elements()), Fault("drop_after")

    async def answer(request: Any, fault: Any, log: Any, wire: Any, real: Any = shell._answer) -> None:
        makes = b"crm.item.add" in request.body and dropping.done == 0
        dropping.done += makes
        await real(request, dropping if makes else fault, log, wire)

    with patch.object(shell, "_answer", answer):
        result = circle.show()
    assert dropping.done == 1 and len(circle.elements()) > known
    return result


def test_a_used_up_method_waits_and_goes_on(circle: Circle) -> None:
    limits = circle.portal.portal.limits
    limits.cost["crm.item.add"] = limits.operating
    result = circle.show()
    assert result.status == "partial", result.message
    limits.cost.clear()
    limits.spent.clear()
    made = len(circle.elements())
    for _ in range(4):
        circle.show(pause=700)
    assert len(circle.elements()) > made
    assert {row["state"] for row in circle.rows()} == {"done"}
    assert len({one["originId"] for one in circle.elements().values()}) == len(circle.elements())
    assert circle.letters() == []


def test_two_workers_at_once_send_once(circle: Circle) -> None:
    barrier = threading.Barrier(2)

    def work() -> None:
        barrier.wait()
        run_cycle(circle.app, CRM, Order(kind="push"), wait=0.0)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    circle.show(kind="push")
    assert len({one["originId"] for one in circle.elements().values()}) == len(circle.elements())
    adds = [name for name in circle.calls() if name == "crm.item.add"]
    assert len(adds) == sum(len(circle.rows(card)) for card in circle_cards(circle))


def circle_cards(circle: Circle) -> list[str]:
    return ["company", "contact", "order", "shipment", "payment"]


def test_a_card_deleted_there_is_not_made_again_without_a_word(circle: Circle) -> None:
    circle.show()
    company = circle.company()
    circle.person_does("delete", id=company["id"])
    circle.ship(circle.order("З-2", amount=50), 50)
    circle.sync("accounting")
    result = circle.show(kind="push")
    assert counted(result).get("dead") == 1
    (letter,) = circle.letters()
    assert "deleted" in letter["reason"] and letter["direction"] == "out"
    for _ in range(2):
        circle.show(pause=3600)
    assert company["id"] not in circle.elements() and _companies(circle) == 0
    retry_letters(circle.app, number=letter["number"])
    found = circle.show(kind="retry")
    print(found, circle.row(), circle.letters(), circle.questions())
    assert _companies(circle) == 1 and amount(circle.company()) == 750
    assert circle.letters() == []


def _companies(circle: Circle) -> int:
    key = str(circle.customer_id())
    return sum(1 for one in circle.elements().values() if one.get("originId") == key)


def test_status_counts_what_is_to_be_sent(circle: Circle) -> None:
    limits = circle.portal.portal.limits
    limits.cost["crm.item.add"] = limits.operating
    circle.show()
    with circle.engine.connect() as conn:
        rows = load_status(conn, circle.clock.now())["connections"]
    (row,) = [one for one in rows if one["connection"] == CRM]
    assert row["due"] + row["waiting"] > 0


def test_a_dry_run_shows_and_sends_nothing(circle: Circle) -> None:
    sent, rows = circle.written(), circle.rows()
    result = circle.show(status=("ok",), kind="order", dry_run=True)
    (change,) = [one for one in result.changes if one["fields"].get("title") == [None, "Покупатель 0"]]
    assert (change["action"], change["fields"]["UF_CRM_SVERKA_BALANCE"]) == ("created", [None, "700.00 RUB"])
    assert (circle.written(), circle.rows(), circle.letters()) == (sent, rows, [])


@pytest.mark.parametrize("end", ["edit", "mend", "discard"])
def test_a_refused_card_is_a_letter_that_a_person_settles(store_url: str, tmp_path: Path, end: str) -> None:
    rule = '[cards.company.fields]\nrevenue = { from = "legal_name", when = "name == \'Покупатель 0\'" }\n'
    with make_circle(store_url, tmp_path, mapping=rule) as circle:
        circle.ship(circle.order("З-1", amount=700), 700)
        circle.sync()
        circle.set_up()
        result = circle.show()
        assert counted(result)["dead"] == 1 and counted(result)["created"] > 0
        (letter,) = circle.letters()
        assert (letter["source"], letter["external_id"]) == ("company", str(circle.customer_id()))
        with pytest.raises(ValueError, match="not enough"):
            circle.company()
        if end == "edit":
            edit_letter(circle.app, letter["number"], {"revenue": "12"})
        elif end == "mend":
            _mend_mapping(circle, tmp_path)
            retry_letters(circle.app)
        else:
            discard_letter(circle.app, letter["number"], "not needed there")
        circle.show(kind="retry")
        assert circle.letters() == []
        assert circle.row()["state"] == ("left" if end == "discard" else "done")
        if end == "edit":
            assert circle.company()["revenue"] == 12


def _mend_mapping(circle: Circle, folder: Path) -> None:
    from mapping.rules import load_mapping
    from store.versions import ensure_published, publish

    path = folder / "portal.toml"
    path.write_text('extends = "bitrix24"\n', encoding="utf-8")
    mapping = load_mapping("portal.toml", folder=folder)
    ensure_published(circle.engine, "portal.toml", mapping.text, "test", version=mapping.version, clock=circle.clock)
    publish(circle.engine, "portal.toml", mapping.version, "test", clock=circle.clock)


def test_nothing_is_made_before_a_person_has_agreed(store_url: str, tmp_path: Path) -> None:
    with make_circle(store_url, tmp_path) as circle:
        circle.ship(circle.order("З-1", amount=700), 700)
        circle.sync(status=("ok", "partial"))
        result = circle.show()
        assert [name for name in circle.calls() if name in WRITES] == [] and circle.rows() == []
        assert any("sverka link" in text for text in result.notices)


def test_a_client_of_the_portal_gets_his_code_from_accounting(circle: Circle) -> None:
    circle.show()
    number = circle.add_company("Новый клиент", "7728168971", "770701001")
    circle.sync(CRM, status=("ok", "partial"))
    circle.sync("accounting", status=("ok", "partial"))
    (party,) = [
        row for row in circle.base.truth_documents("Catalog_Контрагенты") if row["Description"] == "Новый клиент"
    ]
    circle.clock.sleep(2)
    for item in tick(circle.app):
        run_work(circle.app, item.to_message())
    card = circle.elements()[number]
    assert card["ufCrmSverkaCode"] == str(party["Code"]).strip()
    assert card["ufCrmSverkaStanding"] == "заведён в 1С"
    assert card["title"] == "Новый клиент"
    circle.sync()
    circle.sync()
    sent = circle.written()
    circle.sync()
    assert circle.written() == sent


def test_the_age_of_figures_alone_is_told_once_an_hour(circle: Circle) -> None:
    circle.show()
    circle.sync()
    told, sent = circle.company()["ufCrmSverkaAsOf"], circle.written()
    circle.sync()
    assert (circle.company()["ufCrmSverkaAsOf"], circle.written()) == (told, sent)
    circle.sync(pause=3700)
    assert circle.company()["ufCrmSverkaAsOf"] > told
    rows, again = len(circle.rows("company")) + len(circle.rows("contact")), circle.written()
    assert again - sent <= rows
    circle.sync()
    assert circle.written() == again
