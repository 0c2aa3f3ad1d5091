"""Scenario 11: our own write comes back; it is dropped, and without the guard it would go round for ever."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from mapping.model import MappedRecord
from sync.push.echo import is_echo

Guard = Callable[[Mapping[str, object], MappedRecord], bool]


def record(text: str, *, deleted: bool = False) -> MappedRecord:
    return MappedRecord("counterparty", "e1", {"name": text}, hash=f"hash of {text}", deleted=deleted)


def row(written: str | None, seen: str) -> dict[str, object]:
    return {"written_hash": written, "hash": seen}


@pytest.mark.parametrize(
    ("known", "arrived", "echo"),
    [
        (row("hash of a", "hash of a"), record("a"), True),
        (row("hash of a", ""), record("a"), False),
        (row("hash of a", "hash of a"), record("b"), False),
        (row("hash of a", "hash of b"), record("a"), False),
        (row(None, "hash of a"), record("a"), False),
        (row("hash of a", "hash of a"), record("a", deleted=True), False),
    ],
    ids=["kept", "forgotten for a repair", "changed", "changed and changed back", "never written", "marked deleted"],
)
def test_what_is_an_echo(known: dict[str, object], arrived: MappedRecord, echo: bool) -> None:
    assert is_echo(known, arrived) is echo


def writes_until_rest(guard: Guard, most: int = 20) -> int:
    """Two sides in step: the CRM sends what it has, accounting cuts it to five letters, what arrives is a change."""
    ours, known, writes = "Ромашка", row(None, ""), 0
    while writes < most:
        kept = ours[:5] + str(writes)  # what accounting makes of it: never quite what was sent
        writes += 1
        known = row(f"hash of {kept}", f"hash of {kept}")
        arrived = record(kept)
        if guard(known, arrived) or arrived.fields["name"] == ours:
            return writes
        ours = str(arrived.fields["name"])
    return writes


def test_with_the_guard_one_write_and_rest() -> None:
    assert writes_until_rest(is_echo) == 1


def test_without_the_guard_it_never_ends() -> None:
    assert writes_until_rest(lambda known, arrived: False) == 20
