"""Where each key of a TOML text stands. Reads only texts that `tomllib` has taken already.

tomllib gives values without places; messages need line and column (design: "file, line and what is allowed").
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

Loc = tuple[str | int, ...]

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'', re.DOTALL)
_SCALAR = re.compile(r"[^,\]}#\n]+")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)


@dataclass(slots=True)
class Positions:
    """Places of all keys and list items of one text."""

    places: dict[Loc, tuple[int, int]] = field(default_factory=dict)

    def find(self, loc: Loc) -> tuple[int, int, int]:
        """How deep the path is known here, and line and column of its deepest known part (0, 0 when nothing is).

        Parts that a check has put in (a single rule taken as a list of one, the name of a cleaner) are passed over.
        """
        depth, place = 0, (0, 0)
        known: Loc = ()
        for part in loc:
            longer = (*known, part)
            if longer in self.places:
                depth, known, place = depth + 1, longer, self.places[longer]
        return depth, *place


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self.line = 0
        self.found = Positions()
        self.lengths: dict[Loc, int] = {}

    def place(self, at: int) -> tuple[int, int]:
        while self.line + 1 < len(self.starts) and self.starts[self.line + 1] <= at:
            self.line += 1
        while self.starts[self.line] > at:
            self.line -= 1
        return self.line + 1, at - self.starts[self.line] + 1

    def skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def peek(self, token: str) -> bool:
        return self.text.startswith(token, self.at)

    def note(self, loc: Loc, at: int) -> None:
        self.found.places.setdefault(loc, self.place(at))

    def read(self) -> Positions:
        table: Loc = ()
        while True:
            self.skip(_SPACE)
            if self.at >= len(self.text):
                return self.found
            if self.peek("["):
                table = self.header()
            else:
                self.pair(table)

    def header(self) -> Loc:
        many = self.peek("[[")
        self.at += 2 if many else 1
        loc = self.key(())
        self.at += 2 if many else 1
        if many:
            index = self.lengths.get(loc, 0)
            self.lengths[loc] = index + 1
            loc = (*loc, index)
            self.note(loc, self.at)
        return loc

    def key(self, loc: Loc) -> Loc:
        while True:
            self.skip(_BLANK)
            start = self.at
            match = _STRING.match(self.text, self.at) or _BARE.match(self.text, self.at)
            if match is None:
                self.at = len(self.text)
                return loc
            self.at = match.end()
            loc = (*loc, _unquote(match[0]))
            if loc in self.lengths and loc[:-1] not in self.lengths:
                self.note(loc, start)
                loc = (*loc, self.lengths[loc] - 1) if self.text[self.at : self.at + 1] == "." else loc
            self.note(loc, start)
            self.skip(_BLANK)
            if not self.peek("."):
                return loc
            self.at += 1

    def pair(self, table: Loc) -> None:
        loc = self.key(table)
        self.at = min(self.at + 1, len(self.text))
        self.skip(_BLANK)
        self.value(loc)

    def value(self, loc: Loc) -> None:
        if self.peek("["):
            self.at += 1
            self.items(loc)
        elif self.peek("{"):
            self.at += 1
            self.inline(loc)
        else:
            match = _STRING.match(self.text, self.at) or _SCALAR.match(self.text, self.at)
            self.at = match.end() if match else self.at + 1

    def items(self, loc: Loc) -> None:
        index = 0
        while self.at < len(self.text):
            self.skip(_SPACE)
            if self.peek("]"):
                self.at += 1
                return
            if self.peek(","):
                self.at += 1
                continue
            self.note((*loc, index), self.at)
            self.value((*loc, index))
            index += 1

    def inline(self, loc: Loc) -> None:
        while self.at < len(self.text):
            self.skip(_SPACE)
            if self.peek("}"):
                self.at += 1
                return
            if self.peek(","):
                self.at += 1
                continue
            self.pair(loc)


def _unquote(word: str) -> str:
    if word.startswith("'"):
        return word[1:-1]
    if not word.startswith('"'):
        return word
    return _ESCAPE.sub(lambda match: chr(int(match[1] or match[2], 16)) if not match[3] else match[3], word[1:-1])


def find_positions(text: str) -> Positions:
    """The places of all keys of a valid TOML text."""
    return _Reader(text).read()
