"""How many whole objects to ask for at once: by bytes, since one document may be huge (1c-odata.md §3.2)."""

from __future__ import annotations

from collections import Counter

START = 20
MOST = 2000
_GROWTH = 3
_CUT, _DEEP_CUT = 4, 8


class PageSizes:
    """The page size of each set, following what its objects turn out to weigh.

    Grows at most threefold a page and shrinks at once, so that a run of light objects does not provoke a huge answer;
    what was too much once is not reached again as long as this lives: one run.
    """

    def __init__(self, wanted_bytes: int) -> None:
        self._wanted = wanted_bytes
        self._sizes: dict[str, int] = {}
        self._keys: dict[str, int] = {}
        self._most: dict[str, int] = {}
        self._doubts: Counter[tuple[str, str]] = Counter()

    def get(self, name: str) -> int:
        """How many objects of this set to ask for now."""
        return self._sizes.get(name, START)

    def note(self, name: str, rows: int, size: int) -> None:
        """A page of so many rows came in so many bytes."""
        if rows == 0:
            return
        fitting = self._wanted * rows // max(size, 1)
        self._sizes[name] = max(1, min(fitting, self.get(name) * _GROWTH, self._most.get(name, MOST)))

    def shrink(self, name: str) -> bool:
        """The answer was too much for someone: ask for a quarter. False when it is one object already."""
        return self._cut(name, _CUT)

    def doubt(self, name: str, most: int) -> bool:
        """Nobody said that it was too much, and it may have been: ask for an eighth, so often a run at most."""
        return self._may_doubt(name, "objects", most) and self._cut(name, _DEEP_CUT)

    def _cut(self, name: str, parts: int) -> bool:
        now = self.get(name)
        self._sizes[name], self._most[name] = max(1, now // parts), max(1, now // 2)
        return now > 1

    def _may_doubt(self, name: str, what: str, most: int) -> bool:
        """A dead server looks like one that was asked too much: who doubts without end never says that it is dead."""
        if not most:  # no doubt at all, so none is used up
            return False
        self._doubts[name, what] += 1
        return self._doubts[name, what] <= most

    def get_keys(self, name: str) -> int:
        """How many keys of this set may be asked for at once."""
        return self._keys.get(name, MOST)

    def shrink_keys(self, name: str) -> bool:
        """So many keys were too much: ask for a quarter. False when they are as few as a page of objects already."""
        now = self.get_keys(name)
        self._keys[name] = max(START, now // _CUT)
        return now > START

    def doubt_keys(self, name: str, most: int) -> bool:
        """The same of keys as `doubt` is of objects."""
        now = self.get_keys(name)
        if now <= START or not self._may_doubt(name, "keys", most):
            return False
        self._keys[name] = max(START, now // _DEEP_CUT)
        return True
