"""Many records in few numbers: counts, sums and hashes by bucket and by month, the same on both sides. Pure.

A bucket holds the keys of one checksum; its hash is the sum of its records' hashes, so that neither side need be
sorted. Two sides with equal buckets hold equal records; only the records of buckets that differ are looked at singly.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from zlib import crc32

BUCKETS = 1024
_MODULUS = 1 << 64


@dataclass(slots=True)
class Month:
    """Documents of one month that count, and the sum of their amounts whatever their currency: a control sum."""

    count: int = 0
    amount: int = 0


@dataclass(slots=True)
class Tally:
    """What one side holds. Its size does not depend on the number of records."""

    counts: array[int] = field(default_factory=lambda: array("Q", bytes(8 * BUCKETS)))
    hashes: array[int] = field(default_factory=lambda: array("Q", bytes(8 * BUCKETS)))
    months: dict[str, Month] = field(default_factory=dict)
    filtered: int = 0

    @property
    def total(self) -> int:
        """How many records there are."""
        return sum(self.counts)

    def add(self, key: str, token: str) -> int:
        """One more record; what is to be equal on both sides is in the token. Returns its bucket."""
        bucket = bucket_of(key)
        digest = blake2b(f"{key}|{token}".encode("utf-8", "replace"), digest_size=8).digest()
        self.counts[bucket] += 1
        self.hashes[bucket] = (self.hashes[bucket] + int.from_bytes(digest, "big")) % _MODULUS
        return bucket

    def add_amount(self, date: datetime | None, amount: int) -> None:
        """A document that counts; one without a date is summed by itself."""
        month = self.months.setdefault(f"{date:%Y-%m}" if date else "", Month())
        month.count += 1
        month.amount += amount

    def merge(self, other: Tally) -> None:
        """The records of another tally besides one's own."""
        for bucket in range(BUCKETS):
            self.counts[bucket] += other.counts[bucket]
            self.hashes[bucket] = (self.hashes[bucket] + other.hashes[bucket]) % _MODULUS
        for name, month in other.months.items():
            mine = self.months.setdefault(name, Month())
            mine.count += month.count
            mine.amount += month.amount
        self.filtered += other.filtered

    def differing(self, other: Tally) -> set[int]:
        """Buckets that do not hold the same."""
        return {
            bucket
            for bucket in range(BUCKETS)
            if self.counts[bucket] != other.counts[bucket] or self.hashes[bucket] != other.hashes[bucket]
        }


def bucket_of(key: str) -> int:
    """The bucket of a record."""
    return crc32(key.encode("utf-8", "replace")) % BUCKETS


def differing_months(ours: dict[str, Month], theirs: dict[str, Month]) -> Iterable[tuple[str, Month, Month]]:
    """Months whose numbers or sums are not equal, in order."""
    for name in sorted(ours.keys() | theirs.keys()):
        mine, its = ours.get(name, Month()), theirs.get(name, Month())
        if mine != its:
            yield name, mine, its
