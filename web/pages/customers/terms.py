"""Credit limits and terms of payment that accounting does not keep: the head sets them on the customer's page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import fastapi
from fastapi import APIRouter
from starlette.responses import Response

from core.errors import UsageError
from store.queries.customers.terms import Term, write_term
from sync.owners.terms import LARGEST_LIMIT, LONGEST_TERM, Held, load_books, load_terms, set_terms
from web.door.faults import Missing
from web.door.guard import Page
from web.door.rules import allow
from web.here import Here
from web.pages.customers.card import require_visible

router = APIRouter()
Field = Annotated[str, fastapi.Form(max_length=40)]
_SUM = re.compile(r"([0-9]{1,3}(?:[.,][0-9]{3})+|[0-9]{1,15})(?:[.,]([0-9]{1,2}))?")
"""150000, 150 000,50 or 150,000.50: three figures behind a sign are thousands, two are kopecks."""


@router.get("/customers/{key}/terms")
@allow("head", "admin", about="customer")
def show(here: Page, key: UUID) -> Response:
    """What is in force for the customer and each of his contracts, who keeps it, and what was set here by whom."""
    return _page(here, key, _load(here, key))


@router.post("/customers/{key}/terms")
@allow("head", "admin", about="customer")
def save(here: Page, key: UUID, holder: Field = "", credit_limit: Field = "", payment_days: Field = "") -> Response:
    """Set them for the customer or one of his contracts; what is left empty is as accounting says, or none."""
    found = _load(here, key)
    held = next((one for one in found if str(one.record["id"]) == holder), None)
    if held is None:
        raise Missing
    typed = {"credit_limit": credit_limit.strip(), "payment_days": payment_days.strip()}
    settable = {name: text for name, text in typed.items() if name not in held.keepers}
    settable |= {name: "" for name in held.keepers if name in held.own and not typed[name]}  # taken back
    values: dict[str, Term | None] = {}
    for name, text in settable.items():
        value = None if not text else _read(name, text)
        if text and value is None:
            return _page(here, key, found, code=422, wrong=_why_wrong(here, name), holder=holder, typed=typed)
        values[name] = value
    try:
        changed = set_terms(here.app, here.me.login, key, held.record["id"], values)
    except UsageError as error:
        return here.to(f"/customers/{key}/terms", wrong=error.message)
    saved, same = here.gettext("Saved. What is overdue is being reckoned anew."), here.gettext("Nothing has changed.")
    return here.to(f"/customers/{key}/terms", done=saved if changed else same)


def _page(
    here: Here, key: UUID, found: Sequence[Held], *, code: int = 200, wrong: str = "", holder: str = "",
    typed: dict[str, str] | None = None,
) -> Response:  # fmt: skip
    """`typed`: what was refused for that holder, to be mended."""
    return here.page(
        "customers/terms.html", code=code, key=key, name=found[0].record["name"], found=found, wrong=wrong,
        refused=holder, typed=typed or {}, plain=write_term,
    )  # fmt: skip


def _load(here: Here, key: UUID) -> Sequence[Held]:
    books = load_books(here.app)
    with here.reading() as conn:
        require_visible(here, conn, key)
        return load_terms(conn, books, key)


def _read(name: str, text: str) -> Term | None:
    """What was typed, with blanks or a comma as people write sums; None for what is no such value."""
    plain = re.sub(r"\s", "", text)
    if name == "payment_days":
        return int(plain) if re.fullmatch("[0-9]{1,4}", plain) and int(plain) <= LONGEST_TERM else None
    parts = _SUM.fullmatch(plain)
    amount = Decimal(f"{re.sub('[.,]', '', parts[1])}.{parts[2] or 0}") if parts else Decimal(0)
    return amount if Decimal(0) < amount <= LARGEST_LIMIT else None


def _why_wrong(here: Here, name: str) -> str:
    if name == "payment_days":
        return here.gettext("Days to pay are a number from 0 to %(most)s.", most=LONGEST_TERM)
    return here.gettext("A credit limit is more than nothing, to the kopeck; leave it empty for none.")
