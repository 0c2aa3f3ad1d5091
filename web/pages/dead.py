"""Dead letters: by cause, one by one, with what was received or sent; tried again, mended by hand, or given up."""

from __future__ import annotations

from typing import Annotated, Any

import fastapi
import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from core.errors import ConflictError, UsageError
from core.secrets import redact
from store.queries.work.queues import count_waiting
from sync import letters
from web.door.faults import Missing
from web.door.guard import Page
from web.door.rules import allow
from web.here import Here
from web.menu import Item
from web.show.texts import N_
from web.show.working import ENTITIES

router = APIRouter()
MENU = (Item(61, "/dead", N_("Dead letters"), ("admin",)),)
SHOWN = 50
LONGEST_SHOWN = 60_000
STATES = {
    "open": N_("needs a look"), "retrying": N_("is tried again"), "resolved": N_("came through"),
    "discarded": N_("given up"),
}  # fmt: skip
DIRECTIONS = {"in": N_("read"), "out": N_("sent")}
_decode = msgspec.json.Decoder(float_hook=str).decode
"""Amounts stay as they are written."""
Short = Annotated[str, fastapi.Form(max_length=300)]
Long = Annotated[str, fastapi.Form(max_length=100_000)]


@router.get("/dead")
@allow("admin")
def show_groups(here: Page, skip: int = 0) -> Response:
    """Open letters by cause, the largest group first."""
    skip = skip if 0 <= skip < 2**31 else 0
    rows = letters.list_groups(here.app, skip=skip, limit=SHOWN + 1)
    with here.reading() as conn:
        waiting = count_waiting(conn, here.now, "dead")
    return here.page("desk/groups.html", rows=rows[:SHOWN], more=len(rows) > SHOWN, skip=skip, shown=SHOWN,
                     waiting=waiting, **_words())  # fmt: skip


@router.get("/dead/group/{group}")
@allow("admin", about="group")
def show_group(here: Page, group: str, after: int = 0) -> Response:
    """The open letters of one cause."""
    after = after if 0 <= after < 2**31 else 0
    try:
        rows = letters.list_letters(here.app, group=group[:64], after=after, limit=SHOWN + 1)
    except UsageError:
        raise Missing from None
    return here.page("desk/group.html", rows=rows[:SHOWN], more=len(rows) > SHOWN, group=group, after=after, **_words())


@router.post("/dead/group/{group}/retry")
@allow("admin", about="group")
def retry_group(here: Page, group: str) -> Response:
    """Try all of one cause again."""
    try:
        count = letters.retry_letters(here.app, group=group[:64], who=here.me.login)
    except UsageError:
        raise Missing from None
    said = here.ngettext("%(num)s letter will be tried again.", "%(num)s letters will be tried again.", count)
    return here.to("/dead", done=said)


@router.get("/dead/{number}")
@allow("admin", about="letter")
def show(here: Page, number: int) -> Response:
    """One letter: why, what to do, what was received or sent, and what was put in its place."""
    return _show(here, number)


def _show(here: Here, number: int, *, wrong: str = "", typed: str | None = None) -> Response:
    letter = _load(here, number)
    edited = (letter["edited"] or {}).get("values") or {}
    text = typed if typed is not None else "\n".join(f"{name} = {_one(value)}" for name, value in edited.items())
    return here.page(
        "desk/letter.html", code=422 if wrong else 200, one=letter, wrong=wrong, typed=text, edited=_pretty(edited),
        payload=pretty_payload(letter["payload"]), **_words(),
    )  # fmt: skip


def _load(here: Here, number: int) -> dict[str, Any]:
    try:
        return letters.load_letter(here.app, number if 0 <= number < 2**31 else 0)
    except UsageError:
        raise Missing from None


@router.post("/dead/{number}/retry")
@allow("admin", about="letter")
def retry(here: Page, number: int) -> Response:
    """Try one again."""

    def act() -> None:
        letters.retry_letters(here.app, number=number, who=here.me.login)

    return _decide(here, number, act, here.gettext("Letter %(number)s will be tried again.", number=number))


@router.post("/dead/{number}/edit")
@allow("admin", about="letter")
def edit(here: Page, number: int, values: Long = "") -> Response:
    """Put other values in the place of what is wrong, and try again; what came stays beside them."""

    def act() -> None:
        letters.edit_letter(here.app, number, read_values(here, values), who=here.me.login)

    said = here.gettext("Letter %(number)s is mended and will be tried again.", number=number)
    return _decide(here, number, act, said, typed=values)


@router.post("/dead/{number}/discard")
@allow("admin", about="letter")
def discard(here: Page, number: int, reason: Short = "") -> Response:
    """Give one up, and say why."""

    def act() -> None:
        if not reason.strip():
            raise UsageError(here.gettext("Say why: the reason is kept."))
        letters.discard_letter(here.app, number, reason, who=here.me.login)

    return _decide(here, number, act, here.gettext("Letter %(number)s is given up.", number=number))


def _decide(here: Here, number: int, act: Any, done: str, typed: str | None = None) -> Response:
    """Carry it out; what cannot be done is said on the page of the letter, with what was typed."""
    _load(here, number)
    try:
        act()
    except (UsageError, ConflictError) as error:
        return _show(here, number, wrong=here.tell(redact(error.message)), typed=typed)
    return here.to(f"/dead/{number}", done=done)


def read_values(here: Here, text: str) -> dict[str, Any]:
    """What was typed: lines of `field = value`, or one JSON object. Raises UsageError, which says which line."""
    if text.strip().startswith("{"):
        try:
            found = _decode(text)
        except msgspec.DecodeError as error:
            raise UsageError(here.gettext("This is no JSON: %(why)s", why=str(error))) from None
        return dict(found)
    values: dict[str, Any] = {}
    for place, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        name, sign, value = line.partition("=")
        if not sign or not name.strip():
            raise UsageError(here.gettext("Line %(place)s is not “field = value”.", place=place))
        values[name.strip()] = value.strip()
    return values


def pretty_payload(payload: dict[str, Any] | None) -> str:
    """What was received or sent, laid out; secrets are cut out once more, and what is too long is cut off."""
    raw = str((payload or {}).get("raw") or "")
    try:
        text = msgspec.json.format(raw, indent=2)
    except msgspec.DecodeError:  # cut in the middle when it was kept, or no JSON at all
        text = raw
    return redact(text)[:LONGEST_SHOWN]


def _pretty(value: Any) -> str:
    return redact(msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode()) if value else ""


def _one(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()


def _words() -> dict[str, Any]:
    return {"states": STATES, "directions": DIRECTIONS, "entities": ENTITIES}
