"""A huge answer read row by row from a file: a virtual table knows no pages and may hold every customer at once.

What is believed and what is not is as in `decoder`; a row that strict JSON refuses costs only itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from connectors.http import Answer, FileAnswer, decode_text
from connectors.onec_odata.atom import TypesOf, entry_data
from connectors.onec_odata.decoder import Unreadable, believable_start, decode_row, lenient_object
from connectors.onec_odata.errors import Verdict, judge_unreadable
from connectors.onec_odata.xml import ATOM, UnreadableXml, elements
from core.errors import Where

CHUNK = 256 * 1024
HEAD = 64 * 1024
"""So much of an answer is looked at to say what it is, where it is not what was asked for."""
_TEXT = rb'"(?:[^"\\]++|\\.)*+"'
_MEMBER = _TEXT + rb"\s*:\s*(?:" + _TEXT + rb'|[^"{}\[\],]++)\s*'
_START = re.compile(rb"\A\s*\{\s*(?:" + _MEMBER + rb',\s*)*+"value"\s*:\s*\[', re.DOTALL)
_END = re.compile(rb"\s*(?:,\s*" + _MEMBER + rb")*+\}\s*\Z", re.DOTALL)
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[{}\]]', re.DOTALL)
_BETWEEN = b" \t\r\n,"
_BOM = b"\xef\xbb\xbf"


class Table:
    """One whole answer in a file, to be read as often as wanted; memory does not grow with it."""

    def __init__(self, answer: FileAnswer, types_of: TypesOf) -> None:
        self._answer = answer
        self._types_of = types_of

    def rows(self) -> Iterator[dict[str, object]]:
        """Every row, from the first on.

        Raises:
            SverkaError: it is no table of 1C, or was cut off; rows given before mean nothing then.
        """
        try:
            yield from self._rows(self._answer.file)
        except Unreadable as error:
            raise self._judge(str(error)).error(where=Where(entity="balance")) from error

    def close(self) -> None:
        """Remove the file. Safe to call twice."""
        self._answer.file.close()

    def _rows(self, file: BinaryIO) -> Iterator[dict[str, object]]:
        file.seek(0)
        head = believable_start(Answer(self._answer.status, self._answer.headers, file.read(HEAD)))
        file.seek(0)
        if head[:1] == b"<":
            yield from self._atom_rows(file)
        else:
            yield from json_rows(file)

    def _atom_rows(self, file: BinaryIO) -> Iterator[dict[str, object]]:
        try:
            for entry in elements(file, [f"{ATOM}entry"], roots=[f"{ATOM}feed", f"{ATOM}entry"]):
                yield entry_data(entry, self._types_of)
        except UnreadableXml as error:
            raise Unreadable(f"its XML cannot be read: {error}") from error

    def _judge(self, why: str) -> Verdict:
        self._answer.file.seek(0)
        return judge_unreadable(Answer(self._answer.status, self._answer.headers, self._answer.file.read(HEAD)), why)


def json_rows(file: BinaryIO) -> Iterator[dict[str, object]]:
    """The objects of a JSON collection, one after the other.

    Raises:
        Unreadable: it holds no list of objects, or it was cut off.
    """
    buffer = file.read(CHUNK).removeprefix(_BOM)
    found = _START.match(buffer)
    if found is None:
        raise Unreadable("it has no list of objects")
    buffer = buffer[found.end() :]
    while True:
        rows, rest, ended = _split(buffer)
        yield from map(_decoded, rows)
        if ended:
            _check_end(rest + file.read())
            return
        more = file.read(CHUNK)
        if not more:
            raise Unreadable("its JSON is broken or cut off")
        buffer = rest + more


def _split(buffer: bytes) -> tuple[list[bytes], bytes, bool]:
    """Whole objects at the beginning of a piece, what is left of it, and whether the list has ended."""
    rows: list[bytes] = []
    depth = begin = done = 0
    for token in _TOKEN.finditer(buffer):
        sign = buffer[token.start()]
        if depth == 0 and buffer[done : token.start()].strip(_BETWEEN):
            raise Unreadable("its list holds something other than objects")
        if sign == 0x7B:  # {
            begin = token.start() if depth == 0 else begin
            depth += 1
        elif sign == 0x7D:  # }
            depth -= 1
            if depth == 0:
                rows.append(buffer[begin : token.end()])
                done = token.end()
        elif sign == 0x5D and depth == 0:  # ]
            return rows, buffer[token.end() :], True
        elif depth == 0:
            raise Unreadable("its list holds something other than objects")
    return rows, buffer[done:], False


def _check_end(rest: bytes) -> None:
    if _END.match(rest) is None:
        raise Unreadable("its JSON is broken or cut off")


def _decoded(raw: bytes) -> dict[str, object]:
    try:
        return decode_row(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return lenient_object(decode_text(raw))
