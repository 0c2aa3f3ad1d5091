"""The circle: what accounting holds stands on the portal's cards, is sent once, and follows every move."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.integration.outbox.world import BALANCE, Circle, counted, make_circle


@pytest.fixture
def circle(store_url: str, tmp_path: Path) -> Iterator[Circle]:
    with make_circle(store_url, tmp_path) as made:
        made.order("З-1", amount=1500)
        made.sync()
        made.set_up()
        yield made


def amount(item: dict[str, object], name: str = BALANCE) -> Decimal:
    return Decimal(str(item[name]).partition("|")[0])


def test_customers_of_accounting_are_companies_with_balances(circle: Circle) -> None:
    order = circle.order("З-2", amount=700)
    circle.ship(order, 700)
    circle.sync("accounting")
    result = circle.show()
    assert result.status == "ok", (result.message, result.notices)
    company = circle.company()
    print(sorted(company.items()))
    assert amount(company) == 700
    assert company["title"] == "Покупатель 0"
    assert counted(result)["created"] == len(circle.elements())
    again = circle.calls()
    for _ in range(2):
        circle.sync("accounting")
        assert counted(circle.show()) == {}
    assert [name for name in circle.calls()[len(again) :] if name.startswith("crm.item.add")] == []
