"""Hostile records of a base (scenario 25): what can be shown is shown harmlessly, the rest is refused in plain words.

Files and their bombs are for the connectors that read files; addresses and forms are tried where they are.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import openpyxl
import pytest
from sqlalchemy import select, update

from sandbox.onec.schema import PARTIES
from store.entities import entity_tables
from store.tables import binding, dead_letter, user
from tests.integration.web.ops_room import OpsRoom, open_ops_room
from tests.integration.web.world import LANGUAGES

INVOICE = "Document_СчетНаОплатуПокупателю"
NAMES = {
    "script": "<script>alert(1)</script>", "attribute": '" onmouseover="alert(1)', "formula": '=HYPERLINK("http://x";"y")',
    "plus": "+7 это не формула", "at": "@SUM(1)", "template": "{{ 7*7 }}{% raw %}", "percent": "%(name)s %s {0}",
    "bell": "Звонок\x07\x00\u202eоборот", "huge": "Я" * 5_000_000,
    "sql": "'; DROP TABLE counterparty; --", "wild": "%_%",
}  # fmt: skip
DATES = {"first": "0001-01-01T00:00:00", "slip": "0209-03-01T00:00:00", "far": "9999-12-31T23:59:59"}
AMOUNTS = {"negative": "-100.00", "absurd": "99999999999999999999999.99"}
PAGES = ("/customers", "/customers?q=%25_%25", "/customers?q=%3Cscript%3E", "/dead", "/ops", "/ops/runs", "/audit")
FAR_EAST = "Pacific/Kiritimati"
"""Where the last evening of the year 9999 would be in the year 10000."""


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpsRoom]:
    """Read once: everything here only looks."""
    folder = tmp_path_factory.mktemp("hostile")
    with open_ops_room(f"sqlite:///{folder / 'store.db'}", folder, documents=20, since="") as room:
        plant(room)
        assert room.mirrored.sync(status="partial").message == "order: 1 dead"
        with room.world.engine.begin() as conn:
            conn.execute(update(user).values(timezone=FAR_EAST))
        yield room


def plant(room: OpsRoom) -> None:
    """Everything that a careless or malicious hand could put into a base."""
    base = room.mirrored.base
    for word, name in NAMES.items():
        base.create(PARTIES, {"Description": name, "НаименованиеПолное": name, "Комментарий": word}, lenient=True)
    known = base.truth_documents(INVOICE)[0] | {"Ref_Key": None, "Контрагент_Key": key_of(room, "script")}
    for word, day in DATES.items():
        base.create(INVOICE, known | {"Number": word, "Date": day}, lenient=True)
    for word, amount in AMOUNTS.items():
        base.create(INVOICE, known | {"Number": word, "СуммаДокумента": Decimal(amount)}, lenient=True)


def key_of(room: OpsRoom, word: str) -> str:
    (key,) = [row["Ref_Key"] for row in room.mirrored.base.truth_documents(PARTIES) if row.get("Комментарий") == word]
    return str(key)


def customer(room: OpsRoom, word: str) -> UUID:
    """The record of ours with that name."""
    with room.world.engine.connect() as conn:
        query = select(binding.c.entity_id).where(binding.c.external_id == key_of(room, word))
        found: UUID = conn.execute(query).scalar_one()
        return found


def harmless(text: str) -> bool:
    """Nothing of the names is markup, and no template has worked on them."""
    return "<script>alert" not in text and '" onmouseover="alert' not in text and "49{%" not in text


def test_what_is_absurd_is_a_letter_in_plain_words_and_all_else_is_there(room: OpsRoom) -> None:
    orders = entity_tables["order"]
    with room.world.engine.connect() as conn:
        letters = [tuple(row) for row in conn.execute(select(dead_letter.c.entity, dead_letter.c.reason))]
        numbers = set(conn.execute(select(orders.c.number)).scalars())
    assert letters == [("order", f"The field amount cannot be read: '{AMOUNTS['absurd']}' is not a believable amount.")]
    assert {*DATES, "negative"} <= numbers and "absurd" not in numbers
    assert {customer(room, word) for word in NAMES}.__len__() == len(NAMES)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", PAGES)
def test_pages_show_it_harmlessly(room: OpsRoom, path: str, language: str) -> None:
    assert harmless(room.get("admin", path, language=language).text)


@pytest.mark.parametrize("word", NAMES)
def test_each_has_his_card_statement_and_call(room: OpsRoom, word: str) -> None:
    key = customer(room, word)
    for path in (f"/customers/{key}", f"/customers/{key}/statement", f"/customers/{key}/terms"):
        text = room.get("admin", path).text
        assert harmless(text) and len(text) < 200_000
    assert room.get("admin", f"/customers/{key}/history").status_code == 200


def test_a_name_is_found_as_it_is_written(room: OpsRoom) -> None:
    text = room.get("admin", "/customers", q=NAMES["script"]).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_dates_of_other_ages_are_dates(room: OpsRoom) -> None:
    text = room.get("admin", f"/customers/{customer(room, 'script')}").text
    assert ">slip<" in text and ">far<" in text and "-100.00" in text


def test_no_cell_of_a_sheet_is_a_formula(room: OpsRoom) -> None:
    browser = room.browser("head")
    sheet = browser.get("/export/customers", params={"format": "csv"})
    rows = list(csv.reader(io.StringIO(sheet.content.decode("utf-8-sig"))))
    assert len(rows) > len(NAMES)
    begun = [cell for row in rows for cell in row if cell.startswith(("=", "+", "@", "\t"))]
    assert [cell for cell in begun if not cell.removeprefix("+").isdigit()] == [], "a phone is no formula"
    book = openpyxl.load_workbook(io.BytesIO(browser.get("/export/customers", params={"format": "xlsx"}).content))
    cells = [cell for row in book.worksheets[0].iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "n", "d", "b"}, "none is a formula"
    assert any(NAMES["formula"] in str(cell.value) for cell in cells)


def test_the_api_says_it_as_data(room: OpsRoom) -> None:
    headers = {"authorization": f"Bearer {room.world.api_key('admin')}"}
    found: list[dict[str, Any]] = (
        room.browser("admin").get("/api/v1/customers?limit=200", headers=headers).json()["items"]
    )
    assert {NAMES[word] for word in ("script", "formula", "template", "sql")} <= {one["name"] for one in found}
