"""Movements of several customers in one question: the same as each by himself, whatever the base takes."""

from decimal import Decimal
from typing import Any

import pytest

from core.errors import TransientError
from tests.unit.connectors.fake_base import Asked, FakeBase, fake_base, odata_error
from tests.unit.connectors.test_onec_balances import (
    A01,
    A02,
    ACCOUNTS,
    CHART,
    END,
    META,
    PARTY,
    RECORDS,
    SECOND,
    SPEC,
    START,
    TURNOVER,
    TURNOVERS,
    entry,
    line,
    records_resource,
    side,
)

PARTIES = [f"{n:08x}-aaaa-4bbb-8ccc-000000000000" for n in range(1, 15)]


def together(base: FakeBase, most: int) -> list[int]:
    """Answer questions about so many customers at most; the list tells how many each one named."""
    sizes: list[int] = []
    rows = [entry(**side("Dr", A01, party), Сумма=number) for number, party in enumerate(PARTIES, 1)]
    rows.append(entry(**side("Dr", A01, PARTIES[0]), Сумма=100) | side("Cr", A02, PARTIES[1]))

    def reply(asked: Asked) -> Any:
        condition = asked.options["Condition"]
        named = [party for party in PARTIES if party in condition]
        sizes.append(len(named))
        if len(named) > most:
            return odata_error(400, "14", "…")
        return 200, [row for row in rows if {row.get("ExtDimensionDr1"), row.get("ExtDimensionCr1")} & set(named)]

    base.on(CHART, ACCOUNTS)
    base.on(RECORDS, reply)
    for party in PARTIES:
        for name in ("Dr", "Cr"):
            mine = [row for row in rows if row.get(f"ExtDimension{name}1") == party]
            base.on(records_resource(name).replace(PARTY, party), mine)
    return sizes


@pytest.mark.parametrize(("most", "asked"), [(99, [6, 6, 2]), (3, [6, 3, 3, 3, 3, 2]), (1, [6, 3])])
def test_movements_of_several_customers_are_those_of_each(most: int, asked: list[int]) -> None:
    with fake_base(metadata=META) as base:
        sizes = together(base, most)
        found = base.connector.fetch_movements_of(SPEC, [PARTIES[0].upper(), *PARTIES], start=None)
        assert sizes == asked
        if most == 99:
            single = [row for party in PARTIES for row in base.connector.fetch_movements(SPEC, party, start=None)]
            assert found == single
        base.connector.fetch_movements_of(SPEC, PARTIES, start=None)
        assert max(sizes[len(asked) :], default=0) <= most, "a base that refused is not tempted again"
    amounts: list[Any] = [(row.counterparty, row.amount) for row in found]
    assert amounts[:2] == [(PARTIES[0], 101), (PARTIES[1], -98)]
    assert max(len(each.raw.partition("?")[2]) for each in base.asked) <= 2048


def test_of_several_customers_only_the_period_counts() -> None:
    inside, outside = entry(**side("Dr", A01), Сумма=1), entry(**side("Dr", A01), Сумма=2, Period="2025-12-31T00:00:00")
    with fake_base(metadata=META) as base:
        base.on(CHART, ACCOUNTS)
        base.on(RECORDS, [inside, outside])
        (row,) = base.connector.fetch_movements_of(SPEC, [PARTY, SECOND], start=START, end=END)
        assert base.asked[-1].options["EndPeriod"] == "datetime'2026-02-01T02:59:59'"
    assert (row.counterparty, row.amount) == (PARTY, Decimal(1))


def test_an_outage_is_no_refusal_of_many_customers() -> None:
    with fake_base(metadata=META, retry_seconds=0.0) as base:
        base.on(CHART, ACCOUNTS)
        base.on(RECORDS, (503, "<html></html>"))
        with pytest.raises(TransientError):
            base.connector.fetch_movements_of(SPEC, [PARTY, SECOND], start=None)


def test_without_records_each_customer_is_asked_by_turnovers() -> None:
    with fake_base() as base:
        base.on(CHART, ACCOUNTS)
        base.on(f"{TURNOVERS}()", [line() | TURNOVER, line(party=SECOND) | TURNOVER])
        found = base.connector.fetch_movements_of(SPEC, [PARTY, SECOND], start=None)
    shown: list[Any] = [(row.counterparty, row.amount) for row in found]
    assert shown == [(PARTY, 60), (SECOND, 60)]
