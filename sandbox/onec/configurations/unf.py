"""УНФ 3.0: the company's books in its words; one register of settlements, debts and advances apart (fact sheet §8)."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.onec.company_tools import Workbench
from sandbox.onec.configurations import unf_schema as unf
from sandbox.onec.configurations.kind import Configuration, Edits, Measured, Movement, Register
from sandbox.onec.configurations.register_posting import (
    SUPPLIER,
    TYPE,
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
from sandbox.onec.configurations.ut11_company import SAME
from sandbox.onec.configurations.ut11_posting import key_of
from sandbox.onec.fields import UNDEFINED, Fields, parse_spec
from sandbox.onec.storage import Row

DEBT, ADVANCE = "Долг", "Аванс"
STATES = ("Открыт", "В работе", "Завершен")
MONEY = money_sets(unf.BANK_IN, unf.BANK_OUT, unf.CASH_IN, unf.CASH_OUT, unf.CARD)
OPERATIONS = {"ОплатаПокупателя": "ОтПокупателя", "ВозвратПокупателю": "Покупателю", "ОплатаПоставщику": "Поставщику"}


def head_of(row: Row) -> Fields:
    """What all documents with a contract share."""
    head = row.fields
    return {
        **taken(row, "Number", "Date", "Организация_Key", "СуммаДокумента", "ВалютаДокумента_Key", "Комментарий"),
        "Контрагент_Key": head.get("Контрагент_Key"), "Договор_Key": head.get("ДоговорКонтрагента_Key"),
        "Курс": head.get("КурсВзаиморасчетов"), "Кратность": 1, "Ответственный_Key": head.get("Ответственный_Key"),
    }  # fmt: skip


def line_of(line: Fields, included: bool, *, composite: bool = False) -> Fields:
    """One line, VAT inside or on top; ``Всего`` has it."""
    item = line.get("Номенклатура_Key") or line.get("Номенклатура", "")
    named = {"Номенклатура_Key": item}
    if composite:
        named = {"Номенклатура": item, "Номенклатура_Type": f"{TYPE}Catalog_Номенклатура"}
    rate = key_of("vat", str(line.get("СтавкаНДС", "БезНДС")))
    names = ("Количество", "Цена", "Сумма", "СуммаНДС", "СуммаДоИзменения", "СуммаНДСДоИзменения")
    own: Fields = {name: line[name] for name in names if name in line}
    return {**named, **own, "СтавкаНДС_Key": rate, "Всего": with_vat(line, included)}


def lines_of(row: Row, *, composite: bool = False) -> list[Fields]:
    """All lines of one of БП's documents."""
    included = row.get("СуммаВключаетНДС", False)
    found = [line for name in ("Товары", "Услуги") for line in row.get(name, [])]
    return [line_of(line, included, composite=composite) for line in found]


def user(bench: Workbench, row: Row) -> Iterator[Row]:
    """Those responsible are employees here (§8.1)."""
    if not bench.keys.get("order state"):
        for title in STATES:
            yield made(row, unf.STATES, {"Description": title}, key_of("state", title))
        bench.keys["order state"] = key_of("state", STATES[0])
    yield made(row, unf.STAFF, {**taken(row, "Description", "Недействителен"), "Code": row.key[:9]})


def party(bench: Workbench, row: Row) -> Iterator[Row]:
    """A card with its kind and its roles."""
    fields = taken(
        row, "Code", "Description", "IsFolder", "Parent_Key", "НаименованиеПолное", "ИНН", "КПП", "КодПоОКПО",
        "РегистрационныйНомер", "Ответственный_Key", "ГоловнойКонтрагент_Key", "Комментарий", "ДатаСоздания",
        "КонтактнаяИнформация", "ДополнительныеРеквизиты",
    )  # fmt: skip
    supplier = row.get("Parent_Key") == bench.keys.get("folder/Поставщики")
    if not row.get("IsFolder", False):
        fields.update({"ВидКонтрагента": kind_of(row), "Покупатель": not supplier, "Поставщик": supplier})
    yield made(row, unf.PARTIES, fields)


def kind_of(row: Row) -> str:
    """``ВидКонтрагента``."""
    if row.get("ГосударственныйОрган", False):
        return "ГосударственныйОрган"
    if row.get("ИндивидуальныйПредприниматель", False):
        return "ИндивидуальныйПредприниматель"
    return str(row.get("ЮридическоеФизическоеЛицо"))


def contract(bench: Workbench, row: Row) -> Iterator[Row]:
    """A contract with a composite owner (§8.1)."""
    owner = text(row.fields, "Owner_Key") or text(row.fields, "Owner")
    yield made(row, unf.CONTRACTS, {
        **taken(row, "Code", "Description", "ВидДоговора", "Организация_Key"), "Owner": owner,
        "Owner_Type": f"{TYPE}{unf.PARTIES}", "НомерДоговора": row.get("Номер"), "ДатаДоговора": row.get("Дата"),
        "ВалютаРасчетов_Key": row.get("ВалютаВзаиморасчетов_Key"), "СрокОплатыПокупателя": row.get("СрокОплаты", 0),
    })  # fmt: skip


def product(bench: Workbench, row: Row) -> Iterator[Row]:
    """Goods and services."""
    fields = taken(row, "Code", "Description", "IsFolder", "Parent_Key", "Артикул", "НаименованиеПолное")
    kind = "" if row.get("IsFolder", False) else "Услуга" if row.get("Услуга", False) else "Запас"
    yield made(row, row.set_name, {**fields, "ТипНоменклатуры": kind})


def order(bench: Workbench, row: Row) -> Iterator[Row]:
    """An order for sale; its state is a catalog of the company's own."""
    state = key_of("state", STATES[int(row.key[0], 16) % 3])
    more = {"ВидОперации": "ЗаказНаПродажу", "СостояниеЗаказа": state, "СостояниеЗаказа_Type": f"{TYPE}{unf.STATES}"}
    yield made(row, unf.ORDER, {**head_of(row), **more, "Запасы": lines_of(row, composite=True)})


def sale(bench: Workbench, row: Row) -> Iterator[Row]:
    """Goods go by an invoice, services by an act."""
    sold = text(row.fields, "СчетНаОплатуПокупателю_Key")
    based = {"Заказ": sold, "Заказ_Type": f"{TYPE}{unf.ORDER}"} if sold else {}
    if row.get("Товары"):
        more: Fields = {"ВидОперации": "ПродажаПокупателю", "Запасы": lines_of(row)}
        yield made(row, unf.SHIPMENT, {**head_of(row), **based, **more})
    else:
        yield made(row, unf.ACT, {**head_of(row), **based, "РаботыИУслуги": lines_of(row)})


def incoming(bench: Workbench, row: Row) -> Iterator[Row]:
    """A return of a customer and a purchase are kinds of one document."""
    sold = text(row.fields, "Сделка")
    fields: Fields = {**head_of(row), "ВидОперации": "ПоступлениеОтПоставщика", "Запасы": lines_of(row)}
    if row.set_name == "Document_ВозвратТоваровОтПокупателя":
        based = {"ДокументОснование": sold, "ДокументОснование_Type": f"{TYPE}{unf.SHIPMENT}"} if sold else {}
        fields = {**fields, "ВидОперации": "ВозвратОтПокупателя", **based}
    yield made(row, unf.INCOMING, fields)


def other_sale(bench: Workbench, row: Row) -> Iterator[Row]:
    """Correction of a sale, report of a commission agent."""
    name = unf.CORRECTION if row.set_name == "Document_КорректировкаРеализации" else unf.COMMISSION
    included = row.get("СуммаВключаетНДС", False)
    yield made(row, name, {**head_of(row), "СуммаВключаетНДС": included, "Запасы": lines_of(row)})


def payment(bench: Workbench, row: Row) -> Iterator[Row]:
    """Money in or out; a row says whether it is an advance."""
    head, name = row.fields, MONEY[row.set_name]
    kind = text(head, "Контрагент_Type")
    whose = text(head, "Контрагент_Key") or (text(head, "Контрагент") if kind.endswith(unf.PARTIES) else "")
    yield made(row, name, {
        **taken(row, "Number", "Date", "Организация_Key", "СуммаДокумента", "Комментарий", "НазначениеПлатежа"),
        "Контрагент_Key": whose, "ВалютаДенежныхСредств_Key": head.get("ВалютаДокумента_Key"),
        "ВидОперации": OPERATIONS.get(str(head.get("ВидОперации")), "Прочее"),
        "РасшифровкаПлатежа": [paid(line) for line in head.get("РасшифровкаПлатежа", ())],
    })  # fmt: skip


def paid(line: Fields) -> Fields:
    """One row: what is paid is an order in advance, or a shipment."""
    ordered, sold = text(line, "СчетНаОплату_Key"), text(line, "Сделка")
    more: Fields = {"ПризнакАванса": bool(ordered)}
    if ordered:
        more.update({"Заказ": ordered, "Заказ_Type": f"{TYPE}{unf.ORDER}"})
    elif sold:
        more.update({"Документ": sold, "Документ_Type": f"{TYPE}{unf.SHIPMENT}"})
    own = line.get("СуммаВзаиморасчетов", 0) or line.get("СуммаПлатежа", 0)
    return {
        "Договор_Key": line.get("ДоговорКонтрагента_Key"), "СуммаПлатежа": line.get("СуммаПлатежа", 0),
        "СуммаРасчетов": own, "Курс": line.get("КурсВзаиморасчетов", 0), "Кратность": 1, **more,
    }  # fmt: skip


def settled(line: Fields, whose: str, amount: int, own: int = 0) -> Fields:
    """One row of a document that moves settlements by itself."""
    deal = contract_of(line)
    return {"Контрагент_Key": whose, "Договор_Key": deal, "СуммаВзаиморасчетов": own or amount, "Сумма": amount}


def netting(bench: Workbench, row: Row) -> Iterator[Row]:
    """Netting or write-off."""
    whose = text(row.fields, "КонтрагентДебитор")
    yield made(row, unf.NETTING, {**head_of(row), "Контрагент_Key": whose, "Расчеты": netted(row, settled)})


def manual(bench: Workbench, row: Row) -> Iterator[Row]:
    """A manual entry on the customers' account."""
    if found := entered(bench, row, settled):
        more = {"Контрагент_Key": found[0]["Контрагент_Key"], "Содержание": row.get("Содержание"), "Расчеты": found}
        yield made(row, unf.MANUAL, {**head_of(row), **more})


def opening(bench: Workbench, row: Row) -> Iterator[Row]:
    """Opening balances."""
    bench.flush()  # posting asks the contracts
    head = taken(row, "Number", "Date", "Организация_Key")
    yield made(row, unf.OPENING, {**head, "Расчеты": opened(row, settled)})


def same(bench: Workbench, row: Row) -> Iterator[Row]:
    """Sets that are the same in both; kinds of contact information in УНФ's spelling (§8.1)."""
    if row.get("PredefinedDataName") == "EmailКонтрагенты":
        row.fields["PredefinedDataName"] = "EmailКонтрагента"
    yield row


MAKERS: dict[str, Maker] = {
    **{name: same for name in SAME if name != "Catalog_Пользователи"}, "Catalog_ВидыКонтактнойИнформации": same,
    "Catalog_Пользователи": user, "Catalog_Контрагенты": party, "Catalog_ДоговорыКонтрагентов": contract,
    "Catalog_Номенклатура": product, "Document_СчетНаОплатуПокупателю": order,
    "Document_РеализацияТоваровУслуг": sale, "Document_АктОбОказанииПроизводственныхУслуг": sale,
    "Document_ВозвратТоваровОтПокупателя": incoming, "Document_ПоступлениеТоваровУслуг": incoming,
    "Document_КорректировкаРеализации": other_sale, "Document_ОтчетКомиссионераОПродажах": other_sale,
    **dict.fromkeys(MONEY, payment), "Document_КорректировкаДолга": netting, "Document_ОперацияБух": manual,
    "Document_ВводНачальныхОстатков": opening,
}  # fmt: skip


translate = translator(MAKERS)


# ---------------------------------------------------------------- settlements


def thing_of(row: Row, line: Fields, deal: Row) -> Thing:
    """The order, else the document that is paid, else the document itself."""
    for name in ("Заказ", "Документ"):
        for fields in (line, row.fields):
            if text(fields, name):
                return text(fields, name), text(fields, f"{name}_Type")
    return row.key, f"{TYPE}{row.set_name}"


def account_of(line: Fields, own: int, side: str) -> str:
    """Debt or advance; a supplier's contract is another register's."""
    if side == SUPPLIER:
        return SUPPLIER
    return ADVANCE if line.get("ПризнакАванса", False) else DEBT


DIMENSIONS = parse_spec(
    "Организация>Catalog_Организации ТипРасчетов:e=ТипыРасчетов Контрагент>Catalog_Контрагенты "
    "Договор>Catalog_ДоговорыКонтрагентов Документ:* Заказ:*"
)


def describe(movement: Movement) -> Measured:
    """One line: an order stands in its own dimension, anything else is the document."""
    (whose, _), (deal, _), (thing, kind) = movement.subs
    is_order = kind.endswith(unf.ORDER)
    document, ordered = (("", UNDEFINED), (thing, kind)) if is_order else ((thing, kind), ("", UNDEFINED))
    dims = {
        "Организация_Key": movement.org, "ТипРасчетов": movement.account, "Контрагент_Key": whose, "Договор_Key": deal,
        "Документ": document[0], "Документ_Type": document[1], "Заказ": ordered[0], "Заказ_Type": ordered[1],
    }  # fmt: skip
    return dims, (movement.amount, movement.foreign_amount, movement.amount)


def retotal(row: Row, percent: int) -> None:
    """Totals after the lines of a document were scaled by a user."""
    put_total(row, percent, ("Запасы", "РаботыИУслуги"), lambda line: int(line.get("Всего", 0)), "Расчеты")


WORDS = Words("Договор_Key", "ВалютаРасчетов_Key", "Курс", "СуммаРасчетов", ("Запасы",), thing_of, account_of)
IN, OUT = money({"ОтПокупателя": -1, "Покупателю": 1}), money({"Покупателю": 1, "Поставщику": 1})
RULES = {
    **dict.fromkeys((unf.SHIPMENT, unf.ACT, unf.COMMISSION), total(1)), unf.INCOMING: total(-1),
    unf.CORRECTION: correction, **dict.fromkeys((unf.BANK_IN, unf.CASH_IN, unf.CARD), IN),
    **dict.fromkeys((unf.BANK_OUT, unf.CASH_OUT), OUT), unf.NETTING: rows("Расчеты", -1),
    **dict.fromkeys((unf.MANUAL, unf.OPENING), rows("Расчеты")),
}  # fmt: skip
REGISTER = Register(
    "AccumulationRegister_РасчетыСПокупателями", DIMENSIONS, parse_spec("Сумма:m СуммаВал:m СуммаРег:m"),
    (DEBT, ADVANCE), describe,
)  # fmt: skip
EDITS = Edits(
    (unf.SHIPMENT, unf.BANK_IN, unf.ORDER, unf.INCOMING, unf.ACT, unf.CASH_IN, unf.BANK_OUT, unf.NETTING, unf.MANUAL,
     unf.CORRECTION),
    (8, 6, 5, 2, 2, 1, 1, 1, 1, 1), ("Всего", "СуммаРасчетов"), retotal,
)  # fmt: skip
NEEDED = {
    unf.PARTIES: ("Description", "НаименованиеПолное", "ВидКонтрагента", "Покупатель"),
    unf.CONTRACTS: ("Description", "Owner", "Организация_Key", "ВидДоговора", "ВалютаРасчетов_Key"),
}
UNF = Configuration(
    name="unf", title="Управление нашей фирмой 3.0", sets=unf.build_sets, enums=unf.ENUMS, edits=EDITS,
    post=poster(WORDS, RULES), translate=translate, registers=(REGISTER,), settled=(DEBT, ADVANCE), needed=NEEDED,
)  # fmt: skip
CONFIGURATIONS = {"unf": lambda: UNF}
