"""Sets of УТ 11.5 (fact sheet §8.1, §8.2). What the fact sheet does not name is marked [I] (inferred)."""

from __future__ import annotations

from collections.abc import Iterator

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

PARTNERS, PARTIES = "Catalog_Партнеры", "Catalog_Контрагенты"
CONTRACTS, KEYS = "Catalog_ДоговорыКонтрагентов", "Catalog_КлючиАналитикиУчетаПоПартнерам"
OBJECTS, ACCESS = "Catalog_ОбъектыРасчетов", "Catalog_ГруппыДоступаПартнеров"
ORDER, SHIPMENT, ACT = "Document_ЗаказКлиента", "Document_РеализацияТоваровУслуг", "Document_АктВыполненныхРабот"
RETURN, CORRECTION = "Document_ВозвратТоваровОтКлиента", "Document_КорректировкаРеализации"
BANK_IN = "Document_ПоступлениеБезналичныхДенежныхСредств"
BANK_OUT = "Document_СписаниеБезналичныхДенежныхСредств"
CASH_IN, CASH_OUT = "Document_ПриходныйКассовыйОрдер", "Document_РасходныйКассовыйОрдер"
CARD = "Document_ОперацияПоПлатежнойКарте"
NETTING, WRITE_OFF = "Document_ВзаимозачетЗадолженности", "Document_СписаниеЗадолженности"
MANUAL, OPENING, COMMISSION = "Document_КорректировкаРегистров", "Document_ВводОстатков", "Document_ОтчетКомиссионера"

CONTACTS = CATALOG_SECTIONS["Catalog_КонтактныеЛица"]["КонтактнаяИнформация"]
OWN_CATALOGS: dict[str, str] = {
    PARTIES: """
        НаименованиеПолное:t ОбособленноеПодразделение:b ЮридическоеФизическоеЛицо:e=ЮридическоеФизическоеЛицо
        ЮрФизЛицо:e=ЮрФизЛицо СтранаРегистрации>Catalog_СтраныМира ГоловнойКонтрагент>Catalog_Контрагенты ИНН:s12 КПП:s9
        КодПоОКПО:s10 РегистрационныйНомер:s15 Партнер>Catalog_Партнеры ДополнительнаяИнформация:t""",
    PARTNERS: """
        НаименованиеПолное:t Клиент:b Поставщик:b Конкурент:b ПрочиеОтношения:b ЮрФизЛицо:e=КомпанияЧастноеЛицо
        ОсновнойМенеджер>Catalog_Пользователи ГруппаДоступа>Catalog_ГруппыДоступаПартнеров Комментарий:t
        ДатаРегистрации:d""",
    CONTRACTS: """
        Контрагент>Catalog_Контрагенты Партнер>Catalog_Партнеры Организация>Catalog_Организации
        ТипДоговора:e=ТипыДоговоров Статус:e=СтатусыДоговоровКонтрагентов Номер:s128 Дата:d ДатаНачалаДействия:d
        ДатаОкончанияДействия:d ВалютаВзаиморасчетов>Catalog_Валюты НаименованиеДляПечати:t Комментарий:t
        ПорядокРасчетов:e=ПорядокРасчетов""",
    KEYS: """
        Партнер>Catalog_Партнеры Контрагент:* Договор:* Организация>Catalog_Организации""",
    OBJECTS: """
        Объект:* Партнер>Catalog_Партнеры Контрагент:* Договор:* Организация>Catalog_Организации
        ВалютаВзаиморасчетов>Catalog_Валюты""",
    ACCESS: "Комментарий:t",
    "Catalog_КонтактныеЛицаПартнеров": """
        Фамилия:s50 Имя:s50 Отчество:s50 ДолжностьПоВизитке:s РольКонтактногоЛица> Комментарий:t""",
    "Catalog_Номенклатура": """
        !Артикул:s25 !НаименованиеПолное:t !ТипНоменклатуры:e=ТипыНоменклатуры !ЕдиницаИзмерения>
        !СтавкаНДС>Catalog_СтавкиНДС !Описание:t""",
    "Catalog_СтавкиНДС": "Ставка:m ПеречислениеСтавкаНДС:e=СтавкиНДС",
}
# name -> (folders, owner, code length, description length, code prefix); item hierarchies have a parent and no folders
OWN_SHAPE: dict[str, tuple[bool, str, int, int, str]] = {
    PARTIES: (False, "", 0, 100, ""), PARTNERS: (False, "", 11, 150, "00-"), CONTRACTS: (False, "", 11, 150, "00-"),
    KEYS: (False, "", 0, 250, ""), OBJECTS: (False, "", 0, 250, ""), ACCESS: (False, "", 9, 50, ""),
    "Catalog_КонтактныеЛицаПартнеров": (False, PARTNERS, 11, 150, "00-"),
    "Catalog_Номенклатура": (True, "", 11, 100, "00-"), "Catalog_СтавкиНДС": (False, "", 0, 50, ""),
}  # fmt: skip
SHARED: dict[str, tuple[bool, str, int, int, str]] = {
    "Catalog_Организации": (False, "", 9, 100, "00-"), "Catalog_Валюты": (False, "", 3, 10, ""),
    "Catalog_Пользователи": (False, "", 0, 150, ""), "Catalog_ВидыКонтактнойИнформации": (True, "", 0, 100, ""),
    "Catalog_ФизическиеЛица": (False, "", 10, 100, "00-"),
    "Catalog_ЗначенияСвойствОбъектов": (
        True, "ChartOfCharacteristicTypes_ДополнительныеРеквизитыИСведения", 0, 150, ""),
}  # fmt: skip
SECTIONS: dict[str, dict[str, str]] = {
    PARTIES: {"КонтактнаяИнформация": CONTACTS, "ДополнительныеРеквизиты": EXTRA_ATTRIBUTES},
    PARTNERS: {"КонтактнаяИнформация": CONTACTS, "ДополнительныеРеквизиты": EXTRA_ATTRIBUTES},
    "Catalog_КонтактныеЛицаПартнеров": {"КонтактнаяИнформация": CONTACTS},
    "Catalog_Номенклатура": {"ДополнительныеРеквизиты": EXTRA_ATTRIBUTES},
}

PARTY_HEAD = """
    Организация>Catalog_Организации Партнер>Catalog_Партнеры Контрагент>Catalog_Контрагенты
    Договор>Catalog_ДоговорыКонтрагентов Соглашение>Catalog_СоглашенияСКлиентами"""
SALE = (
    PARTY_HEAD
    + """ Валюта>Catalog_Валюты ВалютаВзаиморасчетов>Catalog_Валюты СуммаДокумента:m СуммаВзаиморасчетов:m
    ЦенаВключаетНДС:b КурсЧислитель:r Менеджер>Catalog_Пользователи Склад>Catalog_Склады Комментарий:t ДатаПлатежа:d"""
)
MONEY = """
    ХозяйственнаяОперация:e=ХозяйственныеОперации Организация>Catalog_Организации Контрагент>Catalog_Контрагенты
    {contract} СуммаДокумента:m Валюта>Catalog_Валюты БанковскийСчет>Catalog_БанковскиеСчетаОрганизаций
    НазначениеПлатежа:t Комментарий:t Автор>Catalog_Пользователи"""
PAID_BY_BANK = " ПроведеноБанком:b ДатаПроведенияБанком:d НомерВходящегоДокумента:s30 ДатаВходящегоДокумента:d"
OTHER = PARTY_HEAD + " Валюта>Catalog_Валюты СуммаДокумента:m Комментарий:t Ответственный>Catalog_Пользователи"
GOODS = """
    Номенклатура>Catalog_Номенклатура Характеристика>Catalog_ХарактеристикиНоменклатуры
    Упаковка>Catalog_УпаковкиЕдиницыИзмерения КоличествоУпаковок:q Количество:q Цена:m Сумма:m
    СтавкаНДС>Catalog_СтавкиНДС СуммаНДС:m СуммаСНДС:m КодСтроки:i"""
BEFORE = " СуммаСНДСДоИзменения:m"  # [I]
ROWS_PAID = """
    Партнер>Catalog_Партнеры ОбъектРасчетов>Catalog_ОбъектыРасчетов ОснованиеПлатежа:* Сумма:m СуммаВзаиморасчетов:m
    ВалютаВзаиморасчетов>Catalog_Валюты Комментарий:t"""
# Settlements that others have than orders, shipments and money: names and rows [I]
SETTLED_ROWS = """
    Партнер>Catalog_Партнеры Контрагент>Catalog_Контрагенты Договор>Catalog_ДоговорыКонтрагентов
    ВалютаВзаиморасчетов>Catalog_Валюты Сумма:m СуммаРегл:m"""

DOCUMENTS: dict[str, str] = {
    ORDER: SALE + " Статус:e=СтатусыЗаказовКлиентов НомерПоДаннымКлиента:s128",
    SHIPMENT: SALE + " ЗаказКлиента:* Статус:e=СтатусыРеализацийТоваровУслуг",
    ACT: SALE + " ЗаказКлиента:* Статус:e=СтатусыАктовВыполненныхРабот",
    RETURN: SALE + " ДокументРеализации:* ХозяйственнаяОперация:e=ХозяйственныеОперации",
    CORRECTION: SALE + " ДокументОснование:*",
    COMMISSION: SALE,
    BANK_IN: MONEY.format(contract="Договор:*") + PAID_BY_BANK,
    BANK_OUT: MONEY.format(contract="Договор:*") + PAID_BY_BANK,
    CASH_IN: MONEY.format(contract="Договор:*") + " ПринятоОт:t Основание:t",
    CASH_OUT: MONEY.format(contract="Договор:*") + " Выдать:t Основание:t",
    CARD: MONEY.format(contract="Договор:*"),
    NETTING: OTHER, WRITE_OFF: OTHER, MANUAL: OTHER + " Содержание:t", OPENING: OTHER,
}  # fmt: skip
DOCUMENT_SECTIONS: dict[str, dict[str, str]] = {
    ORDER: {"Товары": GOODS + " Отменено:b", "ЭтапыГрафикаОплаты": "ДатаПлатежа:d ПроцентПлатежа:m СуммаПлатежа:m"},
    SHIPMENT: {"Товары": GOODS}, ACT: {"Услуги": GOODS + " Содержание:t"}, RETURN: {"Товары": GOODS},
    CORRECTION: {"Товары": GOODS + BEFORE}, COMMISSION: {"Товары": GOODS},
    **{name: {"РасшифровкаПлатежа": ROWS_PAID} for name in (BANK_IN, BANK_OUT, CASH_IN, CASH_OUT, CARD)},
    **{name: {"Расчеты": SETTLED_ROWS} for name in (NETTING, WRITE_OFF, MANUAL, OPENING)},
}  # fmt: skip
ENUMS: dict[str, tuple[str, ...]] = {
    **{name: BOOK_ENUMS[name] for name in ("ЮридическоеФизическоеЛицо", "ТипыКонтактнойИнформации", "СтавкиНДС")},
    "ЮрФизЛицо": ("ЮрЛицо", "ФизЛицо", "ЮрЛицоНеРезидент", "ИндивидуальныйПредприниматель"),
    "КомпанияЧастноеЛицо": ("Компания", "ЧастноеЛицо"),
    "ТипыДоговоров": ("СПокупателем", "СПоставщиком", "СКомиссионером", "СКомитентом"),
    "СтатусыДоговоровКонтрагентов": ("НеСогласован", "Действует", "Закрыт"),
    "ПорядокРасчетов": ("ПоДоговорамКонтрагентов", "ПоЗаказам", "ПоНакладным"),
    "СтатусыЗаказовКлиентов": ("НеСогласован", "КОбеспечению", "КОтгрузке", "Закрыт"),
    "СтатусыРеализацийТоваровУслуг": ("КПредоплате", "ВПути", "Отгружено"),
    "ТипыНоменклатуры": ("Товар", "Услуга", "Работа", "МногооборотнаяТара"),
    "ХозяйственныеОперации": ("ПоступлениеОплатыОтКлиента", "ВозвратОплатыКлиенту", "ОплатаПоставщику",
        "ПрочееПоступление", "ПрочееСписание", "ВозвратТоваровОтКлиента"),
    "AccumulationRecordType": ("Receipt", "Expense"),
}  # fmt: skip


def build_sets(layout: Layout) -> Iterator[EntitySet]:
    """УТ's sets in the order of the service root."""
    for name, shape in (OWN_SHAPE | SHARED).items():
        yield build_catalog(name, OWN_CATALOGS.get(name) or CATALOGS[name], shape)
    for name, spec in DOCUMENTS.items():
        yield build_document(name, spec)
    yield build_characteristics("ChartOfCharacteristicTypes_ДополнительныеРеквизитыИСведения")
    yield build_register(RATES, "Period:d Валюта>Catalog_Валюты", "Курс:r Кратность:i")
    yield build_plan(layout.exchange_plan)


def build_catalog(name: str, spec: str, shape: tuple[bool, str, int, int, str]) -> EntitySet:
    """A catalog; partners are a hierarchy of items: a parent, no folders (§8.1)."""
    folders, owner, code, description, prefix = shape
    head = standard(
        f"Owner>{owner}" if owner else "",
        f"Parent>{name}" if folders or name == PARTNERS else "", "IsFolder:b" if folders else "",
        f"Code:s{code}" if code else "", f"Description:s{description}",
    )  # fmt: skip
    rows = build_rows(SECTIONS.get(name, {}))
    return EntitySet(
        name, "catalog", head + parse_spec(spec) + TAIL, rows, folders=folders, code_length=code, code_prefix=prefix
    )


def build_document(name: str, spec: str) -> EntitySet:
    """A document; its number is unique within a year."""
    head = standard("Number:s11 Date:d Posted:b")
    rows = {section: ROW_HEAD + parse_spec(text) for section, text in DOCUMENT_SECTIONS.get(name, {}).items()}
    return EntitySet(name, "document", head + parse_spec(spec), rows, code_length=11, code_prefix="0000-")
