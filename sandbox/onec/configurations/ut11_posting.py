"""Settlements of УТ 11: one register by analytics key and settlement object, one by terms (fact sheet §8.3)."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sandbox.onec.base import Base
from sandbox.onec.configurations import ut11_schema as ut
from sandbox.onec.configurations.kind import Measured, Movement, Posted, Register
from sandbox.onec.fields import EMPTY_DATE, EMPTY_GUID, UNDEFINED, Fields, parse_spec
from sandbox.onec.posting import part
from sandbox.onec.storage import Leg, Row

ACCOUNT = "РасчетыСКлиентами"
FROM_CLIENT, TO_CLIENT = "ПоступлениеОплатыОтКлиента", "ВозвратОплатыКлиенту"
NAMESPACE = uuid.UUID("5e7a0c64-0f0b-4c0e-9d55-1a1f4d2f7b11")
TYPE = "StandardODATA."


@dataclass(slots=True)
class Deal:
    """What a movement is about."""

    party: str
    contract: str
    org: str
    currency: str
    partner: str
    order: str = ""

    @property
    def object(self) -> tuple[str, str]:
        """What settlements are kept by: the order where there is one, else the contract, else the counterparty."""
        if self.order:
            return self.order, f"{TYPE}{ut.ORDER}"
        return (self.contract, f"{TYPE}{ut.CONTRACTS}") if self.contract else (self.party, f"{TYPE}{ut.PARTIES}")


@dataclass(slots=True)
class Moves:
    """Collects the movements of one document, with the objects behind them."""

    row: Row
    legs: list[Leg] = field(default_factory=list)
    support: dict[str, Row] = field(default_factory=dict)

    def add(self, deal: Deal, amount: int, roubles: int) -> None:
        """One movement: plus makes the customer owe more; zero is not written."""
        if not amount:
            return
        subs = ((deal.party, f"{TYPE}{ut.PARTIES}"), (deal.contract, f"{TYPE}{ut.CONTRACTS}"), deal.object)
        planned = str(self.row.get("ДатаПлатежа") or self.row.fields["Date"])
        self.legs.append(
            Leg(len(self.legs) + 1, int(amount < 0), str(self.row.fields["Date"]), ACCOUNT, deal.org, abs(roubles),
                subs, deal.currency, abs(amount), 0, planned)
        )  # fmt: skip
        for item in (analytics_key(deal), settlement_object(deal)):
            self.support.setdefault(item.key, item)

    def posted(self) -> Posted:
        """The result."""
        return Posted(self.legs, list(self.support.values()))


def key_of(kind: str, *parts: str) -> str:
    """Key of an object that the base makes by itself: the same parts, the same object."""
    return str(uuid.uuid5(NAMESPACE, "|".join((kind, *parts))))


def analytics_key(deal: Deal) -> Row:
    """The key that stands for partner, counterparty, contract and organisation."""
    return Row(ut.KEYS, key_of("key", deal.party, deal.contract, deal.org), 1, False, False, whose(deal))


def settlement_object(deal: Deal) -> Row:
    """What settlements are kept by."""
    key, kind = deal.object
    fields = {**whose(deal), "Объект": key, "Объект_Type": kind, "ВалютаВзаиморасчетов_Key": deal.currency}
    return Row(ut.OBJECTS, key_of("object", key), 1, False, False, fields)


def whose(deal: Deal) -> Fields:
    """The four that a settlement is about; empty values are not stored."""
    fields = {
        "Партнер_Key": deal.partner, "Контрагент": deal.party, "Контрагент_Type": f"{TYPE}{ut.PARTIES}",
        "Организация_Key": deal.org, "Description": "Расчеты",
    }  # fmt: skip
    if deal.contract:
        fields.update({"Договор": deal.contract, "Договор_Type": f"{TYPE}{ut.CONTRACTS}"})
    return {name: value for name, value in fields.items() if value and value != EMPTY_GUID}


def text(fields: Fields, name: str) -> str:
    """Reference, with nothing as an empty text."""
    value = str(fields.get(name) or "")
    return "" if value == EMPTY_GUID else value


def deal_of(row: Row, line: Fields | None = None) -> Deal:
    """Settlement of a document or of one row of it; a payment's row names what it pays (§8.2)."""
    line, head = line or {}, row.fields
    contract, order = text(head, "Договор_Key") or text(head, "Договор"), ""
    if text(head, "ЗаказКлиента_Type") == f"{TYPE}{ut.ORDER}":
        order = text(head, "ЗаказКлиента")
    base, kind = text(line, "ОснованиеПлатежа"), text(line, "ОснованиеПлатежа_Type")
    contract = text(line, "Договор_Key") or (base if kind.endswith(ut.CONTRACTS) else contract)
    order = base if kind.endswith(ut.ORDER) else order
    return Deal(
        text(line, "Контрагент_Key") or text(head, "Контрагент_Key"), contract, text(head, "Организация_Key"),
        text(line, "ВалютаВзаиморасчетов_Key") or text(head, "ВалютаВзаиморасчетов_Key") or text(head, "Валюта_Key"),
        text(line, "Партнер_Key") or text(head, "Партнер_Key"), order,
    )  # fmt: skip


def post_sale(moves: Moves) -> None:
    """Shipment, act, commission report: the customer owes more."""
    add_by_rate(moves, moves.row.get("СуммаВзаиморасчетов", 0))


def add_by_rate(moves: Moves, amount: int) -> None:
    """An amount in the settlement's currency, with its roubles by the document's rate."""
    rate = moves.row.get("КурсЧислитель", 0) or 10**4
    moves.add(deal_of(moves.row), amount, part(amount, rate, 10**4))


def post_return(moves: Moves) -> None:
    """Return of goods."""
    add_by_rate(moves, -moves.row.get("СуммаВзаиморасчетов", 0))


def post_correction(moves: Moves) -> None:
    """Correction of a sale: after less before, of either sign."""
    before = sum(line.get("СуммаСНДСДоИзменения", 0) for line in moves.row.get("Товары", []))
    add_by_rate(moves, moves.row.get("СуммаВзаиморасчетов", 0) - before)


def post_money(moves: Moves) -> None:
    """Money of customers, in or out; anything else moves nothing here, nor what the bank has not done yet (§8.2)."""
    row, operation = moves.row, moves.row.get("ХозяйственнаяОперация")
    sign = {FROM_CLIENT: -1, TO_CLIENT: 1}.get(operation, 0)
    if row.set_name in (ut.BANK_IN, ut.BANK_OUT) and not row.get("ПроведеноБанком", False):
        return
    for line in row.get("РасшифровкаПлатежа", []) if sign else []:
        own = line.get("СуммаВзаиморасчетов", 0) or line.get("Сумма", 0)
        moves.add(deal_of(row, line), sign * own, sign * line.get("Сумма", 0))


def post_rows(sign: int) -> Callable[[Moves], None]:
    """Documents with settlement rows: opening balances and manual entries as they stand, write-offs the other way."""

    def post(moves: Moves) -> None:
        for line in moves.row.get("Расчеты", []):
            moves.add(deal_of(moves.row, line), sign * line.get("Сумма", 0), sign * line.get("СуммаРегл", 0))

    return post


RULES: dict[str, Callable[[Moves], None]] = {
    **dict.fromkeys((ut.SHIPMENT, ut.ACT, ut.COMMISSION), post_sale), ut.RETURN: post_return,
    ut.CORRECTION: post_correction,
    **dict.fromkeys((ut.BANK_IN, ut.BANK_OUT, ut.CASH_IN, ut.CASH_OUT, ut.CARD), post_money),
    **dict.fromkeys((ut.MANUAL, ut.OPENING), post_rows(1)), **dict.fromkeys((ut.NETTING, ut.WRITE_OFF), post_rows(-1)),
}  # fmt: skip


def post(base: Base, row: Row) -> Posted:
    """Movements of a document; an order has none."""
    moves = Moves(row)
    if row.set_name in RULES:
        RULES[row.set_name](moves)
    return moves.posted()


# ---------------------------------------------------------------- the two registers

DIMENSIONS = parse_spec(
    f"АналитикаУчетаПоПартнерам>{ut.KEYS} ОбъектРасчетов>{ut.OBJECTS} Валюта>Catalog_Валюты"
)  # the register has more dimensions; these are those of the fact sheet
TERM_DIMENSIONS = DIMENSIONS + parse_spec("РасчетныйДокумент:* ДатаВозникновения:d ДатаПлановогоПогашения:d")


def dimensions_of(movement: Movement) -> Fields:
    """Analytics key, settlement object, currency."""
    (party, _), (contract, _), (thing, _) = movement.subs
    return {
        "АналитикаУчетаПоПартнерам_Key": key_of("key", party, contract, movement.org),
        "ОбъектРасчетов_Key": key_of("object", thing), "Валюта_Key": movement.currency,
    }  # fmt: skip


def describe(movement: Movement) -> Measured:
    """One line; to be paid and to be shipped are not followed here."""
    return dimensions_of(movement), (movement.foreign_amount, 0, 0)


@dataclass(slots=True)
class Open:
    """What is still open of one document."""

    recorder: str
    kind: str
    since: str
    due: str
    own: int
    roubles: int


def terms_at(base: Base, at: str | None) -> Iterator[Measured]:
    """Debts and prepayments by document and planned date: what is paid closes what fell due first."""
    if not base.schema.layout.own_terms:
        return
    sql = """SELECT sub1, type1, sub2, type2, sub3, type3, org, currency, set_id, recorder, period, content, side,
                    amount, foreign_amount FROM leg WHERE account = ? AND period < ? ORDER BY period, recorder, line"""
    books: dict[tuple[str, ...], list[Open]] = defaultdict(list)
    for row in base.storage.db.execute(sql, (ACCOUNT, at or "9999")).fetchall():
        sign = -1 if row[12] else 1
        kind = f"{TYPE}{base.storage.names[row[8]]}"
        books[row[:8]].append(Open(row[9], kind, row[10], row[11] or row[10], sign * row[14], sign * row[13]))
    for dims, lines in books.items():
        subs = ((dims[0], dims[1]), (dims[2], dims[3]), (dims[4], dims[5]))
        shared = dimensions_of(Movement(ACCOUNT, subs, dims[6], dims[7], 0, 0))
        for item in left_open(lines):
            yield term_line(shared, item)


def left_open(lines: list[Open]) -> list[Open]:
    """Set off minuses against pluses, the earliest planned date first."""
    debts = sorted((line for line in lines if line.own > 0), key=lambda line: line.due)
    credits = [line for line in lines if line.own < 0]
    for credit in credits:
        for debt in debts:
            used = min(debt.own, -credit.own)
            if used > 0:
                roubles, ours = part(debt.roubles, used, debt.own), part(-credit.roubles, used, -credit.own)
                debt.own, debt.roubles = debt.own - used, debt.roubles - roubles
                credit.own, credit.roubles = credit.own + used, credit.roubles + ours
    return [line for line in (*debts, *credits) if line.own]


def term_line(shared: Fields, item: Open) -> Measured:
    """Dimensions and ``Долг, Предоплата, ДолгРегл, ПредоплатаРегл``."""
    dims = {
        **shared, "РасчетныйДокумент": item.recorder, "РасчетныйДокумент_Type": item.kind or UNDEFINED,
        "ДатаВозникновения": item.since, "ДатаПлановогоПогашения": item.due if item.own > 0 else EMPTY_DATE,
    }  # fmt: skip
    return dims, (max(item.own, 0), max(-item.own, 0), max(item.roubles, 0), max(-item.roubles, 0))


REGISTERS = (
    Register("AccumulationRegister_РасчетыСКлиентами", DIMENSIONS, parse_spec("Сумма:m КОплате:m КОтгрузке:m"),
             (ACCOUNT,), describe),
    Register("AccumulationRegister_РасчетыСКлиентамиПоСрокам", TERM_DIMENSIONS,
             parse_spec("Долг:m Предоплата:m ДолгРегл:m ПредоплатаРегл:m"), state=terms_at),
)  # fmt: skip
