"""Values that a person gives for a record in the place of what the rules make of it, checked against the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from core.errors import UsageError
from mapping.model import ENTITIES, FieldSpec, LineSpec, MappedLine, RefSpec
from mapping.values import CONVERTERS, Env, clean_text

_LONGEST_ID = 200


@dataclass(frozen=True, slots=True)
class Given:
    """Canonical values, references by external id and whole groups of lines; `mark` tells it on the record."""

    fields: dict[str, object] = field(default_factory=dict)
    refs: dict[str, str | None] = field(default_factory=dict)
    lines: dict[str, list[MappedLine]] = field(default_factory=dict)
    mark: str = ""


def read_given(entity: str, values: Mapping[str, object], zone: ZoneInfo, mark: str = "") -> Given:
    """What a person has given, converted as the model wants it: fields, references and groups of lines by name.

    A naive date is the wall clock of the connection's zone; nothing (null or an empty text) takes a value away.

    Raises:
        UsageError: all mistakes at once, each with the field and what is accepted.
    """
    spec, problems = ENTITIES[entity], list[str]()
    given = Given(mark=mark)
    for name, value in values.items():
        if name in spec.lines:
            given.lines[name] = _read_lines(name, spec.lines[name], value, zone, problems)
        else:
            _read_one(name, value, (spec.fields, spec.refs), (given.fields, given.refs), zone, problems)
    if problems:
        known = ", ".join((*spec.fields, *spec.refs, *spec.lines))
        raise UsageError(f"{'; '.join(problems)}. A {entity} has: {known}.", next_step="sverka dead show NUMBER")
    return given


def _read_one(
    name: str,
    value: object,
    known: tuple[Mapping[str, FieldSpec], Mapping[str, RefSpec]],
    found: tuple[dict[str, object], dict[str, str | None]],
    zone: ZoneInfo,
    problems: list[str],
) -> None:
    fields, refs = known
    try:
        if name in fields:
            found[0][name] = _convert(name, fields[name], value, zone)
        elif name in refs:
            found[1][name] = _external_id(value)
        else:
            problems.append(f"there is no field {name}")
    except (ValueError, ArithmeticError) as error:
        problems.append(f"{name}: {str(error)[:200]}")


def _convert(name: str, spec: FieldSpec, value: object, zone: ZoneInfo) -> object:
    if value is None or value == "":
        if spec.required:
            raise ValueError("every record of its kind must have it")
        return [] if spec.kind == "texts" else None
    env = Env(zone, "")
    env.field = name
    converted = CONVERTERS[spec.kind](value, env)
    if spec.values and converted not in spec.values:
        raise ValueError(f"is one of {', '.join(spec.values)}")
    return converted


def _external_id(value: object) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > _LONGEST_ID or clean_text(value) != value:
        raise ValueError("is the key of the record there, as text")
    return value.lower()


def _read_lines(name: str, spec: LineSpec, value: object, zone: ZoneInfo, problems: list[str]) -> list[MappedLine]:
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        problems.append(f"{name}: is a list of rows, given with --file")
        return []
    lines = []
    for number, row in enumerate(value, 1):
        line, wrong = MappedLine({}, {}), list[str]()
        for key, item in row.items():
            _read_one(str(key), item, (spec.fields, spec.refs), (line.fields, line.refs), zone, wrong)
        problems += [f"{name}, row {number}: {text}" for text in wrong]
        lines.append(line)
    return lines
