"""A huge answer is read row by row, and believed as little as a small one."""

import json
from collections.abc import Iterator
from io import BytesIO
from random import Random
from typing import Any, cast

import pytest

from connectors.http import FileAnswer
from connectors.onec_odata import table
from connectors.onec_odata.decoder import Unreadable
from connectors.onec_odata.table import Table, json_rows
from core.errors import TransientError

ROWS: list[dict[str, Any]] = [
    {"Имя": 'x}\\"{[]' * (number % 4), "n": number, "inner": {"list": [1, {"e": "]"}]}, "é": "\\"}
    for number in range(500)
]
HEAD = {"odata.metadata": "http://x/[]{}", "odata.count": "3"}
BODY = json.dumps(HEAD | {"value": ROWS}, ensure_ascii=False).encode()


@pytest.fixture(params=[90, 256, 4096, 1 << 20])
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(table, "CHUNK", request.param)
    yield


@pytest.mark.usefixtures("chunk")
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_rows_come_whole_wherever_the_pieces_end(bom: bytes) -> None:
    assert list(json_rows(BytesIO(bom + BODY))) == ROWS


@pytest.mark.usefixtures("chunk")
def test_what_was_cut_anywhere_is_no_answer() -> None:
    random = Random(5)
    for place in [1, 2, len(BODY) - 1, len(BODY) - 2, *(random.randrange(10, len(BODY)) for _ in range(30))]:
        with pytest.raises(Unreadable):
            list(json_rows(BytesIO(BODY[:place])))


@pytest.mark.parametrize(
    "body",
    [b'{"value":[1]}', b'{"value":["x"]}', b'{"value":[{}] x}', b'{"val":[]}', b"[]", b'{"value":[{}]}}',
     b'{"value":[{},null]}', b'{"value":[{"a":NaN}]}', b'{"value":[{"a":}]}', b'{"value":{}}', b""],
)  # fmt: skip
def test_what_is_no_list_of_objects_is_no_answer(body: bytes) -> None:
    with pytest.raises(Unreadable):
        list(json_rows(BytesIO(body)))


def test_a_row_that_strict_json_refuses_costs_only_itself() -> None:
    rows = list(json_rows(BytesIO(b'{"value":[{"a":"x\ny"} , {"b":2}], "odata.count":"2"}')))
    assert rows == [{"a": "x\ny"}, {"b": 2}]


def read(body: bytes, kind: str = "application/json") -> list[dict[str, object]]:
    answer = FileAnswer(200, {"content-type": kind}, cast(Any, BytesIO(body)))
    found = Table(answer, lambda name: {})
    rows = list(found.rows())
    assert list(found.rows()) == rows, "as often as wanted"
    found.close()
    return rows


def test_an_answer_in_atom_is_read_too() -> None:
    entry = "<entry><content><m:properties><d:Сумма>10</d:Сумма></m:properties></content></entry>"
    spaces = 'xmlns="http://www.w3.org/2005/Atom" xmlns:d="http://schemas.microsoft.com/ado/2007/08/dataservices"'
    meta = 'xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"'
    feed = f"<feed {spaces} {meta}>{entry * 3}</feed>"
    assert read(feed.encode(), "application/atom+xml") == [{"Сумма": "10"}] * 3


@pytest.mark.parametrize("body", [b"<html><body>login</body></html>", b"", b'{"value":[{"a":1}', b"<feed"])
def test_what_is_no_table_is_an_outage(body: bytes) -> None:
    with pytest.raises(TransientError):
        read(body, "text/html" if b"html" in body else "application/json")
