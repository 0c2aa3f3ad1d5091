"""The words by which a customer is found as somebody types, and what was typed read as such words. Pure.

A word is found by its beginning; with a typo by its forms: the word with one letter left out. Two words that share a
form differ by one letter more, less or other, or by one letter in another place. That is asked by equality alone, so it
costs the same with a million customers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import phonenumbers

from store.search import REGION, plain_words, read_query
from store.tables.customers import LONGEST_WORD

LEGAL_FORMS = frozenset((
    "ооо", "оао", "зао", "пао", "ао", "нао", "ип", "чп", "фоп", "тов", "тзов", "пп", "прат", "пат",
    "дп", "ат", "кфх", "гуп", "муп", "фгуп", "фгбу", "ано", "нко", "тоо", "llc", "ltd", "inc", "gmbh",
))  # fmt: skip
"""They are in half of all names and tell nobody from nobody."""
SHORTEST_WITH_TYPO = 4
LOCAL_DIGITS = 7
"""A number without the code of its town."""
_TRUNKS = ("380", "375", "38", "7", "8", "0")
_ABROAD = re.compile(r"^(?:00|8\W*10|810)\W*(?=[1-9])")
"""How one dials out of the country, where others write a plus."""
_NEIGHBOURS = ("RU", "UA", "BY", "KZ")
"""A number of a neighbour is written without his country's code too: by people there, and by their exchange."""
_CODE = "№"
"""Stands before a customer's code among the words: nobody types it, so a code is never taken for another number."""
_CODE_PARTS = re.compile(r"\d+|[^\W\d_]+")
_LAYOUT = dict(zip("`qwertyuiop[]asdfghjkl;'zxcvbnm,.", "ёйцукенгшщзхъфывапролджэячсмитьбю", strict=True))


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody typed: words that must all be met, each in any of its writings; a number has several."""

    words: tuple[tuple[str, ...], ...]
    number: bool = False

    @property
    def empty(self) -> bool:
        """Whether there is nothing to look for."""
        return not self.words


def words_of(fields: Mapping[str, object], *, region: str = REGION) -> set[str]:
    """The words by which a customer, or a person at one, is found: of names, numbers, phones, e-mails."""
    found: set[str] = set()
    for name in ("name", "legal_name", "code", "post"):
        found.update(plain_words(str(fields.get(name) or "")).split())
    found = (found - LEGAL_FORMS) or found
    found.update(code_words(str(fields.get("code") or "")))
    found.add(str(fields.get("tax_id") or "").strip())
    for phone in _texts(fields.get("phones")):
        found.update(phone_words(phone, region))
    for address in _texts(fields.get("emails")):
        whole = address.strip().casefold()
        found.update((whole, whole.rpartition("@")[2]))
    return {word[:LONGEST_WORD] for word in found if word}


def code_words(text: str) -> tuple[str, ...]:
    """A code without leading zeros and marks, and its last figures alone where something stands before them.

    00-000123, 000123 and 123 are one word; БП-000123 is another, and has 123 besides.
    """
    parts = [part.lstrip("0") if part.isdigit() else part for part in _CODE_PARTS.findall(plain_words(text))]
    parts = [part for part in parts if part]
    if not any(part.isdigit() for part in parts):
        return ()
    words = dict.fromkeys((" ".join(parts), parts[-1])) if parts[-1].isdigit() else (" ".join(parts),)
    return tuple(f"{_CODE}{word}"[:LONGEST_WORD] for word in words)


def phone_words(text: str, region: str = REGION) -> set[str]:
    """A number without the code of its country, and its local part; its bare digits where it is no whole number."""
    for written in dict.fromkeys((text, _ABROAD.sub("+", text.strip()))):
        for country in dict.fromkeys((region, *_NEIGHBOURS)):
            national = _read_national(written, country)
            if national:
                return {national, national[-LOCAL_DIGITS:]}
    digits = re.sub(r"\D", "", text)
    return {digits} if digits else set()


def _read_national(text: str, region: str) -> str:
    """A whole number without the code of its country; empty where it is none as that country writes them."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return ""
    valid = phonenumbers.is_valid_number(number)
    return phonenumbers.national_significant_number(number) if valid else ""


def forms_of(word: str) -> set[str]:
    """The word, and what is left of it without any one of its letters; of short words and numbers only themselves."""
    if len(word) < SHORTEST_WITH_TYPO or not word.isalpha():
        return {word}
    return {word, *(word[:place] + word[place + 1 :] for place in range(len(word)))}


def read_typed(text: str, *, region: str = REGION) -> Typed:
    """What was typed, as words to look for: a number as one, else each word for itself."""
    query = read_query(text.strip()[:200], region=region)
    if query.digits:
        digits = re.sub(r"\D", "", query.exact[-1])
        writings = [digits, *(phone_words(text, region) - {digits[-LOCAL_DIGITS:]})]
        writings += [digits[len(trunk) :] for trunk in _TRUNKS if digits.startswith(trunk)]
        return Typed((tuple(dict.fromkeys(word for word in writings if len(word) > 2)),), number=True)
    if "@" in text:
        return Typed(((text.strip().casefold().lstrip("@")[:LONGEST_WORD],),))
    telling = [word for word in query.words if word not in LEGAL_FORMS] or list(query.words)
    return Typed(tuple((word[:LONGEST_WORD],) for word in telling[:6]))


def other_layout(text: str) -> str:
    """What would have been typed with the keyboard switched to Cyrillic; the same where it holds such letters."""
    return "".join(_LAYOUT.get(letter, letter) for letter in text.casefold())


def _texts(value: object) -> Iterable[str]:
    return [str(item) for item in value] if isinstance(value, list | tuple) else []
