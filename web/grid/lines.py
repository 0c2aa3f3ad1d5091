"""The lines of the grid: each field with what fills it, what the base has there, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from rapidfuzz import fuzz

from mapping.editing.layers import Row
from mapping.editing.tracing import NOTHING, Trace
from sync.mappings.drafting import Problem
from web.grid.desk import GridDesk, Samples, sample_of, trace_row

LONGEST = 160
MOST_FOUND = 40
_NEAR = 60


@dataclass(frozen=True, slots=True)
class Line:
    """One field. `kind`: what the base says that the first place of its rule holds."""

    row: Row
    kind: str
    trace: Trace | None
    mistakes: list[Problem]

    @property
    def source(self) -> str:
        """What stands in the base."""
        stages = (
            next((one for one in self.trace.stages if one and one[0].value not in NOTHING), []) if self.trace else []
        )
        return shown(stages[0].value) if stages else ""

    @property
    def value(self) -> str:
        """What comes of it."""
        return shown(self.trace.value) if self.trace is not None else ""


@dataclass(frozen=True, slots=True)
class Offer:
    """A name of the base that a rule can take: what it holds, and a value of it."""

    path: str
    kind: str
    value: str


def shown(value: object) -> str:
    """A value as a cell shows it."""
    if value in NOTHING:
        return ""
    if isinstance(value, list) and all(isinstance(one, (str, int)) for one in value):
        text = ", ".join(map(str, value))
    elif isinstance(value, (dict, list)):
        text = msgspec.json.encode(value, enc_hook=str).decode()
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def list_lines(desk: GridDesk, samples: Samples, entity: str, zone: ZoneInfo) -> list[Line]:
    """Every field of an entity as it is read from the set of these samples."""
    return [build_line(desk, samples, entity, row, zone) for row in desk.rows(entity, samples.set_name)]


def build_line(desk: GridDesk, samples: Samples, entity: str, row: Row, zone: ZoneInfo) -> Line:
    """One field."""
    models = desk.models(row)
    trace = trace_row(desk, samples, entity, row.target, models, zone) if models else None
    mistakes = desk.mistakes_at(row.loc) if row.loc else []
    return Line(row, samples.kind_of(first_path(row.rules)), trace, mistakes)


def first_path(rules: list[dict[str, Any]] | None) -> str:
    """The first place that a rule reads; empty where it reads none."""
    for rule in rules or []:
        said = rule.get("from")
        if isinstance(said, str) or (isinstance(said, list) and said):
            return said if isinstance(said, str) else str(said[0])
    return ""


def find_lines(lines: list[Line], wanted: str, title: Callable[[str], str]) -> list[Line]:
    """Those that have the words in the field's name, in what it is called, or in what fills it."""
    word = wanted.strip().lower()
    if not word:
        return lines
    told = [(line, f"{line.row.target.key} {title(line.row.target.name)} {line.row.rules}") for line in lines]
    return [line for line, text in told if word in text.lower()]


def find_offers(samples: Samples, wanted: str, section: str = "") -> list[Offer]:
    """Names of the base that are like what was typed, the likest first; of the rows of a section where one is meant."""
    paths = samples.row_fields(section) if section else samples.paths()
    word = wanted.strip().lower()
    names = sorted(path for path, kind in paths.items() if kind != "rows" and word in path.lower())
    if word and len(names) < MOST_FOUND:
        near = ((fuzz.partial_ratio(word, path.lower()), path) for path, kind in paths.items() if kind != "rows")
        names += [path for ratio, path in sorted(near, reverse=True) if ratio >= _NEAR and path not in names]
    at = f"{section}." if section else ""
    return [Offer(path, paths[path], shown(sample_of(samples, at + path))) for path in names[:MOST_FOUND]]
