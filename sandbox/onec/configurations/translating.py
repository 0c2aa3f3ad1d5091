"""From БП's books into the words of another configuration: what all such translations do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from sandbox.onec.company_tools import Workbench
from sandbox.onec.configurations.register_posting import text
from sandbox.onec.fields import Fields
from sandbox.onec.posting import part
from sandbox.onec.storage import Row

Maker = Callable[[Workbench, Row], Iterator[Row]]


class Settled(Protocol):
    """Makes one row of a document that moves settlements by itself, in the configuration's words."""

    def __call__(self, line: Fields, whose: str, amount: int, own: int = 0) -> Fields:
        """The row for a line of БП's: whose, how much, how much in the contract's currency."""


def made(row: Row, set_name: str, fields: Fields, key: str = "") -> Row:
    """An object that stands for one of БП's, with the empty values left out."""
    kept = {name: value for name, value in fields.items() if value not in ("", 0, False, None, [])}
    return Row(set_name, key or row.key, row.version, row.deleted, row.posted, kept)


def taken(row: Row, *names: str) -> Fields:
    """The named fields of БП's object."""
    return {name: row.fields[name] for name in names if name in row.fields}


def with_vat(line: Fields, included: bool, suffix: str = "") -> int:
    """Amount with VAT in it."""
    amount: int = line.get(f"Сумма{suffix}", 0) + (0 if included else line.get(f"СуммаНДС{suffix}", 0))
    return amount


def money_sets(bank_in: str, bank_out: str, cash_in: str, cash_out: str, card: str) -> dict[str, str]:
    """БП's documents of money, and what they are here."""
    return {
        "Document_ПоступлениеНаРасчетныйСчет": bank_in, "Document_СписаниеСРасчетногоСчета": bank_out,
        "Document_ПриходныйКассовыйОрдер": cash_in, "Document_РасходныйКассовыйОрдер": cash_out,
        "Document_ОплатаПлатежнойКартой": card,
    }  # fmt: skip


def translator(makers: Mapping[str, Maker]) -> Maker:
    """Gives the objects that stand for one of БП's; what this configuration does not keep gives none."""

    def translate(bench: Workbench, row: Row) -> Iterator[Row]:
        if row.set_name == bench.layout.exchange_plan:
            yield row
        elif row.set_name in makers:
            yield from makers[row.set_name](bench, row)

    return translate


def contract_of(line: Fields) -> str:
    """The contract of a line, whether of a document or of a manual entry."""
    return text(line, "ДоговорКонтрагента_Key") or text(line, "СубконтоДт2")


def netted(row: Row, settled: Settled) -> list[Fields]:
    """Rows of a netting or a write-off."""
    whose = text(row.fields, "КонтрагентДебитор")
    return [settled(line, whose, line.get("Сумма", 0)) for line in row.get("ДебиторскаяЗадолженность", [])]


def entered(bench: Workbench, row: Row, settled: Settled) -> list[Fields]:
    """Rows of a manual entry on the customers' account; one on 76.06 is none of the customers' settlements here."""
    account = bench.account("62.01")
    lines = [line for line in row.get("Проводки", []) if line.get("СчетДт_Key") == account]
    return [settled(line, text(line, "СубконтоДт1"), line.get("Сумма", 0)) for line in lines]


def opened(row: Row, settled: Settled) -> list[Fields]:
    """Rows of opening balances: debts with plus, advances with minus."""
    return [
        settled(line, text(line, "Контрагент_Key"), line.get("Сумма", 0) - line.get("СуммаКт", 0),
                line.get("ВалютнаяСумма", 0) - line.get("ВалютнаяСуммаКт", 0))
        for line in row.get("РасчетыСКонтрагентами", [])
    ]  # fmt: skip


def put_total(
    row: Row, percent: int, sections: tuple[str, str], worth: Callable[[Fields], int], settlements: str
) -> None:
    """The total of a document after a user has scaled its lines: of goods and services, or of what was paid."""
    lines = [line for name in sections for line in row.fields.get(name, ())]
    other = row.fields.get("РасшифровкаПлатежа") or row.fields.get(settlements)
    if lines:
        row.fields["СуммаДокумента"] = sum(map(worth, lines))
    elif other:
        row.fields["СуммаДокумента"] = sum(line.get("СуммаПлатежа", 0) or line.get("Сумма", 0) for line in other)
    elif row.fields.get("СуммаДокумента"):
        row.fields["СуммаДокумента"] = part(row.fields["СуммаДокумента"], percent, 100)
