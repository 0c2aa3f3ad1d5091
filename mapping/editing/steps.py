"""The closed set of cleaners as a form asks for them: which arguments each takes, and of what kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from mapping.cleaners.common import CLEANERS

ArgKind = Literal["text", "number", "numbers", "words", "choice"]
FLAG = ("false", "true")


@dataclass(frozen=True, slots=True)
class Arg:
    """One argument of a cleaner. `default`: what counts where nothing is said; None: it must be said."""

    name: str
    kind: ArgKind
    choices: tuple[str, ...] = ()
    default: str | None = None


def _arg(name: str, info: FieldInfo) -> Arg:
    default = None if info.is_required() else _shown(info.default)
    if info.annotation is bool:
        return Arg(name, "choice", FLAG, default)
    if get_origin(info.annotation) is tuple:
        return Arg(name, "words", (), default)
    if get_origin(info.annotation) is Literal:
        return Arg(name, "choice", tuple(map(str, get_args(info.annotation))), default)
    if get_origin(info.annotation) is list:
        return Arg(name, "numbers", (), default)
    return Arg(name, "number" if info.annotation in (int, Decimal) else "text", (), default)


def step_of(do: str, typed: Mapping[str, str]) -> str | dict[str, Any]:
    """A step as a rule file says it, from what was typed; the name alone where nothing else is said."""
    said: dict[str, Any] = {}
    for arg in STEP_ARGS.get(do, ()):
        text = typed.get(arg.name, "")
        if (text or (arg.default is None and arg.kind == "text")) and text != arg.default:
            said[arg.name] = _value(arg, text)
    return {"do": do} | said if said else do


def typed_of(step: object) -> tuple[str, dict[str, str]]:
    """A step of a rule file as its name and what stands in the form's fields."""
    if not isinstance(step, dict):
        return str(step), {}
    said = {name: _shown(value) for name, value in step.items() if name != "do"}
    return str(step.get("do", "")), said


def _value(arg: Arg, text: str) -> object:
    if arg.kind in ("numbers", "words"):
        words = text.replace(",", " ").split()
        return [int(word) if arg.kind == "numbers" and _is_whole(word) else word for word in words]
    if arg.choices == FLAG:
        return text == "true"
    return int(text.strip()) if arg.kind == "number" and _is_whole(text.strip()) else text


def _is_whole(word: str) -> bool:
    return word.isascii() and word.removeprefix("-").isdecimal() and len(word) < 12


def _shown(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


STEP_ARGS: dict[str, tuple[Arg, ...]] = {
    do: tuple(_arg(name, info) for name, info in model.model_fields.items() if name != "do")
    for do, model in sorted(CLEANERS.items())
}
"""By the name of a cleaner, its arguments in the order in which they are declared."""
