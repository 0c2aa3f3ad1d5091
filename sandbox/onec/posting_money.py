"""Money documents: bank, cash and card, in and out; and the table of all posting rules (fact sheet §8.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sandbox.onec.accounts import BY_CODE, SETTLED
from sandbox.onec.fields import EMPTY_GUID, Fields
from sandbox.onec.posting import (
    BANK_TYPE,
    Book,
    Entries,
    Settlement,
    Side,
    part,
    post_correction,
    post_debt,
    post_manual,
    post_opening,
    post_purchase,
    post_return,
    post_sale,
    settlement_of,
)
from sandbox.onec.storage import Leg, Row

CASH_ACCOUNT = {
    "Document_ПриходныйКассовыйОрдер": "50.01", "Document_РасходныйКассовыйОрдер": "50.01",
    "Document_ОплатаПлатежнойКартой": "57.03",
}  # fmt: skip
FROM_CUSTOMER, TO_CUSTOMER, TO_SUPPLIER = "ОплатаПокупателя", "ВозвратПокупателю", "ОплатаПоставщику"
OTHER_ACCOUNT = {"ПоступлениеПоПлатежнымКартам": "57.03", "УплатаНалога": "68.02"}


def money_side(row: Row, book: Book) -> Side:
    """Where the money lies: bank, currency bank, cash desk or acquirer."""
    account = CASH_ACCOUNT.get(row.set_name)
    if account:
        return Side(account)
    bank = ((row.get("СчетОрганизации_Key", ""), BANK_TYPE),)
    currency = row.get("ВалютаДокумента_Key", "") or book.rouble
    return Side("51", bank) if currency == book.rouble else Side("52", bank, currency)


def payment_rows(row: Row) -> list[Fields]:
    """Rows of the payment; a document without rows counts as one row of its whole amount."""
    rows: list[Fields] = row.get("РасшифровкаПлатежа", [])
    return rows or [{"СуммаПлатежа": row.get("СуммаДокумента", 0)}]


def post_incoming(row: Row, book: Book) -> list[Leg]:
    """Money in: the customer's closes debt first and is an advance beyond it; the rest is no customer's."""
    entries = Entries(row, row.get("Организация_Key", EMPTY_GUID))
    operation = row.get("ВидОперации")
    if operation != FROM_CUSTOMER:
        other = Side(OTHER_ACCOUNT.get(operation, "91.01"))
        entries.add(money_side(row, book), other, row.get("СуммаДокумента", 0), 0, operation)
        return entries.legs
    taken: dict[str, int] = {}
    for line in payment_rows(row):
        deal = settlement_of(line, row.fields, book)
        receive(entries, deal, line, book, deal.owed(book) - taken.get(deal.contract, 0))
        taken[deal.contract] = taken.get(deal.contract, 0) + settled(line, deal)[1]
    return entries.legs


def settled(line: Fields, deal: Settlement) -> tuple[int, int]:
    """Kopecks paid and amount in settlement currency; a rouble payment of a rouble contract is both."""
    paid = line.get("СуммаПлатежа", 0)
    if not deal.foreign:
        return paid, paid
    own = line.get("СуммаВзаиморасчетов", 0) or paid
    rate, times = line.get("КурсВзаиморасчетов", 0), line.get("КратностьВзаиморасчетов", 0) or 1
    return (part(own, rate, 10**4 * times) if rate else paid), own


def receive(entries: Entries, deal: Settlement, line: Fields, book: Book, owed: int) -> None:
    """Split of one payment row between debt and advance."""
    roubles, own = settled(line, deal)
    on_debt = max(min(owed, own), 0)
    share = part(roubles, on_debt, own)
    money = money_side(entries.row, book)
    entries.add(money, deal.side(), share, on_debt, "Оплата от покупателя")
    entries.add(money, deal.side(advance=True), roubles - share, own - on_debt, "Аванс от покупателя")


def post_outgoing(row: Row, book: Book) -> list[Leg]:
    """Money out: refund to a customer, payment to a supplier, or something else."""
    entries = Entries(row, row.get("Организация_Key", EMPTY_GUID))
    operation = row.get("ВидОперации")
    if operation not in (TO_CUSTOMER, TO_SUPPLIER):
        other = Side(OTHER_ACCOUNT.get(operation, "91.02"))
        entries.add(other, money_side(row, book), row.get("СуммаДокумента", 0), 0, operation)
        return entries.legs
    for line in payment_rows(row):
        deal = settlement_of(line, row.fields, book, buyer=operation == TO_CUSTOMER)
        pay = refund if operation == TO_CUSTOMER else pay_supplier
        pay(entries, deal, line, book)
    return entries.legs


def refund(entries: Entries, deal: Settlement, line: Fields, book: Book) -> None:
    """Refund: the advance goes first, the rest is a negative debt."""
    roubles, own = settled(line, deal)
    held = max(min(deal.advance(book)[0], own), 0)
    share = part(roubles, held, own)
    money = money_side(entries.row, book)
    entries.add(deal.side(advance=True), money, share, held, "Возврат аванса покупателю")
    entries.add(deal.side(), money, roubles - share, own - held, "Возврат покупателю")


def pay_supplier(entries: Entries, deal: Settlement, line: Fields, book: Book) -> None:
    """Payment to a supplier: our debt first, an advance beyond it."""
    roubles, own = settled(line, deal)
    debt = max(min(-deal.owed(book), own), 0)
    share = part(roubles, debt, own)
    money = money_side(entries.row, book)
    entries.add(deal.side(), money, share, debt, "Оплата поставщику")
    entries.add(deal.side(advance=True), money, roubles - share, own - debt, "Аванс поставщику")


RULES: dict[str, Callable[[Row, Book], list[Leg]]] = {
    "Document_РеализацияТоваровУслуг": post_sale,
    "Document_АктОбОказанииПроизводственныхУслуг": post_sale,
    "Document_ОтчетКомиссионераОПродажах": post_sale,
    "Document_ВозвратТоваровОтПокупателя": post_return,
    "Document_КорректировкаРеализации": post_correction,
    "Document_ПоступлениеТоваровУслуг": post_purchase,
    "Document_ПоступлениеНаРасчетныйСчет": post_incoming,
    "Document_ПриходныйКассовыйОрдер": post_incoming,
    "Document_ОплатаПлатежнойКартой": post_incoming,
    "Document_СписаниеСРасчетногоСчета": post_outgoing,
    "Document_РасходныйКассовыйОрдер": post_outgoing,
    "Document_КорректировкаДолга": post_debt,
    "Document_ОперацияБух": post_manual,
    "Document_ВводНачальныхОстатков": post_opening,
}


def build_legs(row: Row, book: Book) -> list[Leg]:
    """Movements of a document; an invoice has none. Subconto the account does not have are dropped."""
    rule = RULES.get(row.set_name)
    legs = [] if rule is None else rule(row, book)
    return [with_document(leg, row) for leg in legs] if book.by_documents else legs


def with_document(leg: Leg, row: Row) -> Leg:
    """Third subconto of settlement accounts, where the base keeps it (§8.3)."""
    if BY_CODE[leg.account].subs != SETTLED:
        return leg
    return replace(leg, subs=(*leg.subs[:2], (row.key, f"StandardODATA.{row.set_name}")))
