"""Mistakes of a rule file: all of them at once, each with file, line, column, what was found and what is allowed."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from rapidfuzz import process
from rapidfuzz.distance import OSA

from core.errors import ConfigError

Loc = tuple[str | int, ...]
Place = tuple[str, int, int]
"""File, line and column, both counted from 1; 0 where unknown."""
MOST_SHOWN = 50
_FARTHEST = 0.45
_MANY_NAMES = 12
NEXT_STEP = "mend these lines, then: sverka mapping check"


_LONGEST = 1_000


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake of a rule file. `line` and `column` count from 1, 0 where unknown; `path`: the key it is about."""

    file: str
    line: int
    column: int
    path: str
    message: str

    @property
    def place(self) -> str:
        """File, line and column, as editors take them."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    def __str__(self) -> str:
        return f"{self.place}: {self.path}: {self.message}" if self.path else f"{self.place}: {self.message}"


class MappingMistakes(ConfigError):
    """A rule file that is not right, with each of its mistakes.

    `rest` is the mapping without what is wrong, to be looked at and never run; None where nothing could be read.
    """

    def __init__(self, message: str, *, next_step: str, mistakes: list[Mistake], rest: Any = None) -> None:
        super().__init__(message, next_step=next_step)
        self.mistakes = mistakes
        self.rest = rest


@dataclass(slots=True)
class Problems:
    """A collection of mistakes; `finish` raises them together.

    `meant` gives the path that a mistake is told of: that of the setting which brought a wrong value into a rule.
    `kept`: the text is one that the store has kept; it was checked when it came, and rules as it is.
    """

    place_of: Callable[[Loc], Place]
    meant: Callable[[Loc], Loc] = lambda loc: loc
    kept: bool = False
    found: dict[tuple[Place, str], Mistake] = field(default_factory=dict)

    def add(self, loc: Loc, message: str, column_offset: int = 0) -> None:
        """Note a mistake at a place of the rule file; the same one is noted once."""
        loc = self.meant(loc)
        file, line, column = self.place_of(loc)
        place = (file, line, column + column_offset if column else 0)
        path = ".".join(str(part) for part in loc)
        self.found.setdefault((place, message), Mistake(*place, path[:_LONGEST], message[:_LONGEST]))

    def add_to_new(self, loc: Loc, message: str) -> None:
        """Note a mistake that a text which is kept already may have: it changes nothing for what has ruled so far."""
        if not self.kept:
            self.add(loc, message)

    def add_unknown(self, loc: Loc, what: str, name: str, known: Iterable[str]) -> None:
        """Note a name that does not exist, with the nearest that does."""
        self.add(loc, f"{what} {name!r} is not known{suggest(name, known)}")

    def add_validation(self, error: ValidationError, model: type[BaseModel], told: Sequence[Loc] = ()) -> list[Loc]:
        """Note everything that pydantic found; returns where.

        What surrounds one of the places `told`, where a wrong value was taken out, is no mistake of its own.
        """
        places = []
        for item in error.errors(include_url=False, include_input=False):
            if _OFF not in item["loc"]:
                loc = tuple(part for part in item["loc"] if not _is_tag(part, model))
                if not any(loc == one[: len(loc)] for one in told):
                    self.add(loc, _explain(item, model))
                places.append(loc)
        return places

    def finish(self, name: str, rest: Any = None) -> None:
        """Raise all that was found; `rest` is what could be built nevertheless.

        Raises:
            MappingMistakes: one mistake a line, in the order of the file.
        """
        if not self.found:
            return
        mistakes = [one for _, one in sorted(self.found.items(), key=lambda pair: pair[0][0])]
        lines = [str(one) for one in mistakes]
        more = f"\n  ... and {len(lines) - MOST_SHOWN} more" if len(lines) > MOST_SHOWN else ""
        shown = "\n".join(f"  - {line}" for line in lines[:MOST_SHOWN])
        text = f"The mapping {name!r} is not right:\n{shown}{more}\n"
        raise MappingMistakes(text, next_step=NEXT_STEP, mistakes=mistakes, rest=rest)


_OFF = "literal[False]"
_TAG = re.compile(r"function-.*|list\[.+\]|[A-Z][a-z]+Rule")


def _is_tag(part: str | int, model: type[BaseModel]) -> bool:
    """Whether pydantic has put this into the path: the name of a model or of a check, not a key of the file."""
    return isinstance(part, str) and _TAG.fullmatch(part) is not None and part not in model.model_fields


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is meant in all likelihood: of the same words in another order, else the nearest, or None.

    A renamed attribute often keeps its words: `НаименованиеПолное`, `ПолноеНаименование`.
    """
    names = list(known)
    words = _words(name[:200])
    turned = [one for one in names if one != name and _words(one) == words] if len(words) > 1 else []
    if turned:
        return turned[0]
    found = process.extractOne(name[:200], names, scorer=OSA.normalized_distance, score_cutoff=_FARTHEST)
    return found[0] if found else None


_WORD = re.compile(r"[^\W\d_]?[^\W\d_A-ZА-ЯЁІЇЄҐ]+|[A-ZА-ЯЁІЇЄҐ]+(?![^\W\d_A-ZА-ЯЁІЇЄҐ])|\d+")


def _words(name: str) -> list[str]:
    """The words that a name is put together of, `ПолноеНаименование` as `full_name`, in one order."""
    return sorted(word.lower() for word in _WORD.findall(name))


def suggest(name: str, known: Iterable[str]) -> str:
    """How a message goes on after an unknown name: the nearest one, or all of them where they are few."""
    names = sorted(known)
    near = nearest(name, names)
    if near is not None:
        return f"; did you mean {near!r}?"
    return f"; known here: {', '.join(names)}" if 0 < len(names) <= _MANY_NAMES else ""


_PLAIN = {
    "string_type": "is a text",
    "bool_type": "is true or false",
    "bool_parsing": "is true or false",
    "int_type": "is a whole number",
    "int_parsing": "is a whole number",
    "int_from_float": "is a whole number",
    "list_type": "is a list",
    "dict_type": "is a section",
    "model_type": "is a section",
    "missing": "is missing",
    "union_tag_not_found": "has no `do`: which cleaner?",
}


def _explain(item: Any, model: type[BaseModel]) -> str:
    kind, loc = str(item["type"]), item["loc"]
    if kind == "extra_forbidden":
        return f"unknown key{suggest(str(loc[-1]), _keys_at(model, loc[:-1]))}"
    if kind == "union_tag_invalid":
        context = item["ctx"]
        known = [word.strip(" '") for word in str(context["expected_tags"]).split(",")]
        return f"the cleaner {context['tag']!r} is not known{suggest(str(context['tag']), known)}"
    if kind == "literal_error":
        return f"is one of {item['ctx']['expected']}"
    text = _PLAIN.get(kind) or str(item["msg"]).removeprefix("Value error, ")
    return text[:1].lower() + text[1:]


def _keys_at(model: type[BaseModel], loc: Loc) -> list[str]:
    found: Any = model
    for part in loc:
        found = _step_into(found, part)
    models = [kind for kind in _flatten(found) if isinstance(kind, type) and issubclass(kind, BaseModel)]
    return sorted({info.alias or name for kind in models for name, info in kind.model_fields.items()})


def _step_into(kind: Any, part: str | int) -> Any:
    options: list[Any] = []
    for option in _flatten(kind):
        origin = get_origin(option)
        if origin is dict:
            options.append(get_args(option)[1])
        elif origin is list and isinstance(part, int):
            options.append(get_args(option)[0])
        elif isinstance(option, type) and issubclass(option, BaseModel):
            fields = {info.alias or name: info.annotation for name, info in option.model_fields.items()}
            if part in fields:
                options.append(fields[str(part)])
            elif option.__name__ == part or (
                getattr(option.model_fields.get("do"), "annotation", None)
                and part in get_args(option.model_fields["do"].annotation)
            ):
                return option
    return Union[tuple(options)] if options else kind  # noqa: UP007 - built at run time


def _flatten(kind: Any) -> list[Any]:
    origin = get_origin(kind)
    if origin is Annotated:
        return _flatten(get_args(kind)[0])
    if origin in (Union, types.UnionType):
        return [part for option in get_args(kind) for part in _flatten(option)]
    return [kind]
