"""The difference between two versions of a mapping in plain words, field by field: what an admin is shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mapping.files.problems import Problems
from mapping.files.text import Chain, Tree, load_chain, put_settings

_RULES = frozenset({"fields", "attributes", "body", "new", "requisites", "own"})
_MISSING = object()
_WORDS = {
    "when": "when `{}`",
    "table": "by the value table {}",
    "default": "else {}",
    "sets": "of {}",
    "on_error": "on an error: {}",
    "owner": "owned by {}",
    "direction": "direction {}",
    "optional": "optional: {}",
    "each": "for each of {}",
    "marker": "with our marker",
    "kind": "as {}",
    "empty": "where empty: {}",
    "labels": "called {}",
}


@dataclass(frozen=True, slots=True)
class Saying:
    """One difference: where (entity, field), and what was and is. Empty `before`: new; empty `after`: taken away."""

    where: str
    before: str
    after: str

    def __str__(self) -> str:
        if not self.before:
            return f"{self.where}: new: {self.after}"
        if not self.after:
            return f"{self.where}: taken away (was: {self.before})"
        return f"{self.where}: was {self.before}; is {self.after}"


def tell_differences(before: str, after: str, origin: str) -> list[Saying]:
    """What changes from one complete text to another, each with everything that it extends and its settings put in.

    Raises:
        ConfigError: one of the texts cannot be read.
    """
    return list(_compare((), _tree(before, origin), _tree(after, origin)))


def _tree(text: str, origin: str) -> Tree:
    chain: Chain = load_chain(text, origin, None)
    put_settings(chain, Problems(chain.place_of))
    chain.tree.pop("extends", None)
    return chain.tree


def _compare(loc: tuple[str, ...], before: object, after: object) -> Iterator[Saying]:
    if before == after or (before is _MISSING and after is False) or (before is False and after is _MISSING):
        return
    whole = bool(loc) and (loc[-2:-1] and loc[-2] in _RULES)
    if not whole and (isinstance(before, dict) or isinstance(after, dict)):
        old = before if isinstance(before, dict) else {}
        new = after if isinstance(after, dict) else {}
        if not old and not new:  # a set that is read by the rules of its entity alone
            yield Saying(_where(loc), "" if before is _MISSING else "there", "" if after is _MISSING else "there")
        for key in dict.fromkeys([*old, *new]):
            yield from _compare((*loc, key), old.get(key, _MISSING), new.get(key, _MISSING))
        return
    yield Saying(_where(loc), _describe(loc, before), _describe(loc, after))


def _where(loc: tuple[str, ...]) -> str:
    kind, *rest = loc
    if kind == "entities" and rest:
        return ": ".join(_without(rest, _RULES | {"sources", "lines"})) or kind
    if kind == "parts" and rest:
        return f"{rest[0]} (shared): " + ": ".join(_without(rest[1:], _RULES))
    if kind == "outbound" and rest:
        return f"{rest[0]} into accounting: " + ": ".join(_without(rest[1:], _RULES | {"steps", "rows"}))
    if kind == "cards" and rest:
        return f"{rest[0]} card: " + ": ".join(_without(rest[1:], _RULES))
    return ".".join(loc)


def _without(parts: list[str], words: frozenset[str]) -> list[str]:
    """The words of the grammar say nothing to a person; `lines` stays where it is the name of the rows."""
    return [part for index, part in enumerate(parts) if part not in words or (index and parts[index - 1] == part)]


def _describe(loc: tuple[str, ...], value: object) -> str:
    if value is _MISSING or (value is False and len(loc) > 1 and loc[-2] in _RULES):
        return ""
    if len(loc) > 1 and loc[-2] in _RULES:
        return describe_rules(value)
    return _plain(value)


def describe_rules(value: object) -> str:
    """A field's rules in words: where the value comes from and what is done to it."""
    rules = value if isinstance(value, list) and any(isinstance(item, dict) for item in value) else [value]
    return "; else ".join(_rule(rule) for rule in rules)


def _rule(rule: object) -> str:
    if not isinstance(rule, dict):
        return _origin(rule)
    parts = [_from(rule)]
    if steps := rule.get("steps"):
        parts.append("then " + ", ".join(_step(step) for step in steps))
    parts += [text.format(_said(key, rule[key])) for key, text in _WORDS.items() if key in rule]
    return ", ".join(part for part in parts if part)


def _said(key: str, value: object) -> str:
    return value if isinstance(value, str) and key != "default" else _plain(value)


def _from(rule: dict[str, Any]) -> str:
    if "from" in rule:
        return _origin(rule["from"])
    if "value" in rule:
        return f"always {_plain(rule['value'])}"
    if "formula" in rule:
        return f"computed `{rule['formula']}`"
    if "words" in rule:
        return "put together of " + ", ".join(f"`{name}`" for name in rule["words"])
    named = {key: rule[key] for key in ("ref", "lookup", "step") if key in rule}
    return ", ".join(f"{key} {_plain(value)}" for key, value in named.items())


def _origin(value: object) -> str:
    return "from " + (" or ".join(f"`{item}`" for item in value) if isinstance(value, list) else f"`{value}`")


def _step(step: object) -> str:
    if not isinstance(step, dict):
        return str(step)
    rest = ", ".join(f"{key} {_plain(value)}" for key, value in step.items() if key != "do")
    return f"{step.get('do')} ({rest})" if rest else str(step.get("do"))


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value) or "nothing"
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_plain(item)}" for key, item in value.items()) or "nothing"
    return repr(value) if isinstance(value, str) else str(value)
