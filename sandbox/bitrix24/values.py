"""Values as the portal keeps and shows them: numbers, dates in its own zone, money with its currency."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.bitrix24.errors import bad_value
from sandbox.bitrix24.params import as_int, as_list, yes

MONEY = re.compile(r"-?\d+(\.\d+)?\|[A-Z]{3}")
PLAIN_MOMENT = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)?)?")
_NUMBERS = ("integer", "user", "crm_company", "crm_contact", "crm_category", "crm_entity", "crm_lead", "crm_quote")


def shown(moment: datetime, zone: ZoneInfo) -> str:
    """A moment as answers carry it: to the second, in the portal's zone, with the offset."""
    return moment.astimezone(zone).replace(microsecond=0).isoformat()


def read_moment(value: Any, zone: ZoneInfo) -> datetime:
    """A moment as people and programs write it; without an offset it is the portal's own time."""
    text = str(value).strip()
    for form in ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=zone)
        except ValueError:
            continue
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise bad_value(f"Invalid date: '{text}'") from error
    return found if found.tzinfo else found.replace(tzinfo=zone)


def clean(kind: str, value: Any, zone: ZoneInfo, *, multiple: bool = False) -> Any:
    """A written value in the shape in which it is kept. Raises RestError for what the type cannot hold."""
    if multiple:
        return [clean(kind, item, zone) for item in as_list(value)]
    if value is None or value == "":
        return None
    if kind in _NUMBERS:
        return as_int(value)
    if kind == "boolean":
        return "Y" if yes(value) else "N"
    if kind == "double":
        return _number(value)
    if kind == "money":
        return _money(value)
    if kind in ("date", "datetime"):
        return _moment(kind, value, zone)
    return str(value) if not isinstance(value, dict | list) else _refuse(value)


def _refuse(value: Any) -> str:
    raise bad_value(f"A text was expected, not {type(value).__name__}")


def _number(value: Any) -> float | int:
    try:
        number = float(str(value).replace(",", ".").replace(" ", ""))
    except ValueError as error:
        raise bad_value(f"Invalid number: '{value}'") from error
    return int(number) if number == int(number) else round(number, 4)


def _money(value: Any) -> str:
    text = str(value)
    if not MONEY.fullmatch(text):
        raise bad_value(f"Invalid money value: '{text}'")
    return text


def _moment(kind: str, value: Any, zone: ZoneInfo) -> str:
    moment = read_moment(value, zone)
    if kind == "date":
        return shown(datetime.combine(moment.astimezone(zone).date(), datetime.min.time(), zone), zone)
    return shown(moment, zone)


def comparable(kind: str, value: Any, zone: ZoneInfo) -> Any:
    """A kept or asked value in a shape that can be compared."""
    if value is None or value == "":
        return None
    if kind in ("date", "datetime"):
        return read_moment(value, zone)
    if kind in (*_NUMBERS, "double"):
        try:
            return float(value)
        except (TypeError, ValueError):
            return None
    if kind == "boolean":
        return yes(value)
    return str(value).casefold()


def today(zone: ZoneInfo, moment: datetime) -> date:
    """The day at the portal."""
    return moment.astimezone(zone).date()
