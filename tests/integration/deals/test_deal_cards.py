"""The deal's own card in the portal shows what became of its orders; nothing else of it is touched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import build_app
from sandbox.bitrix24.fields import DEAL
from sync.letters import list_letters, retry_letters
from tests.integration.deals.world import NUMBER, Deals, make_deals

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql("test_a_deal_shows_what_became_of_its_orders")

CARDS = """
[cards.deal]
entity = "deal"
when = "orders > 0"
[cards.deal.own]
sverka_ordered = { kind = "money", from = "ordered", labels = { en = "Ordered", ru = "Заказано" } }
sverka_shipped = { kind = "money", from = "shipped", labels = { en = "Shipped", ru = "Отгружено" } }
sverka_paid = { kind = "money", from = "paid", labels = { en = "Paid", ru = "Оплачено" } }
sverka_orders = { kind = "text", from = "order_numbers", labels = { en = "Orders", ru = "Заказы" } }
"""


@pytest.fixture
def deals(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deals]:
    with make_deals(store_url, tmp_path, NUMBER + CARDS) as made:
        monkeypatch.chdir(tmp_path)
        done = CliRunner().invoke(build_app(["crm"]), ["crm", "setup", "crm"])
        assert done.exit_code == 0, (done.output, done.exception)
        yield made


def shown(deals: Deals, deal: str) -> tuple[str | None, ...]:
    item = deals.portal.portal.kind(DEAL).items[int(deal)]
    fields = deals.portal.portal.kind(DEAL).fields
    names = {one.upper_name: name for name, one in fields.items()}
    codes = ("ORDERED", "SHIPPED", "PAID", "ORDERS")
    return tuple(item.get(names[f"UF_CRM_SVERKA_{code}"]) for code in codes)


def test_a_deal_shows_what_became_of_its_orders(deals: Deals) -> None:
    deal, other = deals.deal(title="Поставка"), deals.deal(customer=1)
    first = deals.order("1", amount=1000)
    deals.ship(first, 400)
    deals.sync()
    assert shown(deals, deal) == ("1000.00|RUB", "400.00|RUB", "0.00|RUB", "1")
    assert shown(deals, other) == (None, None, None, None)
    deals.order("2", amount="500.50")
    deals.pay({first: 700})
    deals.sync()
    assert shown(deals, deal) == ("1500.50|RUB", "400.00|RUB", "700.00|RUB", "1; 2")
    assert deals.portal.portal.kind(DEAL).items[int(deal)]["title"] == "Поставка"


def test_what_is_shown_already_is_not_sent_again(deals: Deals) -> None:
    deal = deals.deal()
    deals.order("1")
    deals.sync()
    deals.sync()
    stamp = deals.portal.portal.kind(DEAL).items[int(deal)]["updatedTime"]
    deals.portal.requests.clear()
    for _ in range(2):
        deals.sync()
    assert deals.portal.portal.kind(DEAL).items[int(deal)]["updatedTime"] == stamp
    assert not [line for line in deals.portal.requests if "update" in line.path]


def test_no_deal_is_ever_made_not_even_anew(deals: Deals) -> None:
    """It was deleted there; whoever has its letter tried again gets the letter settled, and no deal."""
    deal = deals.deal()
    first = deals.order("1", amount=1000)
    deals.sync()
    deals.remove(deal)
    deals.ship(first, 400)
    deals.sync("accounting")
    deals.sync("crm", kind="push", status=("ok", "partial"))
    (letter,) = list_letters(deals.app)
    assert "deleted" in letter["reason"]
    retry_letters(deals.app)
    deals.sync("crm", kind="push", status=("ok", "partial"), pause=10)
    for _ in range(2):
        deals.sync(status=("ok", "partial"), full=True, kind="order")
    assert deals.portal.portal.kind(DEAL).items == {}
    assert "crm.item.add" not in [name for name, _ in deals.portal.shell.rest.calls]
    assert list_letters(deals.app) == []
