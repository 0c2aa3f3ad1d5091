"""What a document does to the register when it is posted (the books the balances of §8.3 come from).

The entries are those of БП 3.0: sales debit 62.01, money credits 62.01 up to the debt and 62.02 beyond it, an
advance is offset by the next shipment at the moment of that shipment.  Later documents are not re-posted when
an earlier one changes: as in 1C, that leaves an uneven picture between the two accounts, and an exact net.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.onec.accounts import ADVANCE_OF, BY_CODE
from sandbox.onec.fields import EMPTY_GUID, Fields
from sandbox.onec.storage import Leg, Row

Slot = tuple[str, str, str, str, str]
PARTY_TYPE = "StandardODATA.Catalog_Контрагенты"
CONTRACT_TYPE = "StandardODATA.Catalog_ДоговорыКонтрагентов"
BANK_TYPE = "StandardODATA.Catalog_БанковскиеСчета"


@dataclass(slots=True)
class Book:
    """What posting may ask: the balance of a slot at its moment, codes of accounts, a contract's currency."""

    balance: Callable[[Slot], tuple[int, int]]
    codes: dict[str, str]
    rouble: str
    currency_of: Callable[[str], str]
    by_documents: bool = False


@dataclass(slots=True)
class Side:
    """One side of an entry before its amount is known."""

    account: str
    subs: tuple[tuple[str, str], ...] = ()
    currency: str = ""


@dataclass(slots=True)
class Entries:
    """Collects the legs of one document."""

    row: Row
    org: str
    legs: list[Leg] = field(default_factory=list)

    def add(self, debit: Side, credit: Side, amount: int, foreign: int = 0, content: str = "") -> None:
        """One entry; zero is not written, as in 1C."""
        if not amount and not foreign:
            return
        line, period = len(self.legs) // 2 + 1, self.row.fields["Date"]
        for number, side in enumerate((debit, credit)):
            own = foreign if BY_CODE[side.account].currency else 0
            currency = side.currency if BY_CODE[side.account].currency else ""
            self.legs.append(
                Leg(line, number, period, side.account, self.org, amount, side.subs, currency, own, 0, content)
            )


@dataclass(slots=True)
class Settlement:
    """A customer's or supplier's contract: where its debt and its advances live."""

    party: str
    contract: str
    org: str
    account: str
    currency: str

    @property
    def subs(self) -> tuple[tuple[str, str], ...]:
        """Counterparty and contract as subconto."""
        contract = (self.contract, CONTRACT_TYPE) if self.contract else ("", "")
        return ((self.party, PARTY_TYPE), contract)

    @property
    def foreign(self) -> bool:
        """Whether the debt is kept in a currency of its own."""
        return BY_CODE[self.account].currency

    def side(self, advance: bool = False) -> Side:
        """Debt side or advance side."""
        account = ADVANCE_OF[self.account] if advance else self.account
        return Side(account, self.subs, self.currency if self.foreign else "")

    def slot(self, advance: bool = False) -> Slot:
        """Key of the balance question."""
        side = self.side(advance)
        return (self.contract, side.account, self.party, self.org, side.currency)

    def owed(self, book: Book) -> int:
        """Debt in settlement currency, negative when overpaid."""
        return book.balance(self.slot())[int(self.foreign)]

    def advance(self, book: Book) -> tuple[int, int]:
        """Advance held, as positive (settlement amount, kopecks)."""
        roubles, own = book.balance(self.slot(advance=True))
        return (-own if self.foreign else -roubles), -roubles


def part(amount: int, share: int, whole: int) -> int:
    """Proportional part, half away from zero; the whole gives the whole."""
    if not whole or share == whole:
        return amount
    sign = -1 if sum(value < 0 for value in (amount, share, whole)) % 2 else 1
    return sign * ((2 * abs(amount) * abs(share) + abs(whole)) // (2 * abs(whole)))


def settlement_of(fields: Fields, head: Fields, book: Book, buyer: bool = True) -> Settlement:
    """Settlement of a document or of one payment row; missing accounts follow the currency."""
    key = fields.get("СчетУчетаРасчетовСКонтрагентом_Key") or head.get("СчетУчетаРасчетовСКонтрагентом_Key", "")
    party = head.get("Контрагент_Key") or head.get("Контрагент") or ""
    contract = fields.get("ДоговорКонтрагента_Key") or head.get("ДоговорКонтрагента_Key") or ""
    currency = book.currency_of(contract) or head.get("ВалютаДокумента_Key") or book.rouble
    default = "60.01" if not buyer else "62.01" if currency == book.rouble else "62.21"
    org = head.get("Организация_Key", EMPTY_GUID)
    code = book.codes.get(key, default)
    return Settlement(party, contract, org, code if code in ADVANCE_OF else default, currency)


def roubles_of(amount: int, fields: Fields) -> int:
    """Amount in the document's currency times its rate (scaled by 10**4) over its multiplier."""
    rate, times = fields.get("КурсВзаиморасчетов", 0) or 10**4, fields.get("КратностьВзаиморасчетов", 0) or 1
    return part(amount, rate, 10**4 * times)


def post_sale(row: Row, book: Book) -> list[Leg]:
    """Shipment, act, commission report: offset of advances, revenue, VAT."""
    fields = row.fields
    deal = settlement_of(fields, fields, book)
    entries = Entries(row, deal.org)
    amount = fields.get("СуммаДокумента", 0)
    offset_advance(entries, deal, book, amount)
    entries.add(deal.side(), Side("90.01.1"), roubles_of(amount, fields), amount, "Реализация")
    vat = sum(line.get("СуммаНДС", 0) for line in sale_lines(fields))
    entries.add(Side("90.03"), Side("68.02"), roubles_of(vat, fields), 0, "НДС")
    return entries.legs


def sale_lines(fields: Fields) -> list[Fields]:
    """Goods and services of a document."""
    return [line for name in ("Товары", "Услуги", "АгентскиеУслуги") for line in fields.get(name, ())]


def offset_advance(entries: Entries, deal: Settlement, book: Book, amount: int) -> None:
    """``Дт 62.02 Кт 62.01`` for what was paid before, unless the document says not to."""
    held, roubles = deal.advance(book)
    used = min(held, amount)
    if used > 0 and entries.row.get("СпособЗачетаАвансов", "Автоматически") != "НеЗачитывать":
        entries.add(deal.side(advance=True), deal.side(), part(roubles, used, held), used, "Зачет аванса")


def post_return(row: Row, book: Book) -> list[Leg]:
    """Return of goods: reversal (negative amounts), and what was paid too much becomes an advance."""
    amount = -row.get("СуммаДокумента", 0)
    return reverse(row, book, amount, "Сторно: возврат от покупателя")


def post_correction(row: Row, book: Book) -> list[Leg]:
    """Correction of a sale: the difference between after and before, of either sign."""
    included = row.get("СуммаВключаетНДС", False)
    before = 0
    for line in sale_lines(row.fields):
        before += line.get("СуммаДоИзменения", 0) + (0 if included else line.get("СуммаНДСДоИзменения", 0))
    return reverse(row, book, row.get("СуммаДокумента", 0) - before, "Корректировка реализации")


def reverse(row: Row, book: Book, amount: int, content: str) -> list[Leg]:
    """Change of a sale by a signed amount."""
    deal = settlement_of(row.fields, row.fields, book)
    entries = Entries(row, deal.org)
    entries.add(deal.side(), Side("90.01.1"), roubles_of(amount, row.fields), amount, content)
    over = -(deal.owed(book) + amount)
    if amount < 0 < over:
        moved = min(over, -amount)
        entries.add(deal.side(), deal.side(advance=True), roubles_of(moved, row.fields), moved, "Оплата стала авансом")
    return entries.legs


def post_purchase(row: Row, book: Book) -> list[Leg]:
    """Purchase: our debt to the supplier, less what we paid before."""
    deal = settlement_of(row.fields, row.fields, book, buyer=False)
    entries = Entries(row, deal.org)
    amount = row.get("СуммаДокумента", 0)
    paid, _ = book.balance(deal.slot(advance=True))
    entries.add(deal.side(), deal.side(advance=True), max(min(paid, amount), 0), 0, "Зачет аванса поставщику")
    entries.add(Side("41.01"), deal.side(), amount, 0, "Поступление")
    return entries.legs


def post_opening(row: Row, book: Book) -> list[Leg]:
    """Opening balances against account 000."""
    entries = Entries(row, row.get("Организация_Key", EMPTY_GUID))
    for line in row.get("РасчетыСКонтрагентами", ()):
        account = book.codes.get(line.get("СчетУчета_Key", ""), "62.01")
        currency = line.get("Валюта_Key", "") if BY_CODE[account].currency else ""
        subs = ((line.get("Контрагент_Key", ""), PARTY_TYPE), (line.get("ДоговорКонтрагента_Key", ""), CONTRACT_TYPE))
        own, other = Side(account, subs, currency), Side("000")
        entries.add(own, other, line.get("Сумма", 0), line.get("ВалютнаяСумма", 0), "Ввод остатков")
        entries.add(other, own, line.get("СуммаКт", 0), line.get("ВалютнаяСуммаКт", 0), "Ввод остатков")
    return entries.legs


def post_manual(row: Row, book: Book) -> list[Leg]:
    """Manual entry: its lines as they stand."""
    entries = Entries(row, row.get("Организация_Key", EMPTY_GUID))
    for line in row.get("Проводки", ()):
        debit, credit = (manual_side(line, mark, book) for mark in ("Дт", "Кт"))
        entries.add(debit, credit, line.get("Сумма", 0), line.get("ВалютнаяСумма", 0), row.get("Содержание"))
    return entries.legs


def manual_side(line: Fields, mark: str, book: Book) -> Side:
    """One side of a manual entry."""
    code = book.codes.get(line.get(f"Счет{mark}_Key", ""), "000")
    subs = tuple((line.get(f"Субконто{mark}{i}", ""), line.get(f"Субконто{mark}{i}_Type", "")) for i in (1, 2))
    return Side(code, subs if BY_CODE[code].subs else (), line.get("Валюта_Key", ""))


def post_debt(row: Row, book: Book) -> list[Leg]:
    """Debt correction: netting against a supplier contract, or a write-off to the given account."""
    entries = Entries(row, row.get("Организация_Key", EMPTY_GUID))
    owed, owing = row.get("ДебиторскаяЗадолженность", []), row.get("КредиторскаяЗадолженность", [])
    for index, line in enumerate(owed):
        side = debt_side(line, row.get("КонтрагентДебитор"), book, "62.01")
        other = Side(book.codes.get(row.get("СчетСписания_Key", ""), "91.02"))
        if index < len(owing):
            other = debt_side(owing[index], row.get("КонтрагентКредитор"), book, "60.01")
        entries.add(other, side, line.get("Сумма", 0), line.get("СуммаВзаиморасчетов", 0), row.get("ВидОперации"))
    return entries.legs


def debt_side(line: Fields, party: Any, book: Book, default: str) -> Side:
    """Side of a debt correction's row."""
    account = book.codes.get(line.get("СчетУчетаРасчетов_Key", ""), default)
    return Side(account, ((party, PARTY_TYPE), (line.get("ДоговорКонтрагента_Key", ""), CONTRACT_TYPE)))
