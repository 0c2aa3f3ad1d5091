"""How many whole objects to ask for at once: by bytes, since one document may be huge (1c-odata.md §3.2)."""

from __future__ import annotations

START = 20
MOST = 2000
_GROWTH = 3


class PageSizes:
    """The page size of each set, following what its objects turn out to weigh.

    Grows at most threefold a page and shrinks at once, so that a run of light objects does not provoke a huge answer.
    """

    def __init__(self, wanted_bytes: int) -> None:
        self._wanted = wanted_bytes
        self._sizes: dict[str, int] = {}
        self._keys: dict[str, int] = {}

    def get(self, name: str) -> int:
        """How many objects of this set to ask for now."""
        return self._sizes.get(name, START)

    def note(self, name: str, rows: int, size: int) -> None:
        """A page of so many rows came in so many bytes."""
        if rows == 0:
            return
        fitting = self._wanted * rows // max(size, 1)
        self._sizes[name] = max(1, min(fitting, self.get(name) * _GROWTH, MOST))

    def shrink(self, name: str) -> bool:
        """The answer was too much for someone: ask for a quarter. False when it is one object already."""
        now = self.get(name)
        self._sizes[name] = max(1, now // 4)
        return now > 1

    def get_keys(self, name: str) -> int:
        """How many keys of this set may be asked for at once."""
        return self._keys.get(name, MOST)

    def shrink_keys(self, name: str) -> bool:
        """So many keys were too much: ask for a quarter. False when they are as few as a page of objects already."""
        now = self.get_keys(name)
        self._keys[name] = max(START, now // 4)
        return now > START
