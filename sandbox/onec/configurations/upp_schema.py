"""Sets of УПП 1.3 / УТ 10.3 (fact sheet §8.1, §8.2). What the fact sheet does not name is marked [I] (inferred)."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.onec.configurations.ut11_schema import SHARED
from sandbox.onec.enums import ENUMS as BOOK_ENUMS
from sandbox.onec.enums import MONEY_IN, MONEY_OUT
from sandbox.onec.fields import parse_spec
from sandbox.onec.schema import RATES, ROW_HEAD, TAIL, EntitySet, Layout, build_plan, build_register, standard
from sandbox.onec.schema_catalogs import CATALOGS

PARTIES, CONTRACTS = "Catalog_Контрагенты", "Catalog_ДоговорыКонтрагентов"
PEOPLE, CONTACTS = "Catalog_КонтактныеЛицаКонтрагентов", "InformationRegister_КонтактнаяИнформация"
KINDS = "Catalog_ВидыКонтактнойИнформации"
ORDER, SHIPMENT = "Document_ЗаказПокупателя", "Document_РеализацияТоваровУслуг"
CLOSING = "Document_ЗакрытиеЗаказовПокупателей"
RETURN, CORRECTION = "Document_ВозвратТоваровОтПокупателя", "Document_КорректировкаРеализации"
PURCHASE, COMMISSION = "Document_ПоступлениеТоваровУслуг", "Document_ОтчетКомиссионераОПродажах"
BANK_IN, ORDER_IN = "Document_ПлатежноеПоручениеВходящее", "Document_ПлатежныйОрдерПоступлениеДенежныхСредств"
BANK_OUT, CARD = "Document_ПлатежноеПоручениеИсходящее", "Document_ОплатаОтПокупателяПлатежнойКартой"
CASH_IN, CASH_OUT = "Document_ПриходныйКассовыйОрдер", "Document_РасходныйКассовыйОрдер"
DEBT, MANUAL = "Document_КорректировкаДолга", "Document_КорректировкаЗаписейРегистров"
OPENING = "Document_ВводНачальныхОстатковПоВзаиморасчетам"
BY_ORDERS, AS_A_WHOLE = "ПоЗаказам", "ПоДоговоруВЦелом"

CATALOG_FIELDS: dict[str, str] = {
    PARTIES: """
        !НаименованиеПолное:t !ЮрФизЛицо:e=ЮрФизЛицо !ИНН:s12 !КПП:s9 !КодПоОКПО:s10 !Покупатель:b !Поставщик:b
        !ГоловнойКонтрагент>Catalog_Контрагенты !ОсновнойМенеджерПокупателя>Catalog_Пользователи Комментарий:t
        !ДополнительноеОписание:t""",
    CONTRACTS: """
        !ВидДоговора:e=ВидыДоговоровКонтрагентов !ВедениеВзаиморасчетов:e=ВедениеВзаиморасчетовПоДоговорам !Номер:s50
        !Дата:d !Организация>Catalog_Организации !ВалютаВзаиморасчетов>Catalog_Валюты
        !ДопустимаяСуммаЗадолженности:m Комментарий:t""",
    PEOPLE: "Должность:s Комментарий:t",
    "Catalog_Номенклатура": "!Артикул:s25 !НаименованиеПолное:t !Услуга:b Комментарий:t",
}
# name -> (folders, owner, code length, description length, code prefix)
SHAPES: dict[str, tuple[bool, str, int, int, str]] = {
    PARTIES: (True, "", 9, 100, "00-"), CONTRACTS: (True, PARTIES, 9, 100, "00-"),
    PEOPLE: (False, PARTIES, 9, 100, "00-"), "Catalog_Номенклатура": (True, "", 11, 100, "00-"),
    **{name: shape for name, shape in SHARED.items() if name != "Catalog_ЗначенияСвойствОбъектов"},
}  # fmt: skip
HEAD = """
    Организация>Catalog_Организации Контрагент>Catalog_Контрагенты ДоговорКонтрагента>Catalog_ДоговорыКонтрагентов
    ВалютаДокумента>Catalog_Валюты КурсВзаиморасчетов:r КратностьВзаиморасчетов:i СуммаДокумента:m СуммаВключаетНДС:b
    УчитыватьНДС:b Ответственный>Catalog_Пользователи Комментарий:t"""
MONEY = """
    ВидОперации:e={} Организация>Catalog_Организации {} ДоговорКонтрагента>Catalog_ДоговорыКонтрагентов СуммаДокумента:m
    ВалютаДокумента>Catalog_Валюты Оплачено:b ДатаОплаты:d НазначениеПлатежа:t Ответственный>Catalog_Пользователи
    Комментарий:t"""
PARTY, ANY_PARTY = "Контрагент>Catalog_Контрагенты", "Контрагент:*"
LINE = "Номенклатура>Catalog_Номенклатура Количество:q Цена:m Сумма:m СтавкаНДС:e=СтавкиНДС СуммаНДС:m"
SERVICE = LINE + " Содержание:t"
BEFORE = " СуммаДоИзменения:m СуммаНДСДоИзменения:m"  # [I]
PAID = """
    ДоговорКонтрагента>Catalog_ДоговорыКонтрагентов Сделка:* ДокументРасчетовСКонтрагентом:* СуммаПлатежа:m
    КурсВзаиморасчетов:r КратностьВзаиморасчетов:i СуммаВзаиморасчетов:m СтавкаНДС:e=СтавкиНДС СуммаНДС:m"""
SETTLED = """
    Контрагент>Catalog_Контрагенты ДоговорКонтрагента>Catalog_ДоговорыКонтрагентов Сделка:* СуммаВзаиморасчетов:m
    Сумма:m"""

DOCUMENTS: dict[str, str] = {
    ORDER: HEAD, CLOSING: "Организация>Catalog_Организации Ответственный>Catalog_Пользователи Комментарий:t",
    SHIPMENT: HEAD + " Сделка:*", RETURN: HEAD + " Сделка:* ДокументОтгрузки:*", CORRECTION: HEAD + " Сделка:*",
    PURCHASE: HEAD + " Сделка:*", COMMISSION: HEAD + " Сделка:*",
    BANK_IN: MONEY.format("ВидыОперацийПоступление", PARTY), ORDER_IN: MONEY.format("ВидыОперацийПоступление", PARTY),
    CARD: MONEY.format("ВидыОперацийПоКартам", PARTY), CASH_IN: MONEY.format("ВидыОперацийПоступление", ANY_PARTY),
    BANK_OUT: MONEY.format("ВидыОперацийРасход", PARTY), CASH_OUT: MONEY.format("ВидыОперацийРасход", ANY_PARTY),
    DEBT: HEAD, MANUAL: HEAD, OPENING: HEAD,
}  # fmt: skip
DOCUMENT_SECTIONS: dict[str, dict[str, str]] = {
    **{name: {"Товары": LINE, "Услуги": SERVICE} for name in (ORDER, SHIPMENT, PURCHASE, COMMISSION)},
    RETURN: {"Товары": LINE}, CORRECTION: {"Товары": LINE + BEFORE, "Услуги": SERVICE + BEFORE},
    CLOSING: {"Заказы": "ЗаказПокупателя>Document_ЗаказПокупателя ПричинаЗакрытияЗаказа>"},
    **{name: {"РасшифровкаПлатежа": PAID} for name in (BANK_IN, ORDER_IN, CARD, CASH_IN, BANK_OUT, CASH_OUT)},
    **{name: {"СуммыДолга": SETTLED} for name in (DEBT, MANUAL, OPENING)},
}  # fmt: skip
ENUMS: dict[str, tuple[str, ...]] = {
    "ЮрФизЛицо": ("ЮрЛицо", "ФизЛицо"),
    "ТипыКонтактнойИнформации": ("Адрес", "Телефон", "АдресЭлектроннойПочты", "ВебСтраница", "Другое"),
    "СтавкиНДС": (*BOOK_ENUMS["СтавкиНДС"], "НДС7", "НДС14", "НеНДС"),
    "ВидыДоговоровКонтрагентов": ("СПоставщиком", "СПокупателем", "СКомитентом", "СКомиссионером", "Прочее"),
    "ВедениеВзаиморасчетовПоДоговорам": (AS_A_WHOLE, BY_ORDERS, "ПоСчетам"),
    "ВидыОперацийПоступление": MONEY_IN, "ВидыОперацийРасход": MONEY_OUT,
    "ВидыОперацийПоКартам": ("ОплатаПокупателя", "ВозвратПокупателю"),
    "AccumulationRecordType": ("Receipt", "Expense"),
}  # fmt: skip


def build_sets(layout: Layout) -> Iterator[EntitySet]:
    """УПП's sets in the order of the service root."""
    for name, (folders, owner, code, description, prefix) in SHAPES.items():
        head = standard(
            f"Owner>{owner}" if owner else "", f"Parent>{name} IsFolder:b" if folders else "",
            f"Code:s{code}" if code else "", f"Description:s{description}",
        )  # fmt: skip
        fields = head + parse_spec(CATALOG_FIELDS.get(name, CATALOGS.get(name, ""))) + TAIL
        yield EntitySet(name, "catalog", fields, {}, folders=folders, code_length=code, code_prefix=prefix)
    for name, spec in DOCUMENTS.items():
        rows = {section: ROW_HEAD + parse_spec(text) for section, text in DOCUMENT_SECTIONS.get(name, {}).items()}
        head = standard("Number:s11 Date:d Posted:b")
        yield EntitySet(name, "document", head + parse_spec(spec), rows, code_length=11, code_prefix="0000-")
    yield build_register(RATES, "Period:d Валюта>Catalog_Валюты", "Курс:r Кратность:i")
    resources = "Представление:t " + " ".join(f"Поле{number}:s" for number in range(1, 11))
    yield build_register(
        CONTACTS, "Объект:* Тип:e=ТипыКонтактнойИнформации Вид:*", f"{resources} Комментарий:t ЗначениеПоУмолчанию:b"
    )
    yield build_plan(layout.exchange_plan)
