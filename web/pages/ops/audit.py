"""The audit log."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from store.queries.audit import load_audit
from web.door.guard import Page
from web.door.rules import allow
from web.menu import Item
from web.show.deeds import tell_deed, tell_values
from web.show.paging import decode_position, encode_position
from web.show.texts import N_

router = APIRouter()
MENU = (Item(90, "/audit", N_("Audit"), ("admin", "ops")),)


@router.get("/audit")
@allow("admin", "ops")
def show(here: Page, who: str = "", what: str = "", after: str = "") -> Response:
    """Who did what to whom, the newest first."""
    position = decode_position(after, datetime, UUID)
    with here.reading() as conn:
        rows, following = load_audit(conn, who=who.strip()[:100], what=what.strip()[:60], after=_both(position))
    told = [
        row | {side: tell_values(row[side], here.language) for side in ("before", "after")}
        | {"title": tell_deed(row["what"], here.language)}
        for row in rows
    ]  # fmt: skip
    return here.page("audit.html", rows=told, who=who, what=what, after=after, following=encode_position(following))


def _both(position: tuple[datetime, UUID] | tuple[object, ...] | None) -> tuple[datetime, UUID] | None:
    if position is None:
        return None
    at, key = position
    return (at, key) if isinstance(at, datetime) and isinstance(key, UUID) else None
