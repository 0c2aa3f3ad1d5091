"""Options of a set: filter, select, order, page (fact sheet §3)."""

from __future__ import annotations

from decimal import Decimal

import pytest

PARTIES = "Catalog_Контрагенты"
SALES = "Document_РеализацияТоваровУслуг"
BANK = "Document_ПоступлениеНаРасчетныйСчет"
NOBODY = "00000000-0000-0000-0000-000000000000"


def test_plus_is_not_a_space(onec_shared):
    target = "/base/odata/standard.odata/Catalog_%D0%92%D0%B0%D0%BB%D1%8E%D1%82%D1%8B?$format=json&$filter="
    assert onec_shared.send("GET", target + "Code+eq+'643'").code == "14"
    assert onec_shared.send("GET", target + "Code+eq+'643'").status == 400
    assert len(onec_shared.send("GET", target + "Code%20eq%20'643'").json["value"]) == 1


def test_wire_types(onec_shared):
    [sale] = onec_shared.values(f"/{SALES}?$top=1&$filter=Posted eq true&$orderby=Date desc")
    assert sale["КратностьВзаиморасчетов"] == "1"
    assert isinstance(sale["СуммаДокумента"], (int, Decimal))
    assert sale["ДоверенностьДата"] == "0001-01-01T00:00:00"
    assert sale["Склад_Key"] == NOBODY
    assert sale["КодВидаТранспорта"] == "  "
    row = (sale["Товары"] + sale["Услуги"])[0]
    assert row["LineNumber"] == "1"
    assert row["Субконто_Type"] == "StandardODATA.Undefined"
    assert "Склад@navigationLinkUrl" not in sale
    assert sale["Контрагент@navigationLinkUrl"] == f"{SALES}(guid'{sale['Ref_Key']}')/Контрагент"


def test_terms_are_int64_strings(onec_shared):
    contracts = onec_shared.values("/Catalog_ДоговорыКонтрагентов?$filter=УстановленСрокОплаты eq true")
    assert contracts
    assert all(isinstance(item["СрокОплаты"], str) and int(item["СрокОплаты"]) > 0 for item in contracts)


def test_folders_answer_null(onec_shared):
    [folder] = onec_shared.values(f"/{PARTIES}?$filter=IsFolder eq true&$top=1")
    assert folder["ИНН"] is None
    assert folder["Комментарий"] == ""


def test_composite_needs_a_cast(onec_shared):
    [payment] = onec_shared.values(f"/{BANK}?$top=1&$filter=ВидОперации eq 'ОплатаПокупателя' and Posted")
    key = payment["Контрагент"]
    assert payment["Контрагент_Type"] == "StandardODATA.Catalog_Контрагенты"
    assert onec_shared.values(f"/{BANK}?$filter=Контрагент eq guid'{key}'") == []
    found = onec_shared.values(f"/{BANK}?$filter=Контрагент eq cast(guid'{key}','Catalog_Контрагенты')")
    assert payment["Ref_Key"] in {item["Ref_Key"] for item in found}
    assert onec_shared.values(f"/{BANK}?$filter=Контрагент eq cast(guid'{key}','Catalog_ФизическиеЛица')") == []
    by_text = onec_shared.values(
        f"/{BANK}?$filter=Контрагент_Type eq 'StandardODATA.Catalog_Контрагенты'&$select=Ref_Key"
    )
    by_type = onec_shared.values(f"/{BANK}?$filter=isof(Контрагент,'Catalog_Контрагенты')&$select=Ref_Key")
    assert len(by_text) == len(by_type) > len(found) > 0


@pytest.mark.parametrize("text", ["Ref_Key gt guid'11111111-1111-1111-1111-111111111111'", "Комментарий eq 'x'"])
def test_incomparable_fields(onec_shared, text):
    answer = onec_shared.get(f"/{SALES}?$filter={text}")
    assert (answer.status, answer.code) == (500, "-1")
    assert "Нельзя сравнивать поля неограниченной длины" in answer.text


@pytest.mark.parametrize(
    "text",
    [
        "length(Number) gt 1", "tolower(Number) eq 'x'", "contains(Number,'1')", "indexof(Number,'1') eq 1",
        "trim(Number) eq ''",
        "Number in ('1')", "СуммаДокумента gt 1E+20", "Date ge datetime'24-01-01T00:00:00'", "Нет eq 1",
        "Контрагент/Нет eq ''",
    ],
)  # fmt: skip
def test_unsupported_expressions(onec_shared, text):
    assert onec_shared.get(f"/{SALES}?$filter={text}").status == 400


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("Posted eq true and DeletionMark eq false", lambda d: d["Posted"] and not d["DeletionMark"]),
        ("not (Posted eq true)", lambda d: not d["Posted"]),
        ("Date ge datetime'2025-06-01T00:00:00' and Date lt datetime'2025-07-01T00:00:00'",
         lambda d: "2025-06" <= d["Date"] < "2025-07"),
        ("year(Date) eq 2025 and month(Date) le 2", lambda d: d["Date"][:7] in ("2025-01", "2025-02")),
        ("СуммаДокумента gt 100000", lambda d: d["СуммаДокумента"] > 100000),
        ("СуммаДокумента div 2 lt 1000", lambda d: d["СуммаДокумента"] / 2 < 1000),
        ("substringof('00001', Number)", lambda d: "00001" in d["Number"]),
        ("startswith(Number,'сп') eq true", lambda d: d["Number"].startswith("СП")),
        ("like(Number,'СП%1')", lambda d: d["Number"].startswith("СП") and d["Number"].endswith("1")),
        ("Товары/any(d: d/Сумма gt 500000)", lambda d: any(row["Сумма"] > 500000 for row in d["Товары"])),
        ("Товары/all(d: d/Сумма gt 5000) and ВидОперации eq 'Товары'",
         lambda d: d["ВидОперации"] == "Товары" and all(r["Сумма"] > 5000 for r in d["Товары"])),
        ("dateadd(Date,'year',1) gt datetime'2026-12-01T00:00:00'", lambda d: d["Date"] > "2025-12-01T00:00:00"),
    ],
)  # fmt: skip
def test_filters_agree_with_the_records(onec_shared, text, check):
    everything = onec_shared.values(f"/{SALES}")
    found = {item["Ref_Key"] for item in onec_shared.values(f"/{SALES}?$filter={text}")}
    assert found == {item["Ref_Key"] for item in everything if check(item)}
    assert found


def test_filter_by_path(onec_shared):
    [card] = onec_shared.values(f"/{PARTIES}?$top=1&$filter=IsFolder eq false and ИНН ne ''&$orderby=Ref_Key")
    found = onec_shared.values(f"/{SALES}?$filter=Контрагент/ИНН eq '{card['ИНН']}'")
    same = {item["Ref_Key"] for item in onec_shared.values(f"/{PARTIES}?$filter=ИНН eq '{card['ИНН']}'")}
    assert {item["Контрагент_Key"] for item in found} <= same


def test_pages_by_key_are_complete(onec_shared):
    keys = [item["Ref_Key"] for item in onec_shared.values(f"/{SALES}?$select=Ref_Key")]
    paged: list[str] = []
    while page := onec_shared.values(
        f"/{SALES}?$select=Ref_Key,DataVersion,DeletionMark,Posted&$orderby=Ref_Key&$top=7&$skip={len(paged)}"
    ):
        assert all(list(item)[:4] == ["Ref_Key", "DataVersion", "DeletionMark", "Posted"] for item in page)
        paged += [item["Ref_Key"] for item in page]
    assert paged == sorted(keys)


def test_no_order_and_ties_are_no_order(onec_shared):
    one, other = (onec_shared.values(f"/{SALES}?$select=Ref_Key&$top=5") for _ in range(2))
    assert one != other
    rows = f"/{SALES}_Товары?$select=Ref_Key,LineNumber"
    whole = {(row["Ref_Key"], row["LineNumber"]) for row in onec_shared.values(rows)}

    def paged(order: str) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        while page := onec_shared.values(f"{rows}&$orderby={order}&$top=3&$skip={len(found)}"):
            found += [(row["Ref_Key"], row["LineNumber"]) for row in page]
        return found

    assert sorted(paged("Ref_Key,LineNumber")) == sorted(whole)
    assert set(paged("Ref_Key")) != whole


def test_order_by_reference_is_by_presentation(onec_shared):
    titles = {item["Ref_Key"]: item["Description"] for item in onec_shared.values(f"/{PARTIES}")}
    sales = onec_shared.values(f"/{SALES}?$orderby=Контрагент_Key&$select=Контрагент_Key")
    names = [titles[item["Контрагент_Key"]] for item in sales]
    assert names == sorted(names)
    assert [item["Контрагент_Key"] for item in sales] != sorted(item["Контрагент_Key"] for item in sales)


def test_inlinecount_ignores_the_page(onec_shared):
    answer = onec_shared.get(f"/{SALES}?$inlinecount=allpages&$top=2&$skip=1").json
    assert answer["odata.count"] == str(len(answer["value"]))
    assert len(answer["value"]) > 2
    assert "odata.nextLink" not in answer


def test_sections_as_sets(onec_shared):
    [sale] = onec_shared.values(f"/{SALES}?$top=1&$filter=ВидОперации eq 'Товары'&$orderby=Ref_Key")
    rows = onec_shared.values(f"/{SALES}_Товары?$filter=Ref_Key eq guid'{sale['Ref_Key']}'&$orderby=LineNumber")
    assert rows == sale["Товары"]
    one = onec_shared.get(f"/{SALES}_Товары(Ref_Key=guid'{sale['Ref_Key']}',LineNumber=1)").json
    assert one["Сумма"] == rows[0]["Сумма"]


def test_select_and_expand(onec_shared):
    found = onec_shared.values(
        f"/{SALES}?$top=1&$select=Ref_Key,Контрагент/Description,Контрагент____Presentation&$expand=Контрагент"
    )
    assert found[0]["Контрагент"]["Description"] == found[0]["Контрагент____Presentation"]
    silent = onec_shared.values(f"/{SALES}?$top=1&$select=Ref_Key&$expand=Контрагент")
    assert "Контрагент" not in silent[0]
    [sale] = onec_shared.values(f"/{SALES}?$top=1&$select=**&$filter=ВидОперации eq 'Товары'")
    assert "Товары" not in sale
    [rows] = onec_shared.values(f"/{SALES}?$top=1&$select=Товары/Сумма&$filter=ВидОперации eq 'Товары'")
    assert list(rows["Товары"][0]) == ["Сумма"]


def test_totals_are_sums_of_lines(onec_shared):
    for sale in onec_shared.values(f"/{SALES}"):
        rows = sale["Товары"] + sale["Услуги"]
        total = sum(row["Сумма"] + (0 if sale["СуммаВключаетНДС"] else row["СуммаНДС"]) for row in rows)
        assert total == sale["СуммаДокумента"]
