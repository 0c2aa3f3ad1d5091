"""Parameters as PHP reads them: JSON bodies, forms and query strings with brackets become the same trees."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from sandbox.bitrix24.errors import RestError

Params = dict[str, Any]
_PART = re.compile(r"\[([^\]]*)\]")
_REFERENCE = re.compile(r"\$result((?:\[[^\]]+\])+)")


def parse_query(text: str) -> Params:
    """`fields[title]=x&select[]=id` as nested dicts; `[]` counts from 0."""
    tree: Params = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        _put(tree, name, value)
    return tree


def _put(tree: Params, name: str, value: str) -> None:
    head, _, _ = name.partition("[")
    path = [head, *_PART.findall(name[len(head) :])]
    for part in path[:-1]:
        key = part if part else str(len(tree))
        tree = tree.setdefault(key, {}) if isinstance(tree.get(key, {}), dict) else {}
    tree[path[-1] if path[-1] else str(len(tree))] = value


def parse_body(content_type: str, body: bytes) -> Params:
    """The parameters of a body. Raises RestError for a JSON body that is none."""
    if not body:
        return {}
    if "json" not in content_type:
        return parse_query(body.decode("utf-8", "replace"))
    try:
        tree = json.loads(body)
    except ValueError as error:
        raise RestError("INVALID_REQUEST", "Invalid JSON in request body") from error
    return tree if isinstance(tree, dict) else {}


def as_list(value: Any) -> list[Any]:
    """A PHP array as a list; a single value is a list of one."""
    if value is None or value == "":
        return []
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else [value]


def as_dict(value: Any) -> dict[str, Any]:
    """A PHP array as a dict; a list gets its numbers as keys."""
    if isinstance(value, list):
        return {str(number): item for number, item in enumerate(value)}
    return dict(value) if isinstance(value, dict) else {}


def as_int(value: Any) -> int:
    """A whole number as PHP casts it: what is none is 0."""
    match = re.match(r"\s*-?\d+", str(value))
    return int(match.group()) if match else 0


def yes(value: Any) -> bool:
    """Y, 1 and true."""
    return value in (True, 1, "1", "Y", "y", "true")


def fill_references(tree: Any, results: Mapping[str, Any]) -> Any:
    """Put the results of earlier commands of a batch in place of `$result[name][field]`; what is not there is empty."""
    if isinstance(tree, dict):
        return {key: fill_references(value, results) for key, value in tree.items()}
    if isinstance(tree, str):
        return _REFERENCE.sub(lambda match: _found(results, _PART.findall(match.group(1))), tree)
    return tree


def _found(results: Any, path: Iterable[str]) -> str:
    for part in path:
        if isinstance(results, list):
            results = results[int(part)] if part.isdigit() and int(part) < len(results) else None
        else:
            results = results.get(part) if isinstance(results, dict) else None
    return "" if results is None or isinstance(results, dict | list) else str(results)
