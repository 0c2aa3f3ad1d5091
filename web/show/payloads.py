"""Records as received, laid out to be read: secrets cut out, too long ones cut off, and covered for whom they are not.

Who looks after the service sees how a record is built (its fields, keys of other records, days, yes and no), and
nothing of what it says of a customer: no text and no number.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from core.secrets import redact

LONGEST_SHOWN = 60_000
LARGEST_LAID_OUT = 2_000_000
"""A record of more bytes is shown as it came, from its beginning; covered it is not shown at all."""
COVERED = "•••"
_PLAIN = re.compile(
    r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    r"|\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?"
)
"""A key of another record, or a moment."""
_OF_A_PERSON = re.compile(r"рожд|birth|паспорт|выдач", re.IGNORECASE)
"""A day of such a field says something of somebody."""


def lay_out(raw: bytes, *, covered: bool) -> str:
    """A record's text for reading; what is no JSON is shown as it is, unless it is to be covered: then nothing is."""
    if len(raw) > LARGEST_LAID_OUT:
        return "" if covered else _cut(raw.decode("utf-8", "replace"))
    try:
        if not covered:
            return _cut(msgspec.json.format(raw, indent=2).decode("utf-8", "replace"))
        return lay_out_value(cover(msgspec.json.decode(raw)))
    except msgspec.DecodeError:
        return "" if covered else _cut(raw.decode("utf-8", "replace"))


def lay_out_value(value: Any) -> str:
    """Plain values the same way."""
    return _cut(msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode())


def cover(value: Any) -> Any:
    """The same structure without what it says."""
    if isinstance(value, dict):
        return {name: COVERED if _OF_A_PERSON.search(name) and item else cover(item) for name, item in value.items()}
    if isinstance(value, list):
        return [cover(item) for item in value]
    if value is None or isinstance(value, bool) or value == "":
        return value
    return value if isinstance(value, str) and _PLAIN.fullmatch(value) else COVERED


def _cut(text: str) -> str:
    return redact(text)[:LONGEST_SHOWN]
