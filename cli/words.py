"""Values as people read them on a terminal: grouped amounts, short moments, ages in words."""

from __future__ import annotations

from datetime import datetime

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


def moment(text: object) -> str:
    """An ISO moment as "2026-11-21 22:29"; a plain date stays as it is."""
    if not text:
        return ""
    value = str(text)
    return datetime.fromisoformat(value).strftime("%Y-%m-%d %H:%M") if "T" in value else value


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
