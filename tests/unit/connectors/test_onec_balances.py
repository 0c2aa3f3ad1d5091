"""Balances and movements of registers that differ: currency, signed resources, settlement documents, no chart."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connectors.base import BalanceSpec
from core.errors import SchemaDrift, TransientError
from tests.unit.connectors.fake_base import Asked, FakeBase, edmx, fake_base, missing_field, odata_error

REGISTER, CHART = "AccountingRegister_Хозрасчетный", "ChartOfAccounts_Хозрасчетный"
SPEC = BalanceSpec(REGISTER, CHART, ("62.01", "62.02", "62.21"), currency_accounts=("62.21",))
A01, A02, A21, OTHER = (f"0000000{n}-aaaa-0000-0000-000000000000" for n in range(1, 5))
PARTY, SECOND = "1fa1a135-d89b-11e6-8343-40167e2531c3", "2fa1a135-d89b-11e6-8343-40167e2531c3"
CONTRACT, ORG, EURO = (f"0000000{n}-bbbb-0000-0000-000000000000" for n in range(1, 4))
DOC, DOC2 = (f"0000000{n}-cccc-0000-0000-000000000000" for n in range(1, 3))
EMPTY = "00000000-0000-0000-0000-000000000000"
BALANCE, TURNOVERS, RECORDS = (f"{REGISTER}/{name}" for name in ("Balance", "Turnovers", "RecordsWithExtDimensions"))
ACCOUNTS = [
    {"Ref_Key": A01.upper(), "Code": "62.01   "},
    {"Ref_Key": A02, "Code": "62.02"},
    {"Ref_Key": A21, "Code": "62.21"},
    {"Ref_Key": OTHER, "Code": "51"},
]
CAST = f"cast(guid'{PARTY}','Catalog_Контрагенты')"


def line(account: str = A01, party: str = PARTY, **values: Any) -> dict[str, Any]:
    return {
        "Account_Key": account,
        "ExtDimension1": party,
        "ExtDimension1_Type": "StandardODATA.Catalog_Контрагенты",
        "ExtDimension2": CONTRACT,
        "ExtDimension2_Type": "StandardODATA.Catalog_ДоговорыКонтрагентов",
        "Организация_Key": ORG,
        "Валюта_Key": EMPTY,
    } | values


def money(debit: object, credit: object, name: str = "Сумма") -> dict[str, Any]:
    return {f"{name}BalanceDr": debit, f"{name}BalanceCr": credit}


def serve(base: FakeBase, *rows: dict[str, Any]) -> None:
    base.on(CHART, ACCOUNTS)
    base.on(f"{BALANCE}()", list(rows))


def test_rows_of_one_settlement_are_summed_over_their_documents() -> None:
    third = {"ExtDimension3_Type": "StandardODATA.Document_X"}
    with fake_base() as base:
        serve(
            base,
            line(ExtDimension3=DOC, **third, **money(100.10, 0)),
            line(ExtDimension3=DOC2, **third, **money(0.20, None)),
            line(A02, **money(None, 30)),
            line(party=SECOND, **money(0, 0)),
        )
        answer = base.connector.fetch_balances(SPEC)
    assert answer.whole, answer.reason
    assert [(row.account, row.counterparty, row.contract, row.organisation, row.currency) for row in answer.rows] == [
        ("62.01", PARTY, CONTRACT, ORG, None),
        ("62.02", PARTY, CONTRACT, ORG, None),
    ]
    sides: list[Any] = [(row.debit, row.credit) for row in answer.rows]
    assert sides == [(Decimal("100.30"), 0), (0, Decimal(30))]
    assert answer.totals == {"62.01": Decimal("100.30"), "62.02": Decimal(-30)}
    asked = [each for each in base.asked if each.resource.startswith(BALANCE)]
    assert asked[0].options["$filter"] == (
        f"(Account_Key eq guid'{A01}' or Account_Key eq guid'{A02}' or Account_Key eq guid'{A21}')"
    )
    assert asked[1].options["$select"] == "Account_Key,СуммаBalanceDr,СуммаBalanceCr"
    assert "$skip" not in asked[0].raw


def test_currency_accounts_are_kept_in_their_currency_and_compared_in_the_accounting_one() -> None:
    with fake_base() as base:
        serve(
            base,
            line(A21, Валюта_Key=EURO, **money(9000, 0), **money(100, 0, "ВалютнаяСумма")),
            line(A01, Валюта_Key=EURO, **money(500, 0), **money(5, 0, "ВалютнаяСумма")),
            line(A21, Валюта_Key=EMPTY, **money(7, 0), **money(None, None, "ВалютнаяСумма")),
        )
        answer = base.connector.fetch_balances(SPEC)
    found: list[Any] = [(row.account, row.currency, row.debit) for row in answer.rows]
    assert found == [
        ("62.21", EURO, 100),
        ("62.01", None, 500),
        ("62.21", None, 7),
    ]
    assert answer.totals == {"62.21": Decimal(9007), "62.01": Decimal(500)}
    assert answer.whole


def test_a_signed_resource_is_debit_or_credit_by_its_sign() -> None:
    fields = {"Account_Key": "Edm.Guid", "СуммаBalance": "Edm.Double"}
    with fake_base(metadata=edmx({REGISTER: {}, f"{REGISTER}_Balance": fields})) as base:
        serve(base, line(СуммаBalance=5), line(A02, СуммаBalance=-7))
        answer = base.connector.fetch_balances(SPEC)
    sides: list[Any] = [(row.debit, row.credit) for row in answer.rows]
    assert sides == [(5, 0), (0, 7)]
    assert answer.totals == {"62.01": Decimal(5), "62.02": Decimal(-7)}


def test_a_counterparty_is_found_by_type_in_whichever_slot() -> None:
    swapped = {
        "ExtDimension2": PARTY.upper(),
        "ExtDimension2_Type": "StandardODATA.Catalog_Контрагенты",
        "ExtDimension1": CONTRACT,
        "ExtDimension1_Type": "StandardODATA.Catalog_ДоговорыКонтрагентов",
    }
    with fake_base() as base:
        serve(base, line() | swapped | money(1, 0))
        answer = base.connector.fetch_balances(SPEC)
    assert [(row.counterparty, row.contract) for row in answer.rows] == [(PARTY, CONTRACT)]


def test_what_is_no_counterparty_is_nobodys_balance_but_part_of_the_totals() -> None:
    person = {"ExtDimension1_Type": "StandardODATA.Catalog_ФизическиеЛица"}
    nothing = {"ExtDimension1": "", "ExtDimension1_Type": "StandardODATA.Undefined"}
    with fake_base() as base:
        serve(base, line() | money(10, 0), line() | person | money(5, 0), line(A02) | nothing | money(0, 3))
        answer = base.connector.fetch_balances(SPEC)
    assert len(answer.rows) == 1
    assert answer.whole
    assert answer.totals == {"62.01": Decimal(15), "62.02": Decimal(-3)}
    assert answer.unassigned == {"62.01": Decimal(5), "62.02": Decimal(-3)}


def cut(asked: Asked) -> object:
    """An answer that lost its second half, while the totals are right."""
    whole = [line(**money(10, 0)), line(party=SECOND, **money(20, 0))]
    return whole if asked.options.get("$select", "") == "Account_Key,СуммаBalanceDr,СуммаBalanceCr" else whole[:1]


def test_an_answer_that_disagrees_with_the_totals_is_not_whole() -> None:
    with fake_base() as base:
        base.on(CHART, ACCOUNTS)
        base.on(f"{BALANCE}()", cut)
        answer = base.connector.fetch_balances(SPEC)
    assert not answer.whole
    assert answer.reason == "account 62.01: rows 10, total 30"
    assert base.resources().count(f"{BALANCE}()") == 6


def test_a_posting_between_the_two_questions_is_asked_again() -> None:
    with fake_base() as base:
        base.on(CHART, ACCOUNTS)
        old, new = [line(**money(10, 0))], [line(**money(11, 0))]
        base.on(f"{BALANCE}()", old, new, new, new)
        answer = base.connector.fetch_balances(SPEC)
    assert answer.whole
    assert answer.rows[0].debit == 11


def test_an_empty_answer_is_whole_only_when_the_totals_are_empty_too() -> None:
    with fake_base() as base:
        base.on(CHART, ACCOUNTS)
        base.on(f"{BALANCE}()", [], [line(**money(10, 0))], [], [line(**money(10, 0))], [], [line(**money(10, 0))])
        answer = base.connector.fetch_balances(SPEC)
    assert (answer.rows, answer.whole) == ([], False)


def test_a_moment_and_one_customer() -> None:
    resource = f"{BALANCE}(Period=datetime'2026-02-01T00:00:00')"
    with fake_base() as base:
        base.on(CHART, ACCOUNTS)
        base.on(resource, [line(**money(1, 0)), line(party=SECOND, **money(2, 0))])
        answer = base.connector.fetch_balances(SPEC, at=datetime(2026, 1, 31, 21, tzinfo=UTC), counterparty=PARTY)
    assert [row.counterparty for row in answer.rows] == [PARTY]
    assert base.asked[-1].options["$filter"].endswith(f"and (ExtDimension1 eq {CAST})")


def test_without_a_chart_accounts_are_asked_for_by_code() -> None:
    def resource(code: str) -> str:
        return f"{BALANCE}(AccountCondition='Account/Code eq ''{code}''')"

    with fake_base() as base:
        base.on(resource("62.01"), [line(**money(10, 0))])
        base.on(resource("62.02"), [line(A02, **money(0, 4))])
        base.on(resource("62.21"), [])
        answer = base.connector.fetch_balances(SPEC)
    found: list[Any] = [(row.account, row.debit - row.credit) for row in answer.rows]
    assert found == [("62.01", 10), ("62.02", -4)]
    assert answer.whole


def test_a_chart_without_our_accounts_is_schema_drift() -> None:
    with fake_base() as base:
        base.on(CHART, [{"Ref_Key": OTHER, "Code": "51"}])
        with pytest.raises(SchemaDrift, match=r"62\.01"):
            base.connector.fetch_balances(SPEC)


@pytest.mark.parametrize("bad", [{"Account_Key": EMPTY}, {"СуммаBalanceDr": "много"}, {"СуммаBalanceDr": True}])
def test_rows_that_are_no_balance_are_no_answer(bad: dict[str, object]) -> None:
    with fake_base() as base:
        serve(base, line() | money(1, 0) | bad)
        with pytest.raises(TransientError):
            base.connector.fetch_balances(SPEC)


# ---------------------------------------------------------------- movements


def entry(**values: Any) -> dict[str, Any]:
    return {
        "Recorder": DOC.upper(),
        "Recorder_Type": "StandardODATA.Document_Y",
        "Period": "2026-01-20T12:00:00",
        "Active": True,
        "AccountDr_Key": OTHER,
        "AccountCr_Key": OTHER,
        "Организация_Key": ORG,
    } | values


def side(name: str, account: str, party: str = PARTY) -> dict[str, Any]:
    return {
        f"Account{name}_Key": account,
        f"ExtDimension{name}1": party,
        f"ExtDimension{name}1_Type": "StandardODATA.Catalog_Контрагенты",
        f"ExtDimension{name}2": CONTRACT,
        f"ExtDimension{name}2_Type": "StandardODATA.Catalog_ДоговорыКонтрагентов",
    }


META = edmx({REGISTER: {}}, {REGISTER: ["Balance", "Turnovers", "RecordsWithExtDimensions"]})
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)


def records_resource(name: str, period: str = "") -> str:
    condition = f"ExtDimension{name}1 eq {CAST}".replace("'", "''")
    return f"{RECORDS}({period}Condition='{condition}')"


def moved(
    base: FakeBase, *entries: dict[str, Any], start: datetime | None = None, end: datetime | None = None
) -> list[Any]:
    period = ""
    if start is not None and end is not None:
        period = "StartPeriod=datetime'2026-01-01T03:00:00',EndPeriod=datetime'2026-02-01T02:59:59',"
    base.on(CHART, ACCOUNTS)
    for name in ("Dr", "Cr"):
        field = f"ExtDimension{name}1"
        base.on(records_resource(name, period), [e for e in entries if e.get(field) == PARTY or "RecordType" in e])
    found = base.connector.fetch_movements(SPEC, PARTY, start=start, end=end)
    return [(row.recorder, row.account, row.currency, row.amount) for row in found]


def test_an_advance_set_off_against_a_debt_cancels_out() -> None:
    offset = entry(**side("Dr", A02), **side("Cr", A01), Сумма=40)
    sale = entry(**side("Dr", A01), Сумма=100)
    with fake_base(metadata=META) as base:
        assert moved(base, offset, sale) == [(DOC, "62", None, 100)]
    with fake_base(metadata=META) as base:
        assert moved(base, offset) == []


def test_a_movement_says_who_when_and_where() -> None:
    with fake_base(metadata=META) as base:
        base.on(CHART, ACCOUNTS)
        base.on(records_resource("Dr"), [])
        base.on(records_resource("Cr"), [entry(**side("Cr", A02), Сумма=30.50)])
        (row,) = base.connector.fetch_movements(SPEC, PARTY, start=None)
    assert (row.recorder_set, row.recorder, row.counterparty, row.contract, row.organisation) == (
        "Document_Y",
        DOC,
        PARTY,
        CONTRACT,
        ORG,
    )
    assert row.date == datetime(2026, 1, 20, 9, tzinfo=UTC)
    assert row.amount == Decimal("-30.5")


def test_what_is_not_ours_does_not_count() -> None:
    with fake_base(metadata=META) as base:
        assert (
            moved(
                base,
                entry(**side("Dr", OTHER), Сумма=1),
                entry(**side("Dr", A01), Сумма=2, Active=False),
                entry(**side("Dr", A01, SECOND), Сумма=4),
            )
            == []
        )


def test_currency_of_the_side_counts() -> None:
    euro = {"ВалютаDr_Key": EURO, "ВалютнаяСуммаDr": 100, "ВалютаCr_Key": EMPTY, "ВалютнаяСуммаCr": None}
    with fake_base(metadata=META) as base:
        assert moved(base, entry(**side("Dr", A21), Сумма=9000, **euro)) == [(DOC, "62", EURO, 100)]


def test_the_window_is_half_open() -> None:
    entries = [
        entry(**side("Dr", A01), Сумма=1, Period="2026-01-01T02:59:59"),
        entry(**side("Dr", A01), Сумма=2, Period="2026-01-01T03:00:00"),
        entry(**side("Dr", A01), Сумма=4, Period="2026-02-01T02:59:59"),
        entry(**side("Dr", A01), Сумма=8, Period="2026-02-01T03:00:00"),
    ]
    with fake_base(metadata=META) as base:
        assert moved(base, *entries, start=START, end=END) == [(DOC, "62", None, 6)]


def test_a_register_without_correspondence() -> None:
    one = {"AccountDr_Key": None, "AccountCr_Key": None}
    debit = line(A01) | entry(**one) | {"RecordType": "Debit", "Сумма": 10}
    credit = line(A02) | entry(**one) | {"RecordType": "Credit", "Сумма": 3}
    with fake_base(metadata=META) as base:
        assert moved(base, debit, credit) == [(DOC, "62", None, 7)]


TURNOVER = {
    "Recorder": DOC,
    "Recorder_Type": "StandardODATA.Document_Y",
    "Period": "2026-01-20T12:00:00",
    "СуммаTurnoverDr": 100,
    "СуммаTurnoverCr": 40,
}


@pytest.mark.parametrize("refusal", [missing_field("Condition"), odata_error(501, "0"), odata_error(500, "-1", "x")])
def test_turnovers_stand_in_where_records_are_refused(refusal: object) -> None:
    with fake_base(metadata=META) as base:
        base.on(CHART, ACCOUNTS)
        base.on(records_resource("Dr"), refusal)
        base.on(f"{TURNOVERS}()", [line() | TURNOVER, line(A02) | TURNOVER | {"Recorder": DOC2}])
        found = base.connector.fetch_movements(SPEC, PARTY, start=None)
    shown: list[Any] = [(row.recorder, row.amount) for row in found]
    assert shown == [(DOC, 60), (DOC2, 60)]


def test_turnovers_stand_in_where_records_are_not_declared() -> None:
    with fake_base() as base:
        base.on(CHART, ACCOUNTS)
        base.on(f"{TURNOVERS}(EndPeriod=datetime'2026-02-01T02:59:59')", [line() | TURNOVER])
        found = base.connector.fetch_movements(SPEC, PARTY, start=None, end=END)
    shown: list[Any] = [row.amount for row in found]
    assert shown == [60]
    assert base.asked[-1].options["$filter"].endswith(f"(ExtDimension1 eq {CAST})")


def test_turnovers_by_code_where_the_chart_is_not_published() -> None:
    with fake_base(metadata=META) as base:
        for code, rows in (("62.01", [line() | TURNOVER]), ("62.02", []), ("62.21", [])):
            base.on(f"{TURNOVERS}(AccountCondition='Account/Code eq ''{code}''')", rows)
        found = base.connector.fetch_movements(SPEC, PARTY, start=None)
    shown: list[Any] = [(row.account, row.amount) for row in found]
    assert shown == [("62", 60)]


def test_an_outage_is_not_a_reason_for_the_coarser_table() -> None:
    with fake_base(metadata=META, retry_seconds=0.0) as base:
        base.on(CHART, ACCOUNTS)
        base.on(records_resource("Dr"), (503, "<html></html>"))
        with pytest.raises(TransientError):
            base.connector.fetch_movements(SPEC, PARTY, start=None)
    assert not [name for name in base.resources() if name.startswith(TURNOVERS)]


def test_no_part_of_an_address_is_longer_than_iis_takes() -> None:
    with fake_base(metadata=META) as base:
        moved(base, start=START, end=END)
    assert max(len(part) for name in base.resources() for part in name.split("/")) <= 249
