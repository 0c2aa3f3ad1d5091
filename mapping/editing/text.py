"""One value of a rule file's text put, changed or taken out; every other character and comment stays as it was.

tomlkit keeps the writing; what comes out is read again by the very parser that rules are read by, and only a text that
says exactly what was asked for is given back.
"""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable
from typing import Any

import tomlkit
from tomlkit import TOMLDocument
from tomlkit.container import Container
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Array, InlineTable, Item, Key, Table

from core.errors import UsageError
from core.toml import parse_toml
from mapping.files.text import BUNDLE

Tree = dict[str, Any]
Keys = tuple[str, ...]
_BY_HAND = "change it in the text of the mapping"


def put_value(text: str, loc: Keys, value: object) -> str:
    """The text with this value at the path, wherever the text has it; behind the last one of its section where not.

    Comments inside a value that is replaced as a whole go with it; a rule or list is changed part by part.

    Raises:
        UsageError: the text is no TOML, or says this place in a way that cannot be changed without rewriting it.
    """
    own, rest = _own(text)
    tree = _read(own)
    wanted = copy.deepcopy(tree)
    branch = wanted
    for part in loc[:-1]:
        branch = _step(branch, part)
    branch[loc[-1]] = value
    if wanted == tree:
        return text
    return _checked(own, [wanted], lambda document: _put(document, loc, value)) + rest


def drop_value(text: str, loc: Keys) -> str:
    """The text without what stands at the path; a section of fields that is empty then goes, too.

    Raises:
        UsageError: the text is no TOML, or cannot be changed there without rewriting it.
    """
    own, rest = _own(text)
    wanted = _read(own)
    branches = [wanted]
    for part in loc[:-1]:
        branch = branches[-1].get(part)
        if not isinstance(branch, dict):
            return text
        branches.append(branch)
    if branches[-1].pop(loc[-1], None) is None:
        return text
    return _checked(own, [wanted, _pruned(wanted, loc[:-1])], lambda document: _drop(document, loc)) + rest


def _pruned(tree: Tree, loc: Keys) -> Tree:
    """The same without sections on this way that are empty. A set is named by its section alone: that one stays."""
    pruned = copy.deepcopy(tree)
    for length in range(len(loc), 0, -1):
        branch: Any = pruned
        for part in loc[: length - 1]:
            branch = branch[part]
        if branch[loc[length - 1]] == {} and "sources" not in loc:
            del branch[loc[length - 1]]
    return pruned


def value_at(text: str, loc: Keys) -> object:
    """What the text itself has at the path; None where it has nothing.

    Raises:
        UsageError: the text is no TOML.
    """
    found: object = _read(_own(text)[0])
    for part in loc:
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _own(text: str) -> tuple[str, str]:
    """The file of the user's own, and what it was kept together with."""
    at = text.find(f"\n{BUNDLE}")
    return (text, "") if at < 0 else (text[:at], text[at:])


def _read(text: str) -> Tree:
    try:
        return parse_toml(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"The text is no valid TOML: {error}.", next_step=_BY_HAND) from error


def _step(branch: Tree, part: str) -> Tree:
    found = branch.setdefault(part, {})
    if not isinstance(found, dict):  # a field that is taken away, or a short form of something
        raise UsageError(f"The text says {part!r} as one value, which has no parts.", next_step=_BY_HAND)
    return found


def _checked(text: str, wanted: list[Tree], change: Callable[[TOMLDocument], str]) -> str:
    """The changed text, when it says one of the things wanted."""
    try:
        made = change(tomlkit.parse(text))
        said = parse_toml(made)
    except (TOMLKitError, tomllib.TOMLDecodeError, ValueError) as error:
        raise UsageError(f"This place cannot be changed here: {error}", next_step=_BY_HAND) from error
    if said not in wanted:
        raise UsageError("This place is written in a way that cannot be changed here.", next_step=_BY_HAND)
    return made


def _put(document: TOMLDocument, loc: Keys, value: object) -> str:
    found = _find(document, loc)
    if found is not None:
        holder, key, item = found
        _renew(holder, key, item, value)
        return document.as_string()
    section = _find(document, loc[:-1]) if len(loc) > 1 else None
    if len(loc) == 1:
        _add(document, loc[-1], value)
    elif section is not None and _takes_keys(section):
        _add(section[2], loc[-1], value)
    else:
        line = tomlkit.document()
        line.add(loc[-1], _build(value))
        before = document.as_string().rstrip("\n")
        return f"{before}\n\n[{tomlkit.key(list(loc[:-1])).as_string()}]\n{line.as_string()}".lstrip("\n")
    return document.as_string()


Found = tuple[Any, Key, Any]
"""What holds an item, under which key, and the item."""


def _takes_keys(found: Found) -> bool:
    _, key, item = found
    return isinstance(item, InlineTable) or (isinstance(item, Table) and (not item.is_super_table() or key.is_dotted()))


def _find(holder: Any, loc: Keys) -> Found | None:
    """The item at a path, found in the very tables that are written, which may stand apart from each other."""
    container = holder if isinstance(holder, Container) else holder.value
    last: Found | None = None
    for key, item in container.body:
        if key is None or key.key != loc[0]:
            continue
        if len(loc) == 1:
            last = (holder, key, item)
            if not isinstance(item, Table) or not item.is_super_table():
                return last
        elif isinstance(item, (Table, InlineTable)):
            deeper = _find(item, loc[1:])
            if deeper is not None and (_takes_keys(deeper) or not isinstance(deeper[2], Table)):
                return deeper
            last = deeper or last
    return last


def _add(holder: Any, name: str, value: object) -> None:
    """A key behind the last one of its table; what stands behind an empty line there stays behind."""
    if isinstance(holder, InlineTable):
        holder.append(name, _build(value))
        return
    body = holder.body if isinstance(holder, Container) else holder.value.body
    keyed = [index for index, (key, _) in enumerate(body) if key is not None]
    tail: list[Any] = []
    if not keyed or not isinstance(body[keyed[-1]][1], (Table, AoT)):
        start = keyed[-1] + 1 if keyed else 0
        blank = next((index for index in range(start, len(body)) if not body[index][1].as_string().strip()), len(body))
        tail = body[blank:]
        del body[blank:]
    holder.append(name, _build(value))
    body.extend(tail)


def _renew(holder: Any, key: Key, item: Any, value: object) -> None:
    """Another value in the place of one, changed as deep inside as it differs."""
    if item.unwrap() == value and type(item.unwrap()) is type(value):
        return
    if _has_parts(item) and isinstance(value, dict):
        for name in [name for name in item if name not in value]:
            item.remove(name)
        for name, one in value.items():
            inner = _find(item, (name,))
            if inner is None:
                item.append(name, _build(one))
            else:
                _renew(inner[0], inner[1], inner[2], one)
    elif isinstance(item, Array) and isinstance(value, list):
        _renew_list(item, value)
    else:
        holder[key.key] = _build(value)


def _has_parts(item: Any) -> bool:
    """Whether there may be comments inside: a table of one line is written anew as a whole."""
    return isinstance(item, Table) or (isinstance(item, InlineTable) and "\n" in item.as_string())


def _renew_list(array: Array, value: list[Any]) -> None:
    """Items at the beginning and at the end that stay are left alone."""
    old = array.unwrap()
    if len(old) == len(value):
        for index, (was, now) in enumerate(zip(old, value, strict=True)):
            if was != now or type(was) is not type(now):
                array[index] = _build(now)
        return
    shorter = min(len(old), len(value))
    front = next((index for index in range(shorter) if old[index] != value[index]), shorter)
    back = next((index for index in range(shorter - front) if old[-1 - index] != value[-1 - index]), shorter - front)
    for _ in range(len(old) - front - back):
        del array[front]
    for index, one in enumerate(value[front : len(value) - back]):
        array.insert(front + index, _build(one))


def _drop(document: TOMLDocument, loc: Keys) -> str:
    found = _find(document, loc)
    if found is None:
        raise ValueError("it is not to be found")
    holder, key, _ = found
    holder.remove(key)
    section = _find(document, loc[:-1]) if len(loc) > 1 and "sources" not in loc else None
    if section is not None and isinstance(section[2], Table) and not section[2].value.as_string().strip():
        section[0].remove(section[1])
        return document.as_string().rstrip("\n") + "\n"
    return document.as_string()


def _build(value: object) -> Item:
    """A value as it is written in a rule: in one line."""
    return tomlkit.value(_written(value))


def _written(value: object) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{tomlkit.key(name).as_string()} = {_written(one)}' for name, one in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    return tomlkit.item(value).as_string()
