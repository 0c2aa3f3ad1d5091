"""An idle cycle asks the same few questions whatever is there; a busy one asks by pages, not by orders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.deals.world import MOVES, NUMBER, Deals, make_deals
from tests.integration.store.counting import counting


@pytest.fixture
def deals(store_url: str, tmp_path: Path) -> Iterator[Deals]:
    with make_deals(store_url, tmp_path, NUMBER + MOVES) as made:
        yield made


def asked(deals: Deals) -> list[str]:
    """What a cycle of the CRM asks the store because of deals and orders."""
    with counting(deals.engine) as queries:
        deals.sync("crm")
    return [query for query in queries if "deal_order" in query or "facts=" in query]


def fill(deals: Deals, first: int, count: int) -> None:
    one = deals.deal()
    for number in range(first, first + count):
        key = deals.order(str(number), comment=f"сделка № {one}")
        deals.pay({key: 100})


def test_idle_cycle_asks_the_same_few_questions(deals: Deals) -> None:
    fill(deals, 0, 5)
    deals.sync()
    deals.sync("accounting", pause=900)
    deals.sync("crm", pause=900)
    few = asked(deals)
    assert len(few) == 1, few
    assert not [query for query in few if not query.lstrip().upper().startswith(("SELECT", "WITH"))]
    fill(deals, 10, 25)
    deals.sync()
    deals.sync("crm", pause=1800)
    assert len(asked(deals)) == len(few)


def test_busy_cycle_asks_by_pages(deals: Deals) -> None:
    fill(deals, 0, 3)
    deals.sync("accounting")
    few = asked(deals)
    fill(deals, 10, 40)
    deals.sync("accounting", pause=3600)
    assert len(asked(deals)) <= len(few) + 2
    assert len(deals.assigned()) == 43
