"""Posting where one register of settlements goes by the contract: УНФ and УПП (fact sheet §8.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sandbox.onec.base import Base
from sandbox.onec.configurations.kind import Posted
from sandbox.onec.fields import EMPTY_GUID, Fields
from sandbox.onec.posting import part
from sandbox.onec.schema import CONTRACTS
from sandbox.onec.storage import Leg, Row

TYPE = "StandardODATA."
BUYER, SUPPLIER = "Покупатель", "Поставщик"
Thing = tuple[str, str]
"""Key and type of what a movement belongs to besides the contract: an order, a document, or nothing."""


@dataclass(frozen=True, slots=True)
class Words:
    """What this configuration calls things; ``thing`` (document, row, contract), ``account`` (row, amount, whose)."""

    contract: str
    contract_currency: str
    rate: str
    paid_own: str
    sections: tuple[str, ...]
    thing: Callable[[Row, Fields, Row], Thing]
    account: Callable[[Fields, int, str], str]


def text(fields: Fields, name: str) -> str:
    """Reference, with nothing as an empty text."""
    value = str(fields.get(name) or "")
    return "" if value == EMPTY_GUID else value


@dataclass(slots=True)
class Moves:
    """Collects the movements of one document."""

    base: Base
    row: Row
    words: Words
    legs: list[Leg] = field(default_factory=list)

    def add(self, line: Fields, own: int, roubles: int | None = None) -> None:
        """One movement in the contract's currency: plus makes the other side owe more; zero is not written."""
        head, words = self.row.fields, self.words
        contract = text(line, words.contract) or text(head, words.contract)
        deal = self.base.storage.load(CONTRACTS, contract) if contract else None
        if not own or deal is None:
            return
        party = text(line, "Контрагент_Key") or text(head, "Контрагент_Key") or text(head, "Контрагент")
        rate = line.get(words.rate, 0) or head.get(words.rate, 0) or 10**4
        value = part(own, rate, 10**4) if roubles is None else roubles
        side = BUYER if deal.get("ВидДоговора") == "СПокупателем" else SUPPLIER
        thing = words.thing(self.row, line, deal)
        subs = ((party, f"{TYPE}Catalog_Контрагенты"), (contract, f"{TYPE}{CONTRACTS}"), thing)
        self.legs.append(
            Leg(len(self.legs) + 1, int(own < 0), str(head["Date"]), words.account(line, own, side),
                text(head, "Организация_Key"), abs(value), subs, str(deal.get(words.contract_currency)), abs(own))
        )  # fmt: skip

    def lines(self, *names: str) -> Iterator[Fields]:
        """Rows of the named sections."""
        return (line for name in names for line in self.row.fields.get(name, ()))


Rule = Callable[[Moves], None]


def total(sign: int) -> Rule:
    """A shipment, return or purchase: the document's total, one way."""
    return lambda moves: moves.add({}, sign * moves.row.get("СуммаДокумента", 0))


def correction(moves: Moves) -> None:
    """Correction of a sale: after less before, of either sign."""
    included = moves.row.get("СуммаВключаетНДС", True)
    before = sum(
        line.get("СуммаДоИзменения", 0) + (0 if included else line.get("СуммаНДСДоИзменения", 0))
        for line in moves.lines(*moves.words.sections)
    )
    moves.add({}, moves.row.get("СуммаДокумента", 0) - before)


def money(signs: dict[str, int], done: Callable[[Row], bool] = lambda row: True) -> Rule:
    """Payment by its operation; what the bank has not carried out moves nothing."""

    def post(moves: Moves) -> None:
        sign = signs.get(str(moves.row.get("ВидОперации")), 0)
        if sign and done(moves.row):
            for line in moves.lines("РасшифровкаПлатежа"):
                moves.add(line, sign * (line.get(moves.words.paid_own, 0) or line.get("СуммаПлатежа", 0)))

    return post


def rows(section: str, sign: int = 1) -> Rule:
    """Documents with settlement rows, as they stand or the other way round."""

    def post(moves: Moves) -> None:
        for line in moves.lines(section):
            moves.add(line, sign * line.get("СуммаВзаиморасчетов", 0), sign * line.get("Сумма", 0))

    return post


def poster(words: Words, rules: dict[str, Rule]) -> Callable[[Base, Row], Posted]:
    """The posting of a configuration; what has no rule moves nothing."""

    def post(base: Base, row: Row) -> Posted:
        moves = Moves(base, row, words)
        if row.set_name in rules:
            rules[row.set_name](moves)
        return Posted(moves.legs)

    return post
