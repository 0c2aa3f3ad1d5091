"""Records as CSV and XLSX, flattened, with cells that no spreadsheet runs as formulas."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import msgspec
import xlsxwriter

_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
_CELL_LIMIT = 32_000
_ROW_LIMIT = 1_048_575
_TITLE_LIMIT = 31
_FIRST_DAY = date(1900, 3, 1)
"""Spreadsheets agree on days from here on only."""
_OPTIONS = {
    "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
    "default_date_format": "dd.mm.yyyy",
}  # fmt: skip

Sheet = tuple[list[str], Iterable[dict[str, Any]]]
"""The columns of a sheet, and its rows."""


def flatten(record: dict[str, Any], references: Collection[str] = ()) -> dict[str, Any]:
    """Nested objects as dotted columns, lists as text.

    A reference always gives the same three columns, filled or not, so that a column never depends on which records
    happened to come first.
    """
    flat: dict[str, Any] = {}
    for key, value in record.items():
        if key in references:
            flat |= _reference(key, value or {})
        elif isinstance(value, dict) and key != "external_ids":
            flat |= {f"{key}.{name}": item for name, item in flatten(value).items()}
        elif isinstance(value, list | dict):
            flat[key] = _list_text(value)
        else:
            flat[key] = value
    return flat


def _reference(key: str, value: dict[str, Any]) -> dict[str, Any]:
    name = value.get("name") or value.get("number")
    return {f"{key}.id": value.get("id"), f"{key}.name": name, f"{key}.external_id": value.get("external_id")}


def _list_text(value: list[Any] | dict[str, Any]) -> str:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return msgspec.json.encode(value, enc_hook=str).decode()


def safe_text(value: object) -> str:
    """A cell's text that a spreadsheet shows and does not run."""
    text = "" if value is None else str(value)
    if text.startswith(_DANGEROUS) and not _NUMBER.fullmatch(text):
        return "'" + text
    return text


def columns_of(first: list[dict[str, Any]]) -> list[str]:
    """Columns in the order in which they appear in the first records."""
    return list(dict.fromkeys(key for record in first for key in record))


def write_csv(records: Iterable[dict[str, Any]], columns: list[str], target: BinaryIO) -> int:
    """Flat records as CSV, UTF-8 with a mark so that Excel reads Cyrillic; returns the number of records."""
    text = io.TextIOWrapper(target, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(columns)
    number = 0
    for record in records:
        writer.writerow([safe_text(record.get(column)) for column in columns])
        number += 1
    text.detach()
    return number


def write_xlsx(records: Iterable[dict[str, Any]], columns: list[str], target: BinaryIO) -> int:
    """Flat records on a sheet, row by row in constant memory; another sheet begins where Excel's rows end."""
    book = xlsxwriter.Workbook(target, _OPTIONS)
    number = 0
    sheet: Any = None
    for record in records:
        row = number % _ROW_LIMIT
        if row == 0:
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, columns)
        for column, name in enumerate(columns):
            _write_cell(sheet, row + 1, column, record.get(name))
        number += 1
    if sheet is None:
        book.add_worksheet().write_row(0, 0, columns)
    book.close()
    return number


def write_sheets(sheets: Mapping[str, Sheet], target: BinaryIO) -> None:
    """Flat records on a sheet a name, row by row in constant memory; what does not fit a sheet goes on in the next."""
    with xlsxwriter.Workbook(target, _OPTIONS) as book:
        for title, (columns, records) in sheets.items():
            _write_sheet(book, title, records, columns)


def _write_sheet(book: Any, title: str, records: Iterable[dict[str, Any]], columns: list[str]) -> None:
    sheet: Any = None
    for number, record in enumerate(records):
        row = number % _ROW_LIMIT
        if row == 0:
            part = f" {number // _ROW_LIMIT + 1}" if number else ""
            sheet = book.add_worksheet(f"{title[: _TITLE_LIMIT - len(part)]}{part}")
            sheet.write_row(0, 0, columns)
        for column, name in enumerate(columns):
            _write_cell(sheet, row + 1, column, record.get(name))
    if sheet is None:
        book.add_worksheet(title[:_TITLE_LIMIT]).write_row(0, 0, columns)


def _write_cell(sheet: Any, row: int, column: int, value: object) -> None:
    if isinstance(value, bool) or value is None:
        sheet.write_string(row, column, "" if value is None else str(value).lower())
    elif isinstance(value, int | Decimal):
        sheet.write_number(row, column, value)
    elif isinstance(value, date) and not isinstance(value, datetime) and value >= _FIRST_DAY:
        sheet.write_datetime(row, column, value)
    else:
        sheet.write_string(row, column, str(value)[:_CELL_LIMIT])


@contextmanager
def laid_aside(
    records: Iterable[dict[str, Any]], header: Iterable[str]
) -> Iterator[tuple[list[str], Iterator[dict[str, Any]]]]:
    """Flat records, kept on disk until the last one is known, and all their columns.

    The columns of `header` come first, also where there are no records; then those that only some records have, such as
    attributes of the customer's own, in the order in which they were met. Memory does not grow with the records.
    """
    columns = dict.fromkeys(header)
    with TemporaryFile() as aside:
        for record in records:
            columns |= dict.fromkeys(record)
            aside.write(msgspec.json.encode(record, enc_hook=str) + b"\n")
        aside.seek(0)
        yield list(columns), map(msgspec.json.decode, aside)
