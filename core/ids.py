"""Identifiers of our own records: UUIDs that grow with time, so that index pages fill in order."""

from __future__ import annotations

import os
import time
from uuid import UUID


def new_id() -> UUID:
    """A fresh version 7 UUID (RFC 9562): 48 bits of milliseconds, the rest random."""
    raw = bytearray(time.time_ns().__floordiv__(1_000_000).to_bytes(6, "big") + os.urandom(10))
    raw[6] = (raw[6] & 0x0F) | 0x70
    raw[8] = (raw[8] & 0x3F) | 0x80
    return UUID(bytes=bytes(raw))
