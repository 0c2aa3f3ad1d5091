"""The ops room: how fresh everything is, what is under way, what ran, what waits, what is wrong."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from store.queries.shapes import Record
from store.queries.work.queues import QUEUES
from store.queries.work.room import load_budgets, load_slots, load_under_way, load_workers
from store.queries.work.status import load_status
from sync.reconcile.nightly import LEASE
from web.door.guard import Page
from web.door.rules import allow
from web.here import Here
from web.menu import Item
from web.show.texts import N_
from web.show.working import WORDS

router = APIRouter()
MENU = (Item(50, "/ops", N_("Operations"), ("admin", "ops")),)


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
    settings = here.app.settings
    with here.reading() as conn:
        values: dict[str, Any] = {
            "status": load_status(conn, here.now, here.view, names=settings.connections),
            "slots": load_slots(conn, here.now),
            "budgets": load_budgets(conn, here.now, here.view),
            "workers": load_workers(conn, here.now, here.view),
            "under_way": load_under_way(conn, here.now, here.view, reconciling=LEASE),
        }
    every = {name: settings.old_after(name).total_seconds() for name in settings.connections}
    return here.page(template, queues=QUEUES, old_after=every, paces=_build_paces(here), **values, **WORDS)


def _build_paces(here: Here) -> dict[str, Record]:
    """By connection, how often it may be asked."""
    paces = {name: one.pace for name, one in here.app.settings.connections.items()}
    return {
        name: {"a_minute": round(60 / pace.every.total_seconds(), 1), "burst": pace.burst}
        for name, pace in paces.items()
        if pace is not None
    }
