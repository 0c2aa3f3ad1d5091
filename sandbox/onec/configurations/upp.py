"""УПП 1.3 / УТ 10.3: the company's books in its words (fact sheet §8).

Contact information stands in a register; a payment counts when it was carried out; settlements with buyers and
suppliers are in one register, by contract or by order.
"""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.onec.company_tools import Workbench
from sandbox.onec.configurations import upp_schema as upp
from sandbox.onec.configurations.kind import Configuration, Edits, Measured, Movement, Register
from sandbox.onec.configurations.register_posting import (
    BUYER,
    SUPPLIER,
    TYPE,
    Rule,
    Thing,
    Words,
    correction,
    money,
    poster,
    rows,
    text,
    total,
)
from sandbox.onec.configurations.translating import (
    Maker,
    contract_of,
    entered,
    made,
    money_sets,
    netted,
    opened,
    put_total,
    taken,
    translator,
    with_vat,
)
from sandbox.onec.configurations.ut11_posting import key_of
from sandbox.onec.fields import UNDEFINED, Fields, parse_spec
from sandbox.onec.storage import Row

SAME = ("Catalog_Организации", "Catalog_Валюты", "Catalog_Пользователи", "Catalog_ФизическиеЛица",
        "InformationRegister_КурсыВалют")  # fmt: skip
SALES = {
    "Document_СчетНаОплатуПокупателю": upp.ORDER, "Document_РеализацияТоваровУслуг": upp.SHIPMENT,
    "Document_АктОбОказанииПроизводственныхУслуг": upp.SHIPMENT,
    "Document_ВозвратТоваровОтПокупателя": upp.RETURN, "Document_КорректировкаРеализации": upp.CORRECTION,
    "Document_ПоступлениеТоваровУслуг": upp.PURCHASE, "Document_ОтчетКомиссионераОПродажах": upp.COMMISSION,
}  # fmt: skip
MONEY = money_sets(upp.BANK_IN, upp.BANK_OUT, upp.CASH_IN, upp.CASH_OUT, upp.CARD)


def dice(row: Row, place: int = 0) -> int:
    """A number from 0 to 15 that belongs to an object for ever."""
    return int(row.key[place], 16)


def same(bench: Workbench, row: Row) -> Iterator[Row]:
    """Sets that are the same in both."""
    yield row


def contact_kind(bench: Workbench, row: Row) -> Iterator[Row]:
    """Of e-mail there is no predefined kind here."""
    if row.get("PredefinedDataName", "").startswith("Email"):
        row.fields.update({"PredefinedDataName": "", "Predefined": False})
    yield row


def contacts(row: Row, owner_set: str) -> Iterator[Row]:
    """Contact information as records of the register; one of several phones has a kind that is plain text."""
    for number, line in enumerate(row.get("КонтактнаяИнформация", [])):
        kind: Fields = {"Вид": line.get("Вид_Key"), "Вид_Type": f"{TYPE}{upp.KINDS}"}
        if number % 3 == 2:
            kind = {"Вид": f"Другой {number}", "Вид_Type": "Edm.String"}
        of = line["Тип"] if line["Тип"] != "Skype" else "Другое"
        fields: Fields = {
            "Объект": row.key, "Объект_Type": f"{TYPE}{owner_set}", "Тип": of, **kind,
            "Представление": line.get("Представление"), "ЗначениеПоУмолчанию": number == 0,
        }  # fmt: skip
        key = "|".join(str(fields[name]) for name in ("Объект", "Объект_Type", "Тип", "Вид", "Вид_Type"))
        yield Row(upp.CONTACTS, key, 1, False, False, {name: value for name, value in fields.items() if value})


def party(bench: Workbench, row: Row) -> Iterator[Row]:
    """A card with its role, and what stands in the register about it."""
    fields = taken(
        row, "Code", "Description", "IsFolder", "Parent_Key", "НаименованиеПолное", "ИНН", "КПП", "КодПоОКПО",
        "ГоловнойКонтрагент_Key", "Комментарий",
    )  # fmt: skip
    supplier = row.get("Parent_Key") == bench.keys.get("folder/Поставщики")
    if not row.get("IsFolder", False):
        person = row.get("ЮридическоеФизическоеЛицо") == "ФизическоеЛицо"
        fields.update({
            "ЮрФизЛицо": "ФизЛицо" if person else "ЮрЛицо", "Покупатель": not supplier, "Поставщик": supplier,
            "ОсновнойМенеджерПокупателя_Key": row.get("Ответственный_Key"),
        })  # fmt: skip
    yield made(row, upp.PARTIES, fields)
    yield from contacts(row, upp.PARTIES)


def person(bench: Workbench, row: Row) -> Iterator[Row]:
    """A contact person belongs to the counterparty."""
    fields = taken(row, "Code", "Description", "Должность")
    yield made(row, upp.PEOPLE, {**fields, "Owner_Key": row.get("ОбъектВладелец")})
    yield from contacts(row, upp.PEOPLE)


def contract(bench: Workbench, row: Row) -> Iterator[Row]:
    """A contract, settled as a whole or by orders."""
    fields = taken(row, "Code", "Description", "Номер", "Дата", "ВидДоговора", "Организация_Key",
                   "ВалютаВзаиморасчетов_Key")  # fmt: skip
    mode = upp.BY_ORDERS if dice(row) < 5 else upp.AS_A_WHOLE
    owner = text(row.fields, "Owner_Key") or text(row.fields, "Owner")
    yield made(row, upp.CONTRACTS, {**fields, "Owner_Key": owner, "ВедениеВзаиморасчетов": mode})


def product(bench: Workbench, row: Row) -> Iterator[Row]:
    """Goods and services."""
    names = ("Code", "Description", "IsFolder", "Parent_Key", "Артикул", "НаименованиеПолное", "Услуга")
    yield made(row, row.set_name, taken(row, *names))


def ordered(key: str) -> Fields:
    """``Сделка``: the order behind a document."""
    return {"Сделка": key, "Сделка_Type": f"{TYPE}{upp.ORDER}"} if key else {}


def sale(bench: Workbench, row: Row) -> Iterator[Row]:
    """Everything with goods; one order of eight is closed by a document of its own."""
    head, name = row.fields, SALES[row.set_name]
    fields = taken(
        row, "Number", "Date", "Организация_Key", "Контрагент_Key", "ДоговорКонтрагента_Key", "ВалютаДокумента_Key",
        "КурсВзаиморасчетов", "КратностьВзаиморасчетов", "СуммаДокумента", "СуммаВключаетНДС", "Ответственный_Key",
        "Комментарий",
    )  # fmt: skip
    fields["УчитыватьНДС"] = True
    for section in ("Товары", "Услуги"):
        fields[section] = [line_of(line) for line in head.get(section, ())]
    if name == upp.RETURN and text(head, "Сделка"):
        fields.update({"ДокументОтгрузки": text(head, "Сделка"), "ДокументОтгрузки_Type": f"{TYPE}{upp.SHIPMENT}"})
    elif name == upp.SHIPMENT:
        fields.update(ordered(text(head, "СчетНаОплатуПокупателю_Key")))
    yield made(row, name, fields)
    if name == upp.ORDER and dice(row) < 2:
        closed = {**taken(row, "Date", "Организация_Key"), "Заказы": [{"ЗаказПокупателя_Key": row.key}]}
        closed["Number"] = bench.number(upp.CLOSING, "0000-", 11, str(head["Date"])[:4])
        yield Row(upp.CLOSING, key_of("closing", row.key), 1, False, True, closed)


def line_of(line: Fields) -> Fields:
    """One line; the product of an invoice is composite in БП and is not here."""
    names = ("Количество", "Цена", "Сумма", "СтавкаНДС", "СуммаНДС", "Содержание", "СуммаДоИзменения",
             "СуммаНДСДоИзменения")  # fmt: skip
    own = {name: line[name] for name in names if name in line}
    return {"Номенклатура_Key": line.get("Номенклатура_Key") or line.get("Номенклатура", ""), **own}


def payment(bench: Workbench, row: Row) -> Iterator[Row]:
    """Money in or out; a payment order that is posted and not carried out stands beside, and moves nothing."""
    head, name = row.fields, MONEY[row.set_name]
    if name == upp.BANK_IN and dice(row) < 4:
        name = upp.ORDER_IN
    kind = text(head, "Контрагент_Type")
    whose = text(head, "Контрагент_Key") or (text(head, "Контрагент") if kind.endswith(upp.PARTIES) else "")
    named: Fields = {"Контрагент_Key": whose}
    if name in (upp.CASH_IN, upp.CASH_OUT) and whose:
        named = {"Контрагент": whose, "Контрагент_Type": f"{TYPE}{upp.PARTIES}"}
    fields = {
        **taken(row, "Number", "Date", "ВидОперации", "Организация_Key", "СуммаДокумента", "ВалютаДокумента_Key",
                "НазначениеПлатежа", "Ответственный_Key", "Комментарий"), **named,
        "РасшифровкаПлатежа": [paid(line) for line in head.get("РасшифровкаПлатежа", ())],
        "Оплачено": True, "ДатаОплаты": f"{str(head['Date'])[:10]}T00:00:00",
    }  # fmt: skip
    yield made(row, name, fields)
    if name == upp.BANK_IN and dice(row, 1) == 0 and row.posted:
        planned = {**fields, "Оплачено": False, "ДатаОплаты": "", "Number": bench.number(name, "ПЛ00-", 11)}
        yield made(row, name, planned, key_of("planned", row.key))


def paid(line: Fields) -> Fields:
    """One row."""
    names = ("ДоговорКонтрагента_Key", "СуммаПлатежа", "КурсВзаиморасчетов", "КратностьВзаиморасчетов")
    own = line.get("СуммаВзаиморасчетов", 0) or line.get("СуммаПлатежа", 0)
    sold, kind = text(line, "Сделка"), text(line, "Сделка_Type")
    document = {"ДокументРасчетовСКонтрагентом": sold, "ДокументРасчетовСКонтрагентом_Type": kind}
    return {
        **{name: line[name] for name in names if name in line}, "СуммаВзаиморасчетов": own,
        **ordered(text(line, "СчетНаОплату_Key")), **(document if kind.endswith(upp.SHIPMENT) else {}),
    }  # fmt: skip


def settled(line: Fields, whose: str, amount: int, own: int = 0) -> Fields:
    """One row of a document that moves settlements by itself."""
    return {
        "Контрагент_Key": whose,
        "ДоговорКонтрагента_Key": contract_of(line),
        "СуммаВзаиморасчетов": own or amount,
        "Сумма": amount,
    }


def other_head(row: Row, whose: str) -> Fields:
    """Head of a document that is none of ours."""
    names = ("Number", "Date", "Организация_Key", "СуммаДокумента", "Ответственный_Key")
    return {**taken(row, *names), "Контрагент_Key": whose}


def debt(bench: Workbench, row: Row) -> Iterator[Row]:
    """Netting or write-off."""
    head = other_head(row, text(row.fields, "КонтрагентДебитор"))
    yield made(row, upp.DEBT, {**head, "СуммыДолга": netted(row, settled)})


def manual(bench: Workbench, row: Row) -> Iterator[Row]:
    """A manual entry on the customers' account."""
    if found := entered(bench, row, settled):
        yield made(row, upp.MANUAL, {**other_head(row, found[0]["Контрагент_Key"]), "СуммыДолга": found})


def opening(bench: Workbench, row: Row) -> Iterator[Row]:
    """Opening balances."""
    bench.flush()  # posting asks the contracts
    yield made(row, upp.OPENING, {**other_head(row, ""), "СуммыДолга": opened(row, settled)})


MAKERS: dict[str, Maker] = {
    **dict.fromkeys(SAME, same), upp.KINDS: contact_kind, upp.PARTIES: party, "Catalog_КонтактныеЛица": person,
    upp.CONTRACTS: contract, "Catalog_Номенклатура": product, **dict.fromkeys(SALES, sale),
    **dict.fromkeys(MONEY, payment), "Document_КорректировкаДолга": debt, "Document_ОперацияБух": manual,
    "Document_ВводНачальныхОстатков": opening,
}  # fmt: skip


translate = translator(MAKERS)


# ---------------------------------------------------------------- settlements


def thing_of(row: Row, line: Fields, deal: Row) -> Thing:
    """The order, where the contract is settled by orders."""
    if deal.get("ВедениеВзаиморасчетов") == upp.BY_ORDERS:
        for fields in (line, row.fields):
            if text(fields, "Сделка"):
                return text(fields, "Сделка"), text(fields, "Сделка_Type")
    return "", ""


DIMENSIONS = parse_spec(
    "ДоговорКонтрагента>Catalog_ДоговорыКонтрагентов Сделка:* Организация>Catalog_Организации "
    "Контрагент>Catalog_Контрагенты"
)


def describe(movement: Movement) -> Measured:
    """One line; the contract's currency is the contract's alone to tell."""
    (whose, _), (deal, _), (thing, kind) = movement.subs
    dims = {
        "ДоговорКонтрагента_Key": deal, "Сделка": thing, "Сделка_Type": kind or UNDEFINED,
        "Организация_Key": movement.org, "Контрагент_Key": whose,
    }  # fmt: skip
    return dims, (movement.foreign_amount, movement.amount)


def retotal(row: Row, percent: int) -> None:
    """Totals after the lines of a document were scaled by a user."""
    included = row.get("СуммаВключаетНДС", False)
    put_total(row, percent, ("Товары", "Услуги"), lambda line: with_vat(line, included), "СуммыДолга")


def is_paid(row: Row) -> bool:
    """Whether the bank has carried it out (§8.2)."""
    return bool(row.get("Оплачено", False))


WORDS = Words(
    "ДоговорКонтрагента_Key", "ВалютаВзаиморасчетов_Key", "КурсВзаиморасчетов", "СуммаВзаиморасчетов",
    ("Товары", "Услуги"), thing_of, lambda line, own, side: side,
)  # fmt: skip
IN = money({"ОплатаПокупателя": -1, "ВозвратОтПоставщика": -1}, is_paid)
OUT = money({"ВозвратПокупателю": 1, "ОплатаПоставщику": 1}, is_paid)
RULES: dict[str, Rule] = {
    **dict.fromkeys((upp.SHIPMENT, upp.COMMISSION), total(1)), **dict.fromkeys((upp.RETURN, upp.PURCHASE), total(-1)),
    upp.CORRECTION: correction, **dict.fromkeys((upp.BANK_IN, upp.ORDER_IN, upp.CASH_IN, upp.CARD), IN),
    **dict.fromkeys((upp.BANK_OUT, upp.CASH_OUT), OUT), upp.DEBT: rows("СуммыДолга", -1),
    **dict.fromkeys((upp.MANUAL, upp.OPENING), rows("СуммыДолга")),
}  # fmt: skip
REGISTER = Register(
    "AccumulationRegister_ВзаиморасчетыСКонтрагентами", DIMENSIONS, parse_spec("СуммаВзаиморасчетов:m СуммаУпр:m"),
    (BUYER, SUPPLIER), describe,
)  # fmt: skip
EDITS = Edits(
    (upp.SHIPMENT, upp.BANK_IN, upp.ORDER, upp.RETURN, upp.ORDER_IN, upp.CASH_IN, upp.BANK_OUT, upp.DEBT, upp.MANUAL,
     upp.CORRECTION),
    (8, 6, 5, 1, 2, 1, 1, 1, 1, 1), (), retotal,
)  # fmt: skip
NEEDED = {
    upp.PARTIES: ("Description", "НаименованиеПолное", "ЮрФизЛицо", "Покупатель"),
    upp.CONTRACTS: ("Description", "Owner_Key", "Организация_Key", "ВидДоговора", "ВедениеВзаиморасчетов",
                    "ВалютаВзаиморасчетов_Key"),
}  # fmt: skip
UPP13 = Configuration(
    name="upp13", title="УПП 1.3, УТ 10.3", sets=upp.build_sets, enums=upp.ENUMS, edits=EDITS,
    post=poster(WORDS, RULES), translate=translate, registers=(REGISTER,), settled=(BUYER,), needed=NEEDED,
)  # fmt: skip
CONFIGURATIONS = {"upp13": lambda: UPP13}
