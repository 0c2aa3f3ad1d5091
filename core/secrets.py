"""Secrets: given by reference, shown as stars, and cut out of every text that leaves the program."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from core.errors import ConfigError

MASK = "***"
_SHORTEST = 4
_known: set[str] = set()
_PASSWORDS = (re.compile(r"://[^:@/]*:([^@]*)@"), re.compile(r"[?&]password=([^&#]*)"))


def remember(value: str) -> None:
    """From now on `redact` cuts this value out of every text; one of three signs or fewer is in too many words."""
    if len(value) >= _SHORTEST:
        _known.add(value)


class Secret:
    """A value that is never printed. `reveal()` is for the one place that sends it."""

    __slots__ = ("_read",)

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read

    def reveal(self) -> str:
        """The value itself; from now on `redact` cuts it out of every text.

        Raises:
            ConfigError: the variable or the file it is kept in is not there.
        """
        value = self._read()
        remember(value)
        return value

    def reveal_address(self) -> str:
        """The same for an address: only the password in it is cut out of texts, the rest may be told."""
        value = self._read()
        for pattern in _PASSWORDS:
            for found in pattern.findall(value):
                remember(found)
                remember(unquote(found))
        return value

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Models take a secret in any of the ways that settings write it."""
        return core_schema.no_info_plain_validator_function(read_secret)


def read_secret(value: object) -> Secret:
    """A secret from settings: `{ env = "NAME" }`, `{ file = "/run/secrets/x" }`, or plain text."""
    if isinstance(value, Secret):
        return value
    if isinstance(value, dict) and set(value) == {"env"}:
        return Secret(lambda: _from_environment(str(value["env"])))
    if isinstance(value, dict) and set(value) == {"file"}:
        return Secret(lambda: _from_file(Path(str(value["file"]))))
    if isinstance(value, str):
        return Secret(lambda: value)
    raise ValueError('is text, { env = "NAME" } or { file = "/run/secrets/name" }')


def _from_environment(name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise ConfigError(
            f"A secret is kept in the environment variable {name}, which is not set.",
            next_step=f"set {name}, then: sverka doctor",
        )
    return value


def _from_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise ConfigError(
            f"A secret is kept in the file {path}, which cannot be read: {error.strerror}.",
            next_step=f"put the secret into {path}, then: sverka doctor",
        ) from error


def redact(text: str) -> str:
    """The text without any secret that has been revealed so far."""
    known = tuple(_known)  # another thread may reveal one meanwhile
    for value in sorted(known, key=len, reverse=True):
        if value in text:
            text = text.replace(value, MASK)
    return text
