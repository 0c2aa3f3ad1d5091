"""The company's books in the words of УТ 11: each maker takes one of БП's objects and gives those that stand for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial

from sandbox.onec.company_tools import Workbench
from sandbox.onec.configurations import ut11_schema as ut
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
from sandbox.onec.configurations.ut11_posting import FROM_CLIENT, TO_CLIENT, TYPE, key_of, text
from sandbox.onec.fields import Fields
from sandbox.onec.storage import Row

PARTY_FIELDS = (
    "Description", "НаименованиеПолное", "ОбособленноеПодразделение", "ЮридическоеФизическоеЛицо",
    "ГоловнойКонтрагент_Key",
    "ИНН", "КПП", "КодПоОКПО", "РегистрационныйНомер", "ДополнительныеРеквизиты",
)  # fmt: skip
OPERATIONS = {
    "ОплатаПокупателя": FROM_CLIENT, "ВозвратПокупателю": TO_CLIENT, "ОплатаПоставщику": "ОплатаПоставщику",
}  # fmt: skip
MONEY = money_sets(ut.BANK_IN, ut.BANK_OUT, ut.CASH_IN, ut.CASH_OUT, ut.CARD)
SALES = {
    "Document_РеализацияТоваровУслуг": ut.SHIPMENT, "Document_АктОбОказанииПроизводственныхУслуг": ut.ACT,
    "Document_ВозвратТоваровОтПокупателя": ut.RETURN, "Document_КорректировкаРеализации": ut.CORRECTION,
    "Document_ОтчетКомиссионераОПродажах": ut.COMMISSION, "Document_СчетНаОплатуПокупателю": ut.ORDER,
}  # fmt: skip
RATES = {"НДС20": "20%", "НДС22": "22%", "НДС10": "10%", "БезНДС": "Без НДС"}


def partner_of(bench: Workbench, party: str) -> str:
    """The commercial customer: a branch buys for its head's partner."""
    return bench.keys.get(f"partner/{party}") or key_of("partner", party)


def same(bench: Workbench, row: Row) -> Iterator[Row]:
    """Sets that are the same in both."""
    if not bench.keys.get("access group"):
        bench.keys["access group"] = key_of("access", "1")
        yield Row(ut.ACCESS, key_of("access", "1"), 1, False, False,
                  {"Code": "00-000001", "Description": "Все партнеры"})  # fmt: skip
        for name, title in RATES.items():
            yield Row("Catalog_СтавкиНДС", key_of("vat", name), 1, False, False,
                      {"Description": title, "ПеречислениеСтавкаНДС": name})  # fmt: skip
    yield row


def contact_kind(bench: Workbench, row: Row) -> Iterator[Row]:
    """Kinds of УТ's spelling; the partner has kinds of its own (§8.1)."""
    name = str(row.get("PredefinedDataName"))
    if name == "EmailКонтрагенты":
        row.fields["PredefinedDataName"] = name = "EmailКонтрагента"
    yield row
    if name in ("ТелефонКонтрагента", "EmailКонтрагента"):
        own = name.replace("Контрагента", "Партнера")
        bench.keys[f"partner/{name}"] = key_of("kind", own)
        yield made(row, row.set_name, {**row.fields, "PredefinedDataName": own}, key_of("kind", own))


def party(bench: Workbench, row: Row) -> Iterator[Row]:
    """A partner, and the counterparty linked to it; phones stand on the one or the other."""
    if row.get("IsFolder", False):
        return
    head = text(row.fields, "ГоловнойКонтрагент_Key")
    branch = bool(row.get("ОбособленноеПодразделение", False)) and head not in ("", row.key)
    bench.keys[f"partner/{row.key}"] = partner = partner_of(bench, head) if branch else key_of("partner", row.key)
    contacts = row.get("КонтактнаяИнформация", [])
    on_partner = not branch and int(row.key[0], 16) % 2 == 1
    fields = {**taken(row, *PARTY_FIELDS), "ЮрФизЛицо": legal_form(row), "Партнер_Key": partner}
    fields["ДополнительнаяИнформация"] = row.get("Комментарий")
    fields["КонтактнаяИнформация"] = [] if on_partner else contacts
    if not branch:
        yield made(row, ut.PARTNERS, partner_fields(bench, row, contacts if on_partner else []), partner)
    yield made(row, ut.PARTIES, fields)


def legal_form(row: Row) -> str:
    """``ЮрФизЛицо`` of a counterparty."""
    if row.get("ИндивидуальныйПредприниматель", False):
        return "ИндивидуальныйПредприниматель"
    return "ФизЛицо" if row.get("ЮридическоеФизическоеЛицо") == "ФизическоеЛицо" else "ЮрЛицо"


def partner_fields(bench: Workbench, row: Row, contacts: list[Fields]) -> Fields:
    """The commercial side of a customer."""
    kinds = {"Телефон": bench.keys["partner/ТелефонКонтрагента"],
             "АдресЭлектроннойПочты": bench.keys["partner/EmailКонтрагента"]}  # fmt: skip
    rows = [{**line, "Вид_Key": kinds.get(line["Тип"], line["Вид_Key"])} for line in contacts]
    supplier = row.get("Parent_Key") == bench.keys.get("folder/Поставщики")
    person = row.get("ЮридическоеФизическоеЛицо") == "ФизическоеЛицо"
    return {
        "Code": bench.number(ut.PARTNERS, "00-", 11), **taken(row, "Description", "НаименованиеПолное", "Комментарий"),
        "Клиент": not supplier, "Поставщик": supplier, "ЮрФизЛицо": "ЧастноеЛицо" if person else "Компания",
        "ОсновнойМенеджер_Key": row.get("Ответственный_Key"), "ГруппаДоступа_Key": bench.keys["access group"],
        "ДатаРегистрации": row.get("ДатаСоздания"), "КонтактнаяИнформация": rows,
    }  # fmt: skip


def person(bench: Workbench, row: Row) -> Iterator[Row]:
    """A contact person belongs to the partner (§8.1)."""
    fields = taken(row, "Code", "Description", "Фамилия", "Имя", "Отчество", "КонтактнаяИнформация")
    partner = partner_of(bench, text(row.fields, "ОбъектВладелец"))
    post = row.get("Должность")
    yield made(row, "Catalog_КонтактныеЛицаПартнеров", {**fields, "Owner_Key": partner, "ДолжностьПоВизитке": post})


def contract(bench: Workbench, row: Row) -> Iterator[Row]:
    """A contract without an owner (§8.1)."""
    party_key = text(row.fields, "Owner_Key") or text(row.fields, "Owner")
    days = int(row.get("СрокОплаты", 0) or 0)
    bench.keys[f"days/{row.key}"] = str(days)
    yield made(row, ut.CONTRACTS, {
        **taken(row, "Code", "Description", "Номер", "Дата", "Организация_Key", "ВалютаВзаиморасчетов_Key"),
        "Контрагент_Key": party_key, "Партнер_Key": partner_of(bench, party_key), "ТипДоговора": row.get("ВидДоговора"),
        "Статус": "Действует", "ДатаНачалаДействия": row.get("Дата"), "ПорядокРасчетов": "ПоЗаказам",
    })  # fmt: skip


def product(bench: Workbench, row: Row) -> Iterator[Row]:
    """Goods and services."""
    fields = taken(row, "Code", "Description", "IsFolder", "Parent_Key", "Артикул", "НаименованиеПолное")
    kind = "" if row.get("IsFolder", False) else "Услуга" if row.get("Услуга", False) else "Товар"
    yield made(row, row.set_name, {**fields, "ТипНоменклатуры": kind})


def planned(bench: Workbench, contract_key: str, moment: str) -> str:
    """Pay-until date by the contract's terms."""
    days = int(bench.keys.get(f"days/{contract_key}", "0"))
    return f"{date.fromisoformat(moment[:10]) + timedelta(days=days)}T00:00:00" if days else ""


def sale(bench: Workbench, row: Row) -> Iterator[Row]:
    """Everything with goods: head, lines with VAT on top or inside, what it is based on."""
    head, name = row.fields, SALES[row.set_name]
    party_key, deal = text(head, "Контрагент_Key"), text(head, "ДоговорКонтрагента_Key")
    included = head.get("СуммаВключаетНДС", False)
    lines = [sale_line(line, included) for part_ in ("Товары", "Услуги") for line in head.get(part_, ())]
    fields: Fields = {
        **taken(row, "Number", "Date", "Организация_Key", "СуммаДокумента", "Комментарий"), "Контрагент_Key": party_key,
        "Партнер_Key": partner_of(bench, party_key), "Договор_Key": deal, "Валюта_Key": head.get("ВалютаДокумента_Key"),
        "ВалютаВзаиморасчетов_Key": head.get("ВалютаДокумента_Key"), "СуммаВзаиморасчетов": head.get("СуммаДокумента"),
        "ЦенаВключаетНДС": included, "КурсЧислитель": head.get("КурсВзаиморасчетов"),
        "Менеджер_Key": head.get("Ответственный_Key"), "ДатаПлатежа": planned(bench, deal, str(head["Date"])),
        "Услуги" if name == ut.ACT else "Товары": lines,
    }  # fmt: skip
    fields.update(based_on(row, name))
    yield made(row, name, fields)


def sale_line(line: Fields, included: bool) -> Fields:
    """One line; VAT is a catalog here (§8.2)."""
    own: Fields = {name: line[name] for name in ("Количество", "Цена", "Сумма", "СуммаНДС") if name in line}
    item = line.get("Номенклатура_Key") or line.get("Номенклатура", "")
    rate = key_of("vat", str(line.get("СтавкаНДС", "БезНДС")))
    more: Fields = {"СуммаСНДС": with_vat(line, included)}
    if "СуммаДоИзменения" in line:
        more["СуммаСНДСДоИзменения"] = with_vat(line, included, "ДоИзменения")
    return {"Номенклатура_Key": item, "КоличествоУпаковок": line.get("Количество", 0), "СтавкаНДС_Key": rate, **own,
            **more}  # fmt: skip


def based_on(row: Row, name: str) -> Fields:
    """Order of a shipment, shipment of a return or correction; the status and stages of an order."""
    head = row.fields
    if name in (ut.SHIPMENT, ut.ACT):
        order = text(head, "СчетНаОплатуПокупателю_Key")
        sent = {"Статус": "Отгружено"} if name == ut.SHIPMENT else {}
        return {**sent, "ЗаказКлиента": order, "ЗаказКлиента_Type": f"{TYPE}{ut.ORDER}"} if order else sent
    if name == ut.RETURN:
        sold = text(head, "Сделка")
        return {"ДокументРеализации": sold, "ДокументРеализации_Type": f"{TYPE}{ut.SHIPMENT}" if sold else ""}
    if name == ut.CORRECTION:
        sold = text(head, "ДокументРеализации")
        return {"ДокументОснование": sold, "ДокументОснование_Type": f"{TYPE}{ut.SHIPMENT}"}
    if name != ut.ORDER:
        return {}
    until = text(head, "ОплатитьДо")
    stage = {"ДатаПлатежа": until, "ПроцентПлатежа": 10000, "СуммаПлатежа": head.get("СуммаДокумента", 0)}
    status = ("КОбеспечению", "КОтгрузке", "Закрыт")[int(row.key[0], 16) % 3]
    return {"Статус": status, "ЭтапыГрафикаОплаты": [stage] if until and not until.startswith("0001") else []}


def money(bench: Workbench, row: Row) -> Iterator[Row]:
    """Bank, cash, card: the counterparty in the head, what is paid in the rows (§8.2)."""
    head, name = row.fields, MONEY[row.set_name]
    kind = text(head, "Контрагент_Type")
    party_key = text(head, "Контрагент_Key") or (text(head, "Контрагент") if kind.endswith(ut.PARTIES) else "")
    income = name in (ut.BANK_IN, ut.CASH_IN, ut.CARD)
    operation = OPERATIONS.get(str(head.get("ВидОперации")), "ПрочееПоступление" if income else "ПрочееСписание")
    rows = [paid_row(bench, head, party_key, line) for line in head.get("РасшифровкаПлатежа", ())]
    deals = {text(line, "ДоговорКонтрагента_Key") for line in head.get("РасшифровкаПлатежа", ())}
    fields: Fields = {
        **taken(row, "Number", "Date", "Организация_Key", "СуммаДокумента", "Комментарий", "НазначениеПлатежа"),
        **taken(row, "НомерВходящегоДокумента", "ДатаВходящегоДокумента"), "ХозяйственнаяОперация": operation,
        "Контрагент_Key": party_key, "Валюта_Key": head.get("ВалютаДокумента_Key"), "РасшифровкаПлатежа": rows,
        "Автор_Key": head.get("Ответственный_Key"),
    }  # fmt: skip
    if len(deals) == 1 and operation in (FROM_CLIENT, TO_CLIENT):
        fields.update({"Договор": deals.pop(), "Договор_Type": f"{TYPE}{ut.CONTRACTS}"})
    if name in (ut.BANK_IN, ut.BANK_OUT):
        fields.update({"ПроведеноБанком": True, "ДатаПроведенияБанком": f"{str(head['Date'])[:10]}T00:00:00"})
    yield made(row, name, fields)


def paid_row(bench: Workbench, head: Fields, party_key: str, line: Fields) -> Fields:
    """One row: the order that is paid, or the contract."""
    deal, order = text(line, "ДоговорКонтрагента_Key"), text(line, "СчетНаОплату_Key")
    base, kind = (order, ut.ORDER) if order else (deal, ut.CONTRACTS)
    currency = bench.contract_currency.get(deal) or str(head.get("ВалютаДокумента_Key"))
    return {
        "Партнер_Key": partner_of(bench, party_key), "ОбъектРасчетов_Key": key_of("object", base),
        "ОснованиеПлатежа": base, "ОснованиеПлатежа_Type": f"{TYPE}{kind}", "Сумма": line.get("СуммаПлатежа", 0),
        "СуммаВзаиморасчетов": line.get("СуммаВзаиморасчетов", 0) or line.get("СуммаПлатежа", 0),
        "ВалютаВзаиморасчетов_Key": currency,
    }  # fmt: skip


def settled_row(bench: Workbench, line: Fields, whose: str, amount: int, own: int = 0) -> Fields:
    """One row of a document that moves settlements by itself."""
    deal = contract_of(line)
    currency = bench.contract_currency.get(deal) or bench.keys["currency/643"]
    return {
        "Партнер_Key": partner_of(bench, whose), "Контрагент_Key": whose, "Договор_Key": deal,
        "ВалютаВзаиморасчетов_Key": currency, "Сумма": own or amount, "СуммаРегл": amount,
    }  # fmt: skip


def debt(bench: Workbench, row: Row) -> Iterator[Row]:
    """Netting or write-off."""
    name = ut.NETTING if row.get("ВидОперации") == "ЗачетЗадолженности" else ut.WRITE_OFF
    head = other_head(bench, row, text(row.fields, "КонтрагентДебитор"))
    yield made(row, name, {**head, "Расчеты": netted(row, partial(settled_row, bench))})


def manual(bench: Workbench, row: Row) -> Iterator[Row]:
    """A manual entry on the customers' account."""
    if rows := entered(bench, row, partial(settled_row, bench)):
        yield made(row, ut.MANUAL, {**other_head(bench, row, rows[0]["Контрагент_Key"]), "Расчеты": rows})


def opening(bench: Workbench, row: Row) -> Iterator[Row]:
    """Opening balances."""
    rows = opened(row, partial(settled_row, bench))
    yield made(row, ut.OPENING, {**other_head(bench, row, ""), "Расчеты": rows})


def stage_scaled(row: Row, percent: int) -> None:
    """Totals after the lines of a document were scaled by a user."""
    sections = ("Товары", "Услуги")
    put_total(row, percent, sections, lambda line: int(line.get("СуммаСНДС", 0)), "Расчеты")
    if any(row.fields.get(name) for name in sections):
        row.fields["СуммаВзаиморасчетов"] = row.fields["СуммаДокумента"]


def other_head(bench: Workbench, row: Row, party_key: str) -> Fields:
    """Head of a document that is none of ours."""
    return {
        **taken(row, "Number", "Date", "Организация_Key", "СуммаДокумента", "Ответственный_Key", "Содержание"),
        "Контрагент_Key": party_key, "Партнер_Key": partner_of(bench, party_key) if party_key else "",
    }  # fmt: skip


SAME = (
    "Catalog_Организации", "Catalog_Валюты", "Catalog_Пользователи", "Catalog_ФизическиеЛица",
    "Catalog_ЗначенияСвойствОбъектов",
    "ChartOfCharacteristicTypes_ДополнительныеРеквизитыИСведения", "InformationRegister_КурсыВалют",
)  # fmt: skip
MAKERS: dict[str, Maker] = {
    **dict.fromkeys(SAME, same), "Catalog_ВидыКонтактнойИнформации": contact_kind, "Catalog_Контрагенты": party,
    "Catalog_КонтактныеЛица": person, "Catalog_ДоговорыКонтрагентов": contract, "Catalog_Номенклатура": product,
    **dict.fromkeys(SALES, sale), **dict.fromkeys(MONEY, money), "Document_КорректировкаДолга": debt,
    "Document_ОперацияБух": manual, "Document_ВводНачальныхОстатков": opening,
}  # fmt: skip


translate = translator(MAKERS)
