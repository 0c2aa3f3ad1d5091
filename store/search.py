"""The search text of a customer, and the readings of what somebody types to find one.

SQLite compares letters beyond ASCII as they are, so both sides are brought to one form before they meet.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import phonenumbers

REGION = "RU"
"""The country whose numbers are written without a country code."""
_SHORTEST_NUMBER = 5
_TAX_ID_WITH_CODE = re.compile(r"\s*(\d{10})\s*[/\\]\s*\d{9}\s*")
_NOT_A_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Query:
    """What somebody typed, in every form that it may be meant in."""

    exact: tuple[str, ...]
    """Whole entries of the search text: a name, a tax id, a phone, an e-mail."""
    words: tuple[str, ...]
    part: str
    """The beginning or a part of an entry."""
    digits: str
    """Part of a number, when nothing but a number was typed."""


def search_text(fields: Mapping[str, object], *, region: str = REGION) -> str:
    """What a customer is found by: name, legal name, tax id, code, phones, e-mails; one entry a line.

    Takes the fields of a counterparty by their canonical names; those that are missing or empty are left out.
    """
    entries = [plain_words(str(fields.get(name) or "")) for name in ("name", "legal_name", "code")]
    entries.append(str(fields.get("tax_id") or "").strip())
    entries += [plain_phone(text, region) for text in _texts(fields.get("phones"))]
    entries += [text.strip().casefold() for text in _texts(fields.get("emails"))]
    kept = dict.fromkeys(entry for entry in entries if entry)
    return "\n" + "".join(f"{entry}\n" for entry in kept) if kept else ""


def read_query(text: str, *, region: str = REGION) -> Query:
    """Everything that the text may mean."""
    with_code = _TAX_ID_WITH_CODE.fullmatch(text)
    if with_code:
        text = with_code[1]
    words = plain_words(text)
    digits = re.sub(r"\D", "", text)
    is_number = len(digits) >= _SHORTEST_NUMBER and not re.search(r"[^\W\d_]", text)
    exact = [words, text.strip().casefold()]
    if is_number:
        exact += [plain_phone(text, region), digits]
    return Query(
        exact=tuple(dict.fromkeys(entry for entry in exact if entry)),
        words=tuple(dict.fromkeys(words.split())),
        part=words,
        digits=_without_trunk(digits) if is_number else "",
    )


def plain_words(text: str) -> str:
    """Words in small letters with single spaces: quotes, dashes and the dots of ё make no difference."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("ё", "е")
    return _NOT_A_WORD.sub(" ", folded).strip()


def plain_phone(text: str, region: str = REGION) -> str:
    """A number as "+79161234567", however it is written; its bare digits where it is no whole number."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return re.sub(r"\D", "", text)
    if not phonenumbers.is_valid_number(number):
        return re.sub(r"\D", "", text)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _without_trunk(digits: str) -> str:
    """8 916 1234567 and 7 916 1234567 are the same number; its tail is what both share."""
    return digits[1:] if len(digits) > _SHORTEST_NUMBER and digits[0] == "8" and len(digits) != 10 else digits


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, str):
        return [value]
    return [str(item) for item in value] if isinstance(value, list | tuple) else []
