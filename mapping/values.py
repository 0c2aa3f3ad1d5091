"""From what another system sent to canonical values: clean texts, exact amounts, aware UTC, or a plain reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from core.clock import EMPTY_YEAR, utc_from_local
from core.money import parse_amount
from mapping.model import FieldKind

MARKER = re.compile(r"\[[\w-]+:[0-9a-f-]{36}\]")
"""What tells an object that we have made, in a text of it: `[sverka:` and our id. Of no use to a reader."""
TEXT_LIMIT = 10_000
ITEM_LIMIT = 500
"""Characters of one text of a list."""
LIST_LIMIT = 50
_DEPTH = 6
_OLDEST_YEAR = 1900
_LARGEST_INT = 2**63 - 1
_LONGEST_NUMBER = 40
_POISON = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_TRUE = frozenset({"true", "1", "да", "истина", "так", "yes"})
_FALSE = frozenset({"false", "0", "нет", "ложь", "ні", "no"})


class Env:
    """One record being built: the zone of its wall clock, whose it is, and the doubts met on the way."""

    __slots__ = ("external_id", "field", "marks", "zone")

    def __init__(self, zone: ZoneInfo, external_id: str) -> None:
        self.zone = zone
        self.external_id = external_id
        self.field = ""
        self.marks: dict[str, str] = {}

    def mark(self, reason: str) -> None:
        """Note that the field's value is doubtful; the first reason stays."""
        self.marks.setdefault(self.field, reason)


Converter = Callable[[object, Env], object]


def clean_text(text: str, limit: int = TEXT_LIMIT) -> str:
    """A text that every store and page can take: no control characters, no lone surrogates, not too long."""
    if len(text) > limit:
        text = text[: limit + 1]
    elif text.isprintable():
        return text.strip()
    if not text.isprintable():
        text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ").replace("\u202f", " ")
        text = _SURROGATE.sub("\ufffd", _POISON.sub("", text))
    return text.strip()[:limit].rstrip()


def plain(value: object) -> str:
    """How a value is shown in a message: short, on one line."""
    if isinstance(value, str):
        return repr(clean_text(value, 60))
    if isinstance(value, Decimal) or (isinstance(value, int) and abs(value) < 10**60):
        return str(value)[:60]
    return type(value).__name__


def to_text(value: object, env: Env) -> str | None:
    """Text. Numbers are written out; a list or an object is no text.

    Raises:
        ValueError: not a scalar.
    """
    if isinstance(value, str):
        if len(value) > TEXT_LIMIT:
            env.mark(f"the text was cut: it has {len(value)} characters, {TEXT_LIMIT} are kept")
        return clean_text(value) or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) <= _LARGEST_INT:
        return str(value)
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < _LONGEST_NUMBER:
        return f"{value:f}"
    raise _unfit("a text", value)


def _unfit(wanted: str, value: object) -> ValueError:
    kinds: dict[type, str] = {dict: "an object", list: "a list", bool: "yes or no", float: "a float"}
    return ValueError(f"{wanted} was expected, {kinds.get(type(value)) or plain(value)} was found")


def to_bool(value: object, env: Env) -> bool | None:
    """Yes or no."""
    if isinstance(value, bool):
        return value
    word = str(value).lower() if isinstance(value, (str, int)) and len(str(value)[:9]) < 9 else ""
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise _unfit("yes or no", value)


def to_int(value: object, env: Env) -> int | None:
    """A whole number; 1C sends Edm.Int64 as text (1c-odata.md §1.4)."""
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise _unfit("a whole number", value)
    try:
        amount = Decimal(value) if not isinstance(value, str) or len(value) <= _LONGEST_NUMBER else Decimal("NaN")
    except ArithmeticError as error:
        raise ValueError(f"a whole number was expected, {plain(value)} was found") from error
    if not amount.is_finite() or abs(amount) > _LARGEST_INT or amount != amount.to_integral_value():
        raise _unfit("a whole number", value)
    return int(amount)


def to_money(value: object, env: Env) -> Decimal:
    """An exact amount; an absurd one is refused in plain words (core.money)."""
    if isinstance(value, (dict, list)):
        raise _unfit("an amount", value)
    if isinstance(value, str) and len(value) > _LONGEST_NUMBER:
        raise ValueError(f"{plain(value)} is not an amount")
    return parse_amount(value)


def parse_moment(value: object) -> datetime | None:
    """The date and time as sent, naive or aware; None for 1C's empty date.

    Raises:
        ValueError: no date.
    """
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, str) and len(value) <= _LONGEST_NUMBER:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f"a date was expected, {plain(value)} was found") from error
    else:
        raise _unfit("a date", value)
    return None if moment.year == EMPTY_YEAR else moment


def _doubt_year(year: int, env: Env) -> None:
    """A mistyped year (209 was seen, 1c-odata.md §1.4) is accounting's own: it is kept as it is, with a mark."""
    if year < _OLDEST_YEAR:
        env.mark(f"the year {year} is not believable")


def to_date(value: object, env: Env) -> date | None:
    """A calendar day of the other side's wall clock."""
    if type(value) is date:
        return value
    moment = parse_moment(value)
    if moment is None:
        return None
    _doubt_year(moment.year, env)
    try:
        return (moment.astimezone(env.zone) if moment.tzinfo else moment).date()
    except OverflowError as error:
        raise ValueError(f"the year {moment.year} is not believable") from error


def to_moment(value: object, env: Env) -> datetime | None:
    """Aware UTC; a naive value is the wall clock of the connection's zone (design §5-10)."""
    moment = parse_moment(value)
    if moment is None:
        return None
    _doubt_year(moment.year, env)
    try:
        return utc_from_local(moment.replace(tzinfo=None), moment.tzinfo or env.zone)  # type: ignore[arg-type]
    except OverflowError as error:
        raise ValueError(f"the year {moment.year} is not believable") from error


def to_texts(value: object, env: Env) -> list[str]:
    """A list of short texts, each once, in the order given."""
    items = value if isinstance(value, list) else [value]
    texts = dict.fromkeys(
        clean_text(text, ITEM_LIMIT) for item in items if item is not None and (text := to_text(item, env))
    )
    texts.pop("", None)
    if len(texts) > LIST_LIMIT:
        env.mark(f"{len(texts)} values were found, {LIST_LIMIT} are kept")
    return list(texts)[:LIST_LIMIT]


def to_json(value: object, env: Env, depth: int = 0) -> object:
    """Plain JSON: amounts as whole numbers or text, texts cleaned, no deeper than six levels."""
    if depth > _DEPTH:
        raise ValueError(f"the value is nested deeper than {_DEPTH} levels")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, list):
        return [to_json(item, env, depth + 1) for item in value[:TEXT_LIMIT]]
    if isinstance(value, dict):
        return {clean_text(str(key), 200): to_json(item, env, depth + 1) for key, item in value.items()}
    if isinstance(value, Decimal) and value.is_finite() and abs(value) <= _LARGEST_INT and value == int(value):
        return int(value)
    if isinstance(value, int) and abs(value) <= _LARGEST_INT:
        return value
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return to_text(value, env)


CONVERTERS: dict[FieldKind, Converter] = {
    "text": to_text,
    "bool": to_bool,
    "int": to_int,
    "money": to_money,
    "quantity": to_money,
    "date": to_date,
    "datetime": to_moment,
    "texts": to_texts,
    "json": to_json,
}
