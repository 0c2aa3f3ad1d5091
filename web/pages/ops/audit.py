"""The audit log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from store.queries.audit import load_audit, load_audit_names
from store.queries.shapes import Record
from web.door.guard import Page
from web.door.rules import allow
from web.menu import Item
from web.show.deeds import DEEDS, cover_values, list_deeds, tell_deed, tell_values
from web.show.paging import decode_position, encode_position
from web.show.texts import N_

router = APIRouter()
_ID = len(str(UUID(int=0)))
MENU = (Item(90, "/audit", N_("Audit"), ("admin", "ops")),)


@router.get("/audit")
@allow("admin", "ops")
def show(here: Page, who: str = "", what: str = "", after: str = "") -> Response:
    """Who did what to whom, the newest first; of `what` the code of a deed, or what the codes of several begin with."""
    position = _both(decode_position(after, datetime, UUID))
    wanted = what.strip()[:60]
    with here.reading() as conn:
        rows, following = load_audit(conn, who=who.strip()[:100], what=wanted, whole=wanted in DEEDS, after=position)
        names = load_audit_names(conn, _keys(rows), customers=here.me.role == "admin")
    told = [
        row | {side: tell_values(_named(_seen(here, row, side), names), here.language) for side in ("before", "after")}
        | {"title": tell_deed(row["what"], here.language), "subject": _subject(row, names)}
        for row in rows
    ]  # fmt: skip
    return here.page(
        "audit.html", rows=told, who=who, what=wanted, deeds=list_deeds(here.language), after=after,
        following=encode_position(following),
    )  # fmt: skip


def _seen(here: Page, row: Record, side: str) -> dict[str, Any]:
    """What the reader may know of what a deed found or left behind: of customers only an admin reads it all."""
    return dict(row[side] or {}) if here.me.role == "admin" else cover_values(row["what"], row[side])


def _keys(rows: list[Record]) -> Iterator[UUID]:
    """Every id that these lines name."""
    for row in rows:
        for text in (row["subject"], *(row["before"] or {}).values(), *(row["after"] or {}).values()):
            if isinstance(text, str) and len(text) == _ID:
                with suppress(ValueError):
                    yield UUID(text)


def _named(told: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {key: names.get(value, value) if isinstance(value, str) else value for key, value in told.items()}


def _subject(row: Record, names: dict[str, str]) -> str:
    """Whom or what it was done to; the number of rows of an export stands beside it already."""
    subject: str = row["subject"] or ""
    return "" if row["what"] == "customers.export" else names.get(subject, subject)


def _both(position: tuple[datetime, UUID] | tuple[object, ...] | None) -> tuple[datetime, UUID] | None:
    if position is None:
        return None
    at, key = position
    return (at, key) if isinstance(at, datetime) and isinstance(key, UUID) else None
