"""Runs: the list, one with its counters and how far it has come, the records that it touched last, one of those."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from core.errors import SverkaError
from mapping.model import ENTITIES
from store.landing import Landed
from store.queries.shapes import Record
from store.queries.work.runs import Wanted, list_runs, load_run
from store.queries.work.touched import OPEN_ENTITIES, STATES, list_touched, load_record, may_read
from sync.mappings.showing import Shown, show_mapped
from web.door.auditing import write_audit
from web.door.faults import Missing
from web.door.guard import Page
from web.door.rules import allow
from web.here import Here
from web.show.paging import decode_position, encode_position
from web.show.payloads import cover, lay_out, lay_out_value
from web.show.working import RUN_KINDS, RUN_STATES, WORDS

router = APIRouter()


@router.get("/ops/runs")
@allow("admin", "ops")
def show_runs(here: Page, connection: str = "", status: str = "", kind: str = "", after: str = "") -> Response:
    """What ran, the newest first."""
    wanted = Wanted(connection.strip()[:100], status if status in RUN_STATES else "", kind if kind in RUN_KINDS else "")
    position: Any = decode_position(after, datetime, UUID)
    with here.reading() as conn:
        rows, following = list_runs(conn, here.now, here.view, wanted, after=position)
    chosen = {"connection": wanted.connection, "status": wanted.status, "kind": wanted.kind}
    return here.page("ops/runs.html", rows=rows, chosen={name: value for name, value in chosen.items() if value},
                     after=after if position else "", following=encode_position(following),
                     names=list(here.app.settings.connections), **WORDS)  # fmt: skip


@router.get("/ops/runs/{key}")
@allow("admin", "ops", about="run")
def show_run(here: Page, key: UUID, entity: str = "", state: str = "", after: str = "") -> Response:
    """One run: how it went, its counters, what it touched."""
    chosen = {"entity": entity if entity in ENTITIES else "", "state": state if state in STATES else ""}
    position: Any = decode_position(after, int, str, str)
    with here.reading() as conn:
        one = load_run(conn, here.now, here.view, key)
        if one is None:
            raise Missing
        rows, following = list_touched(
            conn, here.view, here.viewer, one, entity=chosen["entity"], state=chosen["state"], after=position
        )
    for row in rows:
        row["word"] = encode_position((one["connection"], row["entity"], row["external_id"]))
    return here.page("ops/run.html", one=_told(one), rows=rows, after=after if position else "",
                     chosen={name: value for name, value in chosen.items() if value},
                     following=encode_position(following), states=STATES, **WORDS)  # fmt: skip


@router.get("/ops/runs/{key}/now")
@allow("admin", "ops", about="run")
def renew_run(here: Page, key: UUID) -> Response:
    """How far a run has come; when it is over its whole page is renewed."""
    with here.reading() as conn:
        one = load_run(conn, here.now, here.view, key)
    if one is None:
        raise Missing
    answer = here.page("ops/run_now.html", one=_told(one), **WORDS)
    if one["status"] != "running":
        answer.headers["hx-refresh"] = "true"
    return answer


def _told(one: Record) -> Record:
    """With what it says parted from the command to type."""
    said, _, following = one["message"].rpartition("Next: ")
    return one | {"said": said.strip(), "next": following} if said else one | {"said": one["message"], "next": ""}


@router.get("/ops/records/{word}")
@allow("admin", "ops", about="received")
def show_record(here: Page, word: str) -> Response:
    """One record: as received, what the rules make of it, whom it is bound to, what waits because of it.

    What it says of a customer is covered for those who may not see all customers; who reads it is noted in the audit.
    """
    place: Any = decode_position(word, str, str, str)
    if place is None or None in place:
        raise Missing
    connection, entity, external_id = place
    with here.reading() as conn:
        one = load_record(conn, here.view, connection, entity, external_id)
    if one is None:
        raise Missing
    open_to_him = may_read(here.viewer, entity)
    if open_to_him and one["received"] is not None and entity not in OPEN_ENTITIES:
        with here.writing() as conn:
            write_audit(conn, here.now, here.me.login, "record.read", f"{connection} {entity} {external_id}")
    received: Landed | None = one["received"]
    payload = "" if received is None else lay_out(received.raw, covered=not open_to_him)
    made = _show_mapped(here, received, covered=not open_to_him)
    return here.page("ops/record.html", one=one, payload=payload, made=made, covered=not open_to_him, **WORDS)


def _show_mapped(here: Here, received: Landed | None, *, covered: bool) -> Record | None:
    """What the ruling rules make of it today; why they cannot, where they cannot."""
    if received is None or received.connection not in here.app.settings.connections:
        return None
    try:
        found: Shown = show_mapped(here.app, received)
    except SverkaError as refused:
        return {"version": "", "text": "", "left_out": False, "error": refused.message}
    told = {name: value for name, value in found.made.items() if name not in ("error", "left_out")}
    text = lay_out_value(cover(told) if covered else told) if told else ""
    left_out = bool(found.made.get("left_out"))
    return {
        "version": found.version,
        "text": text,
        "left_out": left_out,
        "error": "" if covered else found.made.get("error", ""),
    }
