"""Reconciliations: earlier ones, one with its totals and differences, and ordering one now."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.responses import Response

from store.queries.settlements.reconciliations import load_differences, load_reconciliation, page_reconciliations
from store.queries.shapes import Record
from store.queries.work.room import load_comparing, load_last_tick, load_open_orders
from sync.reconcile.nightly import LEASE
from sync.reconcile.ordered import KIND, may_be_compared, order_reconciliation
from sync.settle.movements import DRIFT, LAG, UNEXPLAINED
from web.door.auditing import write_audit
from web.door.faults import Missing
from web.door.guard import Page
from web.door.rules import allow
from web.here import Here
from web.show.paging import decode_position, encode_position
from web.show.working import WORDS

router = APIRouter()
DIFFER = DRIFT | LAG | UNEXPLAINED
"""All other lines are movements that are named as what they are."""
NEVER_CAME = ("missing_document", "missing_record", "not_published")
MOST = 2**31


@router.get("/ops/reconciliations")
@allow("admin", "ops")
def show_all(here: Page, connection: str = "", after: str = "") -> Response:
    """The two books side by side, whenever that was looked at, the newest first."""
    position: Any = decode_position(after, datetime, UUID)
    wanted = connection.strip()[:100]
    with here.reading() as conn:
        rows, following = page_reconciliations(conn, wanted, after=position)
        state = _load_state(here, conn)
    return here.page("ops/reconciliations.html", rows=rows, wanted=wanted, after=after if position else "",
                     following=encode_position(following), **state, **WORDS)  # fmt: skip


@router.get("/ops/reconciliations/now")
@allow("admin", "ops")
def renew(here: Page) -> Response:
    """What is being compared; when nothing is any more the whole page is renewed."""
    with here.reading() as conn:
        state = _load_state(here, conn)
    answer = here.page("ops/comparing.html", **state, **WORDS)
    if state["comparing"] is None and not state["orders"]:
        answer.headers["hx-refresh"] = "true"
    return answer


def _load_state(here: Here, conn: Connection) -> Record:
    """What is compared now, what is ordered, and what may be."""
    orders = load_open_orders(conn, here.view, KIND)
    waiting = {one["connection"] for one in orders}
    mirrored = [name for name, one in here.app.settings.connections.items() if may_be_compared(one)]
    return {
        "comparing": load_comparing(conn, here.now, LEASE),
        "orders": orders,
        "mirrored": mirrored,
        "offered": [name for name in mirrored if name not in waiting],
        "served": _is_served(here, conn),
    }


def _is_served(here: Here, conn: Connection) -> bool:
    """Whether a service ticks that could take an order up."""
    limit = max(here.app.settings.schedule.every, here.app.settings.schedule.tick) * 2
    last = load_last_tick(conn)
    return last is not None and here.now - last <= limit


@router.post("/ops/reconcile/{name}")
@allow("admin", "ops", about="connection")
def order(here: Page, name: str) -> Response:
    """Compare the books of one connection now: the next tick takes it up. Asked twice it is done once."""
    settings = here.app.settings.connections.get(name)
    if settings is None or not may_be_compared(settings):
        raise Missing
    with here.writing() as conn:
        if any(one["connection"] == name for one in load_open_orders(conn, here.view, KIND)):
            return here.to("/ops/reconciliations", done=here.gettext("%(name)s is being compared already.", name=name))
        order_reconciliation(conn, here.now, name)
        write_audit(conn, here.now, here.me.login, "connection.reconcile", name)
    return here.to("/ops/reconciliations", done=here.gettext("The books of %(name)s are compared now.", name=name))


@router.get("/ops/reconciliations/{key}")
@allow("admin", "ops", about="reconciliation")
def show(here: Page, key: UUID, kind: str = "", part: str = "", after: int = 0) -> Response:
    """One reconciliation: totals and differences with their documents; `part=named` shows what is as it should be."""
    after = after if 0 <= after < MOST else 0
    named = part == "named"
    with here.reading() as conn:
        one = load_reconciliation(conn, key)
        if one is None:
            raise Missing
        kinds = {kind} if kind in one["kinds"] else DIFFER
        among = kinds is not DIFFER or not named
        lines, following = load_differences(conn, here.viewer, key, kinds, among=among, after=after)
    for line in lines:
        line["word"] = _word(one["connection"], line)
    counts = {name: sum(number for word, number in one["kinds"].items() if (word in DIFFER) == (name == "differ"))
              for name in ("differ", "named")}  # fmt: skip
    return here.page("ops/reconciliation.html", one=one, lines=lines, counts=counts, named=named, after=after,
                     kind=kind if kind in one["kinds"] else "", following=following, differ=sorted(DIFFER),
                     sees_all=here.viewer.sees_all, **WORDS)  # fmt: skip


def _word(connection: str, line: Record) -> str | None:
    """By which the record of a line is opened, where it names one that came to us."""
    key = "" if line["kind"] in NEVER_CAME else line["document"]["external_id"]
    return encode_position((connection, line["entity"], key)) if key else None
