"""What a person typed about a contact, cleaned as the mapping cleans what accounting sends, so that the two compare.

A doubtful value is kept and marked with the reason, never silently dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mapping.cleaners.contacts import find_emails, find_phones
from mapping.cleaners.taxids import check_edrpou, check_inn, check_kpp
from mapping.values import clean_text

HOME_COUNTRY = "RU"
KIND_BY_DIGITS = {"RU": {10: "company", 12: "sole_trader"}, "UA": {8: "company", 10: "sole_trader"}}


@dataclass(slots=True)
class Cleaned:
    """Values ready to store, and marks for those that look wrong (field -> why, in plain words)."""

    values: dict[str, object] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    country: str = HOME_COUNTRY


def guess_kind(tax_id: object, country: str = HOME_COUNTRY) -> str | None:
    """The kind that the length of a tax id tells: a company's, or a sole trader's unless told otherwise."""
    return KIND_BY_DIGITS.get(country, {}).get(len(str(tax_id or "")))


def clean_fields(fields: Mapping[str, object], country: str = HOME_COUNTRY) -> Cleaned:
    """All given fields of a contact (None: not given), cleaned."""
    cleaned = Cleaned(country=country)
    for name, given in fields.items():
        if given is None:
            continue
        if name in ("phones", "emails"):
            texts = [str(item) for item in given] if isinstance(given, list | tuple) else [str(given)]
            _clean_several(texts, name, cleaned, country)
        elif name in ("tax_id", "registration_code"):
            _clean_number(str(given), name, cleaned, country)
        else:
            cleaned.values[name] = clean_text(" ".join(str(given).split())) or None
    return cleaned


def _clean_several(texts: Sequence[str], name: str, cleaned: Cleaned, country: str) -> None:
    kept: list[str] = []
    doubtful: list[str] = []
    for text in texts:
        good, bad = find_phones(text, country) if name == "phones" else find_emails(text.lower())
        kept += [*good, *bad]
        doubtful += bad
    cleaned.values[name] = list(dict.fromkeys(kept))
    if doubtful:
        what = "no valid phone number" if name == "phones" else "no valid e-mail address"
        cleaned.marks[name] = f"{what}: {', '.join(doubtful)}"


def _clean_number(text: str, name: str, cleaned: Cleaned, country: str) -> None:
    if not text.strip():
        cleaned.values[name] = None
        return
    check = check_kpp if name == "registration_code" else check_edrpou if country == "UA" else check_inn
    value, why = check(text)
    cleaned.values[name] = value or None
    if why:
        cleaned.marks[name] = f"{why} ({value})"
