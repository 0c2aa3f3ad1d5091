"""The rules of the preset for БП 3.0: who is what, which payments count, what is left out (1c-odata.md §8)."""

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from core.errors import RecordError
from mapping.model import ENTITIES, SETTLEMENT_DOCUMENTS

ZONE = ZoneInfo("Europe/Moscow")
KEY = "a348aa8c-d629-11e5-0a9b-000c295e30eb"
USER = "b348aa8c-d629-11e5-0a9b-000c295e30eb"
DEAL = "c348aa8c-d629-11e5-0a9b-000c295e30eb"
FOLDER = "d348aa8c-d629-11e5-0a9b-000c295e30eb"
TYPE = "StandardODATA."
CARD: dict[str, object] = {"Ref_Key": KEY, "Description": "Ромашка", "IsFolder": False}
PAPER: dict[str, object] = {
    "Ref_Key": KEY,
    "Number": "1",
    "Date": "2024-02-01T10:00:00",
    "Posted": True,
    "СуммаДокумента": Decimal(100),
}
PAID = PAPER | {"ВидОперации": "ОплатаПокупателя", "Контрагент": USER, "Контрагент_Type": TYPE + "Catalog_Контрагенты"}


def card(bp30, **data):
    return bp30.entities["counterparty"].build("Catalog_Контрагенты", CARD | data, ZONE)


def payment(bp30, data, kind="ПоступлениеНаРасчетныйСчет"):
    return bp30.entities["payment"].build(f"Document_{kind}", data, ZONE)


def test_every_entity_of_the_main_job_is_read(bp30):
    assert list(bp30.entities) == [entity for entity in ENTITIES if entity not in ("deal", "activity")]
    assert bp30.accounting_currency == "RUB"
    for entity in bp30.entities.values():
        for source in entity.sources:
            assert (source.date, source.posted, source.counterparty) == (
                ("Date", "Posted", "Контрагент") if entity.spec.document else (None, None, None)
            )


@pytest.mark.parametrize(
    ("there", "here"),
    [
        (f"просит счёт до пятницы [sverka:{KEY}]", "просит счёт до пятницы"),
        (f"[sverka:{KEY}]", None),
        ("скидка [по пятницам: 5%]", "скидка [по пятницам: 5%]"),
    ],
)
def test_our_own_marker_is_no_comment(bp30, there, here):
    assert card(bp30, Комментарий=there).fields["comment"] == here


def test_folders_share_the_set_with_items(bp30):
    folder = {"Ref_Key": FOLDER, "Description": "Покупатели", "IsFolder": True, "Parent_Key": KEY}
    group = bp30.entities["group"].build("Catalog_Контрагенты", folder, ZONE)
    assert group.fields == {"name": "Покупатели", "code": None, "kind": "counterparty"}
    assert group.refs == {"parent": KEY}
    assert bp30.entities["group"].build("Catalog_Номенклатура", folder, ZONE).fields["kind"] == "product"
    assert bp30.entities["counterparty"].build("Catalog_Контрагенты", folder, ZONE) is None
    assert bp30.entities["group"].build("Catalog_Контрагенты", CARD, ZONE) is None
    assert bp30.entities["product"].build("Catalog_Номенклатура", folder, ZONE) is None
    assert bp30.entities["contract"].build("Catalog_ДоговорыКонтрагентов", folder, ZONE) is None
    assert [entity.entity for entity, _ in bp30.entities_of("Catalog_Контрагенты")] == ["group", "counterparty"]
    for entity, source in (*bp30.entities_of("Catalog_Контрагенты"), *bp30.entities_of("Catalog_ДоговорыКонтрагентов")):
        assert source.filter == ("IsFolder eq true" if entity.entity == "group" else "IsFolder eq false")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ({"ЮридическоеФизическоеЛицо": "ЮридическоеЛицо"}, "company"),
        ({"ЮридическоеФизическоеЛицо": "ФизическоеЛицо"}, "person"),
        ({"ЮридическоеФизическоеЛицо": "ФизическоеЛицо", "ИндивидуальныйПредприниматель": True}, "sole_trader"),
        ({"ЮридическоеФизическоеЛицо": "ФизическоеЛицо", "ИндивидуальныйПредприниматель": False}, "person"),
        ({"ЮридическоеФизическоеЛицо": "ФизическоеЛицо", "РегистрационныйНомер": "304500116000157"}, "sole_trader"),
        ({"ЮридическоеФизическоеЛицо": "ЮридическоеЛицо", "РегистрационныйНомер": "1075024007156"}, "company"),
        ({"ЮридическоеФизическоеЛицо": "ЮридическоеЛицо", "ГосударственныйОрган": True}, "state_body"),
        ({"ЮрФизЛицо": "ФизЛицо"}, "person"),
        ({"ЮридическоеФизическоеЛицо": "НовоеСлово"}, None),
        ({}, None),
    ],
)
def test_kind_of_counterparty(bp30, data, kind):
    assert card(bp30, **data).fields["kind"] == kind


def test_contact_information(bp30):
    rows = [
        {
            "LineNumber": "1",
            "Тип": "Телефон",
            "Представление": "8 (495) 123-45-67 доб. 3",
            "НомерТелефона": "74951234567",
        },
        {"LineNumber": "2", "Тип": "Телефон", "Представление": "", "НомерТелефона": "79161234567"},
        {"LineNumber": "3", "Тип": "АдресЭлектроннойПочты", "Представление": "x", "АдресЭП": "a@b.ru; c@d.ru"},
        {"LineNumber": "4", "Тип": "Адрес", "Представление": "101000,  Москва г, ул. Мясницкая", "Регион": "Москва"},
        {"LineNumber": "5", "Тип": "Skype", "Представление": "romashka"},
    ]
    record = card(bp30, КонтактнаяИнформация=rows)
    assert record.fields["phones"] == ["+74951234567;ext=3", "+79161234567"]
    assert record.fields["emails"] == ["a@b.ru", "c@d.ru"]
    assert record.fields["addresses"] == ["101000, Москва г, ул. Мясницкая"]
    assert record.fields["region"] == "Москва"
    assert record.marks == {}


def test_doubtful_numbers_are_marks_and_no_letters(bp30):
    record = card(bp30, ИНН="5024089921", КПП="1", КонтактнаяИнформация=[{"Тип": "Телефон", "Представление": "нет"}])
    assert (record.fields["tax_id"], record.fields["registration_code"], record.fields["phones"]) == (
        "5024089921",
        "1",
        ["нет"],
    )
    assert set(record.marks) == {"tax_id", "registration_code", "phones"}


def test_owner_of_the_customer(bp30):
    row = {"Свойство_Key": DEAL, "Значение": KEY, "Значение_Type": TYPE + "Catalog_Пользователи"}
    assert card(bp30, Ответственный_Key=USER, ОсновнойМенеджер_Key=DEAL).refs["manager"] == USER
    assert card(bp30, ОсновнойМенеджер_Key=DEAL).refs["manager"] == DEAL
    assert card(bp30, ДополнительныеРеквизиты=[row]).refs["manager"] is None


def test_head_of_a_holding(bp30):
    assert card(bp30, ГоловнойКонтрагент_Key=KEY.upper()).refs["head"] is None
    assert card(bp30, ГоловнойКонтрагент_Key=USER).refs["head"] == USER


def test_contact_persons_of_customers_only(bp30):
    build = bp30.entities["person"].build
    data: dict[str, object] = {
        "Ref_Key": KEY,
        "Description": "Иванова Анна",
        "ОбъектВладелец": USER,
        "Должность": "бухгалтер",
    }
    found = build("Catalog_КонтактныеЛица", data | {"ОбъектВладелец_Type": TYPE + "Catalog_Контрагенты"}, ZONE)
    assert (found.refs, found.fields["post"]) == ({"counterparty": USER}, "бухгалтер")
    assert (
        build("Catalog_КонтактныеЛица", data | {"ОбъектВладелец_Type": TYPE + "Catalog_ФизическиеЛица"}, ZONE) is None
    )
    assert (
        build("Catalog_КонтактныеЛица", data | {"ОбъектВладелец": "", "ОбъектВладелец_Type": TYPE + "Undefined"}, ZONE)
        is None
    )
    nameless = data | {
        "Description": "",
        "Фамилия": "Иванова",
        "Имя": "Анна",
        "ОбъектВладелец_Type": TYPE + "Catalog_Контрагенты",
    }
    assert build("Catalog_КонтактныеЛица", nameless, ZONE).fields["name"] == "Иванова Анна"


@pytest.mark.parametrize(
    ("kind", "operation", "direction", "method"),
    [
        ("ПоступлениеНаРасчетныйСчет", "ОплатаПокупателя", "in", "bank"),
        ("ПоступлениеНаРасчетныйСчет", "ОплатаОтПокупателя", "in", "bank"),
        ("ПриходныйКассовыйОрдер", "ОплатаПокупателя", "in", "cash"),
        ("ОплатаПлатежнойКартой", "ОплатаПокупателя", "in", "card"),
        ("ОплатаПлатежнойКартой", "ВозвратПокупателю", "out", "card"),
        ("СписаниеСРасчетногоСчета", "ВозвратПокупателю", "out", "bank"),
        ("РасходныйКассовыйОрдер", "ВозвратПокупателю", "out", "cash"),
    ],
)
def test_payments_of_customers(bp30, kind, operation, direction, method):
    record = payment(bp30, PAID | {"ВидОперации": operation}, kind)
    assert (record.fields["direction"], record.fields["method"]) == (direction, method)
    assert record.refs["counterparty"] == USER
    assert record.fields["amount"] == 100


@pytest.mark.parametrize(
    "operation",
    [
        "ВозвратОтПоставщика",
        "ОплатаПоставщику",
        "ПрочееПоступление",
        "РозничнаяВыручка",
        "ПеречислениеНалога",
        "ВзносНаличными",
        "ПоступленияОтПродажПоПлатежнымКартамИБанковскимКредитам",
        "ПолучениеНаличныхВБанке",
        "ВыплатаЗаработнойПлаты",
    ],
)
def test_payments_that_are_no_customers(bp30, operation):
    for source in bp30.entities["payment"].sources:
        assert bp30.entities["payment"].build(source.name, PAID | {"ВидОперации": operation}, ZONE) is None


def test_payments_of_a_base_without_kinds_of_operation(bp30):
    bare = {name: value for name, value in PAID.items() if name != "ВидОперации"}
    assert payment(bp30, bare).refs["counterparty"] == USER
    assert payment(bp30, bare | {"Контрагент_Type": TYPE + "Catalog_ФизическиеЛица"}) is None
    assert payment(bp30, bare | {"Контрагент": "", "Контрагент_Type": TYPE + "Undefined"}) is None
    keyed = {name: value for name, value in bare.items() if not name.startswith("Контрагент")} | {
        "Контрагент_Key": USER
    }
    assert payment(bp30, keyed).refs["counterparty"] == USER


def test_a_person_who_pays_is_no_counterparty(bp30):
    record = payment(bp30, PAID | {"Контрагент_Type": TYPE + "Catalog_ФизическиеЛица"})
    assert record.refs["counterparty"] is None


def test_allocations_tell_orders_from_shipments(bp30):
    rows = [
        {
            "LineNumber": "2",
            "ДоговорКонтрагента_Key": KEY,
            "Сделка": DEAL,
            "Сделка_Type": TYPE + "Document_СчетНаОплатуПокупателю",
            "СуммаПлатежа": Decimal("40.5"),
            "СуммаВзаиморасчетов": Decimal("1.5"),
        },
        {
            "LineNumber": "1",
            "ДоговорКонтрагента_Key": FOLDER,
            "Сделка": USER,
            "Сделка_Type": TYPE + "Document_РеализацияТоваровУслуг",
            "СуммаПлатежа": Decimal("59.5"),
            "СчетНаОплату_Key": KEY,
        },
        {"LineNumber": "10", "Сделка": USER, "Сделка_Type": TYPE + "Document_КорректировкаДолга", "СуммаПлатежа": 0},
    ]
    record = payment(bp30, PAID | {"РасшифровкаПлатежа": rows, "НазначениеПлатежа": "Оплата  по счёту 5"})
    assert record.fields["purpose"] == "Оплата по счёту 5"
    assert record.refs["contract"] == KEY  # of the first row as sent, where the head has none
    assert record.refs["order"] == KEY
    first, second, third = record.lines["allocations"]
    assert first.refs == {"contract": FOLDER, "order": KEY, "shipment": USER}
    assert first.fields == {"amount": Decimal("59.5"), "settlement_amount": None}
    assert second.refs == {"contract": KEY, "order": DEAL, "shipment": None}
    assert third.refs == {"contract": None, "order": None, "shipment": None}


def test_orders_have_a_status_by_rule(bp30):
    build = bp30.entities["order"].build
    source = "Document_СчетНаОплатуПокупателю"
    assert build(source, PAPER, ZONE).fields["status"] == "open"
    assert build(source, PAPER | {"Статус": "Оплачен"}, ZONE).fields["status"] == "closed"
    assert build(source, PAPER | {"Статус": "Что-то новое"}, ZONE).fields["status"] == "open"
    gone = build(source, PAPER | {"Статус": "Оплачен", "DeletionMark": True}, ZONE)
    assert (gone.fields["status"], gone.deleted) == ("cancelled", True)
    assert (
        build(source, PAPER | {"ОплатитьДо": "2024-03-01T00:00:00"}, ZONE).fields["pay_until"].isoformat()
        == "2024-03-01"
    )


def test_returns_know_their_shipment(bp30):
    data = PAPER | {"Сделка": USER, "Сделка_Type": TYPE + "Document_РеализацияТоваровУслуг"}
    assert bp30.entities["return"].build("Document_ВозвратТоваровОтПокупателя", data, ZONE).refs["shipment"] == USER
    other = data | {"Сделка_Type": TYPE + "Document_ОтчетОРозничныхПродажах"}
    assert bp30.entities["return"].build("Document_ВозвратТоваровОтПокупателя", other, ZONE).refs["shipment"] is None


def test_shipments_know_their_invoice_even_by_a_row(bp30):
    build = bp30.entities["shipment"].build
    assert (
        build("Document_РеализацияТоваровУслуг", PAPER | {"СчетНаОплатуПокупателю_Key": USER}, ZONE).refs["order"]
        == USER
    )
    rows = [{"LineNumber": "1", "Сумма": 1}, {"LineNumber": "2", "СчетНаОплатуПокупателю_Key": DEAL, "Сумма": 1}]
    record = build(
        "Document_РеализацияТоваровУслуг",
        PAPER | {"Услуги": rows, "АгентскиеУслуги": rows, "ВозвратнаяТара": rows},
        ZONE,
    )
    assert record.refs["order"] == DEAL
    assert [line.fields["section"] for line in record.lines["lines"]] == [
        "Услуги",
        "Услуги",
        "АгентскиеУслуги",
        "АгентскиеУслуги",
    ]


@pytest.mark.parametrize(
    ("code", "letters"),
    [("643", "RUB"), ("980", "UAH"), ("840", "USD"), ("051", "AMD"), ("999", "999"), ("EUR", "EUR")],
)
def test_currencies_by_their_number(bp30, code, letters):
    assert (
        bp30.entities["currency"].build("Catalog_Валюты", {"Ref_Key": KEY, "Code": code}, ZONE).fields["code"]
        == letters
    )


def test_users_are_managers(bp30):
    build = bp30.entities["manager"].build
    assert build("Catalog_Пользователи", CARD | {"Недействителен": True}, ZONE).fields["active"] is False
    assert build("Catalog_Пользователи", CARD, ZONE).fields["active"] is True
    inside = CARD | {"Подразделение": {"Description": "Отдел продаж"}, "Подразделение_Key": USER}
    assert build("Catalog_Пользователи", inside, ZONE).fields["department"] == "Отдел продаж"


def test_balances_and_what_else_moves_them(bp30):
    assert bp30.balance.accounts == ("62.01", "62.02", "62.21", "62.22", "62.31", "62.32")
    assert bp30.balance.currency_accounts == ("62.21", "62.22", "62.31", "62.32")
    assert bp30.recorder_kinds["Document_КорректировкаДолга"] == "debt_correction"
    assert bp30.recorder_kinds["Document_ОперацияБух"] == "manual_entry"
    assert bp30.recorder_kinds["Document_ВводНачальныхОстатков"] == "opening_balance"
    assert bp30.recorder_kinds["Document_ОтчетКомиссионераОПродажах"] == "commission_report"
    assert bp30.recorder_kinds["Document_КорректировкаРеализации"] == "shipment_correction"
    mirrored = {source.name for entity in SETTLEMENT_DOCUMENTS for source in bp30.entities[entity].sources}
    assert mirrored.isdisjoint(bp30.recorder_kinds)  # else a document that is missing here would seem explained
    assert all(set(titles) == {"en", "ru", "uk"} for titles in bp30.recorder_titles.values())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Date": "0001-01-01T00:00:00"}, "has no date"),
        ({"Date": "9999-12-31T23:59:59-12:00"}, "The field date cannot be read: the year 9999 is not believable"),
        ({"Date": None}, "has no date"),
        ({"СуммаДокумента": Decimal("1E+20")}, "The field amount cannot be read: '1E+20' is not a believable amount"),
        ({"СуммаДокумента": [1]}, "The field amount cannot be read: an amount was expected, a list was found"),
        ({"Posted": "maybe"}, "The field posted cannot be read: yes or no was expected, 'maybe' was found"),
        ({"Товары": "rows"}, "The section Товары is not a list of rows"),
        ({"Товары": [5]}, "The section Товары is not a list of rows"),
        ({"Товары": [{"Сумма": "x"}]}, "The field lines.amount cannot be read: 'x' is not an amount"),
        ({"Ref_Key": ""}, "has no readable Ref_Key"),
        ({"Ref_Key": "00000000-0000-0000-0000-000000000000"}, "has no readable Ref_Key"),
        ({"Ref_Key": "x" * 300}, "has no readable Ref_Key"),
        ({"Ref_Key": "a\x00b"}, "has no readable Ref_Key"),
    ],
)
def test_records_that_cannot_be_read_say_why(bp30, change, reason):
    with pytest.raises(RecordError) as caught:
        bp30.entities["shipment"].build("Document_РеализацияТоваровУслуг", PAPER | change, ZONE)
    assert reason in caught.value.message
    if "Ref_Key" not in change:
        assert (caught.value.where.entity, caught.value.where.external_id) == ("shipment", KEY)


def test_optional_fields_that_cannot_be_read_are_marks(bp30):
    record = bp30.entities["order"].build(
        "Document_СчетНаОплатуПокупателю", PAPER | {"ОплатитьДо": "скоро", "Комментарий": [1]}, ZONE
    )
    assert record.fields["pay_until"] is None
    assert record.marks == {
        "pay_until": "a date was expected, 'скоро' was found",
        "comment": "a text was expected, a list was found",
    }


def test_a_set_without_rules_is_said(bp30):
    with pytest.raises(RecordError, match="no rules for order from Document_X"):
        bp30.entities["order"].build("Document_X", PAPER, ZONE)


def test_what_the_rules_read_is_known(bp30):
    shipment = bp30.entities["shipment"]
    needs = shipment.needs("Document_РеализацияТоваровУслуг")
    assert {need.path.head for need in needs if need.required} == {"Date", "Posted", "СуммаДокумента"}
    assert {need.section for need in needs if need.target == "lines.quantity"} == {
        "Товары",
        "Услуги",
        "АгентскиеУслуги",
    }
    assert shipment.is_optional("Document_АктОбОказанииПроизводственныхУслуг")
    assert not shipment.is_optional("Document_РеализацияТоваровУслуг")
