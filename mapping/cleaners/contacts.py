"""Phones and e-mails out of what people typed: several in one text, with and without country, with extensions."""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from mapping.values import clean_text

LONGEST = 500
"""Characters of one text that are looked at. Callers cut before they ask: what was asked is remembered."""
_MOST = 20
_SEVERAL = re.compile(r"[;,\n]")
_BETWEEN_EMAILS = re.compile(r"[;,\s]+")
_DIGIT = re.compile(r"\d")

Found = tuple[tuple[str, ...], tuple[str, ...]]
"""What was understood, and what was not."""


@lru_cache(maxsize=65_536)
def find_phones(text: str, country: str) -> Found:
    """Phone numbers as E.164 (";ext=12" behind, where there is an extension), and the parts that are no valid number.

    `is_valid_number` and not "possible": seven digits without a city code would become a number somewhere else
    (reference/dependencies.md §1).
    """
    text = clean_text(text, LONGEST)
    whole = _parse(text, country)
    if whole is not None:
        return (whole,), ()
    matches = list(phonenumbers.PhoneNumberMatcher(text, country, max_tries=_MOST))
    good = [_format(match.number) for match in matches]
    for match in reversed(matches):
        text = text[: match.start] + ";" + text[match.end :]
    bad = []
    for part in _SEVERAL.split(text):
        phone = _parse(part, country)
        if phone is not None:
            good.append(phone)
        elif len(_DIGIT.findall(part)) >= 5 or (not good and part.strip()):
            bad.append(part.strip()[:100])
    return tuple(dict.fromkeys(good))[:_MOST], tuple(dict.fromkeys(bad))[:_MOST]


def _parse(text: str, country: str) -> str | None:
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    return _format(number) if phonenumbers.is_valid_number(number) else None


def _format(number: phonenumbers.PhoneNumber) -> str:
    plain = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"{plain};ext={number.extension}" if number.extension else plain


@lru_cache(maxsize=65_536)
def find_emails(text: str) -> Found:
    """E-mail addresses in a text such as "a@b.ru; c@d.ru", and the parts that are none. Never asks the DNS."""
    good, bad = [], []
    for part in _BETWEEN_EMAILS.split(clean_text(text, LONGEST)):
        word = part.strip("<>\"'()")
        if not word:
            continue
        try:
            good.append(validate_email(word, check_deliverability=False, test_environment=True).normalized)
        except EmailNotValidError:
            bad.append(word[:100])
    return tuple(dict.fromkeys(good))[:_MOST], tuple(dict.fromkeys(bad))[:_MOST]
