"""A record that a person has mended by hand: what he put in the place of what the rules make of it. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from connectors.base import RawRecord
from core.errors import UsageError
from mapping.given import Given, read_given
from mapping.model import SourceSet


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit of a dead letter, in force as long as the record's content (`base`) is what the person saw."""

    letter: UUID
    number: int
    entity: str
    external_id: str
    base: str
    values: Mapping[str, Any]
    who: str

    def holds(self, source: SourceSet, raw: RawRecord) -> bool:
        """Whether the record still says what it said when it was edited."""
        return self.base == hash_source(source, raw)

    def read(self, zone: ZoneInfo) -> Given:
        """The values, ready for the mapping. Raises UsageError when the model has changed and no longer takes them."""
        named = ", ".join(sorted(self.values))
        return read_given(self.entity, self.values, zone, f"{named} set by hand, letter {self.number}")


def hash_source(source: SourceSet, raw: RawRecord) -> str:
    """What a record says, as a hash: the same when only its version moved, whichever way it was read."""
    said = {name: value for name, value in raw.data.items() if name != source.version and "@" not in name}
    return hashlib.blake2b(repr(_plain(said)).encode("utf-8", "replace"), digest_size=20).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return sorted((str(name), _plain(item)) for name, item in value.items() if "@" not in str(name))
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return str(int(value))
    return value if isinstance(value, str) else str(value)


def read_values(text_by_name: Mapping[str, object], entity: str, zone: ZoneInfo) -> dict[str, Any]:
    """What a person typed, checked against the model and kept as typed. Raises UsageError with all mistakes."""
    if not text_by_name:
        raise UsageError("Say what is to be changed.", next_step="sverka dead edit --help")
    read_given(entity, text_by_name, zone)
    return dict(text_by_name)
