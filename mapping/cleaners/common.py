"""The closed set of named cleaners that a rule may chain, each with typed arguments.

A cleaner takes what the one before gave and never stops a record: what it doubts it marks, what it cannot read it
leaves. On a list a text cleaner works on each element.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field

from mapping.cleaners.base import Cleaner, Step, on_text
from mapping.cleaners.contacts import LONGEST as LONGEST_CONTACT
from mapping.cleaners.contacts import Found, find_emails, find_phones
from mapping.cleaners.onec import Date, Money, NotSelf, OnecLink, Pairs, PersonName
from mapping.cleaners.taxids import LONGEST as LONGEST_NUMBER
from mapping.cleaners.taxids import Checked, check_edrpou, check_inn, check_kpp, check_ogrn
from mapping.values import TEXT_LIMIT, Env, plain, to_text

_SPACES = re.compile(r"\s+")
_NOT_DIGITS = re.compile(r"\D+", re.ASCII)


class Trim(Cleaner):
    """One space where there were several, none at the ends."""

    do: Literal["trim"]

    def build(self, set_name: str) -> Step:
        """See the class."""
        return on_text(lambda text: _SPACES.sub(" ", text[: TEXT_LIMIT + 1]).strip())


class Digits(Cleaner):
    """Only the digits."""

    do: Literal["digits"]

    def build(self, set_name: str) -> Step:
        """See the class."""
        return on_text(lambda text: _NOT_DIGITS.sub("", text[:TEXT_LIMIT]))


class Upper(Cleaner):
    """CAPITALS."""

    do: Literal["upper"]

    def build(self, set_name: str) -> Step:
        """See the class."""
        return on_text(lambda text: text[:TEXT_LIMIT].upper())


class Lower(Cleaner):
    """Small letters."""

    do: Literal["lower"]

    def build(self, set_name: str) -> Step:
        """See the class."""
        return on_text(lambda text: text[:TEXT_LIMIT].lower())


class Title(Cleaner):
    """A capital at the start of each word: "ИВАНОВ-ПЕТРОВ ИВАН" becomes "Иванов-Петров Иван"."""

    do: Literal["title"]

    def build(self, set_name: str) -> Step:
        """See the class."""
        return on_text(lambda text: re.sub(r"[^\W\d_]+", lambda word: word[0].capitalize(), text[:TEXT_LIMIT]))


class Cut(Cleaner):
    """No more than `length` characters."""

    do: Literal["cut"]
    length: int = Field(ge=1, le=TEXT_LIMIT)

    def build(self, set_name: str) -> Step:
        """See the class."""
        return on_text(lambda text: text[: self.length].rstrip())


class Replace(Cleaner):
    """`old` becomes `new`; plain text, no patterns."""

    do: Literal["replace"]
    old: str = Field(min_length=1, max_length=100)
    new: str = Field(max_length=100)

    def build(self, set_name: str) -> Step:
        """See the class."""
        return on_text(lambda text: text[:TEXT_LIMIT].replace(self.old, self.new))


class Prefix(Cleaner):
    """`text` before what is there: a CRM counts its companies and its contacts from 1 both."""

    do: Literal["prefix"]
    text: str = Field(min_length=1, max_length=50)

    def build(self, set_name: str) -> Step:
        """See the class."""
        return on_text(lambda text: f"{self.text}{text[:TEXT_LIMIT]}" if text else text)


class OfLength(Cleaner):
    """The text, or `value` in its place, where it has one of these lengths; else nothing.

    12 digits are a sole trader's tax id in Russia, 8 a company's in Ukraine.
    """

    do: Literal["of_length"]
    lengths: list[int] = Field(min_length=1)
    value: str = Field(default="", max_length=100)

    def build(self, set_name: str) -> Step:
        """See the class."""
        return on_text(lambda text: (self.value or text) if len(text) in self.lengths else None)


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
        return _several(lambda text: find_phones(text[:LONGEST_CONTACT], self.country), "phone number")


class Emails(Cleaner):
    """Every e-mail address, in lower case; what is none stays as it is, with a mark."""

    do: Literal["emails"]

    def build(self, set_name: str) -> Step:
        """See the class."""
        return _several(lambda text: find_emails(text[:LONGEST_CONTACT].lower()), "e-mail address")


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
        number, doubt = check(text[:LONGEST_NUMBER])
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


AnyCleaner = (
    Trim | Digits | Upper | Lower | Title | Cut | Replace | Prefix | OfLength | Split | Join | First | Default | Phones
    | Emails | Inn | Kpp | Ogrn | Edrpou | Date | Money | PersonName | Pairs | NotSelf | OnecLink
)  # fmt: skip


def _named(value: object) -> object:
    """`"digits"` is short for `{ do = "digits" }`."""
    return {"do": value} if isinstance(value, str) else value


CleanerStep = Annotated[
    AnyCleaner, Field(discriminator="do"), BeforeValidator(_named, json_schema_input_type=str | AnyCleaner)
]
CLEANERS: dict[str, type[Cleaner]] = {
    get_args(model.model_fields["do"].annotation)[0]: model for model in get_args(AnyCleaner)
}
