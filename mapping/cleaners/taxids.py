"""Tax and registration numbers: tidied always, doubted where the check digits say so, never thrown away (design §5-5).

python-stdnum knows INN, OGRN, EDRPOU and RNTRC; KPP and OKPO are checked here (reference/dependencies.md §1).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from stdnum.exceptions import ValidationError
from stdnum.ru import inn as ru_inn
from stdnum.ru import ogrn as ru_ogrn
from stdnum.ua import edrpou as ua_edrpou
from stdnum.ua import rntrc as ua_rntrc

_SEPARATORS = re.compile(r"[\s\-–—.]+")
_KPP = re.compile(r"\d{4}[\dA-Z]{2}\d{3}", re.ASCII)
LONGEST = 100
"""Callers cut before they ask: what was asked is remembered."""

Checked = tuple[str, str]
"""The number without separators, and why it is doubtful ("" where it is not)."""


def _compact(text: str) -> str:
    return _SEPARATORS.sub("", text).upper()


def _checked(text: str, name: str, lengths: str, check: Callable[[str], object]) -> Checked:
    number = _compact(text)
    if not number.strip("0"):
        return number, f"the {name} is all zeros"
    if not number.isascii() or not number.isalnum():
        return number, f"the {name} has characters other than {lengths}"
    try:
        check(number)
    except ValidationError as error:
        return number, f"the {name} is wrong: {str(error)[:1].lower()}{str(error)[1:].rstrip('.')}"
    return number, ""


@lru_cache(maxsize=65_536)
def check_inn(text: str) -> Checked:
    """Russian INN, 10 or 12 digits. stdnum takes 0000000000 for valid: here it is not."""
    return _checked(text, "INN", "10 or 12 digits", ru_inn.validate)


@lru_cache(maxsize=65_536)
def check_kpp(text: str) -> Checked:
    """Russian KPP: nine characters, the fifth and sixth may be Latin capitals."""
    number = _compact(text)
    if not number.strip("0"):
        return number, "the KPP is all zeros"
    return number, "" if _KPP.fullmatch(number) else "the KPP does not have 9 digits"


@lru_cache(maxsize=65_536)
def check_ogrn(text: str) -> Checked:
    """Russian OGRN, 13 digits, or OGRNIP, 15."""
    return _checked(text, "OGRN", "13 or 15 digits", ru_ogrn.validate)


@lru_cache(maxsize=65_536)
def check_edrpou(text: str) -> Checked:
    """Ukrainian EDRPOU, 8 digits, or RNTRC of a person, 10."""
    check = ua_rntrc.validate if len(_compact(text)) == 10 else ua_edrpou.validate
    return _checked(text, "EDRPOU", "8 or 10 digits", check)
