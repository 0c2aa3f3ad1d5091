"""`/api/v1/customers` and `/api/v1/lookup`: customers, each with the rights of the user whose token it is."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import PlainTextResponse, Response

from store.queries.customers.find import find_customers
from store.queries.customers.lookup import lookup_phone
from store.queries.customers.visible import load_callers, load_customers, load_visible_card
from web.api.answering import After, Limit, answer
from web.door.auditing import audit_looks
from web.door.faults import Missing
from web.door.guard import Machine
from web.door.rules import allow
from web.show.paging import decode_position, encode_position

router = APIRouter(tags=["customers"])


class CustomerPage(BaseModel):
    """One page of a list."""

    items: list[dict[str, Any]] = Field(description="As `sverka export counterparties` has them.")
    next: str | None = Field(description="Send it as `after` for the next page; null: this was the last.")


class Reference(BaseModel):
    """Another record, by our id and its name."""

    id: str
    name: str


class Caller(BaseModel):
    """Somebody with the number."""

    id: str | None = Field(description="Null for a colleague's customer.")
    name: str
    manager: Reference | None = Field(description="Who is responsible; null: nobody.")
    person: str | None = Field(description="Who there has the number, where it is not the customer's own.")
    yours: bool = Field(description="Whether the asker may open his card.")
    balances: list[dict[str, Any]] | None = Field(
        description="What he owes, by contract; null for a colleague's customer unless the asker is on call."
    )


class Callers(BaseModel):
    """Who may be calling, the asker's own customers first."""

    items: list[Caller]


_MEANT = "Name, tax id, code, phone, e-mail, id or number of a document; the surest first."


@router.get("/customers", response_model=CustomerPage)
@allow("manager", "head", "admin")
def list_customers(
    here: Machine,
    q: Annotated[str, Query(max_length=200, description=_MEANT)] = "",
    after: After = None,
    limit: Limit = 50,
) -> Response:
    """Customers by name, page by page; or those that `q` may mean, on one page."""
    with here.reading() as conn:
        if q.strip():
            found = find_customers(conn, q, here.view, limit=limit, viewer=here.viewer)
            return answer(here, {"items": found, "next": None})
        position = decode_position(after, str, UUID)
        start = None if position is None or None in position else (position[0], position[1])
        rows, following = load_customers(conn, here.viewer, here.view, after=start, limit=limit)
    return answer(here, {"items": rows, "next": encode_position(following)})


@router.get("/customers/{key}", response_model=dict[str, Any])
@allow("manager", "head", "admin", about="customer")
def show_customer(here: Machine, key: UUID, documents: Annotated[int, Query(ge=0, le=200)] = 20) -> Response:
    """The card: what he owes and since when, what he ordered, got and paid, and how old that knowledge is."""
    with here.reading() as conn:
        card = load_visible_card(conn, here.viewer, key, here.view, now=here.now, shown=documents)
    if card is None:
        raise Missing
    return answer(here, card)


@router.get("/lookup", response_model=Callers)
@allow("manager", "head", "admin")
def look_up(here: Machine, phone: Annotated[str, Query(max_length=100, description="In any writing.")]) -> Response:
    """Who calls, for a telephone exchange: of a colleague's customer the name and who is responsible, never money.

    Whoever is on call learns what that one owes too, and each such look is noted in the audit.
    """
    with here.reading() as conn:
        found, looked = load_callers(conn, here.viewer, phone, here.view)
    audit_looks(here, looked, phone, "api")
    return answer(here, {"items": found})


_SHORT = 60
"""So much a phone's display and a caller's name in an exchange can take."""


@router.get("/lookup/name", response_class=PlainTextResponse)
@allow("manager", "head", "admin")
def look_up_name(
    here: Machine, phone: Annotated[str, Query(max_length=100, description="In any writing.")] = ""
) -> Response:
    """The name alone, in plain text, for exchanges that show an answer as it is; empty where nobody has the number.

    Of several the first one and how many more; of a colleague's customer who looks after him. Never money.
    """
    with here.reading() as conn:
        found = lookup_phone(conn, phone, here.viewer)
    return PlainTextResponse(_one_line(found), headers={"cache-control": "no-store"})


def _one_line(found: list[dict[str, Any]]) -> str:
    if not found:
        return ""
    first, more = found[0], f" +{len(found) - 1}" if len(found) > 1 else ""
    named = first["name"] if first["visible"] or not first["manager"] else f"{first['name']} ({first['manager']})"
    kept = "".join(sign if sign.isalnum() or sign in " -.+№/()" else " " for sign in named)
    return " ".join(kept.split())[: _SHORT - len(more)] + more
