"""Payments and shipments move deals: forward, once, by pipeline, only where accounting owns the stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sandbox.bitrix24.errors import RestError
from sandbox.bitrix24.fields import DEAL
from sync.deals.sending import send_moves
from sync.letters import discard_letter, list_letters, retry_letters
from sync.setup.doctor import examine_connection
from tests.integration.deals.world import INVOICE, MOVES, NUMBER, PAYMENT, Deals, make_deals

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql(
    "test_full_payment_and_shipment_move_the_deal",
    "test_all_orders_of_a_deal_count",
    "test_lost_answer_is_looked_at_and_not_sent_twice",
    "test_idle_cycle_sends_nothing_and_asks_little",
    "test_a_dry_run_shows_the_moves_and_makes_none",
)

Make = Callable[[str], Deals]


@pytest.fixture
def make(store_url: str, tmp_path: Path) -> Iterator[Make]:
    with ExitStack() as stack:
        yield lambda rules: stack.enter_context(make_deals(store_url, tmp_path, NUMBER + rules, customers=2))


@pytest.fixture
def deals(make: Make) -> Deals:
    return make(MOVES)


def test_full_payment_and_shipment_move_the_deal(deals: Deals) -> None:
    deal = deals.deal()
    order = deals.order("1", amount=1000)
    deals.sync()
    assert deals.stage(deal) == "NEW"
    deals.pay({order: "999.99"})
    deals.sync()
    assert deals.stage(deal) == "NEW", "a kopeck is missing"
    deals.pay({order: "0.01"})
    deals.sync()
    assert deals.stage(deal) == "FINAL_INVOICE"
    deals.ship(order, 1000)
    deals.sync()
    assert deals.stage(deal) == "WON"


def test_all_orders_of_a_deal_count(deals: Deals) -> None:
    deal = deals.deal()
    first, second = deals.order("1", amount=1000), deals.order("2", amount=500)
    deals.pay({first: 1000})
    deals.sync()
    assert deals.stage(deal) == "NEW"
    deals.pay({first: 1, second: 500})
    deals.sync()
    assert deals.stage(deal) == "FINAL_INVOICE"


def test_cancelled_and_deleted_orders_do_not_hold_a_deal_up(deals: Deals) -> None:
    deal = deals.deal()
    first, second = deals.order("1"), deals.order("2")
    deals.pay({first: 1000})
    deals.sync()
    assert deals.stage(deal) == "NEW"
    deals.base.mark(INVOICE, second)
    deals.sync()
    assert deals.stage(deal) == "FINAL_INVOICE"


def test_never_backwards(deals: Deals) -> None:
    """A person who is further stays there; a payment that bounced takes nothing back."""
    deal = deals.deal()
    order = deals.order("1")
    payment = deals.pay({order: 1000})
    deals.edit(deal, stageId="WON")
    deals.sync()
    assert deals.stage(deal) == "WON"
    other = deals.deal(customer=1)
    bill = deals.order("2", customer=1)
    paid = deals.pay({bill: 1000}, customer=1)
    deals.sync()
    assert deals.stage(other) == "FINAL_INVOICE"
    for one in (payment, paid):
        deals.base.unpost(PAYMENT, one)
    deals.sync()
    assert (deals.stage(deal), deals.stage(other)) == ("WON", "FINAL_INVOICE")


def test_backwards_where_the_mapping_allows_it(make: Make) -> None:
    deals = make("backwards = true\n" + MOVES)
    deal = deals.deal()
    order = deals.order("1")
    payment = deals.pay({order: 1000})
    deals.ship(order, 1000)
    deals.sync()
    assert deals.stage(deal) == "WON"
    deals.base.unpost(PAYMENT, payment)
    deals.sync()
    assert deals.stage(deal) == "EXECUTING"
    deals.edit(deal, stageId="FINAL_INVOICE")
    deals.sync()
    assert deals.stage(deal) == "FINAL_INVOICE", "a person's move forward"


def test_a_person_who_moves_it_back_has_the_last_word(deals: Deals) -> None:
    deal = deals.deal()
    order = deals.order("1")
    deals.pay({order: 1000})
    deals.sync()
    deals.edit(deal, stageId="PREPARATION")
    for _ in range(3):
        deals.sync()
    assert deals.stage(deal) == "PREPARATION"
    deals.ship(order, 1000)
    deals.sync()
    assert deals.stage(deal) == "WON", "something new has happened"


def test_lost_deal_is_left_alone(deals: Deals) -> None:
    deal = deals.deal()
    order = deals.order("1")
    deals.sync()
    deals.edit(deal, stageId="LOSE")
    deals.pay({order: 1000})
    deals.sync()
    assert deals.stage(deal) == "LOSE"


def test_without_the_owner_nothing_moves(make: Make) -> None:
    deals = make(MOVES.replace('owner = "accounting"', ""))
    deal = deals.deal()
    deals.pay({deals.order("1"): 1000})
    deals.sync()
    assert deals.stage(deal) == "NEW"
    assert deals.moves() == []


def test_each_pipeline_has_its_own_moves(make: Make) -> None:
    deals = make('owner = "accounting"\n[deals.moves."Опт"]\npaid = "PREPARATION"\n')
    usual, wholesale = deals.deal(), deals.deal(customer=1, category=9)
    deals.pay({deals.order("1"): 1000})
    deals.pay({deals.order("2", customer=1): 1000}, customer=1)
    deals.sync()
    assert (deals.stage(usual), deals.stage(wholesale)) == ("NEW", "C9:PREPARATION")


def test_stage_that_is_not_there_is_said(make: Make) -> None:
    deals = make('owner = "accounting"\n[deals.moves."0"]\npaid = "ОПЛАЧЕНО"\n')
    _, result = deals.sync(status=("ok", "partial"))
    assert result.status == "partial"
    said = "[deals.moves] names the stage ОПЛАЧЕНО, which crm does not have."
    assert said in result.message
    found = list(examine_connection(deals.app, deals.settings.connections["crm"]))
    assert [one.message for one in found if one.level == "error"] == [said]


def test_doctor_knows_the_stages(deals: Deals) -> None:
    found = list(examine_connection(deals.app, deals.settings.connections["crm"]))
    assert [one.level for one in found if one.subject == "deals"] == ["ok"]


def test_move_between_planning_and_sending_is_respected(deals: Deals, monkeypatch: pytest.MonkeyPatch) -> None:
    """The portal is asked once more before a deal is moved."""
    deal = deals.deal()
    deals.pay({deals.order("1"): 1000})

    before_sending(monkeypatch, lambda: deals.edit(deal, stageId="WON"))
    deals.sync()
    assert deals.stage(deal) == "WON"
    assert [row["state"] for row in deals.moves()] == ["done"]


def before_sending(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Something happens once all moves are planned and none is sent."""

    def with_that(*arguments: Any) -> None:
        happens()
        send_moves(*arguments)

    monkeypatch.setattr("sync.deals.run.send_moves", with_that)


def test_lost_answer_is_looked_at_and_not_sent_twice(deals: Deals, monkeypatch: pytest.MonkeyPatch) -> None:
    deal = deals.deal()
    order = deals.order("1")
    deals.sync()
    deals.pay({order: 1000})
    with monkeypatch.context() as patched:
        before_sending(patched, lambda: deals.portal.faults.add("drop_after", path="batch", times=1))
        _, result = deals.sync(status=("ok", "partial"))
    assert result.status == "partial" and "deal: 1 uncertain" in result.message
    assert [row["state"] for row in deals.moves()] == ["uncertain"]
    assert deals.stage(deal) == "FINAL_INVOICE"
    deals.sync(pause=3600)
    assert [(row["state"], row["sent_hash"]) for row in deals.moves()] == [("done", "FINAL_INVOICE")]
    assert deals.updates() == 1


def test_refused_move_is_a_letter_that_can_be_tried_again(deals: Deals) -> None:
    deal = deals.deal()
    order = deals.order("1")
    deals.sync()
    deals.pay({order: 1000})
    stages = deals.portal.portal.dictionaries.statuses
    final = next(row for row in stages if row["STATUS_ID"] == "FINAL_INVOICE")
    stages.remove(final)
    _, result = deals.sync(status=("ok", "partial"))
    assert result.status == "partial"
    (letter,) = list_letters(deals.app)
    assert (letter["entity"], letter["direction"], letter["stage"]) == ("deal_stage", "out", "send")
    stages.append(final)
    deals.sync()
    assert deals.stage(deal) == "NEW", "it is not tried again by itself at once"
    retry_letters(deals.app)
    deals.sync()
    assert deals.stage(deal) == "FINAL_INVOICE"
    assert list_letters(deals.app) == []


def test_right_that_is_missing_is_said_and_the_run_is_not_green(deals: Deals) -> None:
    deal = deals.deal()
    order = deals.order("1")
    deals.sync()
    methods = deals.portal.shell.rest.methods
    real = methods["crm.item.update"]

    def refuse(params: Any, caller: Any) -> Any:
        raise RestError("ACCESS_DENIED", "Access denied")

    methods["crm.item.update"] = refuse
    deals.pay({order: 1000})
    _, result = deals.sync(status=("ok", "partial"))
    assert result.status == "partial" and "no right" in result.message
    methods["crm.item.update"] = real
    deals.sync(pause=7200)
    assert deals.stage(deal) == "FINAL_INVOICE"


def test_portal_that_does_not_answer_is_asked_again(deals: Deals) -> None:
    deal = deals.deal()
    deals.pay({deals.order("1"): 1000})
    deals.sync("accounting")
    deals.portal.faults.add("drop_before", path="", times=50)
    deals.sync("crm", status=("failed",))
    assert deals.stage(deal) == "NEW"
    deals.portal.faults.clear()
    deals.sync("crm", pause=7200)
    assert deals.stage(deal) == "FINAL_INVOICE"


def test_idle_cycle_sends_nothing_and_asks_little(deals: Deals) -> None:
    for number in range(3):
        deals.deal(customer=number % 2)
        deals.pay({deals.order(str(number), customer=number % 2): 1000}, customer=number % 2)
    deals.sync()
    deals.sync()
    before = deals.updates()
    deals.portal.requests.clear()
    deals.sync()
    assert deals.updates() == before
    asked = [line.path for line in deals.portal.requests]
    assert not [path for path in asked if "category" in path or "status.list" in path or "update" in path]
    assert len(deals.portal.portal.kind(DEAL).items) == 3


def configure(deals: Deals, write: str) -> None:
    crm = deals.settings.connections["crm"].model_copy(update={"write": write})
    deals.settings = deals.settings.model_copy(update={"connections": deals.settings.connections | {"crm": crm}})


@pytest.mark.parametrize("write", ["off", "review"])
def test_nothing_moves_where_writing_is_not_on(deals: Deals, write: str) -> None:
    """Orders are assigned all the same; nothing waits that nobody sends. Switched on, what was earned is moved."""
    configure(deals, write)
    deal = deals.deal()
    deals.pay({deals.order("1"): 1000})
    deals.sync()
    deals.sync(kind="push")
    assert deals.stage(deal) == "NEW"
    assert deals.moves() == []
    assert set(deals.assigned()) == {"1"}
    configure(deals, "on")
    deals.sync(pause=3600)
    assert deals.stage(deal) == "FINAL_INVOICE"


def test_moves_that_wait_rest_when_writing_is_switched_off(deals: Deals, monkeypatch: pytest.MonkeyPatch) -> None:
    deal = deals.deal()
    deals.pay({deals.order("1"): 1000})
    with monkeypatch.context() as patched:
        before_sending(patched, lambda: deals.portal.faults.add("drop_before", path="", times=50))
        deals.sync(status=("ok", "failed"))
    deals.portal.faults.clear()
    assert [row["state"] for row in deals.moves()] == ["due"]
    configure(deals, "off")
    deals.sync("crm", kind="push", pause=7200)
    assert [row["state"] for row in deals.moves()] == ["off"]
    configure(deals, "on")
    deals.sync()
    assert deals.stage(deal) == "FINAL_INVOICE"


def test_letter_that_a_person_discards_stays_discarded(deals: Deals) -> None:
    deal = deals.deal()
    order = deals.order("1")
    deals.sync()
    deals.pay({order: 1000})
    stages = deals.portal.portal.dictionaries.statuses
    final = next(row for row in stages if row["STATUS_ID"] == "FINAL_INVOICE")
    stages.remove(final)
    deals.sync(status=("ok", "partial"))
    (letter,) = list_letters(deals.app)
    discard_letter(deals.app, letter["number"], "стадии больше нет")
    stages.append(final)
    deals.sync(kind="order", full=True)
    assert deals.stage(deal) == "NEW"
    assert list_letters(deals.app) == []
    deals.ship(order, 1000)
    deals.sync()
    assert deals.stage(deal) == "WON", "something new has happened"


def test_a_dry_run_shows_the_moves_and_makes_none(deals: Deals) -> None:
    deal = deals.deal()
    order = deals.order("1")
    deals.sync()
    deals.pay({order: 1000})
    deals.sync("accounting")
    (result,) = deals.sync("crm", kind="order", dry_run=True)
    moves = [change for change in result.changes if change["entity"] == "deal" and "stage" in change["fields"]]
    assert [change["fields"]["stage"] for change in moves] == [("NEW", "FINAL_INVOICE")]
    assert deals.stage(deal) == "NEW"
    assert deals.moves() == []
