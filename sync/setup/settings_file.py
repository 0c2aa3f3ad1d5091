"""Changing one connection in `settings.toml`: every other character stays.

A file that somebody else has changed meanwhile, or that would not be right afterwards, is left as it was.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable, Item, Table

from connectors.registry import option_models
from core.errors import ConfigError, ConflictError
from core.settings import load_settings

Changes = Mapping[str, object]
"""Key -> its new value: text, number, yes or no, a day, `{"file": path}`; None takes the key away."""


def read_section(path: Path, name: str) -> dict[str, Any] | None:
    """The keys of a connection as the file has them; None where it has no such section. Raises ConfigError."""
    sections = _parse(path, _read(path)).get("connections", {})
    found = sections.get(name) if isinstance(sections, dict) else None
    return found if isinstance(found, dict) else None


def mark_of(path: Path) -> str:
    """By what it is known whether the file is still the one that was looked at."""
    return hashlib.sha256(_read(path).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def is_writable(path: Path) -> bool:
    """Whether our account may put another file in its place."""
    file = path.resolve()
    return os.access(file.parent, os.W_OK | os.X_OK) and (not file.exists() or os.access(file, os.W_OK))


def change_section(path: Path, name: str, changes: Changes, *, mark: str) -> None:
    """Put these keys into a connection's section, or a new section at the end; the file is replaced in one step.

    Raises:
        ConflictError: the file is not the one that was looked at (`mark`).
        ConfigError: it cannot be read or written, or the settings would not be right.
    """
    file = path.resolve()
    with _alone(file.parent):
        if mark_of(file) != mark:
            raise ConflictError(
                f"{path.name} was changed by somebody else meanwhile.", next_step="open the page again and repeat it"
            )
        after = changed_text(file, _read(file), name, changes)
        draft = file.with_name(f".{file.name}.{uuid4().hex[:12]}")
        try:
            _clear(file)
            _write(draft, after, like=file)
            load_settings(draft, connectors=option_models())
            draft.replace(file)
        except OSError as error:
            raise ConfigError(f"{path} cannot be written: {error.strerror}.", next_step=f"look at {path}") from error
        finally:
            draft.unlink(missing_ok=True)


def _clear(file: Path) -> None:
    """What a killed process has left half written, which is nobody's now: only one at a time writes here."""
    ours = re.compile(rf"\.{re.escape(file.name)}\.[0-9a-f]{{12}}")
    for one in [one for one in file.parent.iterdir() if ours.fullmatch(one.name)]:
        one.unlink(missing_ok=True)


def changed_text(path: Path, before: str, name: str, changes: Changes) -> str:
    """The text of the settings with the changes in it. Raises ConfigError where it is no TOML before or after."""
    _parse(path, before)
    try:
        tree = tomlkit.parse(before)
        section = tree.get("connections", {}).get(name)
        if section is None:
            gap = "" if not before.strip() else "\n" if before.endswith("\n") else "\n\n"
            after = before + gap + section_lines(name, changes)
        else:
            _change(section, changes)
            after = tomlkit.dumps(tree)
    except TOMLKitError as error:
        raise ConfigError(f"{path} cannot be changed: {error}.", next_step=f"change {path} by hand") from error
    _parse(path, after)
    return after


def section_lines(name: str, changes: Changes) -> str:
    """A section as one would type it into the file, its references to secrets included."""
    head = tomlkit.key(["connections", name]).as_string()
    lines = [f"{tomlkit.key(key).as_string()} = {_item(value).as_string()}"
             for key, value in changes.items() if value is not None]  # fmt: skip
    return "\n".join([f"[{head}]", *lines]) + "\n"


def _change(section: Table, changes: Changes) -> None:
    for key, value in changes.items():
        if value is None:
            section.pop(key, None)
        elif key in section:
            section[key] = _kept_comment(section[key], _item(value))
        else:
            section.add(key, _item(value))


def _kept_comment(old: Any, new: Item) -> Item:
    if isinstance(old, Item) and old.trivia.comment:
        new.trivia.comment_ws, new.trivia.comment = old.trivia.comment_ws, old.trivia.comment
    return new


def _item(value: object) -> Item:
    if isinstance(value, dict):
        made: InlineTable = tomlkit.inline_table()
        made.update(value)
        return made
    item: Item = tomlkit.item(value)
    return item


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read.", next_step=f"look at {path}, then: sverka doctor") from error


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.", next_step=f"mend {path}") from error


def _write(draft: Path, text: str, *, like: Path) -> None:
    mode = like.stat().st_mode & 0o777 if like.exists() else 0o640
    channel = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(channel, "w", encoding="utf-8") as file:
        os.fchmod(channel, mode)
        file.write(text)
        file.flush()
        os.fsync(channel)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One of our processes at a time changes files of this folder."""
    channel = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(channel, fcntl.LOCK_EX)
        yield
    finally:
        os.close(channel)
