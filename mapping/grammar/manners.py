"""What every part of the grammar of a rule file is made of: its models' manners, and the short forms of values."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

Off = Literal[False]
Titles = dict[Literal["en", "ru", "uk"], str]


class Model(BaseModel):
    """A part of the rule file."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True, populate_by_name=True)


def _scalar(value: object) -> object:
    if not isinstance(value, (str, bool, int)):
        raise ValueError("is a text, a whole number, or true or false")
    return value


def _setting(value: object) -> object:
    texts = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return value if texts else _scalar(value)


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def as_rules(value: object) -> object:
    """A single rule or path, or several of them, as a list of rules; `false` stays."""
    if value is False:
        return value
    items = value if isinstance(value, list) else [value]
    return [{"from": item} if isinstance(item, str) else item for item in items]


def _as_titles(value: object) -> object:
    return {"en": value} if isinstance(value, str) else value


Scalar = Annotated[str | bool | int, BeforeValidator(_scalar, json_schema_input_type=str | bool | int)]
Setting = Annotated[
    str | bool | int | list[str], BeforeValidator(_setting, json_schema_input_type=str | bool | int | list[str])
]
Paths = Annotated[list[str], BeforeValidator(_as_list, json_schema_input_type=str | list[str])]
TitleField = Annotated[Titles, BeforeValidator(_as_titles, json_schema_input_type=str | Titles)]
