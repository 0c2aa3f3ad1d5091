"""Addresses and literals of 1C's OData: UTF-8 percent-encoding, a space is `%20`, never `+` (1c-odata.md §1.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from urllib.parse import quote
from uuid import UUID

EMPTY_GUID = "00000000-0000-0000-0000-000000000000"
NAMESPACE = "StandardODATA."
JSON_FORMAT = "application/json;odata=nometadata"
SEGMENT_LIMIT = 249
"""Characters of one path segment that IIS was seen to take; 292 it refused (1c-odata.md §1.1)."""
QUERY_LIMIT = 2048
"""Characters of a percent-encoded query that IIS takes as it is installed (`maxQueryString`)."""
_PATH_SAFE = "()',="
_QUERY_SAFE = "()',=;/:"


def path(resource: str) -> str:
    """A resource as a part of a path: `Catalog_Контрагенты(guid'…')` percent-encoded."""
    return quote(resource, safe=_PATH_SAFE)


def query(options: Mapping[str, str]) -> str:
    """Query options with their values percent-encoded; names go as they are (`$filter`)."""
    return "&".join(f"{name}={quote(value, safe=_QUERY_SAFE)}" for name, value in options.items())


def text(value: str) -> str:
    """A string literal: a quote inside is doubled."""
    return "'" + value.replace("'", "''") + "'"


def is_guid(value: str) -> bool:
    """Whether this is a GUID in its usual notation of 36 characters."""
    try:
        return str(UUID(value)) == value.lower()
    except ValueError:
        return False


def guid(value: str) -> str:
    """A GUID literal. Raises ValueError for anything else, so that nothing foreign gets into an address."""
    return f"guid'{UUID(value)}'"


def moment(value: datetime) -> str:
    """A date literal of accounting's naive wall-clock time, to the second. 1C knows no zones (1c-odata.md §1.4)."""
    if value.tzinfo is not None:
        raise ValueError("1C takes naive local time only")
    return f"datetime'{value.replace(microsecond=0).isoformat()}'"


def cast(value: str, set_name: str) -> str:
    """A reference as composite fields compare with it; a bare GUID would match nothing (1c-odata.md §3.1)."""
    return f"cast({guid(value)},{text(set_name)})"


def number(value: Decimal | int) -> str:
    """A number literal: plain notation, exponents are rejected (1c-odata.md §3.1)."""
    return f"{Decimal(value):f}"


def entity(set_name: str, key: str) -> str:
    """One object of a set as a resource."""
    return f"{set_name}({guid(key)})"


def call(function: str, parameters: Mapping[str, str]) -> str:
    """A virtual table with its parameters in the path."""
    return f"{function}({','.join(f'{name}={value}' for name, value in parameters.items())})"


def all_of(conditions: Iterable[str]) -> str:
    """Conditions joined by `and`, each in parentheses; empty ones are left out."""
    return " and ".join(f"({condition})" for condition in conditions if condition)


def any_of(conditions: Iterable[str]) -> str:
    """Conditions joined by `or`."""
    return " or ".join(conditions)
