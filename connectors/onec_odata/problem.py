"""What an answer complains of: its code, its words and who speaks (1C's OData, the platform, a web server)."""

from __future__ import annotations

import base64
import binascii
import html
import re
from dataclasses import dataclass
from typing import Literal

import msgspec
from lxml import etree

from connectors.http import Answer
from connectors.onec_odata.xml import safe_parser

BodyKind = Literal["odata", "platform", "html", "json", "xml", "text", "empty"]
_LONGEST = 400
_READ_AT_MOST = 1024 * 1024
_TAG = re.compile(r"<[^>]{0,500}>")
_HEAD = re.compile(r"<(head|style|script)\b.{0,100000}?</\1>", re.S | re.I)
_HTML = re.compile(rb"\s*(?:<!doctype html|<html|<head|<body)", re.I)
_SPACE = re.compile(r"\s+")
_ENCODED = re.compile(r"[;:,\s]*\b(?:77u/[A-Za-z0-9+/]*|[A-Za-z0-9+/]{48,})={0,2}")
"""Attachments in base64 (1C's begin with an encoded BOM): nobody can read them."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A complaint: `code` is 1C's own number as text, empty when it is not 1C's OData that speaks."""

    kind: BodyKind
    code: str
    message: str


def read_problem(answer: Answer) -> Problem:
    """The complaint in an answer of any form (1c-odata.md §4.1, §4.2). Never raises."""
    body = answer.body[:_READ_AT_MOST].removeprefix(b"\xef\xbb\xbf").strip()
    if not body:
        return Problem("empty", "", "")
    if body[:1] in b"{[":
        return _from_json(body)
    if looks_like_html(body) or (answer.media_type == "text/html" and body[:1] == b"<"):
        return Problem("html", "", _words(_strip_tags(Answer(0, {}, body).text)))
    if body[:1] == b"<":
        return _from_xml(body)
    return Problem("text", "", _words(Answer(0, {}, body).text))


def looks_like_html(body: bytes) -> bool:
    """Whether a body begins as a web page does: of a login form, a proxy or the web server itself."""
    return _HTML.match(body.removeprefix(b"\xef\xbb\xbf")[:200]) is not None


def _from_json(body: bytes) -> Problem:
    try:
        content = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return Problem("text", "", _words(Answer(0, {}, body).text))
    if not isinstance(content, dict):
        return Problem("json", "", "")
    error = content.get("odata.error")
    if isinstance(error, dict):
        message = error.get("message")
        value = message.get("value", "") if isinstance(message, dict) else message
        return Problem("odata", str(error.get("code", "")), _words(str(value or "")))
    if isinstance(content.get("exception"), dict):
        return Problem("platform", "", _descriptions(content["exception"]))
    return Problem("json", "", "")


def _descriptions(exception: dict[str, object]) -> str:
    """The texts from the outermost to the innermost; stacks are dropped, the attachment's words are kept short.

    The administrator's message stands in the innermost but one (1c-odata.md §4.2); an object that cannot be sent is
    named only inside the base64 attachment.
    """
    texts: list[str] = []
    attached = ""
    current: object = exception
    while isinstance(current, dict) and len(texts) < 10:
        description = str(current.get("descr", ""))
        if description and not any(description in text for text in texts):
            texts.append(description)
        attached = _attached(current.get("data"))
        current = current.get("inner")
    return _words("\n".join([*reversed(texts), *([attached] if attached else [])]))


def _attached(data: object) -> str:
    """1C's internal notation from an attachment; only its readable words are of use."""
    if not isinstance(data, str):
        return ""
    try:
        text = base64.b64decode(data, validate=True).decode("utf-8-sig", errors="replace")
    except (binascii.Error, ValueError):
        return ""
    quoted = [part for part in re.findall(r'"([^"]{4,200})"', text) if re.search(r"[А-Яа-я]", part)]
    return " ".join(quoted[:5])


def _from_xml(body: bytes) -> Problem:
    try:
        root = etree.fromstring(body, safe_parser())
    except etree.XMLSyntaxError:
        return Problem("xml", "", _words(_strip_tags(Answer(0, {}, body).text)))
    name = etree.QName(root).localname
    found = {etree.QName(node).localname: (node.text or "") for node in root.iter("{*}code", "{*}message", "{*}descr")}
    if name == "error":
        return Problem("odata", found.get("code", "").strip(), _words(found.get("message", "")))
    if name == "exception":
        return Problem("platform", "", _words(found.get("descr", "")))
    return Problem("xml", "", "")


def _strip_tags(page: str) -> str:
    return html.unescape(_TAG.sub(" ", _HEAD.sub(" ", page)))


def _words(text: str) -> str:
    """One line, cut: other people's texts may be long and may echo data (1c-odata.md §3.1)."""
    line = _SPACE.sub(" ", _ENCODED.sub("", text)).strip()
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
