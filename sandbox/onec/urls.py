"""Paths and query strings as 1C reads them (fact sheet §1.1, §3, §5)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from sandbox.onec.errors import OdataError, bad_option, path_segment
from sandbox.onec.filter_parser import checked_guid

RESOURCE = re.compile(r"(?P<set>[^/(]+)(?:\((?P<key>[^()]*)\))?(?:/(?P<rest>.*))?\Z", re.DOTALL)
REST = re.compile(r"(?P<name>[^/(]+)(?P<call>\((?P<args>.*)\))?(?:/(?P<more>.*))?\Z", re.DOTALL)
PARAMETERS = (
    "Period", "StartPeriod", "EndPeriod", "AccountCondition", "Condition", "Dimensions", "ExtraDimensions", "Top",
    "Order",
    "BalancedAccountCondition", "BalancedExtraDimensions", "AccountDrCondition", "AccountCrCondition", "Periodicity",
)  # fmt: skip
ARGUMENT = re.compile(rf"(?:^|,)\s*({'|'.join(PARAMETERS)})\s*=")
KNOWN = {
    "$filter", "$select", "$orderby", "$top", "$skip", "$inlinecount", "$expand", "$format", "$allowedOnly",
}  # fmt: skip


@dataclass(slots=True)
class Resource:
    """What a path names: a set, its key, a walk or a function with its arguments."""

    set_name: str
    key: dict[str, str] | None = None
    rest: str = ""
    args: dict[str, str] = field(default_factory=dict)
    more: str = ""


def decode(text: str) -> str:
    """UTF-8 percent decoding and nothing else: ``+`` stays a plus (§1.1)."""
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise OdataError(400, 2, "Неверный формат запроса") from error


def parse_query(raw: str) -> dict[str, str]:
    """Options by name; an unknown ``$option`` is code 0 (§3)."""
    options: dict[str, str] = {}
    for piece in filter(None, raw.split("&")):
        name, _, value = piece.partition("=")
        name = decode(name)
        if name.startswith("$") and name not in KNOWN:
            raise OdataError(400, 0, f"The {name} parameter is not supported")
        options[name] = decode(value)
    return options


def parse_resource(path: str) -> Resource:
    """Split a decoded path below the service root."""
    found = RESOURCE.match(path)
    if not found:
        raise path_segment(path[:80])
    resource = Resource(found["set"], parse_key(found["key"]) if found["key"] is not None else None)
    if found["rest"]:
        inner = REST.match(found["rest"])
        if not inner:
            raise path_segment(found["rest"][:80])
        resource.rest, resource.more = inner["name"], inner["more"] or ""
        resource.args = parse_arguments(inner["args"] or "")
    return resource


def parse_key(text: str) -> dict[str, str]:
    """``guid'…'`` or ``Name=literal,…``; the name of a single key may be dropped (§1.1)."""
    key: dict[str, str] = {}
    for piece in filter(None, (part.strip() for part in text.split(","))):
        name, sign, value = piece.partition("=")
        key[name if sign else ""] = literal_text(value if sign else name)
    return key


def literal_text(text: str) -> str:
    """Value of a key literal as text."""
    if text.startswith("guid'") and text.endswith("'"):
        return checked_guid(text[5:-1])
    if text.startswith("datetime'") and text.endswith("'"):
        return text[9:-1]
    return text[1:-1].replace("''", "'") if text[:1] == "'" == text[-1:] else text


def parse_arguments(text: str) -> dict[str, str]:
    """Arguments of a bound function; inner quotes doubled or left single, both are in use (§5)."""
    marks = list(ARGUMENT.finditer(text))
    if text.strip() and not marks:
        raise path_segment(text[:80])
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    return {mark[1]: argument_text(text[mark.end() : ends[index]].strip()) for index, mark in enumerate(marks)}


def argument_text(text: str) -> str:
    """Value of one argument."""
    if text[:1] == "'" == text[-1:] and len(text) > 1:
        inner = text[1:-1]
        return inner.replace("''", "'") if "''" in inner else inner
    return literal_text(text)


def whole_number(options: dict[str, str], name: str) -> int | None:
    """``$top`` or ``$skip``."""
    text = options.get(name)
    if text is None:
        return None
    if not text.isdigit():
        raise bad_option(name)
    return int(text)
