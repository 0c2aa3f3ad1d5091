"""A set of keys that only grows and is then asked: eight bytes a key, so that a million keys are a few megabytes."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from hashlib import blake2b


class SeenKeys:
    """Keys met in a sweep. Two that share 64 bits of hash count as one: then a deletion is found next time."""

    def __init__(self, salt: bytes = b"") -> None:
        self._salt = salt[:16]
        self._numbers = array("Q")
        self._sorted = True

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, keys: Iterable[str]) -> None:
        """Remember these keys."""
        self._numbers.extend(self._number(key) for key in keys)
        self._sorted = False

    def __contains__(self, key: object) -> bool:
        if not self._sorted:
            self._numbers = array("Q", sorted(self._numbers))
            self._sorted = True
        number = self._number(str(key))
        place = bisect_left(self._numbers, number)
        return place < len(self._numbers) and self._numbers[place] == number

    def _number(self, key: str) -> int:
        return int.from_bytes(blake2b(key.encode("utf-8", "replace"), digest_size=8, salt=self._salt).digest(), "big")
