"""Two texts compared as lines that went, came and stayed."""

from __future__ import annotations

from dataclasses import dataclass

from rapidfuzz.distance import Indel

MOST_LINES = 20_000
"""Lines of both texts together: comparing takes time with their product."""
_AROUND = 3


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `kind` is "gone", "new", "same", or "gap" where lines that are the same were left out."""

    kind: str
    number: int
    text: str


def compare_texts(before: str, after: str) -> list[Line] | None:
    """The differences with a few lines around them; empty where there are none, None where the texts are too long."""
    old, new = before.splitlines(), after.splitlines()
    if len(old) + len(new) > MOST_LINES:
        return None
    if old == new:
        return []
    found: list[Line] = []
    new_ones: list[Line] = []
    for step in Indel.opcodes(old, new):
        there = enumerate(new[step.dest_start : step.dest_end], step.dest_start + 1)
        if step.tag == "delete":  # what went stands before what came in its place
            gone = enumerate(old[step.src_start : step.src_end], step.src_start + 1)
            found += [Line("gone", number, line) for number, line in gone]
        elif step.tag == "insert":
            new_ones += [Line("new", number, line) for number, line in there]
        else:
            found += new_ones + [Line("same", number, line) for number, line in there]
            new_ones = []
    found += new_ones
    return _without_the_same(found)


def _without_the_same(lines: list[Line]) -> list[Line]:
    """Only what is near to a difference; where something was left out stands a gap."""
    near: set[int] = set()
    for place, line in enumerate(lines):
        if line.kind != "same":
            near.update(range(place - _AROUND, place + _AROUND + 1))
    kept: list[Line] = []
    for place, line in enumerate(lines):
        if place in near:
            kept.append(line)
        elif not kept or kept[-1].kind != "gap":
            kept.append(Line("gap", 0, ""))
    return kept
