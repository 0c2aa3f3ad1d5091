"""Golden cases of cards: what a CRM's card shows of a record of ours, compared with what it must show."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from core.errors import RecordError
from mapping.cards.program import CardMapping
from mapping.cards.shown import LAST
from mapping.cases.files import Case
from mapping.model import ENTITIES, FieldKind

_MONEY = ("balance", "receivable", "advance", "overdue", "credit_left", "paid", "shipped")
_KINDS: dict[str, FieldKind] = {**dict.fromkeys(_MONEY, "money"), "overdue_since": "date", "as_of": "datetime"}
_LAST: dict[str, FieldKind] = {"date": "datetime", "amount": "money"}


def read_shown(entity: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """What the store would tell of a record, from its JSON: amounts, days and moments as they are there.

    Raises:
        ValueError: an amount or a date that is none.
    """
    kinds = {name: spec.kind for name, spec in ENTITIES[entity].fields.items()} | _KINDS
    found = {name: _read(kinds.get(name), value) for name, value in raw.items()}
    for name in LAST:
        if isinstance(raw.get(name), dict):
            found[name] = {part: _read(_LAST.get(part), value) for part, value in raw[name].items()}
    return found


def _read(kind: FieldKind | None, value: Any) -> Any:
    if value is None or value == "":
        return value
    if kind in ("money", "quantity"):
        try:
            return Decimal(str(value))
        except InvalidOperation as error:
            raise ValueError(f"{value!r} is not an amount") from error
    if kind == "date":
        return date.fromisoformat(value)
    return datetime.fromisoformat(value) if kind == "datetime" else value


def build_card(card: CardMapping, case: Case) -> dict[str, Any]:
    """What a card shows of a case's record, in the shape of `expected`; empty values left out."""
    zone = ZoneInfo(case.timezone)
    try:
        shown = read_shown(case.entity, case.raw)
        if not card.is_wanted(shown, zone):
            return {"left_out": True}
        filled, made = card.fill(shown, zone), card.is_made(shown, zone)
    except RecordError as error:
        return {"error": error.message}
    except ValueError as error:
        return {"error": str(error)}
    parts = {"fields": filled.fields, "new": filled.new, "requisites": filled.requisites}
    told: dict[str, Any] = {name: {key: tell(one) for key, one in values.items()} for name, values in parts.items()}
    told |= {"phones": list(filled.phones), "emails": list(filled.emails), "made": made}
    return {"card": {name: value for name, value in told.items() if value}}


def tell(value: object) -> object:
    """A card's value as a case writes it: "1500.50 RUB", days and moments (UTC) as ISO text."""
    if isinstance(value, tuple):
        return f"{value[0]:f} {value[1]}"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value
