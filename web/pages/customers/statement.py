"""The statement of settlements of one customer for any period: a page to be printed, and a spreadsheet."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import select
from starlette.responses import Response

from store.entities import counterparties
from store.queries.settlements.statement import load_statement
from store.queries.shapes import Record
from web.door.guard import Page
from web.door.rules import allow
from web.here import Here
from web.pages.customers.card import require_visible
from web.show.sheets import Statement, build_statement_sheet, explain
from web.show.wording import KINDS

router = APIRouter()
_SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_OLDEST = date(1990, 1, 1)


@router.get("/customers/{key}/statement")
@allow("manager", "head", "admin", about="customer")
def show(here: Page, key: UUID, first: str = "", last: str = "", organisation: str = "") -> Response:
    """The page; without days given, the running quarter so far."""
    begin, end = _period(here, first, last)
    name, parts = _load(here, key, begin, end, organisation)
    return here.page(
        "customers/statement.html", key=key, name=name, parts_of_statement=parts, first=begin, last=end,
        organisation=organisation, kinds=KINDS, explain=explain,
    )  # fmt: skip


@router.get("/customers/{key}/statement.xlsx")
@allow("manager", "head", "admin", about="customer")
def download(here: Page, key: UUID, first: str = "", last: str = "", organisation: str = "") -> Response:
    """The same as a spreadsheet, a sheet for every organisation and currency."""
    begin, end = _period(here, first, last)
    name, parts = _load(here, key, begin, end, organisation)
    content = build_statement_sheet(Statement(name, begin, end, parts), here)
    told = f'attachment; filename="statement-{begin.isoformat()}-{end.isoformat()}.xlsx"'
    return Response(content, media_type=_SHEET, headers={"content-disposition": told})


def _load(here: Here, key: UUID, first: date, last: date, organisation: str) -> tuple[str, list[Record]]:
    with here.reading() as conn:
        require_visible(here, conn, key)
        name = conn.execute(select(counterparties.c.name).where(counterparties.c.id == key)).scalar_one()
        return name, load_statement(conn, key, here.view, first, last, here.app.zone, organisation)


def _period(here: Here, first: str, last: str) -> tuple[date, date]:
    """The days that were given; what cannot be a day is as if it were not given."""
    today = here.now.astimezone(here.app.zone).date()
    end = _day(last) or today
    begin = _day(first) or date(end.year, (end.month - 1) // 3 * 3 + 1, 1)
    return (begin, end) if begin <= end else (end, begin)


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if found >= _OLDEST and found.year < _OLDEST.year + 200 else None
