"""Values as people read them on a terminal: grouped amounts, short moments, ages in words."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo

MOMENT = "%Y-%m-%d %H:%M"
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d[\d:.]*(Z|[+-]\d\d:\d\d)")
_STEPS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def money(text: object) -> str:
    """Digits in groups of three, as in "25 892 838.28"; nothing stays nothing."""
    if text is None or text == "":
        return ""
    whole, point, rest = str(text).partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    groups = []
    while digits:
        digits, group = digits[:-3], digits[-3:]
        groups.append(group)
    return sign + " ".join(reversed(groups)) + point + rest


def moment(value: object, zone: tzinfo | None = None) -> str:
    """A moment, or its ISO text, as "2026-11-21 22:29", in `zone` where one is given; a plain date stays as it is."""
    if not value:
        return ""
    if not isinstance(value, datetime):
        if "T" not in str(value):
            return str(value)
        value = datetime.fromisoformat(str(value))
    return value.astimezone(zone).strftime(MOMENT) if zone is not None else value.strftime(MOMENT)


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
