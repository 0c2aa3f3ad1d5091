"""What a link has found, one line a customer or card, on disk: shown to people, written as a workbook, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from store.scratch import Scratch

GROUPS = {
    "linked": "linked already",
    "sure": "sure: the same by key, INN and KPP, or a person's word",
    "likely": "likely: the same phone, e-mail or name; a person decides",
    "review": "in doubt: a person decides",
    "create": "none: a card is made",
    "none": "none: no card is made",
    "only_there": "only in the CRM",
}
"""Group -> what it is called for people, in the order in which they are shown."""
COLUMNS = (
    "name", "inn", "kpp", "card", "card_name", "card_inn", "card_kpp", "rule", "reason", "candidates", "link", "id",
)  # fmt: skip


class Report:
    """Lines by group. Memory does not grow with their number."""

    def __init__(self) -> None:
        self._disk = Scratch("line (shown TEXT, body TEXT)")
        self._disk.run("CREATE INDEX line_shown ON line (shown)")
        self.counts: Counter[str] = Counter()
        self.cards = 0
        self.own_firms = 0
        self.requests = 0

    def close(self) -> None:
        """Give the room on disk back."""
        self._disk.__exit__(None, None, None)

    def add(self, lines: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """More lines, each with its group."""
        given = list(lines)
        self._disk.put("INSERT INTO line VALUES (?, ?)", [(group, _encode(body)) for group, body in given])
        self.counts.update(group for group, _ in given)

    def lines(self, group: str) -> Iterator[dict[str, Any]]:
        """The lines of a group in the order in which they came."""
        for (body,) in self._disk.read("SELECT body FROM line WHERE shown = ? ORDER BY rowid", (group,)):
            yield msgspec.json.decode(body)


def _encode(body: dict[str, Any]) -> str:
    return msgspec.json.encode(body, enc_hook=str).decode()
