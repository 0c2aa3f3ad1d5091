"""The card of a customer: what he owes and how old that is, his documents, deals and people, charts, "refresh now".

Every handler asks first whether he is the reader's to see, in the transaction that reads; for another's the answer is
the same as for one who does not exist.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from babel.dates import format_date
from fastapi import APIRouter
from sqlalchemy import Connection, select
from starlette.responses import Response

from store.entities import counterparties
from store.queries.customers.card import load_card
from store.queries.customers.page import (
    add_order_figures,
    load_credit,
    load_deals_of,
    load_document,
    load_holding,
    load_known_at,
    load_places,
    load_readings,
    load_responsible,
)
from store.queries.customers.rights import load_visible
from store.queries.customers.terms import load_own
from store.queries.settlements.turnover import load_history
from store.tables import binding
from sync.push.contacts import load_standings, set_contact
from sync.room.requests import leave_request
from sync.settle.ageing import load_ageing
from web.door.auditing import write_audit
from web.door.faults import Missing
from web.door.guard import Page
from web.door.rules import allow
from web.here import Here
from web.show.charts import build_balance_chart, build_turnover_chart
from web.show.wording import AGES, DOCUMENT_TITLES, WORDS

router = APIRouter()


@dataclass(frozen=True, slots=True)
class State:
    """How old what is known of a customer is. `at`: when accounting last told his balance; `old`: too long ago.

    `absent`: why there is nothing to tell, where accounting has no card of his (`_find_absence`).
    """

    known: bool
    at: datetime | None
    old: bool
    reading: bool
    may_refresh: bool
    absent: str


@router.get("/customers/{key}")
@allow("manager", "head", "admin", about="customer")
def show(here: Page, key: UUID) -> Response:
    """The whole card."""
    with here.reading() as conn:
        require_visible(here, conn, key)
        card = load_card(conn, key, here.view, now=here.now)
        documents = {name: [one for one in card["documents"] if one["entity"] == name] for name in DOCUMENT_TITLES}
        add_order_figures(conn, documents["order"])
        values: dict[str, Any] = {
            "documents": documents,
            "deals": load_deals_of(conn, key, here.view),
            "holding": load_holding(conn, here.viewer, key),
            "credit": load_credit(conn, key, card["contracts"]),
            "responsible": load_responsible(conn, key),
            "set_here": {name: own for (_, name), own in load_own(conn, "counterparty", [key]).items()},
            "standing": _load_standing(here, conn, key),
            "state": _load_state(here, conn, key),
        }
    return here.page("customers/card.html", key=key, card=card, **values, **WORDS)


@router.get("/customers/{key}/history")
@allow("manager", "head", "admin", about="customer")
def show_history(here: Page, key: UUID) -> Response:
    """The charts and their figures: a part of the card that comes after the rest of it."""
    with here.reading() as conn:
        require_visible(here, conn, key)
        today = here.now.astimezone(here.app.zone).date()
        history = load_history(conn, key, here.view, today, here.app.zone)
        ageing = load_ageing(conn, here.app, key, today)
    charts = [(build_balance_chart(one["months"]), build_turnover_chart(one["months"])) for one in history]
    drawn = [
        one | {"balance_chart": balance, "turnover_chart": turnover}
        for one, (balance, turnover) in zip(history, charts, strict=True)
    ]
    part = "hx-request" in here.request.headers
    template = "customers/history.html" if part else "customers/history_page.html"
    return here.page(template, key=key, history=drawn, ageing=ageing, ages=AGES, month_name=_month_name(here))


def _month_name(here: Here) -> Callable[[str], str]:
    locale = here.writer.locale
    return lambda day: str(format_date(date.fromisoformat(day), "LLL yy", locale=locale))


@router.get("/customers/{key}/freshness")
@allow("manager", "head", "admin", about="customer")
def show_freshness(here: Page, key: UUID) -> Response:
    """The line that says how old the card is; when a reading is over the whole card is renewed."""
    with here.reading() as conn:
        require_visible(here, conn, key)
        state = _load_state(here, conn, key)
    answer = here.page("customers/freshness.html", key=key, state=state)
    if not state.reading:
        answer.headers["hx-refresh"] = "true"
    return answer


@router.post("/customers/{key}/refresh")
@allow("manager", "head", "admin", about="customer")
def refresh(here: Page, key: UUID) -> Response:
    """Ask accounting about this customer alone, now; the next tick takes it up."""
    with here.writing() as conn:
        require_visible(here, conn, key)
        places = load_places(conn, key, here.view.accounting)
        for connection, keys in places.items():
            for external_id in keys:
                leave_request(conn, here.now, "pull_customer", connection, {"counterparty": external_id})
        if places:
            write_audit(conn, here.now, here.me.login, "customer.refresh", str(key))
        state = _load_state(here, conn, key)
    if "hx-request" in here.request.headers:
        return here.page("customers/freshness.html", key=key, state=state)
    if not places:
        return here.to(f"/customers/{key}", wrong=here.gettext("Accounting does not know this customer yet."))
    return here.to(f"/customers/{key}", done=here.gettext("Accounting is being asked about this customer."))


@router.post("/customers/{key}/client")
@allow("manager", "head", "admin", about="customer")
def make_client(here: Page, key: UUID) -> Response:
    """A contact is a client now: what follows from that is done by the engine, and where it stands is on the card."""
    with here.reading() as conn:
        require_visible(here, conn, key)
        home = conn.execute(select(counterparties.c.home).where(counterparties.c.id == key)).scalar_one()
    if home != "crm":
        return here.to(f"/customers/{key}", wrong=here.gettext("This customer is in accounting already."))
    contact = set_contact(here.app, key, who=here.me.login, status="client")
    state = here.tell(contact["standing_text"])
    return here.to(f"/customers/{key}", done=here.gettext("Is a client now: %(state)s", state=state))


@router.get("/customers/{key}/{entity}/{document}")
@allow("manager", "head", "admin", about="customer")
def show_document(here: Page, key: UUID, entity: str, document: UUID) -> Response:
    """One document of a customer with its lines."""
    if entity not in DOCUMENT_TITLES:
        raise Missing
    with here.reading() as conn:
        require_visible(here, conn, key)
        record = load_document(conn, here.viewer, entity, document, here.view)
    if record is None or record["counterparty"]["id"] != str(key):
        raise Missing
    return here.page("customers/document.html", key=key, record=record, **WORDS)


def require_visible(here: Here, conn: Connection, key: UUID) -> None:
    """Raises Missing where there is no such customer, and where he is not the reader's to see."""
    if not load_visible(conn, here.viewer, key):
        raise Missing


def _load_standing(here: Here, conn: Connection, key: UUID) -> dict[str, str] | None:
    """Where a contact stands in accounting; nothing for a customer who came from there."""
    row = conn.execute(select(counterparties).where(counterparties.c.id == key)).mappings().one()
    if row["home"] != "crm":
        return None
    return load_standings(conn, here.app, [dict(row)]).get(key)


def _load_state(here: Here, conn: Connection, key: UUID) -> State:
    places = load_places(conn, key, here.view.accounting)
    at = load_known_at(conn, key, list(places))
    seconds = None if at is None else int((here.now - at).total_seconds())
    old = any(here.view.is_old(name, seconds) for name in places)
    absent = "" if places else _find_absence(here, conn, key)
    return State(at is not None, at, old, load_readings(conn, places) > 0, bool(places), absent)


def _find_absence(here: Here, conn: Connection, key: UUID) -> str:
    """Why accounting has no card of a customer: he is "new" (no client yet), on his "way" there, or "gone" from it."""
    was = (
        binding.c.entity == "counterparty",
        binding.c.entity_id == key,
        binding.c.connection.in_(here.view.accounting),
    )
    there_once = select(binding.c.external_id).where(*was).exists().label("there_once")
    query = select(counterparties.c.home, counterparties.c.status, there_once).where(counterparties.c.id == key)
    row = conn.execute(query).one()
    if row.home != "crm" or row.there_once:
        return "gone"
    return "way" if row.status == "client" else "new"
