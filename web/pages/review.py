"""The review queue: one question at a time with its candidates side by side, and many sure-looking ones at once."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import fastapi
from fastapi import APIRouter
from starlette.responses import Response

from core.errors import ConflictError, UsageError
from core.secrets import redact
from store.queries.shapes import Record
from store.queries.work.reviews import count_reviews, find_next_review, load_compared, load_reviews, without_ids
from store.search import plain_phone
from sync.deals.deciding import assign_order
from sync.owners import conflicts
from sync.push import reviews
from web.door.faults import Missing
from web.door.guard import Form, Page
from web.door.rules import allow
from web.here import Here
from web.menu import Item
from web.show.fields import field_title
from web.show.texts import N_

router = APIRouter()
MENU = (Item(60, "/review", N_("Review"), ("admin",)),)
KINDS = {
    "match": N_("Who is it?"), "approval": N_("May it be written?"), "change": N_("May it be changed?"),
    "conflict": N_("Which value counts?"), "uncertain": N_("No answer came"), "deal": N_("Which deal?"),
}  # fmt: skip
STATES = {
    "linked": N_("linked"), "created": N_("new"), "dismissed": N_("left alone"), "taken": N_("theirs taken"),
    "kept": N_("ours kept"), "approved": N_("approved"),
}  # fmt: skip
COMPARED = ("name", "legal_name", "tax_id", "registration_code", "code", "phones", "emails", "addresses", "region")
BY_FIELD = ("conflict", "change")
"""Questions about single fields, each of which is a candidate."""
MOST_AT_ONCE = 200
Field = Annotated[str, fastapi.Form(max_length=300)]


@router.get("/review")
@allow("admin")
def show_all(here: Page, after: int = 0, kind: str = "", connection: str = "", sure: bool = False) -> Response:
    """What waits for a decision, the oldest first."""
    kind, connection = kind if kind in KINDS else "", connection[:100]
    with here.reading() as conn:
        counts = count_reviews(conn)
        rows, following = load_reviews(conn, after=_whole(after), kind=kind, connection=connection, sure=sure)
    address = {"kind": kind, "connection": connection} | ({"sure": "1"} if sure else {})
    told = [row | {"told": tell_reason(here, row)} for row in rows]
    return here.page(
        "desk/reviews.html", rows=told, following=following, counts=counts, after=after, sure=sure, kinds=KINDS,
        address={name: value for name, value in address.items() if value},
    )  # fmt: skip


@router.post("/review/link")
@allow("admin")
def link_many(here: Page, form: Form) -> Response:
    """Link those that were chosen, each by itself: what was decided by others meanwhile, or is not sure, is left."""
    numbers = [text for text in form.getlist("number") if isinstance(text, str)]
    chosen = [int(text) for text in numbers if text.isascii() and text.isdigit() and len(text) < 10][:MOST_AT_ONCE]
    if not chosen:
        return here.to("/review?sure=1", wrong=here.gettext("Nothing was chosen: tick what is to be linked."))
    linked = sum(_link_sure(here, number) for number in chosen)
    done = here.ngettext("%(num)s is linked.", "%(num)s are linked.", linked)
    left = len(chosen) - linked
    if left:
        done += " " + here.ngettext("%(num)s was left: look at it.", "%(num)s were left: look at them.", left)
    return here.to("/review?sure=1", done=done)


def _link_sure(here: Here, number: int) -> bool:
    """Whether it could be linked: asked again here, since a page may lie open for hours."""
    with here.reading() as conn:
        rows, _ = load_reviews(conn, after=number - 1, sure=True, limit=1)
    if not rows or rows[0]["number"] != number:
        return False
    try:
        reviews.link_review(here.app, number, who=here.me.login)
    except (UsageError, ConflictError):  # another person was quicker, and his word stands
        return False
    return True


@router.get("/review/{number}")
@allow("admin", about="review")
def show(here: Page, number: int) -> Response:
    """One question: ours beside each candidate, what differs marked."""
    return _show(here, number)


def _show(here: Here, number: int, *, code: int = 200, wrong: str = "") -> Response:
    with here.reading() as conn:
        found = load_compared(conn, _whole(number))
        if found is None:
            raise Missing
        counts = count_reviews(conn)
        later = find_next_review(conn, number)
    table = _by_field(found) if found["kind"] in BY_FIELD else _side_by_side(found)
    return here.page(
        "desk/review.html", code=code, one=found, table=table, later=later, wrong=wrong, kinds=KINDS, states=STATES,
        titles=_titles(here, found), reason=tell_reason(here, found), waiting=sum(row["number"] for row in counts),
    )  # fmt: skip


def tell_reason(here: Here, row: Record) -> str:
    """Why a person is asked, in the reader's language; fields by what they are called."""
    reason, titles = without_ids(row["reason"]), _titles(here, row)
    if row["kind"] in BY_FIELD:
        reason = reason.replace(f": {', '.join(titles)}", f": {', '.join(titles.values())}")
    return here.tell(reason)


def _titles(here: Here, row: Record) -> dict[str, str]:
    """What the fields that a question is about, or compares, are called."""
    by_field = row["kind"] in BY_FIELD
    names = [str(one.get("field")) for one in row["candidates"]] if by_field else COMPARED
    return {name: here.gettext(field_title("counterparty", name) or name) for name in names}


def _side_by_side(found: Record) -> list[Record]:
    """Field by field: ours, and each candidate's with whether it is the same, differs, or is not known."""
    lines = []
    for name in COMPARED if found["entity"] == "counterparty" else ():
        ours = found["ours"][name]
        theirs = [one[name] for one in found["candidates"]]
        if ours or any(theirs):
            cells = [{"value": value, "verdict": _verdict(name, ours, value)} for value in theirs]
            lines.append({"field": name, "ours": ours, "cells": cells})
    return lines


def _verdict(field: str, ours: Any, theirs: Any) -> str:
    if field != "phones":
        return compare(ours, theirs)
    return compare(*([plain_phone(phone) for phone in side or ()] for side in (ours, theirs)))


def _by_field(found: Record) -> list[Record]:
    return [
        {"field": one["field"], "ours": one["ours"], "cells": [{"value": one["theirs"], "verdict": "differs"}]}
        for one in found["candidates"]
    ]


def compare(ours: Any, theirs: Any) -> str:
    """same, differs, or unknown where a side says nothing; of lists one common value is enough to be the same."""
    left, right = _plain(ours), _plain(theirs)
    if not left or not right:
        return "unknown"
    return "same" if left & right else "differs"


def _plain(value: Any) -> set[str]:
    values = value if isinstance(value, list | tuple) else [value]
    return {" ".join(str(one).casefold().split()) for one in values if one not in (None, "")}


@router.post("/review/{number}/link")
@allow("admin", about="review")
def link(here: Page, number: int, to: Field = "") -> Response:
    """They are the same."""

    def act() -> None:
        if _of_order(here, number):
            _assign(here, number, to)
        else:
            reviews.link_review(here.app, _whole(number), to or None, who=here.me.login)

    return _decide(here, number, act, here.gettext("Review %(number)s: linked.", number=number))


@router.post("/review/{number}/create")
@allow("admin", about="review")
def create(here: Page, number: int, force: Annotated[str, fastapi.Form()] = "") -> Response:
    """He is somebody new, or the write is approved."""
    act = partial(reviews.create_review, here.app, _whole(number), force=bool(force), who=here.me.login)
    return _decide(here, number, act, here.gettext("Review %(number)s: it will be written.", number=number))


@router.post("/review/{number}/keep")
@allow("admin", about="review")
def keep(here: Page, number: int) -> Response:
    """Ours is right."""
    act = partial(conflicts.keep_review, here.app, _whole(number), who=here.me.login)
    return _decide(here, number, act, here.gettext("Review %(number)s: our values are kept.", number=number))


@router.post("/review/{number}/take")
@allow("admin", about="review")
def take(here: Page, number: int) -> Response:
    """Theirs is right."""
    act = partial(conflicts.take_review, here.app, _whole(number), who=here.me.login)
    return _decide(here, number, act, here.gettext("Review %(number)s: their values are taken.", number=number))


@router.post("/review/{number}/dismiss")
@allow("admin", about="review")
def dismiss(here: Page, number: int, reason: Field = "") -> Response:
    """Neither link nor create; the reason is kept."""
    act = partial(reviews.dismiss_review, here.app, _whole(number), reason, who=here.me.login)
    return _decide(here, number, act, here.gettext("Review %(number)s: left alone.", number=number))


def _decide(here: Here, number: int, act: Any, done: str) -> Response:
    """Carry a decision out and go on to the next question; what cannot be done is said on the page of this one."""
    with here.reading() as conn:
        if load_compared(conn, _whole(number)) is None:
            raise Missing
    try:
        act()
    except (UsageError, ConflictError) as error:
        return _show(here, number, code=422, wrong=here.tell(redact(error.message)))
    with here.reading() as conn:
        following = find_next_review(conn, number)
    return here.to("/review" if following is None else f"/review/{following}", done=done)


def _of_order(here: Here, number: int) -> Record | None:
    with here.reading() as conn:
        found = load_compared(conn, _whole(number))
    return found if found is not None and found["entity"] == "order" else None


def _assign(here: Here, number: int, to: str) -> None:
    found = _of_order(here, number)
    if found is None or not to:
        raise UsageError("Say which deal is meant.", next_step=f"sverka review show {number}")
    if found["state"] != "open":
        raise UsageError(f"Review {number} has been decided already.", next_step="sverka review list")
    assign_order(here.app, str(found["entity_id"]), to, connection=found["connection"], who=here.me.login, force=True)


def _whole(number: int) -> int:
    """A number that the database can hold; what is beyond names nothing."""
    return number if 0 <= number < 2**31 else 0
