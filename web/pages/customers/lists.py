"""Customers, as a manager sees them: the list with search, filters and sorting, and its export.

The card of one customer is in `card.py`, what happens when the phone rings in `call.py`, the statement of settlements
in `statement.py`, new contacts in `contacts.py`. Everything that is read here comes from `store/queries/customers*.py`
and has the reader's rights in the query.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from tempfile import SpooledTemporaryFile
from typing import Annotated, Any, get_args
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import Response, StreamingResponse

from store.queries.customers.listed import (
    SORTS,
    TRAITS,
    Owing,
    Sort,
    Whose,
    Wish,
    iter_customers,
    load_customers,
    load_managers,
    load_trait_values,
)
from store.queries.shapes import Record
from store.tabular import write_csv, write_xlsx
from web.door.auditing import write_audit
from web.door.guard import Page
from web.door.rules import allow
from web.here import Here
from web.menu import Item
from web.show.paging import decode_position, encode_position
from web.show.texts import N_
from web.show.wording import STATUS_TITLES

router = APIRouter()
MENU = (Item(10, "/customers", N_("Customers"), ("manager", "head", "admin")),)
SORT_TITLES: dict[Sort, str] = {
    "name": N_("by name"),
    "balance": N_("greatest debt first"),
    "overdue": N_("most overdue first"),
    "over": N_("furthest over the credit limit first"),
    "order": N_("last order first"),
    "shipment": N_("last shipment first"),
    "payment": N_("last payment first"),
}
WHOSE_TITLES: dict[Whose, str] = {"all": N_("all I may see"), "mine": N_("mine"), "nobody": N_("nobody's")}
OWING_TITLES: dict[Owing, str] = {
    "any": N_("all"), "debtors": N_("debtors"), "overdue": N_("overdue"), "over": N_("over the credit limit"),
}  # fmt: skip
TRAIT_TITLES: dict[str, Any] = {
    "segment": N_("Segment"), "industry": N_("Industry"), "region": N_("Region"), "category": N_("Category"),
}  # fmt: skip
_EXPORTED = 16 * 1024 * 1024
"""Bytes of an export that are held in memory; what is larger goes by way of the disk."""


def read_wish(request: Request) -> Wish:
    """The wish that an address tells; a word that is not known is as if it were not there."""
    given = request.query_params
    return Wish(
        text=given.get("q", "").strip()[:200],
        whose=_known(given.get("whose"), get_args(Whose), "all"),
        owing=_known(given.get("owing"), get_args(Owing), "any"),
        traits=tuple((name, given[name][:300]) for name in TRAITS if given.get(name)),
        manager=_uuid(given.get("manager", "")),
        sort=_known(given.get("sort"), SORTS, "name"),
    )


Wished = Annotated[Wish, Depends(read_wish)]


@router.get("/customers")
@allow("manager", "head", "admin")
def show(here: Page, wish: Wished, after: str = "") -> Response:
    """A page of the list; as one types only its lines are renewed."""
    with here.reading() as conn:
        page = load_customers(conn, here.viewer, wish, here.view, _position(wish.sort, after))
        values = {name: load_trait_values(conn, name) for name in TRAITS}
        managers = load_managers(conn) if here.me.role != "manager" else []
    following = encode_position(page.following)
    return here.page(
        "customers/list.html",
        rows=page.rows, wish=wish, address=address_of(wish), values=values, managers=managers,
        after=after, following=following, may_export=here.me.has("export"), **_TITLES,
    )  # fmt: skip


_TITLES: dict[str, Any] = {
    "sort_titles": SORT_TITLES,
    "whose_titles": WHOSE_TITLES,
    "owing_titles": OWING_TITLES,
    "trait_titles": TRAIT_TITLES,
    "status_titles": STATUS_TITLES,
}


@router.get("/export/customers")
@allow("manager", "head", "admin", right="export")
def export(here: Page, wish: Wished, format: str = "csv") -> Response:
    """The whole list as a table, noted in the audit with the number of its rows before the first byte leaves."""
    kind = "xlsx" if format == "xlsx" else "csv"
    target: Any = SpooledTemporaryFile(max_size=_EXPORTED)  # noqa: SIM115 the answer closes it
    with here.reading() as conn:
        write = write_xlsx if kind == "xlsx" else write_csv
        number = write(_table(here, conn, wish), [here.gettext(title) for title in COLUMNS.values()], target)
    with here.writing() as conn:
        told = {"rows": number, "format": kind} | {name: value for name, value in address_of(wish).items() if value}
        write_audit(conn, here.now, here.me.login, "customers.export", f"{number}", after=told)
    target.seek(0)
    name = f"customers-{here.today.isoformat()}.{kind}"
    return StreamingResponse(
        _pieces(target), media_type=_TYPES[kind], headers={"content-disposition": f'attachment; filename="{name}"'}
    )


_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
COLUMNS = {
    "name": N_("Name"), "tax_id": N_("Tax id"), "manager": N_("Responsible"), "status": N_("Status"),
    "segment": N_("Segment"), "industry": N_("Industry"), "region": N_("Region"), "category": N_("Category"),
    "phones": N_("Phones"), "currency": N_("Currency"), "amount": N_("Balance"), "overdue": N_("Overdue"),
    "overdue_since": N_("Overdue since"), "last_order_at": N_("Last order"), "last_shipment_at": N_("Last shipment"),
    "last_payment_at": N_("Last payment"), "id": N_("Id"),
}  # fmt: skip
_NOTHING_OWED = {"currency": None, "amount": None, "overdue": None, "overdue_since": None}


def _table(here: Here, conn: Connection, wish: Wish) -> Iterator[dict[str, Any]]:
    """A row a customer and currency, under the titles in the reader's language."""
    for record in iter_customers(conn, here.viewer, wish, here.view):
        for owed in record["owed"] or [_NOTHING_OWED]:
            yield {here.gettext(title): _cell(here, record | owed, name) for name, title in COLUMNS.items()}


def _cell(here: Here, record: Record, name: str) -> Any:
    value = record[name]
    if name in ("amount", "overdue") and value is not None:
        return Decimal(value)
    if name == "phones":  # a plain number stays one: with spaces behind its plus a CSV would need an apostrophe
        return ", ".join(here.writer.phone(phone) if ";" in phone else phone for phone in value or ())
    if name == "status":
        return here.gettext(STATUS_TITLES[value]) if value in STATUS_TITLES else value
    if name.endswith(("_at", "_since")) and value:
        return date.fromisoformat(value[:10])
    return ", ".join(value) if isinstance(value, list) else value


def _pieces(target: Any) -> Iterator[bytes]:
    with target:
        while piece := target.read(64 * 1024):
            yield piece


def address_of(wish: Wish) -> dict[str, str]:
    """What of an address tells this wish."""
    plain = {"q": wish.text, "whose": wish.whose, "owing": wish.owing, "sort": wish.sort}
    usual = {"whose": "all", "owing": "any", "sort": "name", "q": ""}
    told = {name: value for name, value in plain.items() if value != usual[name]}
    return told | dict(wish.traits) | ({"manager": str(wish.manager)} if wish.manager else {})


def _position(sort: Sort, word: str) -> tuple[Any, UUID] | None:
    kind = {"name": str, "balance": str, "overdue": str, "over": str}.get(sort, datetime)
    found = decode_position(word, kind, UUID)
    if found is None or None in found:
        return None
    try:
        value = Decimal(found[0]) if sort in ("balance", "overdue", "over") else found[0]
    except InvalidOperation:
        return None
    return value, found[1]


def _known(word: str | None, words: tuple[Any, ...], usual: Any) -> Any:
    return word if word in words else usual


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
