"""The ops room: how fresh everything is, what ran, what waits, what is wrong."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from store.queries.work.queues import QUEUES
from store.queries.work.status import load_status
from web.door.guard import Page
from web.door.rules import allow
from web.here import Here
from web.menu import Item
from web.show.texts import N_

router = APIRouter()
MENU = (Item(50, "/ops", N_("Operations"), ("admin", "ops")),)
QUEUE_TITLES = {
    "requests": N_("asked for"),
    "due": N_("to send"),
    "waiting": N_("not yet due"),
    "sending": N_("being sent"),
    "uncertain": N_("without an answer"),
    "parked": N_("parked"),
    "dead": N_("dead letters"),
    "review": N_("in review"),
}
RUN_STATES = {
    "ok": N_("ok"),
    "partial": N_("partial"),
    "failed": N_("failed"),
    "running": N_("running"),
    "abandoned": N_("abandoned"),
}
BREAKER = {"closed": N_("answers"), "open": N_("does not answer"), "half_open": N_("is being tried")}
ENTITIES = {
    "organisation": N_("organisations"),
    "currency": N_("currencies"),
    "manager": N_("managers"),
    "group": N_("groups"),
    "product": N_("products"),
    "counterparty": N_("counterparties"),
    "person": N_("persons"),
    "contract": N_("contracts"),
    "order": N_("orders"),
    "shipment": N_("shipments"),
    "return": N_("returns"),
    "payment": N_("payments"),
    "balance": N_("balances"),
    "deal": N_("deals"),
    "activity": N_("activities"),
}
_WORDS: dict[str, Any] = {
    "queue_titles": QUEUE_TITLES,
    "run_states": RUN_STATES,
    "breaker_states": BREAKER,
    "entity_titles": ENTITIES,
}


@router.get("/ops")
@allow("admin", "ops")
def show(here: Page) -> Response:
    """Everything on one page."""
    return _answer(here, "ops/status.html")


@router.get("/ops/now")
@allow("admin", "ops")
def renew(here: Page) -> Response:
    """The part of the page that is renewed by itself."""
    return _answer(here, "ops/now.html")


def _answer(here: Here, template: str) -> Response:
    with here.reading() as conn:
        status = load_status(conn, here.now, here.view, names=here.app.settings.connections)
    every = {name: here.app.settings.old_after(name).total_seconds() for name in here.app.settings.connections}
    return here.page(template, status=status, queues=QUEUES, old_after=every, **_WORDS)
