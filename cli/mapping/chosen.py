"""Which mapping a command speaks of: a file, a preset, a version that is kept, or what the settings name."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from cli.common import one_connection
from mapping.rules import Mapping, load_mapping, parse_mapping
from store import versions
from sync.context import App
from sync.versions import load_named


def meant(application: App, file: str | None, connection: str | None) -> tuple[str, Mapping]:
    """The connection and the mapping meant.

    Raises:
        ConfigError: mistakes in the mapping, all at once. UsageError: no such version, or no single connection.
    """
    name = one_connection(application, connection)
    settings = application.settings.connections[name]
    if file is None:
        return name, load_named(application, settings)
    if is_version(file):
        kept = versions.find_version(application.engine, settings.mapping, file)
        return name, parse_mapping(kept.text, settings.mapping, kept=True)
    return name, load_mapping(file)


def is_version(text: str) -> bool:
    """Whether this is the number of a version or the beginning of its hash, and no file."""
    number = text.isdecimal() or (len(text) >= 6 and set(text) <= set("0123456789abcdef"))
    return number and not Path(text).exists()


def folder_of(application: App, file: str | None) -> Path | None:
    """What the path of a mapping starts from: the settings' folder for one that they name."""
    path = application.settings.path
    return path.parent if file is None and path is not None else None


def has_settings() -> bool:
    """Whether there are settings here: a file can be looked at without."""
    return Path(os.environ.get("SVERKA_SETTINGS") or "settings.toml").is_file()


def spoken(application: App, file: str | None, name: str) -> str:
    """The arguments by which another command reaches the very same mapping."""
    words = [file] if file else []
    words += ["--connection", name] if len(application.settings.connections) > 1 else []
    return " ".join(map(shlex.quote, words))
