"""Values on their way to a CRM's card: flat names, what a field of each kind holds, texts as people read them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from core.money import format_amount
from mapping.formula import Formula
from mapping.grammar.cards import ShownKind
from mapping.model import ENTITIES
from mapping.values import clean_text, plain

Data = dict[str, Any]
LAST = ("last_order", "last_shipment", "last_payment")
PARTS = ("number", "date", "amount", "currency")
ATTRIBUTES = "attributes."
"""Before the name of an attribute of the customer's own."""
FIGURES = frozenset({
    "balance", "receivable", "advance", "overdue", "overdue_since", "credit_left", "currency", "other_balances",
    "as_of", "standing", "standing_code", "our_link", "manager", "card",
    *(f"{last}_{part}" for last in LAST for part in PARTS),
})  # fmt: skip
"""What is told of a customer besides his own fields."""
DETAILS = frozenset({
    "deleted", "status", "currency", "paid", "shipped", "organisation", "contract", "manager", "counterparty_id",
    "our_link",
})  # fmt: skip
"""What is told of a document besides its own fields."""
OF_DEALS = frozenset({"orders", "ordered", "shipped", "paid", "unpaid", "order_numbers", "manager"})
"""What is told of a deal besides its own fields: how many orders it has, their numbers, and what became of them."""


def known_names(entity: str) -> frozenset[str]:
    """What rules for cards of an entity may name; attributes of the customer's own apart."""
    own = frozenset(ENTITIES[entity].fields) - {"attributes"} | {"id"}
    return own | {"counterparty": FIGURES, "deal": OF_DEALS}.get(entity, DETAILS)


def flatten(shown: Mapping[str, Any]) -> Data:
    """One level of names: `last_order_number`, `attributes.name`; ids as text."""
    data: Data = {}
    for name, value in shown.items():
        if name in LAST:
            data |= _last(name, value or {})
        elif name == "attributes":
            data |= {f"{ATTRIBUTES}{key}": found for key, found in (value or {}).items()}
        else:
            data[name] = str(value) if isinstance(value, UUID) else value
    return data


def _last(name: str, document: Mapping[str, Any]) -> Data:
    found = {f"{name}_{part}": value for part, value in document.items()}
    amount, currency = document.get("amount"), document.get("currency")
    if isinstance(amount, Decimal) and currency:
        found[f"{name}_amount"] = (amount, currency)
    return found


def ask(formula: Formula, data: Data, zone: ZoneInfo) -> object:
    """A formula's value. It knows texts, numbers and truth: days as 2026-03-05, of money the amount.

    Raises:
        RecordError: the formula does not fit these values.
    """
    return formula({name: _for_formula(data.get(name), zone) for name in formula.names})


def _for_formula(value: object, zone: ZoneInfo) -> object:
    if isinstance(value, datetime):
        return _local(value, zone).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    return value[0] if isinstance(value, tuple) else value


def texts_of(data: Data, names: Iterable[str]) -> tuple[str, ...]:
    """All texts that stand under these names, each once."""
    values = (data.get(name) for name in names)
    return tuple(dict.fromkeys(str(item) for value in values for item in _as_list(value) if item))


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def read_word(value: object, zone: ZoneInfo) -> str:
    """A value as people read it: 05.03.2026, 15 000.00 USD, yes."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{_local(value, zone):%d.%m.%Y}"
    if isinstance(value, date):
        return f"{value:%d.%m.%Y}"
    if isinstance(value, Decimal):
        return _grouped(value)
    if isinstance(value, tuple):
        return f"{_grouped(value[0])} {value[1]}"
    if isinstance(value, list):
        return "; ".join(word for item in value if (word := read_word(item, zone)))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return clean_text(str(value))


def _grouped(amount: Decimal) -> str:
    whole, _, part = format_amount(abs(amount)).partition(".")
    return f"{'-' if amount < 0 else ''}{int(whole):,}.{part}".replace(",", " ")


def _local(moment: datetime, zone: ZoneInfo) -> datetime:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(zone)


def convert(value: object, kind: ShownKind | None, data: Data, zone: ZoneInfo) -> object:
    """What a field of a kind holds; without a kind the value itself, amounts in their shortest exact form.

    Raises:
        ValueError: the value is none of that kind.
    """
    if kind is None:
        return _as_it_is(value)
    return _KINDS[kind](value, data, zone)


def _as_it_is(value: object) -> object:
    if isinstance(value, Decimal):
        return Decimal(format_amount(value))
    if isinstance(value, tuple):
        return (Decimal(format_amount(value[0])), value[1])
    return clean_text(value) if isinstance(value, str) else value


def _to_text(value: object, data: Data, zone: ZoneInfo) -> str:
    return read_word(value, zone)


def _to_money(value: object, data: Data, zone: ZoneInfo) -> tuple[Decimal, str]:
    amount, currency = value if isinstance(value, tuple) else (value, data.get("currency"))
    return (_number(amount), str(currency or ""))


def _number(value: object) -> Decimal:
    amount = value[0] if isinstance(value, tuple) else value
    if isinstance(amount, bool) or not isinstance(amount, (int, Decimal, str)):
        raise ValueError(f"a number was expected, {plain(value)} was found")
    try:
        return Decimal(format_amount(Decimal(amount)))
    except ArithmeticError as error:
        raise ValueError(f"a number was expected, {plain(value)} was found") from error


def _to_number(value: object, data: Data, zone: ZoneInfo) -> Decimal:
    return _number(value)


def _to_integer(value: object, data: Data, zone: ZoneInfo) -> int:
    number = _number(value)
    if number != number.to_integral_value():
        raise ValueError(f"a whole number was expected, {plain(value)} was found")
    return int(number)


def _to_date(value: object, data: Data, zone: ZoneInfo) -> date:
    moment = _moment(value)
    return _local(moment, zone).date() if isinstance(moment, datetime) else moment


def _to_moment(value: object, data: Data, zone: ZoneInfo) -> datetime:
    moment = _moment(value)
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=zone)
    return _local(moment, zone).astimezone(UTC)


def _moment(value: object) -> date | datetime:
    if isinstance(value, str):
        return datetime.fromisoformat(value) if len(value) > len("2026-03-05") else date.fromisoformat(value)
    if isinstance(value, date):
        return value
    raise ValueError(f"a date was expected, {plain(value)} was found")


def _to_truth(value: object, data: Data, zone: ZoneInfo) -> bool:
    if isinstance(value, (bool, int, Decimal)):
        return bool(value)
    raise ValueError(f"yes or no was expected, {plain(value)} was found")


_KINDS: dict[ShownKind, Callable[[object, Data, ZoneInfo], object]] = {
    "text": _to_text,
    "url": _to_text,
    "integer": _to_integer,
    "number": _to_number,
    "money": _to_money,
    "date": _to_date,
    "datetime": _to_moment,
    "boolean": _to_truth,
}
