"""The closed set of named cleaners that a rule may chain, each with typed arguments.

A cleaner takes what the one before gave and never stops a record: what it doubts it marks, what it cannot read it
leaves. On a list a text cleaner works on each element.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from mapping.contacts import Found, find_emails, find_phones
from mapping.paths import NAMESPACE, attribute
from mapping.taxids import Checked, check_edrpou, check_inn, check_kpp, check_ogrn
from mapping.values import TEXT_LIMIT, Env, clean_text, plain, to_text

Step = Callable[[object, Env], object]
_SPACES = re.compile(r"\s+")
_NOT_DIGITS = re.compile(r"\D+", re.ASCII)
_AMOUNT_NOISE = re.compile(r"[\s'’_]+")


def _on_text(work: Callable[[str], object]) -> Step:
    """Runs on texts and on each text of a list; leaves other values alone."""

    def step(value: object, env: Env) -> object:
        if isinstance(value, str):
            return work(value)
        if isinstance(value, list):
            return [work(item) if isinstance(item, str) else item for item in value]
        return value

    return step


class Cleaner(BaseModel):
    """One step of a chain. `do` is its name."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)

    def build(self, set_name: str) -> Step:
        """The step as a function, for records of this set."""
        raise NotImplementedError


class Trim(Cleaner):
    """One space where there were several, none at the ends."""

    do: Literal["trim"]

    def build(self, set_name: str) -> Step:
        """See the class."""
        return _on_text(lambda text: _SPACES.sub(" ", text[: TEXT_LIMIT + 1]).strip())


class Digits(Cleaner):
    """Only the digits."""

    do: Literal["digits"]

    def build(self, set_name: str) -> Step:
        """See the class."""
        return _on_text(lambda text: _NOT_DIGITS.sub("", text[:TEXT_LIMIT]))


class Upper(Cleaner):
    """CAPITALS."""

    do: Literal["upper"]

    def build(self, set_name: str) -> Step:
        """See the class."""
        return _on_text(lambda text: text[:TEXT_LIMIT].upper())


class Lower(Cleaner):
    """Small letters."""

    do: Literal["lower"]

    def build(self, set_name: str) -> Step:
        """See the class."""
        return _on_text(lambda text: text[:TEXT_LIMIT].lower())


class Title(Cleaner):
    """A capital at the start of each word: "ИВАНОВ-ПЕТРОВ ИВАН" becomes "Иванов-Петров Иван"."""

    do: Literal["title"]

    def build(self, set_name: str) -> Step:
        """See the class."""
        return _on_text(lambda text: re.sub(r"[^\W\d_]+", lambda word: word[0].capitalize(), text[:TEXT_LIMIT]))


class Cut(Cleaner):
    """No more than `length` characters."""

    do: Literal["cut"]
    length: int = Field(ge=1, le=TEXT_LIMIT)

    def build(self, set_name: str) -> Step:
        """See the class."""
        return _on_text(lambda text: text[: self.length].rstrip())


class Replace(Cleaner):
    """`old` becomes `new`; plain text, no patterns."""

    do: Literal["replace"]
    old: str = Field(min_length=1, max_length=100)
    new: str = Field(max_length=100)

    def build(self, set_name: str) -> Step:
        """See the class."""
        return _on_text(lambda text: text[:TEXT_LIMIT].replace(self.old, self.new))


class Split(Cleaner):
    """A list of the parts between any of the characters `by`."""

    do: Literal["split"]
    by: str = Field(default=";,", min_length=1, max_length=10)

    def build(self, set_name: str) -> Step:
        """See the class."""
        pattern = re.compile(f"[{re.escape(self.by)}]")

        def step(value: object, env: Env) -> object:
            texts = value if isinstance(value, list) else [value]
            parts = (pattern.split(text[:TEXT_LIMIT]) if isinstance(text, str) else [text] for text in texts)
            return [part.strip() if isinstance(part, str) else part for group in parts for part in group if part]

        return step


class Join(Cleaner):
    """One text of all that is not empty."""

    do: Literal["join"]
    by: str = Field(default=" ", max_length=10)

    def build(self, set_name: str) -> Step:
        """See the class."""

        def step(value: object, env: Env) -> object:
            texts = value if isinstance(value, list) else [value]
            return self.by.join(word for text in texts if text is not None and (word := to_text(text, env))) or None

        return step


class First(Cleaner):
    """The first that is not empty."""

    do: Literal["first"]

    def build(self, set_name: str) -> Step:
        """See the class."""

        def step(value: object, env: Env) -> object:
            return next((item for item in value if item not in (None, "")), None) if isinstance(value, list) else value

        return step


class Default(Cleaner):
    """This value where there is none."""

    do: Literal["default"]
    value: str | int | bool

    def build(self, set_name: str) -> Step:
        """See the class."""
        return lambda value, env: self.value if value is None or value in ("", []) else value


class Phones(Cleaner):
    """Every phone number as E.164; what is no valid number stays as it is, with a mark."""

    do: Literal["phones"]
    country: str = Field(default="RU", pattern="^[A-Z]{2}$")

    def build(self, set_name: str) -> Step:
        """See the class."""
        return _several(lambda text: find_phones(text, self.country), "phone number")


class Emails(Cleaner):
    """Every e-mail address, in lower case; what is none stays as it is, with a mark."""

    do: Literal["emails"]

    def build(self, set_name: str) -> Step:
        """See the class."""
        return _several(lambda text: find_emails(text.lower()), "e-mail address")


def _several(find: Callable[[str], Found], what: str) -> Step:
    def step(value: object, env: Env) -> object:
        found: list[str] = []
        for item in value if isinstance(value, list) else [value]:
            text = to_text(item, env) if item is not None else None
            if text is None:
                continue
            good, bad = find(text)
            found += [*good, *bad]
            if bad:
                env.mark(f"{plain(bad[0])} is not a valid {what}")
        return found

    return step


def _number_step(check: Callable[[str], Checked]) -> Step:
    def step(value: object, env: Env) -> object:
        text = to_text(value, env) if value is not None else None
        if not text:
            return None
        number, doubt = check(text)
        if doubt:
            env.mark(doubt)
        return number

    return step


class Inn(Cleaner):
    """Russian INN: separators out, check digits looked at; a wrong one is kept with a mark."""

    do: Literal["inn"]

    def build(self, set_name: str) -> Step:
        """See the class."""
        return _number_step(check_inn)


class Kpp(Cleaner):
    """Russian KPP."""

    do: Literal["kpp"]

    def build(self, set_name: str) -> Step:
        """See the class."""
        return _number_step(check_kpp)


class Ogrn(Cleaner):
    """Russian OGRN or OGRNIP."""

    do: Literal["ogrn"]

    def build(self, set_name: str) -> Step:
        """See the class."""
        return _number_step(check_ogrn)


class Edrpou(Cleaner):
    """Ukrainian EDRPOU, or RNTRC of a person."""

    do: Literal["edrpou"]

    def build(self, set_name: str) -> Step:
        """See the class."""
        return _number_step(check_edrpou)


class Date(Cleaner):
    """A date that people wrote: "31.12.2024" by default."""

    do: Literal["date"]
    format: str = Field(default="%d.%m.%Y", max_length=40)

    def build(self, set_name: str) -> Step:
        """See the class."""

        def read(text: str) -> object:
            try:
                return datetime.strptime(text.strip()[:40], self.format).date().isoformat()  # noqa: DTZ007 - a calendar day
            except ValueError:
                return text

        return _on_text(read)


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
        return _on_text(lambda text: _name_part(text[:ITEM].split(), self.part))


ITEM = 300


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

        return _on_text(link)


AnyCleaner = (
    Trim | Digits | Upper | Lower | Title | Cut | Replace | Split | Join | First | Default | Phones | Emails | Inn | Kpp
    | Ogrn | Edrpou | Date | Money | PersonName | Pairs | NotSelf | OnecLink
)  # fmt: skip


def _named(value: object) -> object:
    """`"digits"` is short for `{ do = "digits" }`."""
    return {"do": value} if isinstance(value, str) else value


CleanerStep = Annotated[AnyCleaner, Field(discriminator="do"), BeforeValidator(_named)]
CLEANERS: dict[str, type[Cleaner]] = {
    get_args(model.model_fields["do"].annotation)[0]: model for model in get_args(AnyCleaner)
}
