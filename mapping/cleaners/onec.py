"""Cleaners for dates, amounts and names that people typed, and for what only 1C has: property rows and links."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Literal

from pydantic import Field

from mapping.cleaners.base import Cleaner, Step, on_text
from mapping.paths import NAMESPACE, attribute
from mapping.values import Env, clean_text

_AMOUNT_NOISE = re.compile(r"[\s'’_]+")
_LONGEST_NAME = 300


_LAST_DAY = datetime(2024, 12, 31, tzinfo=UTC)
_SAID = (date(2024, 12, 31), date(2024, 12, 1), date(2024, 1, 1))
"""What a form says of that day: all of it, its month, its year alone."""
_PARTS = {"2024": "%Y", "24": "%y", "12": "%m", "31": "%d"}
_PART = re.compile("|".join(_PARTS))


class Date(Cleaner):
    """A date that people wrote. `format` shows how: the last day of 2024, "31.12.2024" by default.

    "31/12/24", "2024-12-31"; or in the signs that programmers use, "%d.%m.%Y %H:%M".
    """

    do: Literal["date"]
    format: str = Field(default="31.12.2024", max_length=40)

    @property
    def pattern(self) -> str:
        """The format in the signs that the parser takes."""
        return self.format if "%" in self.format else _PART.sub(lambda found: _PARTS[found[0]], self.format)

    def doubt(self) -> str:
        """See the base."""
        if _read_day(_LAST_DAY.strftime(self.pattern), self.pattern) in _SAID:
            return ""
        return (
            f"{self.format!r} says no day, month and year; write the last day of 2024 as people write it,"
            ' "31.12.2024", or "%d.%m.%Y"'
        )

    def build(self, set_name: str) -> Step:
        """See the class."""
        pattern = self.pattern

        def read(text: str) -> object:
            day = _read_day(text.strip()[:40], pattern)
            return text if day is None else day.isoformat()

        return on_text(read)


def _read_day(text: str, pattern: str) -> date | None:
    try:
        return datetime.strptime(text, pattern).date()  # noqa: DTZ007 - a calendar day
    except (ValueError, re.error):  # a pattern that names a part twice is no regular expression
        return None


class Money(Cleaner):
    """An amount that people wrote, "1 234,50 руб." included.

    `factor` turns kopecks into roubles (0.01); `absolute` drops the sign.
    """

    do: Literal["money"]
    factor: Decimal = Field(default=Decimal(1), gt=-1_000_000, lt=1_000_000, max_digits=12)
    absolute: bool = False

    def build(self, set_name: str) -> Step:
        """See the class."""

        def step(value: object, env: Env) -> object:
            amount = _amount(value)
            if not isinstance(amount, Decimal) or not amount.is_finite():
                return value
            try:
                amount *= self.factor
            except ArithmeticError:
                return value
            return abs(amount) if self.absolute else amount

        return step


def _amount(value: object) -> object:
    if isinstance(value, str) and len(value) <= 60:
        text = (
            _AMOUNT_NOISE.sub("", value)
            .rstrip("абвгдежзийклмнопрстуфхцчшщъыьэюяabcdefghijklmnopqrstuvwxyz.₽₴$€")
            .replace(",", ".")
        )
        try:
            return Decimal(text)
        except InvalidOperation:
            return value
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**30 else value


class PersonName(Cleaner):
    """A part of "Фамилия Имя Отчество"."""

    do: Literal["person_name"]
    part: Literal["last", "first", "middle", "short"]

    def build(self, set_name: str) -> Step:
        """See the class."""
        return on_text(lambda text: _name_part(text[:_LONGEST_NAME].split(), self.part))


def _name_part(words: list[str], part: str) -> str | None:
    if part == "short":
        return " ".join([*words[:1], *(f"{word[0]}." for word in words[1:3])]) or None
    place = {"last": 0, "first": 1}.get(part)
    if place is None:
        return " ".join(words[2:]) or None
    return words[place] if place < len(words) else None


class Pairs(Cleaner):
    """Rows of a section as one object: the value of `key` names what the value of `value` is."""

    do: Literal["pairs"]
    key: str = "Свойство"
    value: tuple[str, ...] = ("Значение", "ТекстоваяСтрока")

    def build(self, set_name: str) -> Step:
        """See the class."""
        key, values = attribute(self.key), [attribute(name) for name in self.value]

        def step(value: object, env: Env) -> object:
            found: dict[str, object] = {}
            for row in value if isinstance(value, list) else ():
                if isinstance(row, dict) and (name := key(row)) is not None and len(found) < 200:
                    filled = (item for get in values if (item := get(row)) is not None)
                    found[clean_text(str(name), 200)] = next(filled, None)
            return {name: item for name, item in found.items() if item is not None} or None

        return step


class NotSelf(Cleaner):
    """None where a record refers to itself: a head company that is its own head (1c-odata.md §8.1)."""

    do: Literal["not_self"]

    def build(self, set_name: str) -> Step:
        """See the class."""
        return lambda value, env: None if isinstance(value, str) and value.lower() == env.external_id else value


class OnecLink(Cleaner):
    """The address that opens the object in 1C, from its Ref_Key: `e1cib/data/Документ.X?ref=…`.

    1C writes the reference as the GUID's groups 4, 5, 3, 2, 1 without hyphens. [I] not measured on a live base.
    """

    do: Literal["onec_link"]

    def build(self, set_name: str) -> Step:
        """See the class."""
        kind, _, name = set_name.partition("_")
        place = {"Document": "Документ", "Catalog": "Справочник"}.get(kind, kind)

        def link(key: str) -> object:
            groups = key.split("-")
            if [len(group) for group in groups] != [8, 4, 4, 4, 12]:
                return None
            return f"e1cib/data/{place}.{name}?ref={''.join(groups[index] for index in (3, 4, 2, 1, 0))}".replace(
                NAMESPACE, ""
            )

        return on_text(link)
