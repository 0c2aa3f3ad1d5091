"""Names of companies and people made comparable: legal form, quotes, case and spelling of ё do not tell them apart."""

from __future__ import annotations

import re

from rapidfuzz import fuzz

from store.search import plain_words

ALIKE = 92.0
"""From this likeness (0..100) two names are worth a person's look; they never link by themselves."""

_FORMS = (
    "общество с ограниченной ответственностью",
    "публичное акционерное общество",
    "закрытое акционерное общество",
    "открытое акционерное общество",
    "непубличное акционерное общество",
    "акционерное общество",
    "индивидуальный предприниматель",
    "товариство з обмеженою відповідальністю",
    "фізична особа підприємець",
    "ооо", "зао", "оао", "пао", "нао", "ао", "ип", "чп", "фоп", "тов", "тоо", "ltd", "llc", "gmbh",
)  # fmt: skip
_FORM = re.compile(r"\b(?:" + "|".join(_FORMS) + r")\b")


def normalise_name(name: str | None) -> str:
    """A name without legal form, punctuation and case; empty when nothing is left."""
    text = plain_words(name or "")
    return " ".join(_FORM.sub(" ", text).split()) or text


def likeness(one: str, other: str) -> float:
    """How alike two normalised names are, 0..100, whatever the order of their words."""
    return fuzz.token_sort_ratio(one, other) if one and other else 0.0


def rarest_word(name: str) -> str:
    """The longest word of a normalised name: what to look for before comparing closely."""
    return max(name.split(), key=len, default="")
