"""The mapping desk: which mappings there are, and the text of a draft, with every mistake at its place as one types."""

from __future__ import annotations

from typing import Annotated, Any

import fastapi
from fastapi import APIRouter
from starlette.responses import Response

from core.errors import ConfigError, ConflictError, UsageError
from mapping.files.text import preset_names, preset_origin
from store import drafts, versions
from store.queries.shapes import Record
from store.queries.work.mapping_versions import count_cases, list_published
from store.queries.work.reapplies import load_reapplies
from sync.mappings.beginning import Origin, base_texts, begin_from, differs_on_disk, find_base, is_bare
from sync.mappings.drafting import (
    LONGEST,
    Opened,
    ReadText,
    clean_text,
    discard_draft,
    load_draft,
    open_text,
    read_text,
    save_draft,
)
from sync.versions import PROGRAM, list_drafts, list_sharing
from web.door.faults import Missing
from web.door.guard import Page
from web.door.rules import allow
from web.here import Here
from web.menu import Item
from web.pages.mapping.common import Chosen, choose, keys_in_use, refused, show, word_of
from web.show.text_diff import compare_texts
from web.show.texts import N_

router = APIRouter()
MENU = (Item(63, "/mapping", N_("Mapping"), ("admin", "ops")),)
MOST_SHOWN = 50
NONE_YET = "-"
"""Says "there was no draft" where an empty field would say nothing."""
Text = Annotated[str, fastapi.Form(max_length=LONGEST * 2)]
"""Longer than a draft may be, so that the page itself says so."""
Word = Annotated[str, fastapi.Form(max_length=200)]


@router.get("/mapping")
@allow("admin", "ops")
def list_all(here: Page) -> Response:
    """The mappings in use: who lives by them, what rules since when, a draft that waits, a re-apply on its way."""
    keys = keys_in_use(here.app)
    with here.reading() as conn:
        ruling, cases = list_published(conn), count_cases(conn)
        waiting = drafts.list_drafts(conn, keys)
        orders = {one["connection"]: one for one in load_reapplies(conn, here.view)}
    rows = [_row(here, key, ruling.get(key), orders) | {"draft": waiting.get(key)} for key in keys]
    idle = [(one, word_of(one)) for one in sorted(set(ruling) - set(keys))]
    return here.page("mapping/list.html", rows=rows, idle=idle, cases=cases, texts=list_drafts(here.app))


def _row(here: Here, key: str, ruling: Record | None, orders: dict[str, Record]) -> Record:
    names = list_sharing(here.app, key)
    going = [orders[one] for one in names if one in orders and orders[one]["state"] in ("due", "running")]
    preset = key in preset_names()
    own = preset and ruling is not None and ruling["author"] != PROGRAM
    row = {"key": key, "word": word_of(key), "connections": names, "preset": preset, "own": own}
    return row | {"ruling": ruling, "going": going}


@router.get("/mapping/{key}")
@allow("admin", about="mapping")
def edit(here: Page, key: str) -> Response:
    """The text of the draft, or of what rules where there is none."""
    return _desk(here, choose(here, key))


def _desk(here: Here, chosen: Chosen, typed: str | None = None, *, wrong: str = "", seen: str = "") -> Response:
    """The desk; with what was typed where that could not be kept, so that nobody loses it."""
    opened, unread = _open(here, chosen)
    text = opened.text if typed is None else clean_text(typed)
    found = read_text(here.app, chosen.key, text, opened.ruling)
    ruling = opened.ruling
    return show(
        here, "mapping/desk.html", chosen, "", code=409 if wrong else 200, draft=opened.draft, opened=opened, text=text,
        seen=seen or opened.mark or NONE_YET, wrong=wrong or unread, found=tell_found(found, text), longest=LONGEST,
        bare=ruling is not None and is_bare(chosen.key, ruling), now=opened.mark or NONE_YET,
        theirs=_theirs(opened, text) if wrong else None,
        bases=_bases(found, opened),
        on_disk=differs_on_disk(here.app, chosen.key, ruling), presets=preset_names(),
    )  # fmt: skip


def _bases(found: ReadText, opened: Opened) -> list[str]:
    """The files behind the text; behind what rules while the text cannot be read."""
    if found.readable is not None:
        return list(base_texts(found.readable.text))
    return list(base_texts(opened.ruling.text)) if opened.ruling is not None else []


def _open(here: Here, chosen: Chosen) -> tuple[Opened, str]:
    """What the editor begins with, and why that could not be read where it could not."""
    try:
        return open_text(here.app, chosen.key), ""
    except ConfigError as error:  # nothing rules yet, and the file of the settings cannot be read
        return Opened("", None, versions.published(here.app.engine, chosen.key)), refused(here, error)


def _theirs(opened: Opened, text: str) -> Any:
    """What differs between the draft as it is now and what was typed."""
    return compare_texts(opened.draft.text, text) if opened.draft is not None else None


def tell_found(found: ReadText, text: str) -> Record:
    """What was found of a text, each with the line that it is about."""
    lines = text.split("\n")
    rows = [
        {"one": one, "line": lines[one.line - 1][:300] if 0 < one.line <= len(lines) else ""}
        for one in found.problems[:MOST_SHOWN]
    ]
    mapping = found.readable
    counts = {"entities": len(mapping.entities), "cards": len(mapping.cards)} if mapping else {}
    numbers = {"errors": found.errors, "notices": len(found.problems) - found.errors}
    return {"rows": rows, "more": len(found.problems) - len(rows)} | numbers | counts


@router.post("/mapping/{key}/check")
@allow("admin", about="mapping")
def check(here: Page, key: str, text: Text = "", seen: Word = "") -> Response:
    """Every mistake of what is typed just now, each with its line. Nothing is kept."""
    chosen = choose(here, key)
    if not here.request.headers.get("hx-request"):
        return _desk(here, chosen, text, seen=seen)
    text = clean_text(text)
    found = tell_found(read_text(here.app, chosen.key, text), text)
    return here.page("mapping/problems.html", found=found)


@router.post("/mapping/{key}/save")
@allow("admin", about="mapping")
def save(here: Page, key: str, text: Text = "", seen: Word = "", over: Word = "") -> Response:
    """Keep what was typed as the draft, right or not. `over`: the draft that is knowingly written over."""
    chosen = choose(here, key)
    looked_at = (over or seen).replace(NONE_YET, "")
    try:
        draft = save_draft(here.app, chosen.key, text, here.me.login, seen=looked_at)
    except (ConflictError, UsageError) as error:
        return _not_saved(here, chosen, text, seen, refused(here, error))
    if here.request.headers.get("hx-request"):
        return here.page("mapping/saved.html", wrong="", mark=draft.mark, chosen=chosen)
    return here.to(chosen.path, done=here.gettext("The draft is saved."))


def _not_saved(here: Here, chosen: Chosen, text: str, seen: str, wrong: str) -> Response:
    """Why it was not kept; what was typed stays before the eyes."""
    if not here.request.headers.get("hx-request"):
        return _desk(here, chosen, text, wrong=wrong, seen=seen)
    with here.reading() as conn:
        now = load_draft(conn, chosen.key)
    theirs = compare_texts(now.text, clean_text(text)) if now is not None else None
    long = len(clean_text(text)) > LONGEST
    return here.page("mapping/saved.html", wrong=wrong, mark=seen, chosen=chosen, theirs=theirs, long=long,
                     now=now.mark if now is not None else NONE_YET)  # fmt: skip


@router.post("/mapping/{key}/discard")
@allow("admin", about="mapping")
def discard(here: Page, key: str, seen: Word = "") -> Response:
    """Throw the draft away; what rules goes on ruling."""
    chosen = choose(here, key)
    try:
        discard_draft(here.app, chosen.key, here.me.login, seen=seen)
    except ConflictError as error:
        return here.to(chosen.path, wrong=here.tell(error.message))
    return here.to(chosen.path, done=here.gettext("The draft is thrown away; what rules goes on ruling."))


@router.post("/mapping/{key}/begin")
@allow("admin", about="mapping")
def begin(here: Page, key: str, origin: Annotated[Origin, fastapi.Form()] = "ruling", name: Word = "") -> Response:
    """Begin a draft with a kept version, the file of the settings, a preset, or a file that extends one."""
    chosen = choose(here, key)
    with here.reading() as conn:
        there = load_draft(conn, chosen.key) is not None
    if there:
        said = here.gettext("There is a draft already. Publish it or throw it away, then begin another.")
        return here.to(chosen.path, wrong=said)
    try:
        text = begin_from(here.app, chosen.key, origin, name)
        save_draft(here.app, chosen.key, text, here.me.login, seen="")
    except (UsageError, ConfigError, ConflictError) as error:
        return here.to(chosen.path, wrong=here.tell(error.message))
    return here.to(chosen.path, done=here.gettext("A draft is begun. Nothing changes until it is published."))


@router.get("/mapping/{key}/base")
@allow("admin", "ops", about="mapping")
def show_base(here: Page, key: str, name: str = "") -> Response:
    """The text of a preset, or of a file that what rules was built on: to be read, not changed."""
    chosen = choose(here, key)
    ruling = versions.published(here.app.engine, chosen.key)
    name = name or chosen.key
    text = find_base(ruling, name)
    if text is None:
        raise Missing
    kept = list(base_texts(ruling.text)) if ruling is not None else []
    preset = next((one for one in preset_names() if name in (one, preset_origin(one))), "")
    return show(here, "mapping/base.html", chosen, "/base", text=text, name=name, kept=kept, preset=preset,
                presets=preset_names())  # fmt: skip
