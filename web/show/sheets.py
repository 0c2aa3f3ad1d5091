"""Spreadsheets for people: the statement of settlements as accountants expect it. No cell is run as a formula."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import xlsxwriter

from store.queries.shapes import Record
from web.here import Here
from web.show.texts import N_
from web.show.wording import KINDS

TITLES = (N_("Date"), N_("Document"), N_("Number"), N_("Contract"), N_("Debit"), N_("Credit"), N_("Balance"))
_WIDTHS = (12, 28, 18, 28, 16, 16, 16)


@dataclass(frozen=True, slots=True)
class Statement:
    """What a statement speaks of: the customer, the period, a part for every organisation and currency."""

    name: str
    first: date
    last: date
    parts: list[Record]


def build_statement_sheet(statement: Statement, here: Here) -> bytes:
    """The bytes of the spreadsheet, in the reader's language; amounts are numbers, days are days."""
    target = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "remove_timezone": True}
    with xlsxwriter.Workbook(target, options) as book:
        sheet = _Sheet(book, statement, here)
        for number, part in enumerate(statement.parts, start=1):
            sheet.write(part, f"{number} {part['currency']}")
        if not statement.parts:
            sheet.write_empty()
    return target.getvalue()


class _Sheet:
    """Writes one part after the other."""

    def __init__(self, book: Any, statement: Statement, here: Here) -> None:
        self._book, self._statement, self._here = book, statement, here
        self._bold = book.add_format({"bold": True})
        self._money = book.add_format({"num_format": "#,##0.00"})
        self._sum = book.add_format({"num_format": "#,##0.00", "bold": True, "top": 1})
        self._day = book.add_format({"num_format": "dd.mm.yyyy", "align": "left"})

    def write_empty(self) -> None:
        """A book needs a sheet, and the reader a word."""
        self._head("1", None).write_string(4, 0, self._here.gettext("Nothing was owed or moved in this period."))

    def write(self, part: Record, title: str) -> None:
        sheet = self._head(title, part)
        for column, name in enumerate(TITLES):
            sheet.write_string(4, column, self._here.gettext(name), self._bold)
        self._line(sheet, 5, self._here.gettext("Opening balance"), part["opening"])
        row = 6
        for line in part["lines"]:
            self._entry(sheet, row, line)
            row += 1
        sheet.write_string(row, 1, self._here.gettext("Turnover"), self._bold)
        sheet.write_number(row, 4, Decimal(part["debit"]), self._sum)
        sheet.write_number(row, 5, Decimal(part["credit"]), self._sum)
        self._line(sheet, row + 1, self._here.gettext("Closing balance"), part["closing"])
        if Decimal(part["unexplained"]):
            sheet.write_string(row + 3, 0, explain(self._here, part))

    def _head(self, title: str, part: Record | None) -> Any:
        sheet, here, told = self._book.add_worksheet(title), self._here, self._statement
        for column, width in enumerate(_WIDTHS):
            sheet.set_column(column, column, width)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.write_string(0, 0, here.gettext("Statement of settlements"), self._bold)
        sheet.write_string(1, 0, f"{here.writer.day(told.first)} – {here.writer.day(told.last)}")
        names = [part["organisation"] if part else None, told.name, part["currency"] if part else None]
        sheet.write_string(2, 0, " · ".join(name for name in names if name))
        return sheet

    def _line(self, sheet: Any, row: int, title: str, amount: str) -> None:
        sheet.write_string(row, 1, title, self._bold)
        sheet.write_number(row, 6, Decimal(amount), self._sum)

    def _entry(self, sheet: Any, row: int, line: Record) -> None:
        local = datetime.fromisoformat(line["date"]).astimezone(self._here.app.zone)
        sheet.write_datetime(row, 0, local.replace(tzinfo=None), self._day)
        sheet.write_string(row, 1, self._here.gettext(KINDS.get(line["kind"], str(line["kind"]))))
        sheet.write_string(row, 2, line["number"])
        sheet.write_string(row, 3, line["contract"] or "")
        for column, name in ((4, "debit"), (5, "credit"), (6, "balance")):
            if line[name] is not None:
                sheet.write_number(row, column, Decimal(line[name]), self._money)


def explain(here: Here, part: Record) -> str:
    """What of the balance no entry explains, in a sentence."""
    return here.gettext(
        "%(sum)s of the balance is not explained by documents that are here: it is from before they begin,"
        " or accounting entered it without a document. It is part of the opening balance.",
        sum=here.writer.money(part["unexplained"], part["currency"]),
    )
