"""What a file sets under `[settings]`, held against what the files that it extends declare and what rules use."""

from __future__ import annotations

from collections.abc import Iterator

from mapping.files.problems import Problems, suggest
from mapping.files.text import SETTING, Chain, Tree

_KINDS: dict[type, str] = {str: "a text", bool: "true or false", int: "a whole number", list: "a list of texts"}


def check_settings(chain: Chain, problems: Problems) -> None:
    """Note settings that nothing knows, and those of another kind than the extended files have.

    A text that the store has kept is left alone: it was checked when it came, and rules as it is.
    """
    if chain.kept:
        return
    used = {name for file in chain.files for name in _used(file.tree)}
    for index, file in enumerate(chain.files[:-1]):
        below: Tree = {}
        for other in reversed(chain.files[index + 1 :]):
            below |= _settings(other.tree)
        known = sorted(below.keys() | used)
        nearer = {name for other in chain.files[:index] for name in _settings(other.tree)}
        for name, value in _settings(file.tree).items():
            if name in nearer:
                continue
            if not _is_right(name, value, below, known, problems) and name in below:
                chain.tree["settings"][name] = below[name]  # so that one mistake is told once


def _is_right(name: str, value: object, below: Tree, known: list[str], problems: Problems) -> bool:
    loc = ("settings", name)
    if name not in known:
        problems.add(loc, f"no rule uses the setting {name!r}{suggest(name, known)}")
    elif name in below and type(value) is not type(below[name]) and type(value) in _KINDS:
        wanted = _KINDS.get(type(below[name]), "another kind of value")
        problems.add(loc, f"is {wanted}, not {_KINDS[type(value)]}")
    else:
        return True
    return False


def _settings(tree: Tree) -> Tree:
    found = tree.get("settings")
    return found if isinstance(found, dict) else {}


def _used(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield from SETTING.findall(value)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _used(item)
    elif isinstance(value, list):
        for item in value:
            yield from _used(item)
