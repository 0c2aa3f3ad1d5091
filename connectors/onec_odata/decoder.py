"""From the bytes of an answer to rows, believing nothing: content type and shape are checked before a 200 is trusted.

Numbers become Decimal or int, never float; a row keeps the very bytes it came in (1c-odata.md §1.3, §1.4, §9).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO
from typing import Any

import msgspec

from connectors.http import Answer, decode_text
from connectors.onec_odata.atom import TypesOf, entry_data
from connectors.onec_odata.problem import looks_like_html
from connectors.onec_odata.xml import ATOM, UnreadableXml, elements

_JSON_TYPES = {"", "application/json", "text/plain", "text/json", "application/octet-stream"}
_XML_TYPES = {"", "application/atom+xml", "application/xml", "text/xml", "application/octet-stream"}
_BOM = b"\xef\xbb\xbf"
_UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


class Unreadable(Exception):
    """A success whose body is not what was asked for; the text says why, without data."""


@dataclass(slots=True)
class Row:
    """One object: its JSON text as received, and the same decoded."""

    raw: bytes
    data: dict[str, object]


class _Collection(msgspec.Struct):
    value: list[msgspec.Raw]


_collections = msgspec.json.Decoder(_Collection)
_objects = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")


def decode_collection(answer: Answer, types_of: TypesOf) -> list[Row]:
    """The rows of a set or virtual table.

    Raises:
        Unreadable: no collection of 1C: a page, something cut off, another shape.
    """
    body = _believable(answer)
    if body[:1] == b"<":
        return _atom_rows(body, types_of)
    try:
        return [_row(bytes(raw)) for raw in _collections.decode(body).value]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return [_mended(text, data) for text, data in _lenient_rows(decode_text(body))]


def decode_object(answer: Answer, key: str, types_of: TypesOf) -> Row:
    """One object, which must carry its key. Raises Unreadable."""
    body = _believable(answer)
    if body[:1] == b"<":
        rows = _atom_rows(body, types_of)
        row = rows[0] if len(rows) == 1 else None
    else:
        row = _single(body)
    if row is None or key not in row.data:
        raise Unreadable(f"it holds no object with {key}")
    return row


def encode(data: object) -> bytes:
    """A value as JSON text, Decimals as numbers with all their digits."""
    return _encoder.encode(data)


def decode_row(raw: bytes) -> dict[str, object]:
    """The object in a row's JSON text. Raises msgspec.DecodeError."""
    return _objects.decode(raw)


def lenient_object(text: str) -> dict[str, object]:
    """One object that strict JSON refuses, without what no database takes. Raises Unreadable."""
    data, end = _scan(text, 0)
    if not isinstance(data, dict) or text[end:].strip():
        raise Unreadable("its list holds something other than objects")
    return _mended(text, data).data


def believable_start(answer: Answer) -> bytes:
    """The beginning of a body that can be an answer of 1C by its type and its first words. Raises Unreadable."""
    return _believable(answer)


def _believable(answer: Answer) -> bytes:
    body = answer.body.removeprefix(_BOM).strip()
    kinds = _XML_TYPES if body[:1] == b"<" else _JSON_TYPES
    if not body:
        raise Unreadable("it is empty")
    if looks_like_html(body):
        raise Unreadable("it is a web page")
    if answer.media_type not in kinds:
        raise Unreadable(f"its type is {answer.media_type[:60]}")
    return body


def _row(raw: bytes) -> Row:
    return Row(raw, _objects.decode(raw))


def _single(body: bytes) -> Row:
    try:
        return _row(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = decode_text(body)
        data, end = _scan(text, 0)
        if not isinstance(data, dict) or text[end:].strip():
            raise Unreadable("it is not one JSON object") from None
        return _mended(text, data)


def _atom_rows(body: bytes, types_of: TypesOf) -> list[Row]:
    try:
        entries = elements(BytesIO(body), [f"{ATOM}entry"], roots=[f"{ATOM}feed", f"{ATOM}entry"])
        rows = [entry_data(entry, types_of) for entry in entries]
    except UnreadableXml as error:
        raise Unreadable(f"its XML cannot be read: {error}") from error
    return [Row(encode(data), data) for data in rows]


def _mended(text: str, data: dict[str, object]) -> Row:
    """A row that strict JSON refuses: kept as it came where it can be read again, else cleaned and written anew."""
    raw = text.encode("utf-8", errors="replace")
    try:
        return _row(raw)
    except msgspec.DecodeError:
        cleaned = _clean(data)
        return Row(encode(cleaned), cleaned)  # type: ignore[arg-type]


def _clean(value: object) -> object:
    """The value without control characters and lone surrogates, which neither JSON nor a database takes."""
    if isinstance(value, str):
        return _UNWANTED.sub("\ufffd", value)
    if isinstance(value, dict):
        return {str(_clean(key)): _clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return value


def _refuse_constant(name: str) -> object:
    raise Unreadable(f"it holds {name}, which is no number")


_scanner = json.JSONDecoder(strict=False, parse_float=Decimal, parse_constant=_refuse_constant)
_START = re.compile(r'"value"\s*:\s*\[')
_GAP = re.compile(r"[\s,]*")


def _scan(text: str, position: int) -> tuple[object, int]:
    try:
        return _scanner.raw_decode(text, position)
    except (json.JSONDecodeError, RecursionError) as error:
        raise Unreadable("its JSON is broken or cut off") from error


def _lenient_rows(text: str) -> list[tuple[str, dict[str, object]]]:
    """Row by row, tolerating what strict JSON refuses inside strings, so that one bad value does not cost the page."""
    whole, end = _scan(text, 0)
    if text[end:].strip() or not isinstance(whole, dict) or not isinstance(whole.get("value"), list):
        raise Unreadable("it has no list of objects")
    start = _START.search(text)
    position = start.end() if start is not None else len(text)
    rows = []
    for item in whole["value"]:
        gap = _GAP.match(text, position)
        begin = gap.end() if gap is not None else position
        _, position = _scan(text, begin)
        if not isinstance(item, dict):
            raise Unreadable("its list holds something other than objects")
        rows.append((text[begin:position], item))
    return rows
