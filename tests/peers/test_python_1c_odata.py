"""python-1c-odata, an asynchronous client of the whole interface, reads and writes the stand-in."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from decimal import Decimal
from operator import methodcaller
from typing import Any

import pytest
from python_1c_odata import (  # type: ignore[import-not-found]
    AccountingRegister,
    Catalog,
    ChartOfAccounts,
    Document,
    F,
    Filter,
    Infobase,
    InformationRegister,
    ODataError,
    PostingMode,
    cast,
    contains,
    guid,
    isof,
    startswith,
)

from tests.peers.stand_in import PASSWORD, Record, StandIn

PARTIES, SHIPMENT, RECEIPT = (
    "Catalog_Контрагенты",
    "Document_РеализацияТоваровУслуг",
    "Document_ПоступлениеНаРасчетныйСчет",
)
KINDS = {"Catalog": Catalog, "Document": Document, "ChartOfAccounts": ChartOfAccounts}
SETS = (
    *("Catalog_Организации", "Catalog_Валюты", "Catalog_Номенклатура", "Catalog_Контрагенты"),
    *("Catalog_ДоговорыКонтрагентов", "Catalog_КонтактныеЛица", "Document_СчетНаОплатуПокупателю"),
    *("Document_РеализацияТоваровУслуг", "Document_ПоступлениеНаРасчетныйСчет", "ChartOfAccounts_Хозрасчетный"),
)
EMPTY = ("", False, 0, "0.00", "0001-01-01T00:00:00", "00000000-0000-0000-0000-000000000000")
CUSTOMER_ACCOUNTS = ("62.01", "62.02", "62.21", "62.22", "62.31", "62.32", "76.06")


def ask(onec: StandIn, work: Callable[[Any], Awaitable[Any]], **options: Any) -> Any:
    """Run something in a session of the client."""

    async def session() -> Any:
        async with Infobase(onec.server, "base", options.pop("user", "Обмен"), PASSWORD, **options) as base:
            return await work(base)

    return asyncio.run(session())


def open_set(base: Any, name: str) -> Any:
    """The client's own class for a set."""
    kind, _, rest = name.partition("_")
    return KINDS[kind](base, rest)


def read_all(onec: StandIn, name: str, page_size: int = 40, **query: Any) -> list[Record]:
    """A whole set, page by page in the order of the key."""

    async def pages(base: Any) -> list[Record]:
        return [row async for row in open_set(base, name).iterate(page_size=page_size, orderby="Ref_Key", **query)]

    found: list[Record] = ask(onec, pages)
    return found


def query(onec: StandIn, name: str, **options: Any) -> Any:
    """One page."""
    return ask(onec, lambda base: open_set(base, name).query(**options))


def same(read: Record, truth: Record) -> None:
    """Every field of the truth is what the client has read: amounts, numbers as text, dates, rows."""
    for field, value in truth.items():
        answer = read[field]
        if answer is None and truth.get("IsFolder"):
            assert value in EMPTY, field  # a group has null where only items have a value
        elif isinstance(value, list):
            assert len(answer) == len(value), field
            for row, true_row in zip(answer, value, strict=True):
                same({"Ref_Key": truth["Ref_Key"], **row}, true_row)
        elif isinstance(answer, bool) or isinstance(value, bool):
            assert answer is value, field
        elif isinstance(answer, (int, float)):
            assert Decimal(str(answer)) == Decimal(value), field
        else:
            assert answer.strip() == str(value).strip(), field  # fixed lengths come with blanks


def keys(rows: Iterable[Record]) -> set[str]:
    return {row["Ref_Key"] for row in rows}


@pytest.mark.parametrize("name", SETS)
def test_every_object_is_what_it_is_in_the_books(onec: StandIn, name: str) -> None:
    truth = {record["Ref_Key"]: record for record in onec.truth(name)}
    rows = read_all(onec, name)
    assert [row["Ref_Key"] for row in rows] and keys(rows) == truth.keys()
    assert len(rows) == len(truth)
    for row in rows:
        same(row, truth[row["Ref_Key"]])


@pytest.mark.parametrize("page_size", [1, 7, 1000])
def test_pages_lose_and_double_nothing(onec: StandIn, page_size: int) -> None:
    rows = read_all(onec, PARTIES, page_size, select=["Ref_Key", "Description"])
    assert sorted(row["Ref_Key"] for row in rows) == sorted(keys(onec.truth(PARTIES)))
    assert {name for row in rows for name in row if "@" not in name} == {"Ref_Key", "Description"}


def test_a_count_and_an_order(onec: StandIn) -> None:
    truth = onec.truth(SHIPMENT)
    assert ask(onec, lambda base: Document(base, "РеализацияТоваровУслуг").count()) == len(truth)
    page = query(onec, SHIPMENT, orderby="Date desc", top=5, skip=2, select="Date")
    assert [row["Date"] for row in page.value] == sorted((row["Date"] for row in truth), reverse=True)[2:7]


SINCE, TO = datetime.fromisoformat("2025-06-01"), datetime.fromisoformat("2026-03-01")
FILTERS: dict[str, tuple[str, Filter, Callable[[Record], Any]]] = {
    "items": (PARTIES, F("IsFolder") == False, lambda row: not row["IsFolder"]),  # noqa: E712
    "not": (PARTIES, ~(F("IsFolder") == False), lambda row: row["IsFolder"]),  # noqa: E712
    "start": (PARTIES, startswith(F("Description"), "Н"), lambda row: row["Description"].startswith("Н")),
    "part": (PARTIES, contains(F("Description"), "ИП"), lambda row: "ИП" in row["Description"]),
    "rows": (
        PARTIES,
        F("КонтактнаяИнформация").any(F("Тип") == "Телефон"),
        lambda row: any(line["Тип"] == "Телефон" for line in row["КонтактнаяИнформация"]),
    ),
    "period": (
        SHIPMENT,
        (F("Date") >= SINCE) & (F("Date") < TO) & (F("Posted") == True),  # noqa: E712
        lambda row: SINCE.isoformat() <= row["Date"] < TO.isoformat() and row["Posted"],
    ),
    "either": (
        SHIPMENT,
        (F("СуммаДокумента") > 500000) | (F("СуммаДокумента") <= 1000.5),
        lambda row: not Decimal("1000.5") < Decimal(row["СуммаДокумента"]) <= 500000,
    ),
    "type": (
        RECEIPT,
        isof(F("Контрагент"), "Catalog_Контрагенты"),
        lambda row: row["Контрагент_Type"] == "StandardODATA.Catalog_Контрагенты",
    ),
}


@pytest.mark.parametrize("case", FILTERS)
def test_a_filter_finds_what_it_says(onec: StandIn, case: str) -> None:
    name, expression, wanted = FILTERS[case]
    expected = keys(row for row in onec.truth(name) if wanted(row))
    found = query(onec, name, odata_filter=expression, select="Ref_Key").value
    assert expected, "the case proves nothing"
    assert keys(found) == expected
    assert len(found) == len(expected)


def test_references_and_composite_references(onec: StandIn) -> None:
    receipts = [row for row in onec.truth(RECEIPT) if row["Контрагент"]]
    party = receipts[0]["Контрагент"]
    expected = keys(row for row in receipts if row["Контрагент"] == party)
    plain = query(onec, RECEIPT, odata_filter=F("Контрагент") == guid(party))
    typed = query(onec, RECEIPT, odata_filter=F("Контрагент") == cast(guid(party), "Catalog_Контрагенты"))
    assert (keys(plain.value), keys(typed.value)) == (set(), expected)
    shipped = [row for row in onec.truth(SHIPMENT) if row["Контрагент_Key"] == party]
    found = query(onec, SHIPMENT, odata_filter=F("Контрагент_Key") == guid(party))
    assert keys(found.value) == keys(shipped)


def test_names_come_by_expansion_and_presentation(onec: StandIn) -> None:
    names = {row["Ref_Key"]: row["Description"] for row in onec.truth(PARTIES)}
    select = ["Ref_Key", "Контрагент_Key", "Контрагент/Description", "Контрагент____Presentation"]
    rows = query(onec, SHIPMENT, select=select, expand="Контрагент").value
    assert len(rows) == len(onec.truth(SHIPMENT))
    for row in rows:
        assert row["Контрагент"]["Description"] == row["Контрагент____Presentation"] == names[row["Контрагент_Key"]]


def test_metadata_names_every_field(onec: StandIn) -> None:
    names = ask(onec, lambda base: base.entity_sets())
    assert {*SETS, "AccountingRegister_Хозрасчетный", "ExchangePlan_СверкаОбмен"} <= set(names)
    for name in SETS:
        info = ask(onec, methodcaller("entity_type_for_set", name))
        assert info.keys == ("Ref_Key",)
        assert set(onec.truth(name)[0]) <= {item.name for item in info.properties}


@pytest.mark.parametrize("options", [{"format": "atom"}, {"format": "auto"}])
def test_atom_says_the_same(onec: StandIn, options: dict[str, str]) -> None:
    truth = {record["Ref_Key"]: record for record in onec.truth(PARTIES)}
    page = ask(onec, lambda base: Catalog(base, "Контрагенты").query(inlinecount=True), **options)
    assert page.count == len(truth)
    assert keys(page.value) == truth.keys()
    for row in page.value:
        assert row["Description"] == truth[row["Ref_Key"]]["Description"]
        assert (row["ИНН"] or "") == truth[row["Ref_Key"]]["ИНН"]


@pytest.mark.parametrize(
    ("name", "options", "status", "code"),
    [
        (PARTIES, {"select": "НетТакого"}, 400, "6"),
        (PARTIES, {"odata_filter": "Description contains 'x'"}, 400, "14"),
        (PARTIES, {"extra": {"$search": "x"}}, 400, "0"),
        ("Catalog_НетТакого", {}, 404, "8"),
    ],
)
def test_refusals_carry_their_code(onec: StandIn, name: str, options: Any, status: int, code: str) -> None:
    with pytest.raises(ODataError) as refused:
        query(onec, name, **options)
    assert (refused.value.status, refused.value.internal_code) == (status, code)


def test_nobody_and_nothing(onec: StandIn) -> None:
    with pytest.raises(ODataError) as refused:
        ask(onec, lambda base: Catalog(base, "Контрагенты").query(), user="Чужой")
    assert refused.value.status == 401
    with pytest.raises(ODataError) as missing:
        ask(onec, lambda base: Catalog(base, "Контрагенты").get("11111111-1111-1111-1111-111111111111"))
    assert (missing.value.status, missing.value.internal_code) == (404, "9")


def test_a_counterparty_is_created_and_changed(onec: StandIn) -> None:
    phone = {"LineNumber": 1, "Тип": "Телефон", "Представление": "+7 495 000-00-01", "НомерТелефона": "74950000001"}
    fields = {"Description": "ООО «Ромашка»", "ИНН": "7707083893", "КПП": "770701001", "КонтактнаяИнформация": [phone]}

    async def create_and_edit(base: Any) -> tuple[Record, Record]:
        parties = Catalog(base, "Контрагенты")
        created = await parties.create(fields)
        return created, await parties.edit(created["Ref_Key"], {"Description": "ООО «Лютик»"})

    created, edited = ask(onec, create_and_edit)
    truth = onec.one(PARTIES, created["Ref_Key"])
    same(edited, truth)
    assert created["DataVersion"] != edited["DataVersion"] == truth["DataVersion"]
    assert truth["Description"] == "ООО «Лютик»"
    assert (truth["ИНН"], truth["КПП"], created["Description"]) == ("7707083893", "770701001", "ООО «Ромашка»")
    assert [phone.items() <= row.items() for row in truth["КонтактнаяИнформация"]] == [True]
    assert edited["Code"] == created["Code"] != ""


def test_a_key_of_our_own_is_taken_once(onec: StandIn) -> None:
    fields = {"Ref_Key": "0f0e0d0c-0b0a-4908-8706-050403020100", "Description": "Дважды"}
    assert ask(onec, lambda base: Catalog(base, "Контрагенты").create(fields))["Ref_Key"] == fields["Ref_Key"]
    with pytest.raises(ODataError) as refused:
        ask(onec, lambda base: Catalog(base, "Контрагенты").create(fields))
    assert (refused.value.status, refused.value.internal_code) == (400, "15")
    assert [row["Description"] for row in onec.truth(PARTIES)].count("Дважды") == 1


def test_a_mark_and_a_physical_deletion(onec: StandIn) -> None:
    async def mark_and_delete(base: Any) -> tuple[Record, Any]:
        parties = Catalog(base, "Контрагенты")
        marked = await parties.edit(
            (await parties.create({"Description": "Лишний"}))["Ref_Key"], {"DeletionMark": True}
        )
        same(marked, onec.one(PARTIES, marked["Ref_Key"]))
        return marked, await parties.delete(marked["Ref_Key"])

    marked, answer = ask(onec, mark_and_delete)
    assert (marked["DeletionMark"], answer) == (True, None)
    assert marked["Ref_Key"] not in keys(onec.truth(PARTIES))


def owed(onec: StandIn, party: str) -> Decimal:
    """What a counterparty owes, summed from single movements."""
    rows = onec.admin("truth/balances")
    return sum((Decimal(row["amount"]) for row in rows if row["counterparty"] == party), Decimal(0))


def test_posting_moves_the_balance_and_unposting_takes_it_back(onec: StandIn) -> None:
    model = next(row for row in onec.truth(SHIPMENT) if row["Posted"] and row["Товары"])
    own = ("Ref_Key", "Number", "Posted", "DataVersion", "DeletionMark")
    fields = {name: value for name, value in model.items() if name not in own and not isinstance(value, list)}
    fields["Товары"] = [{name: value for name, value in row.items() if name != "Ref_Key"} for row in model["Товары"]]
    party, before = model["Контрагент_Key"], owed(onec, model["Контрагент_Key"])

    async def shipments(base: Any, work: Callable[[Any], Awaitable[Any]]) -> Any:
        return await work(Document(base, "РеализацияТоваровУслуг"))

    created = ask(onec, lambda base: shipments(base, lambda it: it.create(fields)))
    assert (created["Posted"], owed(onec, party)) == (False, before)
    ask(onec, lambda base: shipments(base, lambda it: it.post(created["Ref_Key"], PostingMode.POST)))
    posted = onec.one(SHIPMENT, created["Ref_Key"])
    assert (posted["Posted"], posted["СуммаДокумента"]) == (True, model["СуммаДокумента"])
    assert owed(onec, party) - before == Decimal(model["СуммаДокумента"])
    ask(onec, lambda base: shipments(base, lambda it: it.unpost(created["Ref_Key"])))
    assert (onec.one(SHIPMENT, created["Ref_Key"])["Posted"], owed(onec, party)) == (False, before)
    with pytest.raises(ODataError) as refused:  # operational posting is for today's documents
        ask(onec, lambda base: shipments(base, lambda it: it.post(created["Ref_Key"], PostingMode.OPER)))
    assert (refused.value.status, refused.value.internal_code) == (500, "-1")


def balances(onec: StandIn, **arguments: Any) -> dict[tuple[str, ...], Decimal]:
    """Settlements of customers from the virtual table, in the currency of the account."""
    accounts = {row["Ref_Key"]: row for row in onec.truth("ChartOfAccounts_Хозрасчетный")}
    codes = {row["Ref_Key"]: row["Code"] for row in onec.truth("Catalog_Валюты")}
    sums: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    table = ask(onec, lambda base: AccountingRegister(base, "Хозрасчетный").balance(**arguments))["value"]
    for row in table:
        account = accounts[row["Account_Key"]]
        if account["Code"] in CUSTOMER_ACCOUNTS:
            field = "ВалютнаяСуммаBalance" if account["Валютный"] else "СуммаBalance"
            currency = codes[row["Валюта_Key"]] if account["Валютный"] else "643"
            key = (row["ExtDimension1"], row["ExtDimension2"], row["Организация_Key"], currency)
            sums[key] += Decimal(str(row[f"{field}Dr"] or 0)) - Decimal(str(row[f"{field}Cr"] or 0))
    return {key: value for key, value in sums.items() if value}


def true_balances(onec: StandIn, **query: str) -> dict[tuple[str, ...], Decimal]:
    """The same from the single movements."""
    names = ("counterparty", "contract", "organisation", "currency")
    rows = onec.admin("truth/balances", **query)
    return {tuple(row[name] for name in names): Decimal(row["amount"]) for row in rows if Decimal(row["amount"])}


@pytest.mark.parametrize("moment", [None, "2026-01-01T00:00:00", "2025-03-15T12:30:00"])
def test_the_table_of_balances_is_the_sum_of_movements(onec: StandIn, moment: str | None) -> None:
    expected = true_balances(onec, **({"at": moment} if moment else {}))
    assert expected
    assert balances(onec, period=moment) == expected


def test_a_balance_is_taken_before_its_moment(onec: StandIn) -> None:
    moments = sorted(row["period"] for row in onec.admin("truth/movements"))
    moment = moments[len(moments) // 2]
    assert balances(onec, period=moment) == true_balances(onec, at=moment)


def test_conditions_of_the_table(onec: StandIn) -> None:
    whole = true_balances(onec)
    party = next(iter(whole))[0]
    condition = F("ExtDimension1") == cast(guid(party), "Catalog_Контрагенты")
    assert balances(onec, condition=condition) == {key: value for key, value in whole.items() if key[0] == party}
    wanted = [row for row in onec.truth("ChartOfAccounts_Хозрасчетный") if row["Code"] in CUSTOMER_ACCOUNTS]
    either = " or ".join(f"Account_Key eq guid'{row['Ref_Key']}'" for row in wanted)
    assert balances(onec, condition=either) == whole


def test_opening_and_turnover_make_the_closing_balance(onec: StandIn) -> None:
    period = {"start_period": "2025-09-01T00:00:00", "end_period": "2026-01-31T23:59:59"}
    table = ask(onec, lambda base: AccountingRegister(base, "Хозрасчетный").balance_and_turnovers(**period))["value"]
    assert table
    for row in table:
        opening, closing, turnover = (
            Decimal(str(row[f"Сумма{kind}"] or 0)) for kind in ("OpeningBalance", "ClosingBalance", "Turnover")
        )
        assert opening + turnover == closing


def test_the_last_rates(onec: StandIn) -> None:
    expected: dict[str, Record] = {}
    for row in sorted(onec.truth("InformationRegister_КурсыВалют"), key=lambda row: row["Period"]):
        if row["Period"] <= "2026-01-15T00:00:00":
            expected[row["Валюта_Key"]] = row
    rates = ask(onec, lambda base: InformationRegister(base, "КурсыВалют").slice_last("2026-01-15T00:00:00"))["value"]
    assert {row["Валюта_Key"] for row in rates} == expected.keys() != set()
    for row in rates:
        same(row, expected[row["Валюта_Key"]])
