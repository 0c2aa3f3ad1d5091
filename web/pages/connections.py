"""Connections: how each stands, paused and let go on by a person, read now, looked over by doctor."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import fastapi
from fastapi import APIRouter
from starlette.responses import Response

from store.queries.shapes import Record
from store.queries.work.freshness import load_freshness
from store.queries.work.status import load_connections
from sync.push.merge import add_audit
from sync.room.breaker import hold_connection, release_connection
from sync.room.requests import leave_request
from sync.setup.doctor import examine
from web.door.faults import Missing
from web.door.guard import Page
from web.door.rules import allow
from web.here import Here
from web.menu import Item
from web.show.texts import N_
from web.show.working import BREAKER, ENTITIES, QUEUE_TITLES, RUN_STATES

router = APIRouter()
MENU = (Item(62, "/connections", N_("Connections"), ("admin", "ops")),)
WRITES = {
    "off": N_("nothing is written there"), "review": N_("each write waits for a person"), "on": N_("is written there"),
}  # fmt: skip
ROLES = {"accounting": N_("accounting"), "crm": N_("CRM")}
LEVELS = {"ok": N_("in order"), "notice": N_("notice"), "warning": N_("warning"), "error": N_("wrong")}
_QUEUES = ("due", "waiting", "uncertain", "parked", "dead", "review")
Short = Annotated[str, fastapi.Form(max_length=300)]


@router.get("/connections")
@allow("admin", "ops")
def show_all(here: Page) -> Response:
    """Every connection of the settings, and how it stands."""
    return here.page("desk/connections.html", rows=_load(here), **_words())


def _load(here: Here) -> list[Record]:
    names = here.app.settings.connections
    with here.reading() as conn:
        states = load_connections(conn, here.now, here.view, names=names)
        fresh = load_freshness(conn, here.now, here.view)
    return [
        state | _told(here, state["connection"]) | {"fresh": [one for one in fresh if one["connection"] == name]}
        for state in states if (name := state["connection"]) in names
    ]  # fmt: skip


def _told(here: Here, name: str) -> Record:
    """What the settings say, as far as it is nobody's secret: never an address, a user or a key."""
    settings = here.app.settings.connections[name]
    shown = {"connector": settings.connector, "role": settings.role, "write": settings.write}
    return shown | {
        "mapping": settings.mapping,
        "changes": settings.changes,
        "in_file": here.app.settings.path is not None,
    }


@router.post("/connections/{name}/pause")
@allow("admin", "ops", about="connection")
def pause(here: Page, name: str, reason: Short = "") -> Response:
    """Hold it until a person lets it go on."""
    _check(here, name)
    if not reason.strip():
        return here.to("/connections", wrong=here.gettext("Say why it is paused: others will read it."))
    told = f"{here.me.name}: {reason.strip()}"
    if not hold_connection(here.app, name, told, here.me.login):
        return here.to("/connections", wrong=here.gettext("%(name)s is paused by a person already.", name=name))
    return here.to("/connections", done=here.gettext("%(name)s is paused.", name=name))


@router.post("/connections/{name}/resume")
@allow("admin", "ops", about="connection")
def resume(here: Page, name: str) -> Response:
    """Let it go on."""
    _check(here, name)
    release_connection(here.app, name, here.me.login)
    return here.to("/connections", done=here.gettext("%(name)s goes on.", name=name))


@router.post("/connections/{name}/sync")
@allow("admin", "ops", about="connection")
def sync_now(here: Page, name: str) -> Response:
    """Leave word for the service: it reads and sends at its next tick. Asked twice it is done once."""
    _check(here, name)
    with here.writing() as conn:
        leave_request(conn, here.now, "sync", name)
        add_audit(conn, here.now, here.me.login, "connection.sync", name)
    return here.to(
        "/connections", done=here.gettext("%(name)s is read within seconds, where the service runs.", name=name)
    )


@router.post("/connections/{name}/doctor")
@allow("admin", "ops", about="connection")
def look_over(here: Page, name: str) -> Response:
    """Let doctor look at it; what he finds is shown line by line."""
    _check(here, name)
    app, about = here.app, (name, "store", "settings")
    if here.site.examiner.start(f"connection {name}", lambda: examine(app, [name]), about=about) is None:
        return here.to("/connections", wrong=here.gettext("Others are being looked over: try again in a minute."))
    return here.to(f"/connections/{quote(name, safe='')}/doctor")


@router.get("/connections/{name}/doctor")
@allow("admin", "ops", about="connection")
def looked(here: Page, name: str, part: bool = False) -> Response:
    """What he has found so far; `part`: only that part of the page, which renews itself while more may come."""
    _check(here, name)
    report = here.site.examiner.load(f"connection {name}")
    template = "connecting/looked_part.html" if part else "connecting/looked.html"
    return here.page(template, name=name, report=report, levels=LEVELS)


def _check(here: Here, name: str) -> None:
    if name not in here.app.settings.connections:
        raise Missing


def _words() -> dict[str, Any]:
    return {
        "writes": WRITES, "roles": ROLES, "levels": LEVELS, "queue_titles": QUEUE_TITLES, "queues": _QUEUES,
        "run_states": RUN_STATES, "breaker_states": BREAKER, "entity_titles": ENTITIES,
    }  # fmt: skip
