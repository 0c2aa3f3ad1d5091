"""Taking values in: what a client sends becomes what the base stores, with 1C's indulgence (fact sheet §6).

Unknown properties and strings in Int64 fields are ignored, long strings are cut, GUIDs of nothing are stored.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from sandbox.onec.errors import OdataError, bad_literal, internal
from sandbox.onec.fields import GUID, Field, Fields
from sandbox.onec.schema import EntitySet

IGNORED = object()
READ_ONLY = {"Ref_Key", "DataVersion", "DeletionMark", "Posted", "Predefined", "PredefinedDataName"}
DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d)?\Z")
BIND = re.compile(r".*\(guid'([^']+)'\)\Z")


def stored_value(field: Field, value: Any, lenient: bool = True) -> Any:
    """Value as stored, ``IGNORED`` when 1C drops it silently, or a refusal."""
    if value is None:
        return field.default
    if isinstance(value, (list, dict)):
        raise internal()
    if field.kind in ("str", "text", "fixed", "enum", "composite", "type"):
        return stored_text(field, value)
    if field.kind in ("ref", "guid"):
        return stored_guid(value)
    if field.kind == "date":
        return stored_date(value)
    if field.kind == "bool":
        return stored_bool(value)
    return stored_number(field, value, lenient)


def stored_text(field: Field, value: Any) -> str:
    """Text, cut to the length of the attribute without a word (238 -> 100 characters)."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if field.kind == "composite" and GUID.match(text):
        return text.lower()
    return text[: field.length] if field.length else text


def stored_guid(value: Any) -> str:
    """GUID of anything, existing or not (broken links are stored)."""
    if not isinstance(value, str) or not GUID.match(value):
        raise bad_literal(value, "Edm.Guid")
    return value.lower()


def stored_date(value: Any) -> str:
    """Wall clock without zone."""
    if not isinstance(value, str) or not DATE.match(value):
        raise bad_literal(value, "Edm.DateTime")
    return value if len(value) > 10 else f"{value}T00:00:00"


def stored_bool(value: Any) -> bool:
    """JSON booleans only."""
    if not isinstance(value, bool):
        raise OdataError(400, 4, f"Неверное значение свойства: {value}")
    return value


def stored_number(field: Field, value: Any, lenient: bool) -> Any:
    """Scaled integer; a string in an Int64 field is ignored with 200 [L P8]."""
    if isinstance(value, str) and field.kind == "int64" and lenient:
        return IGNORED
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise bad_literal(value, field.edm) from error
    if isinstance(value, bool) or not number.is_finite() or abs(number) > 10**25:
        raise bad_literal(value, field.edm)
    return int(number.scaleb(field.scale).quantize(Decimal(1), ROUND_HALF_UP))


def apply_fields(entity: EntitySet, stored: Fields, incoming: Fields, lenient: bool = True) -> None:
    """Merge incoming properties into a stored object; sections are replaced whole (§6 rule 1)."""
    by_name = {item.name: item for item in entity.fields}
    for name, value in incoming.items():
        if name in entity.sections:
            put(stored, name, stored_rows(entity.sections[name], value, lenient), [])
        elif name.endswith("@odata.bind"):
            bind_reference(by_name, stored, name.removesuffix("@odata.bind"), value)
        elif name in by_name and name not in READ_ONLY:
            put_field(stored, by_name[name], value, lenient)


def put_field(stored: Fields, field: Field, value: Any, lenient: bool) -> None:
    """Set one field unless 1C would ignore the value."""
    taken = stored_value(field, value, lenient)
    if taken is not IGNORED:
        put(stored, field.name, taken, field.default)


def put(stored: Fields, name: str, value: Any, default: Any) -> None:
    """Keep only what differs from the empty value."""
    if value == default:
        stored.pop(name, None)
    else:
        stored[name] = value


def bind_reference(by_name: dict[str, Field], stored: Fields, name: str, value: Any) -> None:
    """``"Организация@odata.bind": "Catalog_Организации(guid'…')"``."""
    found, field = BIND.match(str(value)), by_name.get(f"{name}_Key")
    if found and field:
        put_field(stored, field, found.group(1), lenient=True)


def stored_rows(fields: tuple[Field, ...], rows: Any, lenient: bool) -> list[Fields]:
    """Rows of a section; over HTTP ``LineNumber`` runs from 1 without gaps (§6 rule 1)."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise internal()
    if lenient:
        check_lines(rows)
    return [stored_row(fields, row, lenient) for row in rows]


def check_lines(rows: list[Fields]) -> None:
    """Missing numbers are an internal error, a wrong run is a bad request [L P9]."""
    numbers = [str(row.get("LineNumber", "")) for row in rows]
    if "" in numbers:
        raise internal()
    if numbers != [str(index + 1) for index in range(len(rows))]:
        raise OdataError(400, 4, "Неверное значение свойства: LineNumber")


def stored_row(fields: tuple[Field, ...], row: Fields, lenient: bool) -> Fields:
    """One row without its key fields."""
    taken: Fields = {}
    for field in fields:
        if field.name in row and field.name not in ("Ref_Key", "LineNumber"):
            put_field(taken, field, row[field.name], lenient)
    return taken


def natural(field: Field, value: Any) -> Any:
    """Stored value as Python likes it: Decimal for amounts, None for the empty date is left to the caller."""
    if field.kind == "num" and value is not None:
        return Decimal(value).scaleb(-field.scale) if field.scale else value
    return value


def natural_record(entity: EntitySet, record: Fields) -> Fields:
    """Whole object with empty values filled in, for tests."""
    full = {item.name: natural(item, record.get(item.name, item.default)) for item in entity.fields}
    for section, fields in entity.sections.items():
        full[section] = [
            {item.name: natural(item, row.get(item.name, item.default)) for item in fields}
            for row in record.get(section, ())
        ]
    return full
