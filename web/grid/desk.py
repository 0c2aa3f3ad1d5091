"""A draft opened for the grid: its rules as written and as they run, its mistakes, and records to show them by."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection

from mapping.editing.layers import Row, Target, list_rows, list_sets
from mapping.editing.text import Keys
from mapping.editing.tracing import NOTHING, Trace, Tracer, rules_at
from mapping.files.text import Chain, Tree, load_chain
from mapping.grammar.files import FieldRule, RuleFile
from mapping.model import SourceSet
from mapping.paths import PathError, parse_path
from mapping.rules import Mapping, read_rules
from store import landing
from store.declared import Declared, load_declared
from sync.context import App
from sync.mappings.drafting import Opened, Problem, ReadText, open_text, read_text
from sync.pull.drift import logical

SAMPLES = 12
"""Records of a set by which rules are shown."""
Data = dict[str, object]


@dataclass(slots=True)
class GridDesk:
    """A draft as the grid works on it. `text`: of the draft, or of what it would begin with."""

    opened: Opened
    text: str
    found: ReadText
    mapping: Mapping
    chain: Chain
    rules: RuleFile

    @property
    def tree(self) -> Tree:
        """What the file and all that it extends say, as it is written."""
        return self.chain.tree

    def sets(self, entity: str) -> dict[str, bool]:
        """The sets of an entity, and whether each is read."""
        return list_sets(self.tree, entity)

    def rows(self, entity: str, set_name: str) -> list[Row]:
        """The fields of an entity as it is read from a set."""
        return list_rows(self.chain, entity, set_name)

    def models(self, row: Row) -> list[FieldRule]:
        """The rules of a row, as they run."""
        return rules_at(self.rules, row.loc) if row.rules is not None else []

    def mistakes_at(self, loc: Keys) -> list[Problem]:
        """What is wrong at a place of the draft, or below it."""
        path = ".".join(loc)
        return [one for one in self.found.problems if one.level == "error" and f"{one.path}.".startswith(f"{path}.")]

    def source(self, entity: str, set_name: str) -> SourceSet | None:
        """The set as it is read; None where it is not, or has mistakes."""
        mapped = self.mapping.entities.get(entity)
        return next((one for one in mapped.sources if one.name == set_name), None) if mapped is not None else None


def open_desk(app: App, key: str, text: str | None = None, opened: Opened | None = None) -> GridDesk | None:
    """The draft of a mapping, or a text in its place; None where it cannot be read at all and its text is to be mended.

    Raises:
        ConfigError: there is nothing that a draft could begin with.
    """
    opened = opened or open_text(app, key)
    text = opened.text if text is None else text
    found = read_text(app, key, text, opened.ruling)
    mapping = found.mapping or found.rest
    if mapping is None:
        return None
    chain = load_chain(mapping.text, key, None)
    written = copy.deepcopy(chain.tree)
    rules = read_rules(chain)
    chain.tree = written
    return GridDesk(opened, text, found, mapping, chain, rules)


@dataclass(slots=True)
class Samples:
    """Records of a set as received, and what the base says of its fields. `kept`: the base has said so itself."""

    records: list[tuple[str, Data]]
    declared: Declared
    set_name: str

    @property
    def kept(self) -> bool:
        """Whether the base itself has told of this set."""
        return self.set_name in self.declared.sets

    def fields(self) -> dict[str, str]:
        """The set's own fields and what each holds; from the records where the base has not told."""
        if self.kept:
            return self.declared.sets[self.set_name]
        found: dict[str, str] = {}
        for _, data in self.records:
            for name, value in data.items():
                found.setdefault(logical(name), _kind(value))
        return found

    def paths(self) -> dict[str, str]:
        """All that a rule can name: fields, and those of the rows of sections as `Section.Field`."""
        found = self.fields()
        for section in [name for name, kind in found.items() if kind == "rows"]:
            for name, kind in self.row_fields(section).items():
                found = found | {f"{section}.{name}": kind}
        return found

    def row_fields(self, section: str) -> dict[str, str]:
        """The fields of the rows of a section."""
        if self.kept:
            return self.declared.sections.get((self.set_name, section), {})
        rows = (row for _, data in self.records for row in self.rows(data, section))
        return {logical(name): _kind(value) for row in rows for name, value in row.items()}

    @staticmethod
    def rows(data: Data, section: str) -> list[Data]:
        """The rows of a section of a record."""
        rows = data.get(section)
        return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []

    def kind_of(self, path: str, section: str = "") -> str:
        """What a path of a rule leads to; empty where that is not known."""
        try:
            taken = parse_path(path)
        except PathError:
            return ""
        if section or not taken.leaves:
            return (self.row_fields(section) if section else self.fields()).get(logical(taken.head), "")
        return self.row_fields(taken.head).get(logical(taken.leaves[0]), "")


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    return (
        "rows"
        if isinstance(value, list)
        else "text"
        if isinstance(value, str)
        else "any"
        if value is None
        else "number"
    )


def load_samples(conn: Connection, connection: str, entity: str, set_name: str, number: int = SAMPLES) -> Samples:
    """A few records of a set that are here, and what is kept of the base's own word about it."""
    records = []
    for landed in landing.load_some(conn, connection, entity, set_name, number):
        try:
            records.append((landed.external_id, landing.decode(landed.raw)))
        except msgspec.DecodeError:  # cut when it was kept: it shows nothing
            continue
    return Samples(records, load_declared(conn, connection, set_name), set_name)


def trace_row(
    desk: GridDesk, samples: Samples, entity: str, target: Target, rules: list[FieldRule], zone: ZoneInfo, skip: int = 0
) -> Trace | None:
    """What the rules make of the first record in which they find something, `skip` of those passed over."""
    tracer = Tracer(desk.rules, samples.set_name, zone)
    group = target.group.removeprefix("lines.") if target.group.startswith("lines.") else ""
    sections = tracer.sections(entity, group) if group else []
    last: Trace | None = None
    for external_id, data in samples.records:
        places = [(name, row) for name in sections for row in samples.rows(data, name)] if group else [("", data)]
        for section, place in places[:3]:
            found = tracer.trace(target, rules, external_id, place, section)
            last = last or found
            if found.filled and (skip := skip - 1) < 0:
                return found
    return last


def sample_of(samples: Samples, path: str) -> object:
    """The first value of an attribute, or of a section's, that stands in one of the records."""
    head, _, leaf = path.partition(".")
    for _, data in samples.records:
        places = samples.rows(data, head) if leaf else [data]
        for place in places:
            name = leaf or head
            value = next((place[one] for one in (name, f"{name}_Key") if place.get(one) not in NOTHING), None)
            if value not in NOTHING and not isinstance(value, dict):
                return value
    return None
