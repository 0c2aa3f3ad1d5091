"""The fields of a connection's form, made from the models that settings are checked by: a new connector needs no page.

What is no single value (quiet hours, lists) stays in the settings file and is not touched by the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from core.secrets import Secret
from core.settings import ConnectionSettings

Kind = Literal["text", "number", "flag", "choice", "day", "secret"]
_COMMON = ("role", "write", "timezone", "since", "every", "rate", "burst", "changes", "near", "payment_days",
           "deletion_guard_share", "deletion_guard_records")  # fmt: skip
_FIRST = ("role", "write", "timezone")
_PATHS = ("_file", "_folder", "_path", "_dir")
_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its key in the settings, how it is filled in, and what counts when it is left empty.

    `first`: it is shown at once, the others below a fold. `path`: it names a file of the machine.
    """

    name: str
    kind: Kind
    required: bool
    usual: str
    choices: tuple[str, ...] = ()
    first: bool = True
    path: bool = False


def common_fields(model: type[BaseModel]) -> list[Field]:
    """What every connection may be told, however it is reached; the usual role is the kind's own."""
    fields = ConnectionSettings.model_fields
    usual = {"role": getattr(model, "default_role", "accounting")}
    made = [_build(name, fields[name], first=name in _FIRST) for name in _COMMON]
    found = [one for one in made if one is not None]
    return [_with_usual(one, usual[one.name]) if one.name in usual else one for one in found]


def own_fields(model: type[BaseModel]) -> list[Field]:
    """What only this kind is told. The way in comes first in every model: up to its last secret or necessary key."""
    known = ConnectionSettings.model_fields
    made = [_build(name, info, first=False) for name, info in model.model_fields.items() if name not in known]
    found = [one for one in made if one is not None]
    last = max((place for place, one in enumerate(found) if one.required or one.kind == "secret"), default=-1)
    return [_first(one) if place <= last else one for place, one in enumerate(found)]


def read_fields(fields: list[Field], form: Mapping[str, object]) -> Iterator[tuple[Field, object]]:
    """What was filled in for each field but secrets: a value, or None where it was left empty."""
    for one in fields:
        if one.kind != "secret":
            given = form.get(f"o.{one.name}")
            yield one, _value(one, given.strip() if isinstance(given, str) else "")


def as_text(value: object) -> str:
    """A value of the settings as the form shows it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def _value(one: Field, text: str) -> object:
    """Text that is no such value is left for the model to refuse, with its own words."""
    if not text:
        return None
    if one.kind == "flag":
        return {"true": True, "false": False}.get(text, text)
    for read in {"number": (int, float), "day": (date.fromisoformat,)}.get(one.kind, ()):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _build(name: str, info: FieldInfo, *, first: bool) -> Field | None:
    types = _types(info.annotation)
    kind, choices = _kind(types), tuple(str(one) for one in get_args(types[0])) if len(types) == 1 else ()
    if kind is None:
        return None
    path = Path in types or name.endswith(_PATHS) or name in ("folder", "path", "file")
    return Field(name, kind, info.is_required(), _usual(info.default), choices, first, path)


def _types(annotation: Any) -> tuple[Any, ...]:
    """The types that a value may have, without None and without remarks."""
    if get_origin(annotation) is Annotated:
        return _types(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return tuple(one for part in get_args(annotation) for one in _types(part) if one is not NoneType)
    return (annotation,)


def _kind(types: tuple[Any, ...]) -> Kind | None:
    if len(types) == 1 and get_origin(types[0]) is Literal:
        return "choice"
    kinds: dict[Any, Kind] = {bool: "flag", int: "number", float: "number", date: "day", Secret: "secret",
                              str: "text", timedelta: "text", Path: "text"}  # fmt: skip
    found = {kinds.get(one) for one in types}
    return found.pop() if len(found) == 1 else None


def _usual(value: object) -> str:
    if value is None or value is PydanticUndefined:
        return ""
    if isinstance(value, timedelta):
        seconds = int(value.total_seconds())
        size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
        return f"{seconds // size}{unit}"
    return as_text(value)


def _first(one: Field) -> Field:
    return Field(one.name, one.kind, one.required, one.usual, one.choices, True, one.path)


def _with_usual(one: Field, usual: str) -> Field:
    return Field(one.name, one.kind, one.required, usual, one.choices, one.first, one.path)
