"""Pages of long lists: where the next one begins travels in the address, as one word that nobody has to understand."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec


def encode_position(values: tuple[Any, ...] | None) -> str | None:
    """The word for a position (the sort values of the last line shown); None where there is no next page."""
    if values is None:
        return None
    plain = [value.isoformat() if isinstance(value, datetime) else _plain(value) for value in values]
    return base64.urlsafe_b64encode(msgspec.json.encode(plain)).decode().rstrip("=")


def decode_position(word: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """The position behind a word, or None for no word and for one that was tampered with: the list begins anew.

    Args:
        word: what stood in the address.
        kinds: what the values are, in order; each may be None too.
    """
    if not word or len(word) > 4000:
        return None
    try:
        values = msgspec.json.decode(base64.urlsafe_b64decode(word + "=" * (-len(word) % 4)))
        if not isinstance(values, list) or len(values) != len(kinds):
            return None
        return tuple(_read(value, kind) for value, kind in zip(values, kinds, strict=True))
    except (ValueError, TypeError, msgspec.DecodeError, binascii.Error):
        return None


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | bool) else str(value)


def _read(value: Any, kind: type) -> Any:
    if value is None:
        return None
    if kind is datetime:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("a moment without a zone")
        return moment
    if kind is UUID:
        return UUID(value)
    if not isinstance(value, kind):
        raise TypeError(f"no {kind.__name__}")
    return value
