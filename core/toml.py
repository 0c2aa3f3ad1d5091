"""TOML from people's hands, read with a bound on how deep it may be nested: what is deeper is no settings, no rules."""

from __future__ import annotations

import re
import tomllib
from typing import Any

DEEPEST = 32
"""Levels of sections, lists and dotted keys together; the grammar of the rules needs thirteen."""
LARGEST = 2**63 - 1
"""What TOML promises of whole numbers, and what any store keeps; Python will not even print one of 5,000 digits."""
_PART = r"(?:[A-Za-z0-9_-]++|\"[^\"\n]*+\"|'[^'\n]*+')[ \t]*+"
_LONG_KEY = re.compile(rf"(?<![A-Za-z0-9_-])(?:{_PART}\.[ \t]*+){{{DEEPEST},}}+")
"""Looked for before anything is parsed: a key of a hundred thousand parts would cost the parser minutes."""


def parse_toml(text: str) -> dict[str, Any]:
    """The tables of a TOML text.

    Raises:
        tomllib.TOMLDecodeError: no TOML, nested deeper than `DEEPEST` levels, or a whole number above `LARGEST`; with
            the line where it is known.
    """
    long = _LONG_KEY.search(text)
    if long is not None:
        line, before = text.count("\n", 0, long.start()) + 1, text.rfind("\n", 0, long.start())
        raise _too_deep(f" (at line {line}, column {long.start() - before})")
    try:
        tree = tomllib.loads(text)
    except RecursionError as error:
        raise _too_deep() from error
    except tomllib.TOMLDecodeError:
        raise
    except ValueError as error:  # thousands of digits: Python reads none such
        raise _too_large() from error
    level: list[object] = [tree]
    for _ in range(DEEPEST):
        level = [child for node in level for child in _children(node)]
        if any(isinstance(node, int) and abs(node) > LARGEST for node in level):
            raise _too_large()
        if not level:
            return tree
    raise _too_deep()


def _children(node: object) -> list[object]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []


def _too_large() -> tomllib.TOMLDecodeError:
    return tomllib.TOMLDecodeError(f"a whole number in it is larger than {LARGEST}")


def _too_deep(place: str = "") -> tomllib.TOMLDecodeError:
    return tomllib.TOMLDecodeError(f"nested too deeply, {DEEPEST} levels are the most{place}")
