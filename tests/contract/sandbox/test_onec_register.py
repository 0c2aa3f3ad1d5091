"""Virtual tables, record sets and rates (fact sheet §5, §8.3)."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from decimal import Decimal

import pytest

from sandbox.onec import Layout, OnecServer, build_company
from tests.contract.sandbox.onec_client import Client

REGISTER = "AccountingRegister_Хозрасчетный"
ACCOUNTS = "ChartOfAccounts_Хозрасчетный"
FOREIGN = ("62.21", "62.22", "62.31", "62.32")


def customer_accounts(client):
    found = client.values(f"/{ACCOUNTS}?$filter=startswith(Code,'62.')&$select=Ref_Key,Code")
    return {item["Ref_Key"]: item["Code"] for item in found}


def account_filter(codes):
    return "(" + " or ".join(f"Account_Key eq guid'{key}'" for key in codes) + ")"


def balances(client, period=""):
    codes = customer_accounts(client)
    rows = client.values(f"/{REGISTER}/Balance({period})?$filter={account_filter(codes)}")
    money = {item["Ref_Key"]: item["Code"] for item in client.values("/Catalog_Валюты")}
    sums: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for row in rows:
        code = codes[row["Account_Key"]]
        name = "ВалютнаяСумма" if code in FOREIGN else "Сумма"
        currency = money[row["Валюта_Key"]] if code in FOREIGN else "643"
        key = (row["ExtDimension1"], row["ExtDimension2"], row["Организация_Key"], currency)
        sums[key] += row[f"{name}BalanceDr"] - row[f"{name}BalanceCr"]
        assert row["ExtDimension1_Type"] == "StandardODATA.Catalog_Контрагенты"
        assert row["ExtDimension3_Type"] == "StandardODATA.Undefined"
        assert (row["ВалютнаяСуммаBalance"] is None) == (code not in FOREIGN)
        assert row["КоличествоBalance"] is None
    return {key: value for key, value in sums.items() if value}


def truth(base, at=None):
    rows = base.truth_balances(at)
    keys = ("counterparty", "contract", "organisation", "currency")
    return {tuple(row[key] for key in keys): row["amount"] for row in rows if row["amount"]}


@pytest.mark.parametrize("at", [None, "2025-01-01T00:00:00", "2026-03-15T12:30:00"])
def test_balance_is_the_truth(onec_shared, at):
    period = f"Period=datetime'{at}'" if at else ""
    moment = datetime.fromisoformat(at) if at else None
    assert balances(onec_shared, period) == truth(onec_shared.server.base, moment)


def test_balance_without_parentheses_and_with_query_parameters(onec_shared):
    whole = onec_shared.values(f"/{REGISTER}/Balance()")
    assert len(onec_shared.values(f"/{REGISTER}/Balance")) == len(whole)
    [key] = [key for key, code in customer_accounts(onec_shared).items() if code == "62.01"]
    one = onec_shared.values(f"/{REGISTER}/Balance?Condition=Account_Key eq guid'{key}'")
    doubled = onec_shared.values(f"/{REGISTER}/Balance(Condition='Account_Key eq guid''{key}''')")
    single = onec_shared.values(f"/{REGISTER}/Balance(AccountCondition='Account_Key eq guid'{key}'')")
    by_code = onec_shared.values(f"/{REGISTER}/Balance(AccountCondition='Account/Code eq ''62.01''')")
    assert len(one) == len(doubled) == len(single) == len(by_code) > 0


def test_movement_at_the_moment_is_left_out(onec):
    base = onec.server.base
    [move, *_] = [item for item in base.truth_movements() if item["period"] > "2025-06"]
    at = datetime.fromisoformat(move["period"])
    after = at.replace(second=at.second + 1) if at.second < 59 else at.replace(minute=at.minute + 1, second=0)
    before, later = (balances(onec, f"Period=datetime'{moment.isoformat()}'") for moment in (at, after))
    assert before == truth(base, at)
    assert later == truth(base, after)
    assert before != later


def test_fewer_dimensions_net_out(onec_shared):
    rows = onec_shared.values(f"/{REGISTER}/Balance()?$select=Организация_Key,СуммаBalance")
    assert len({row["Организация_Key"] for row in rows}) == len(rows) <= 2
    assert set(rows[0]) == {"Организация_Key", "СуммаBalance"}
    by_account = onec_shared.values(f"/{REGISTER}/Balance(Dimensions='Account')")
    assert "ExtDimension1" not in by_account[0]
    detail = onec_shared.values(f"/{REGISTER}/Balance()")
    assert sum(row["СуммаBalance"] for row in by_account) == sum(row["СуммаBalance"] for row in detail) == 0


def test_extra_dimensions_choose_the_kind(onec_shared):
    kinds = onec_shared.values("/ChartOfCharacteristicTypes_ВидыСубконтоХозрасчетные?$filter=Имя eq 'Договоры'")
    rows = onec_shared.values(f"/{REGISTER}/Balance(ExtraDimensions='{kinds[0]['Ref_Key']}')")
    kept = {row["ExtDimension1_Type"] for row in rows}
    assert kept - {"StandardODATA.Undefined"} == {"StandardODATA.Catalog_ДоговорыКонтрагентов"}
    assert {row["ExtDimension2_Type"] for row in rows} == {"StandardODATA.Undefined"}


def test_turnovers_and_balance_and_turnovers(onec_shared):
    span = "StartPeriod=datetime'2025-01-01T00:00:00',EndPeriod=datetime'2025-12-31T23:59:59'"
    turnovers = onec_shared.values(f"/{REGISTER}/Turnovers({span})")
    assert sum(row["СуммаTurnoverDr"] for row in turnovers) == sum(row["СуммаTurnoverCr"] for row in turnovers) > 0
    for row in onec_shared.values(f"/{REGISTER}/BalanceAndTurnovers({span})"):
        assert row["СуммаOpeningBalance"] + row["СуммаTurnover"] == row["СуммаClosingBalance"]


def test_turnovers_between_accounts(onec_shared):
    codes = {item["Ref_Key"]: item["Code"] for item in onec_shared.values(f"/{ACCOUNTS}")}
    span = "StartPeriod=datetime'2025-01-01T00:00:00',EndPeriod=datetime'2025-12-31T23:59:59'"
    rows = onec_shared.values(f"/{REGISTER}/DrCrTurnovers({span})?$select=AccountDr_Key,AccountCr_Key,СуммаTurnover")
    pairs = {(codes[row["AccountDr_Key"]], codes[row["AccountCr_Key"]]): row["СуммаTurnover"] for row in rows}
    assert len(pairs) == len(rows)
    assert pairs["62.01", "90.01.1"] > 0
    flat = onec_shared.values(f"/{REGISTER}/RecordsWithExtDimensions({span})")
    assert sum(pairs.values()) == sum(row["Сумма"] for row in flat)


def test_third_subconto_is_the_document_where_it_is_kept():
    layout = Layout(by_documents=True)
    with build_company(7, 200, 20, layout=layout) as base, OnecServer(base) as server:
        client = Client(server)
        rows = client.values(f"/{REGISTER}/Balance()?$filter={account_filter(customer_accounts(client))}")
        assert all(row["ExtDimension3_Type"].startswith("StandardODATA.Document_") for row in rows)
        detail = sum((row["СуммаBalanceDr"] - row["СуммаBalanceCr"] for row in rows), Decimal(0))
        assert detail == sum(row["СуммаBalance"] for row in rows)
        assert len(rows) > len(base.truth_balances())


def test_wrong_function_and_wrong_names(onec_shared):
    assert onec_shared.get(f"/{REGISTER}/SliceLast()").code == "6"
    assert onec_shared.get(f"/{REGISTER}/Balance()?$filter=Нет eq 1").status == 400
    assert onec_shared.get(f"/{REGISTER}/Balance()?$select=Нет").code == "6"
    assert onec_shared.get(f"/{REGISTER}/Balance(Dimensions='Нет')").code == "6"
    assert onec_shared.get(f"/{REGISTER}/Balance(Period=datetime'x')").status == 400


def test_records_with_subconto_have_their_quirks(onec_shared):
    name = f"/{REGISTER}/RecordsWithExtDimensions"
    span = "StartPeriod=datetime'2025-01-01T00:00:00',EndPeriod=datetime'2025-12-31T23:59:59'"
    rows = onec_shared.values(f"{name}({span})?$orderby=Сумма")
    assert {"ExtDimensionDr1", "ExtDimensionCr1_Type", "AccountDr_Key"} <= set(rows[0])
    assert all("2025" <= row["Period"] < "2026" for row in rows)
    assert [row["Сумма"] for row in rows] != sorted(row["Сумма"] for row in rows)
    assert onec_shared.get(f"{name}({span})?$skip=1").status == 400
    assert len(onec_shared.values(f"{name}({span},Top=3)")) == 3
    key = rows[0]["Recorder"]
    by_guid = onec_shared.get(f"{name}(Condition='Recorder eq guid''{key}''')")
    assert (by_guid.status, by_guid.code) == (500, "-1")
    assert onec_shared.values(f"{name}(Condition='Recorder eq ''{key}''')") == []
    party = next(row["ExtDimensionDr1"] for row in rows if row["ExtDimensionDr1_Type"].endswith("Контрагенты"))
    mine = onec_shared.values(
        f"{name}({span},Condition='ExtDimensionDr1 eq cast(guid''{party}'',''Catalog_Контрагенты'')')"
    )
    assert mine
    assert {row["ExtDimensionDr1"] for row in mine} == {party}


def test_records_of_several_customers_are_those_of_each(onec_shared):
    name = f"/{REGISTER}/RecordsWithExtDimensions"
    every = onec_shared.values(f"{name}()")
    kind = "StandardODATA.Catalog_Контрагенты"
    parties = sorted({row["ExtDimensionCr1"] for row in every if row["ExtDimensionCr1_Type"] == kind})[:3]
    tests = [f"ExtDimension{s}1 eq cast(guid'{key}','Catalog_Контрагенты')" for key in parties for s in ("Dr", "Cr")]
    wanted = [row for row in every if {row["ExtDimensionDr1"], row["ExtDimensionCr1"]} & set(parties)]
    line = lambda row: (row["Recorder"], row["LineNumber"])  # noqa: E731
    found = onec_shared.values(f"{name}?Condition={' or '.join(tests)}")
    assert sorted(map(line, found)) == sorted(map(line, wanted))
    narrower = onec_shared.values(f"{name}?Condition=({tests[0]}) and Сумма gt 0")
    assert {row["ExtDimensionDr1"] for row in narrower} <= {parties[0]}
    assert onec_shared.values(f"{name}?Condition=Сумма lt 0 or {tests[0]}")


def test_record_sets_and_rows(onec_shared):
    base = onec_shared.server.base
    move = base.truth_movements()[-1]
    key = f"Recorder='{move['recorder']}',Recorder_Type='StandardODATA.{move['set']}'"
    one = onec_shared.get(f"/{REGISTER}({key})").json
    assert all("ExtDimensionDr1" not in row for row in one["RecordSet"])
    assert [row["LineNumber"] for row in one["RecordSet"]] == [str(i + 1) for i in range(len(one["RecordSet"]))]
    month = f"Period ge datetime'{move['period'][:7]}-01T00:00:00'"
    assert onec_shared.get(f"/{REGISTER}?$filter={month}").status == 400
    sets = onec_shared.values(f"/{REGISTER}?$filter=RecordSet/any(r: r/{month})")
    assert move["recorder"] in {item["Recorder"] for item in sets}
    flat = onec_shared.values(f"/{REGISTER}_RecordType?$filter={month}&$orderby=Period,Recorder,LineNumber")
    assert len(flat) == sum(len(item["RecordSet"]) for item in sets)
    assert "ExtDimensionDr1" not in flat[0]


def test_rates(onec_shared):
    rows = onec_shared.values("/InformationRegister_КурсыВалют/SliceLast(Period=datetime'2025-06-15T00:00:00')")
    assert {row["Period"] for row in rows} == {"2025-06-01T00:00:00"}
    [one] = onec_shared.values(
        f"/InformationRegister_КурсыВалют/SliceLast?Condition=Валюта_Key eq guid'{rows[0]['Валюта_Key']}'"
    )
    assert one["Кратность"] == "1"
    key = f"Period=datetime'2025-06-01T00:00:00',Валюта_Key=guid'{rows[0]['Валюта_Key']}'"
    assert onec_shared.get(f"/InformationRegister_КурсыВалют({key})").json["Курс"] == rows[0]["Курс"]
    assert onec_shared.get("/InformationRegister_КурсыВалют(Period=datetime'2025-06-01T00:00:00')").code == "7"
