"""Golden cases: one raw payload and what the mapping must make of it, kept as files beside the mapping.

`own.toml` has its cases in `own.cases/*.json`, the preset `bp30` in `presets/bp30.cases/*.json`. What a case does not
name must be empty, so that a value that comes where none is expected is seen as well. docs/mapping-format.md tells how
a case is written.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from core.errors import ConfigError
from mapping.files.problems import Problems
from mapping.files.text import LARGEST, PRESETS, preset_names
from mapping.model import ENTITIES

NEXT_STEP = "mend these cases, then: sverka mapping test"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)


class Expected(_Model):
    """What must come out. Of `in`: a record, `left_out` or an `error`. Of `out`: what is sent or missing, or a card."""

    fields: dict[str, Any] = Field(default_factory=dict)
    refs: dict[str, str | None] = Field(default_factory=dict)
    lines: dict[str, list[dict[str, Any]]] = Field(default_factory=dict)
    marks: dict[str, str] = Field(default_factory=dict)
    deleted: bool = False
    left_out: bool = False
    error: str = ""
    steps: list[dict[str, Any]] = Field(default_factory=list)
    missing: list[str] = Field(default_factory=list)
    card: dict[str, Any] = Field(default_factory=dict)


class Case(_Model):
    """One golden case. `raw` is the payload as received (in), or our record as it is to be sent (out).

    `card`: out to a CRM, on this card; `raw` is what the store tells of the record.
    """

    title: str = Field(min_length=1, max_length=200)
    entity: str
    direction: Literal["in", "out"] = "in"
    source: str = ""
    card: str = ""
    timezone: str = "Europe/Moscow"
    raw: dict[str, Any]
    expected: Expected

    @field_validator("entity")
    @classmethod
    def _known_entity(cls, value: str) -> str:
        if value not in ENTITIES:
            raise ValueError(f"there is no entity {value[:40]!r}; there are {', '.join(ENTITIES)}")
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ValueError, OSError, ZoneInfoNotFoundError) as error:
            raise ValueError(f"there is no time zone {value[:40]!r}") from error
        return value

    @model_validator(mode="after")
    def _has_source(self) -> Case:
        if self.direction == "in" and not self.source:
            raise ValueError("a case of direction in names its `source`: the set that the payload is of")
        if self.card and self.direction == "in":
            raise ValueError("a case with a `card` is of direction out")
        return self


@dataclass(frozen=True, slots=True)
class PlacedCase:
    """A case with the place that messages name: its file, or the store."""

    where: str
    case: Case


def cases_folder(name_or_path: str, folder: Path | None = None) -> Path:
    """Where the cases of a preset or of a rule file lie; the folder need not be there."""
    if name_or_path in preset_names():
        return PRESETS / f"{name_or_path}.cases"
    return ((folder or Path()) / name_or_path).with_suffix(".cases")


def load_cases(folder: Path) -> list[PlacedCase]:
    """All cases of a folder, in order of their file names; none where there is no folder.

    Raises:
        ConfigError: files that are no cases: all of them at once, with what is wrong.
    """
    problems = Problems(lambda loc: (str(folder), 0, 0))
    found = []
    for path in sorted(folder.glob("*.json")):
        case = _load(path, problems)
        if case is not None:
            found.append(PlacedCase(str(path), case))
    if problems.found:
        told = "\n".join(f"  - {text}" for text in problems.found.values())
        raise ConfigError(f"These golden cases cannot be read:\n{told}\n", next_step=NEXT_STEP)
    return found


def _load(path: Path, problems: Problems) -> Case | None:
    here = Problems(lambda loc: (str(path), 0, 0))
    try:
        return parse_case(_read(path))
    except ValidationError as error:
        here.add_validation(error, Case)
    except json.JSONDecodeError as error:
        here.add((), f"no JSON: {error.msg} (line {error.lineno}, column {error.colno})")
    except RecursionError:
        here.add((), "is nested too deeply")
    except UnicodeDecodeError as error:
        here.add((), f"is not UTF-8 text (byte {error.start + 1})")
    except (OSError, ValueError) as error:
        here.add((), str(error)[:200])
    problems.found |= {((str(path), 0, number), ""): text for number, text in enumerate(here.found.values())}
    return None


def _read(path: Path) -> str:
    with path.open("rb") as stream:
        raw = stream.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise ValueError("is larger than 1 MB: that is no case")
    return raw.decode("utf-8-sig")


def parse_case(text: str) -> Case:
    """A case from its JSON text, numbers exact.

    Raises:
        pydantic.ValidationError: it is no case. ValueError: it is no JSON.
    """
    return Case.model_validate(json.loads(text, parse_float=Decimal, parse_constant=_refuse))


def _refuse(name: str) -> object:
    raise ValueError(f"holds {name}, which is no number")


_encoder = msgspec.json.Encoder(decimal_format="number")


def write_case(case: Case) -> str:
    """The text of a case's file; what is empty is left out."""
    data = case.model_dump(exclude_defaults=True)
    return msgspec.json.format(_encoder.encode(data), indent=2).decode() + "\n"
