"""Values as people read them on a terminal: grouped amounts, short moments, ages in words."""

from __future__ import annotations

import re
from datetime import date, datetime, tzinfo

from cli.language import ENGLISH, spoken

_MOMENT = "%Y-%m-%d %H:%M"
_OURS_MOMENT, _OURS_DAY = "%d.%m.%Y %H:%M", "%d.%m.%Y"
"""As Russian and Ukrainian have it."""
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d[\d:.]*(Z|[+-]\d\d:\d\d)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_STEPS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def money(text: object) -> str:
    """Digits in groups of three, as in "25 892 838.28", the comma where the reader has it; nothing stays nothing."""
    if text is None or text == "":
        return ""
    whole, point, rest = str(text).partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    groups = []
    while digits:
        digits, group = digits[:-3], digits[-3:]
        groups.append(group)
    mark = point if spoken() == ENGLISH else point.replace(".", ",")
    return sign + " ".join(reversed(groups)) + mark + rest


def moment(value: object, zone: tzinfo | None = None) -> str:
    """A moment, or its ISO text, as "2026-11-21 22:29", in `zone` where one is given; a plain date is a day.

    Days are written as the reader's language has them ("21.11.2026").
    """
    if not value:
        return ""
    english = spoken() == ENGLISH
    if not isinstance(value, datetime):
        if "T" not in str(value):
            day = str(value)
            return day if english or not _DATE.fullmatch(day) else date.fromisoformat(day).strftime(_OURS_DAY)
        value = datetime.fromisoformat(str(value))
    form = _MOMENT if english else _OURS_MOMENT
    return value.astimezone(zone).strftime(form) if zone is not None else value.strftime(form)


def readable(value: object, zone: tzinfo) -> object:
    """Any value as a line of text shows it: moments, also inside of others, on the wall clock of `zone`."""
    if isinstance(value, datetime):
        return moment(value, zone)
    if isinstance(value, dict):
        return {key: readable(one, zone) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [readable(one, zone) for one in value]
    return moment(value, zone) if isinstance(value, str) and _INSTANT.fullmatch(value) else value


def age(seconds: object) -> str:
    """How long ago, in the largest unit that fits: "5 min ago"."""
    if seconds is None:
        return "never"
    number = int(float(str(seconds)))
    for size, unit in _STEPS:
        if number >= size:
            return f"{number // size} {unit} ago"
    return "now"


def name_of(record: object, key: str = "name") -> str:
    """The name of a record that another one refers to; its external id where it is not here."""
    if not isinstance(record, dict):
        return ""
    return str(record.get(key) or record.get("name") or record.get("external_id") or "")
