"""The phone rings: the card of whoever has the number, a choice of several, a new contact where nobody has it."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from store.queries.customers.lookup import lookup_phone, normal_phone
from web.door.auditing import audit_looks
from web.door.guard import Page
from web.door.rules import allow
from web.menu import Item
from web.show.texts import N_

router = APIRouter()
MENU = (Item(20, "/call", N_("Call"), ("manager", "head", "admin")),)
_LONGEST = 40


@router.get("/call")
@allow("manager", "head", "admin")
def answer(here: Page, phone: str = "") -> Response:
    """The card itself where exactly one of the reader's customers has the number, and nobody else.

    Of a colleague's customer the name and who is responsible, no figure and no way to the card; who is on call sees
    what that one owes, and the audit notes it.
    """
    number = phone.strip()[:_LONGEST]
    if not number:
        return here.page("customers/call.html", phone="", found=None, number="", readable=False)
    with here.reading() as conn:
        found = lookup_phone(conn, number, here.viewer)
    audit_looks(here, [one["key"] for one in found if "key" in one], number, "page")
    if len(found) == 1 and found[0]["visible"]:
        return here.to(f"/customers/{found[0]['id']}")
    readable = any(sign.isdigit() for sign in number)
    plain = normal_phone(number)
    return here.page("customers/call.html", phone=number, found=found, number=plain, readable=readable)
