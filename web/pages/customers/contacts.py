"""A new contact from the pages, with those shown while typing whom it may be: never a twin without a word."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import fastapi
from fastapi import APIRouter
from sqlalchemy import Connection, update
from starlette.responses import Response

from core.errors import UsageError
from store.customers import write_lists
from store.entities import counterparties
from store.queries.customers.lookup import find_alike, load_of_tax_id
from store.queries.customers.rights import load_visible
from store.queries.shapes import Record
from sync.push.contacts import add_contact
from web.door.auditing import write_audit
from web.door.guard import Page
from web.door.rules import allow
from web.here import Here

router = APIRouter()
Field = Annotated[str, fastapi.Form(max_length=300)]
_LONGEST = 300


@router.get("/contacts/new")
@allow("manager", "head", "admin")
def ask(here: Page, name: str = "", tax_id: str = "", phone: str = "", email: str = "") -> Response:
    """The form, filled in as far as the address tells."""
    given = _given(name, tax_id, phone, email)
    return here.page("customers/new.html", given=given, found=_alike(here, given), wrong="")


@router.get("/contacts/alike")
@allow("manager", "head", "admin")
def show_alike(here: Page, name: str = "", tax_id: str = "", phone: str = "", email: str = "") -> Response:
    """Who is here already of that name, tax id, phone or e-mail: of all customers, a colleague's by name only."""
    return here.page("customers/alike.html", found=_alike(here, _given(name, tax_id, phone, email)))


@router.post("/contacts/new")
@allow("manager", "head", "admin")
def add(here: Page, name: Field = "", tax_id: Field = "", phone: Field = "", email: Field = "") -> Response:
    """Make it; where one customer has this tax id already it is he, and nothing of him is overwritten."""
    given = _given(name, tax_id, phone, email)
    wrong = _refuse_colleagues(here, given)
    if wrong:
        return here.page("customers/new.html", code=422, given=given, found=_alike(here, given), wrong=wrong)
    try:
        made = add_contact(
            here.app, name=given["name"], tax_id=given["tax_id"] or None,
            phones=_one(given["phone"]), emails=_one(given["email"]), who=here.me.login,
        )  # fmt: skip
    except UsageError as error:
        wrong = here.tell(error.message)
        return here.page("customers/new.html", code=422, given=given, found=_alike(here, given), wrong=wrong)
    key = UUID(made["id"])
    with here.writing() as conn:
        if not made["reused"]:
            _take(here, conn, key)
        write_lists(conn, [key])
        visible = load_visible(conn, here.viewer, key)
    new, known = here.gettext("The contact is made."), here.gettext("There was such a customer already.")
    return here.to(f"/customers/{key}" if visible else "/customers", done=known if made["reused"] else new)


def _given(name: str, tax_id: str, phone: str, email: str) -> dict[str, str]:
    given = {"name": name, "tax_id": tax_id, "phone": phone, "email": email}
    return {field: value.strip()[:_LONGEST] for field, value in given.items()}


def _one(text: str) -> tuple[str, ...]:
    return (text,) if text else ()


def _alike(here: Here, given: dict[str, str]) -> list[Record]:
    with here.reading() as conn:
        return find_alike(conn, here.viewer, *given.values())


def _refuse_colleagues(here: Here, given: dict[str, str]) -> str:
    """Whose tax id it is, where that is a customer whom the reader may not see: nothing of him is touched."""
    if not given["tax_id"]:
        return ""
    with here.reading() as conn:
        others = [one for one in load_of_tax_id(conn, here.viewer, given["tax_id"]) if not one["visible"]]
    if not others:
        return ""
    who = others[0]["manager"]
    if who is None:
        return here.gettext("%(name)s has this tax id and is nobody's yet: ask your head.", name=others[0]["name"])
    return here.gettext("%(name)s has this tax id; %(who)s looks after them.", name=others[0]["name"], who=who)


def _take(here: Here, conn: Connection, key: UUID) -> None:
    """A new contact is that of whoever makes it, where he is a manager."""
    manager = here.me.manager_id
    if manager is None:
        return
    conn.execute(
        update(counterparties).where(counterparties.c.id == key).values(manager_id=manager, updated_at=here.now)
    )
    write_audit(conn, here.now, here.me.login, "contact.manager", str(key), after={"manager": str(manager)})
