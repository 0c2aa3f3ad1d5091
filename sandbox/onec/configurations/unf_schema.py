"""Sets of УНФ 3.0 (fact sheet §8.1, §8.2). What the fact sheet does not name is marked [I] (inferred)."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.onec.configurations.ut11_schema import SHARED
from sandbox.onec.enums import ENUMS as BOOK_ENUMS
from sandbox.onec.fields import parse_spec
from sandbox.onec.schema import (
    RATES,
    ROW_HEAD,
    TAIL,
    EntitySet,
    Layout,
    build_characteristics,
    build_plan,
    build_register,
    build_rows,
    standard,
)
from sandbox.onec.schema_catalogs import CATALOG_SECTIONS, CATALOGS, EXTRA_ATTRIBUTES

PARTIES, CONTRACTS, STAFF = "Catalog_Контрагенты", "Catalog_ДоговорыКонтрагентов", "Catalog_Сотрудники"
STATES = "Catalog_СостоянияЗаказовПокупателей"
ORDER, SHIPMENT, ACT = "Document_ЗаказПокупателя", "Document_РасходнаяНакладная", "Document_АктВыполненныхРабот"
INCOMING, CORRECTION = "Document_ПриходнаяНакладная", "Document_КорректировкаРеализации"
BANK_IN, BANK_OUT = "Document_ПоступлениеНаСчет", "Document_РасходСоСчета"
CASH_IN, CASH_OUT, CARD = "Document_ПоступлениеВКассу", "Document_РасходИзКассы", "Document_ОперацияПоПлатежнымКартам"
NETTING, OPENING = "Document_Взаимозачет", "Document_ВводНачальныхОстатков"
MANUAL, COMMISSION = "Document_КорректировкаРегистров", "Document_ОтчетКомиссионера"

CATALOG_FIELDS: dict[str, str] = {
    PARTIES: """
        !НаименованиеПолное:t !ВидКонтрагента:e=ВидыКонтрагентов !ИНН:s12 !КПП:s9 !КодПоОКПО:s10
        !РегистрационныйНомер:s15 !Покупатель:b !Поставщик:b !ПрочиеОтношения:b !Недействителен:b
        !Ответственный>Catalog_Сотрудники !ГоловнойКонтрагент>Catalog_Контрагенты Комментарий:t ДатаСоздания:d""",
    CONTRACTS: """
        ВидДоговора:e=ВидыДоговоров НомерДоговора:s25 ДатаДоговора:d Организация>Catalog_Организации
        ВалютаРасчетов>Catalog_Валюты СрокОплатыПокупателя:n Недействителен:b Комментарий:t""",
    STAFF: "Недействителен:b",
    STATES: "",
    "Catalog_Номенклатура": """
        !Артикул:s25 !НаименованиеПолное:t !ТипНоменклатуры:e=ТипыНоменклатуры !Комментарий:t""",
}
# name -> (folders, owner, code length, description length, code prefix)
SHAPES: dict[str, tuple[bool, str, int, int, str]] = {
    PARTIES: (True, "", 9, 100, "00-"), CONTRACTS: (False, "*", 9, 100, "00-"), STAFF: (False, "", 9, 100, "00-"),
    STATES: (False, "", 9, 50, "00-"), "Catalog_Номенклатура": (True, "", 11, 100, "00-"),
    **{name: shape for name, shape in SHARED.items() if name != "Catalog_Пользователи"},
}  # fmt: skip
SECTIONS: dict[str, dict[str, str]] = {
    PARTIES: {
        "КонтактнаяИнформация": CATALOG_SECTIONS["Catalog_КонтактныеЛица"]["КонтактнаяИнформация"],
        "ДополнительныеРеквизиты": EXTRA_ATTRIBUTES,
    },
    "Catalog_Номенклатура": {"ДополнительныеРеквизиты": EXTRA_ATTRIBUTES},
}
HEAD = """
    Организация>Catalog_Организации Контрагент>Catalog_Контрагенты Договор>Catalog_ДоговорыКонтрагентов
    СуммаДокумента:m ВалютаДокумента>Catalog_Валюты Курс:r Кратность:n СуммаВключаетНДС:b
    Ответственный>Catalog_Сотрудники Комментарий:t"""
KIND = " ВидОперации:e={}"
MONEY = """
    Организация>Catalog_Организации Контрагент>Catalog_Контрагенты СуммаДокумента:m ВалютаДенежныхСредств>Catalog_Валюты
    НазначениеПлатежа:t Основание:t Комментарий:t Автор>Catalog_Пользователи ВходящийДокументНомер:s30"""
LINE = """
    Характеристика>Catalog_ХарактеристикиНоменклатуры Количество:q ЕдиницаИзмерения:* Цена:m Сумма:m
    СтавкаНДС>Catalog_СтавкиНДС СуммаНДС:m Всего:m"""
ITEM, ANY_ITEM, ORDERED = "Номенклатура>Catalog_Номенклатура", "Номенклатура:*", " Заказ:*"
PAID = """
    Договор>Catalog_ДоговорыКонтрагентов ПризнакАванса:b Документ:* Заказ:* СуммаРасчетов:m Курс:r Кратность:n
    СуммаПлатежа:m СуммаНДС:m"""
SETTLED = """
    Контрагент>Catalog_Контрагенты Договор>Catalog_ДоговорыКонтрагентов Документ:* Заказ:*
    СуммаВзаиморасчетов:m Сумма:m"""
BEFORE = " СуммаДоИзменения:m СуммаНДСДоИзменения:m"  # [I]

DOCUMENTS: dict[str, str] = {
    ORDER: HEAD + KIND.format("ВидыОперацийЗаказПокупателя") + " СостояниеЗаказа:*",
    SHIPMENT: HEAD + KIND.format("ВидыОперацийРасходнаяНакладная") + " Заказ:*",
    ACT: HEAD + " Заказ:*",
    INCOMING: HEAD + KIND.format("ВидыОперацийПриходнаяНакладная") + " ДокументОснование:*",
    CORRECTION: HEAD + " ДокументОснование:*", COMMISSION: HEAD,
    BANK_IN: MONEY + KIND.format("ВидыОперацийПоступление"), CASH_IN: MONEY + KIND.format("ВидыОперацийПоступление"),
    CARD: MONEY + KIND.format("ВидыОперацийПоКартам"), BANK_OUT: MONEY + KIND.format("ВидыОперацийРасход"),
    CASH_OUT: MONEY + KIND.format("ВидыОперацийРасход"),
    NETTING: HEAD, MANUAL: HEAD + " Содержание:t", OPENING: HEAD,
}  # fmt: skip
DOCUMENT_SECTIONS: dict[str, dict[str, str]] = {
    ORDER: {"Запасы": ANY_ITEM + LINE, "Работы": ANY_ITEM + LINE}, SHIPMENT: {"Запасы": ITEM + LINE + ORDERED},
    ACT: {"РаботыИУслуги": ITEM + LINE + ORDERED}, INCOMING: {"Запасы": ITEM + LINE + " Документ:*"},
    CORRECTION: {"Запасы": ITEM + LINE + BEFORE}, COMMISSION: {"Запасы": ITEM + LINE},
    **{name: {"РасшифровкаПлатежа": PAID} for name in (BANK_IN, BANK_OUT, CASH_IN, CASH_OUT, CARD)},
    **{name: {"Расчеты": SETTLED} for name in (NETTING, MANUAL, OPENING)},
}  # fmt: skip
ENUMS: dict[str, tuple[str, ...]] = {
    **{name: BOOK_ENUMS[name] for name in ("ТипыКонтактнойИнформации", "СтавкиНДС")},
    "ВидыКонтрагентов": (
        "ЮридическоеЛицо", "ИндивидуальныйПредприниматель", "ФизическоеЛицо", "ГосударственныйОрган"),
    "ВидыДоговоров": ("СПокупателем", "СПоставщиком", "СКомиссионером", "СКомитентом", "Прочее"),
    "ТипыРасчетов": ("Долг", "Аванс"),
    "ТипыНоменклатуры": ("Запас", "Услуга", "Работа"),
    "ВидыОперацийЗаказПокупателя": ("ЗаказНаПродажу", "ЗаказНаПереработку", "ЗаказНаряд"),
    "ВидыОперацийРасходнаяНакладная": ("ПродажаПокупателю", "ПередачаНаКомиссию", "ВозвратПоставщику"),
    "ВидыОперацийПриходнаяНакладная": ("ПоступлениеОтПоставщика", "ВозвратОтПокупателя", "ПриемНаКомиссию"),
    "ВидыОперацийПоступление": ("ОтПокупателя", "ОтПоставщика", "Прочее"),
    "ВидыОперацийПоКартам": ("ОтПокупателя", "Покупателю"),
    "ВидыОперацийРасход": ("Покупателю", "Поставщику", "Прочее"),
    "AccumulationRecordType": ("Receipt", "Expense"),
}  # fmt: skip


def build_sets(layout: Layout) -> Iterator[EntitySet]:
    """УНФ's sets in the order of the service root."""
    for name, (folders, owner, code, description, prefix) in SHAPES.items():
        head = standard(
            "Owner:*" if owner else "", f"Parent>{name} IsFolder:b" if folders else "", f"Code:s{code}" if code else "",
            f"Description:s{description}",
        )  # fmt: skip
        fields = head + parse_spec(CATALOG_FIELDS.get(name, CATALOGS.get(name, ""))) + TAIL
        rows = build_rows(SECTIONS.get(name, {}))
        yield EntitySet(name, "catalog", fields, rows, folders=folders, code_length=code, code_prefix=prefix)
    for name, spec in DOCUMENTS.items():
        rows = {section: ROW_HEAD + parse_spec(text) for section, text in DOCUMENT_SECTIONS.get(name, {}).items()}
        head = standard("Number:s11 Date:d Posted:b")
        yield EntitySet(name, "document", head + parse_spec(spec), rows, code_length=11, code_prefix="0000-")
    yield build_characteristics("ChartOfCharacteristicTypes_ДополнительныеРеквизитыИСведения")
    yield build_register(RATES, "Period:d Валюта>Catalog_Валюты", "Курс:r Кратность:i")
    yield build_plan(layout.exchange_plan)
