"""Which order belongs to which deal: by number, by the only open deal, by a person; never guessed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.deals.world import Deals, make_deals

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql(
    "test_later_knowledge_assigns_what_waited",
    "test_what_was_told_stays_unless_the_order_says_otherwise",
    "test_deal_that_goes_or_changes_hands_lets_its_orders_go",
)


@pytest.fixture
def deals(store_url: str, tmp_path: Path) -> Iterator[Deals]:
    with make_deals(store_url, tmp_path) as made:
        yield made


def test_named_only_open_or_nobody(deals: Deals) -> None:
    first, second = deals.deal(), deals.deal()
    single = deals.deal(customer=1)
    deals.order("1", comment=f"Срочно, сделка № {second}")
    deals.order("2")
    deals.order("3", customer=1)
    deals.order("4", customer=2)
    deals.sync()
    assert deals.assigned() == {"1": (second, "number"), "3": (single, "only_open")}, first


def test_later_knowledge_assigns_what_waited(deals: Deals) -> None:
    """Orders without a deal wait: the deal that is made, closed or named later finds them."""
    one, two = deals.deal(), deals.deal()
    deals.order("1")
    named = deals.order("2", customer=2)
    deals.sync()
    assert deals.assigned() == {}
    deals.clock.sleep(86_400)
    made = deals.deal(customer=2)
    deals.comment(named, f"сделка № {made}")
    deals.sync()
    assert deals.assigned() == {"2": (made, "number")}
    deals.order("3")
    deals.edit(two, stageId="LOSE")
    deals.sync()
    assert deals.assigned() == {"2": (made, "number")}, "on the days of both orders there were two"
    deals.clock.sleep(2 * 86_400)
    deals.order("4")
    deals.sync()
    assert deals.assigned()["4"] == (one, "only_open")


def test_deal_made_after_the_order_is_not_its(deals: Deals) -> None:
    deals.order("1", days=-3)
    deals.sync()
    deals.deal()
    deals.sync()
    assert deals.assigned() == {}


def test_number_of_somebody_elses_deal_assigns_nothing(deals: Deals) -> None:
    theirs = deals.deal(customer=1)
    deals.deal(customer=0)
    deals.order("1", comment=f"сделка № {theirs}")
    deals.order("2", comment="сделка № 77777")
    deals.sync()
    assert deals.assigned() == {}, "nor the customer's only open deal: the order says otherwise"


def test_deal_without_a_customer_is_found_by_number(deals: Deals) -> None:
    order = deals.order("1", comment="сделка № 1")
    deals.sync()
    assert deals.assigned() == {}
    number = deals.deal(customer=None)
    deals.comment(order, f"сделка № {number}")
    deals.sync()
    assert deals.assigned() == {"1": (number, "number")}


def test_nobodys_deal_that_comes_later_finds_the_order_that_names_it(deals: Deals) -> None:
    deals.order("1", comment="сделка № 1")
    deals.sync()
    deals.clock.sleep(3600)
    assert deals.deal(customer=None) == "1"
    deals.sync()
    assert deals.assigned() == {"1": ("1", "number")}


def test_what_was_told_stays_unless_the_order_says_otherwise(deals: Deals) -> None:
    first = deals.deal()
    order = deals.order("1")
    deals.sync()
    second = deals.deal()
    deals.sync()
    assert deals.assigned() == {"1": (first, "only_open")}
    deals.comment(order, f"сделка № {second}")
    deals.sync()
    assert deals.assigned() == {"1": (second, "number")}
    deals.comment(order, "")
    deals.sync()
    assert deals.assigned() == {"1": (second, "number")}, "an empty text takes nothing away"


def test_deal_that_goes_or_changes_hands_lets_its_orders_go(deals: Deals) -> None:
    gone, given = deals.deal(), deals.deal(customer=1)
    deals.order("1")
    deals.order("2", customer=1)
    deals.sync()
    assert set(deals.assigned()) == {"1", "2"}
    deals.clock.sleep(3600)
    deals.remove(gone)
    deals.edit(given, companyId=deals.companies[2])
    deals.sync(kind="order", full=True)
    deals.sync()
    assert deals.assigned() == {}


def test_unposted_order_waits(deals: Deals) -> None:
    deals.deal()
    order = deals.order("1")
    deals.base.unpost("Document_СчетНаОплатуПокупателю", order)
    deals.sync()
    assert deals.assigned() == {}
    deals.base.post("Document_СчетНаОплатуПокупателю", order)
    deals.sync()
    assert set(deals.assigned()) == {"1"}


def test_orders_that_accounting_knows_first(deals: Deals) -> None:
    """Everything may come in any order: the base first, the portal an hour later."""
    number = deals.deal()
    deals.order("1")
    deals.sync("accounting")
    deals.clock.sleep(3600)
    deals.sync("crm")
    assert deals.assigned() == {"1": (number, "only_open")}


def test_a_portal_that_tells_no_stages_is_read_all_the_same(deals: Deals) -> None:
    number = deals.deal()
    deals.order("1")
    deals.portal.faults.add("error", path="crm.category.list", error="user_access_error", times=None)
    _, run = deals.sync(status=("ok", "partial"))
    assert run.status == "partial" and "does not tell the stages of its deals" in run.message
    assert deals.assigned() == {"1": (number, "only_open")}
