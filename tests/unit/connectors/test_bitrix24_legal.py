"""Which of a card's requisites are the customer's own."""

from __future__ import annotations

import pytest

from connectors.bitrix24.legal import choose_requisite

INN, OTHER, EDRPOU, VAT = "7743013901", "7707083893", "00032537", "000325326554"
MOSCOW, PERM = "774301001", "590245001"


@pytest.mark.parametrize(
    ("rows", "given", "chosen"),
    [
        ([], {"RQ_INN": INN}, ""),
        ([{"RQ_INN": OTHER}], {"RQ_INN": INN}, "1"),
        # without a tax id of his own nobody's requisites are written over, but those of nobody may be
        ([{"RQ_INN": OTHER}, {"RQ_INN": INN}], {"RQ_COMPANY_NAME": "Ромашка"}, ""),
        ([{"RQ_INN": OTHER}, {}], {"RQ_COMPANY_NAME": "Ромашка"}, "2"),
        # two branches, and our code is not known: neither is taken
        ([{"RQ_INN": INN, "RQ_KPP": MOSCOW}, {"RQ_INN": INN, "RQ_KPP": PERM}], {"RQ_INN": INN}, ""),
        ([{"RQ_INN": OTHER}, {"RQ_INN": INN, "RQ_KPP": PERM}], {"RQ_INN": INN}, "2"),
        # in Ukraine a payer of VAT has two numbers
        ([{"RQ_INN": OTHER}, {"RQ_INN": VAT, "RQ_EDRPOU": EDRPOU}], {"RQ_EDRPOU": EDRPOU}, "2"),
    ],
)
def test_the_customers_own(rows: list[dict[str, str]], given: dict[str, str], chosen: str) -> None:
    numbered = [{"ID": number, **row} for number, row in enumerate(rows, 1)]
    assert choose_requisite(numbered, given) == chosen
