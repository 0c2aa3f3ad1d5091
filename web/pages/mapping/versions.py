"""Versions of a mapping: who made and published each and why, its text, any two compared, a former one put back."""

from __future__ import annotations

from typing import Annotated, Any

import fastapi
from fastapi import APIRouter
from starlette.responses import Response

from core.errors import ConfigError, ConflictError, UsageError
from mapping.wording import Saying, tell_differences
from store.queries.work.mapping_versions import list_published, list_version_rows, load_version
from store.versions import MappingVersion
from sync.mappings.beginning import base_texts, own_text
from sync.mappings.publishing import roll_back
from web.door.faults import Missing
from web.door.guard import Page
from web.door.rules import allow
from web.here import Here
from web.pages.mapping.common import Chosen, choose, choose_any, show
from web.show.text_diff import compare_texts

router = APIRouter()
Word = Annotated[str, fastapi.Form(max_length=200)]
SHOWN = 50


@router.get("/mapping/{key}/versions")
@allow("admin", "ops", about="mapping")
def list_all(here: Page, key: str, before: int | None = None) -> Response:
    """All versions, the newest first."""
    chosen = choose_any(here, key)
    before = before if before is not None and 0 < before < 2**31 else None
    with here.reading() as conn:
        rows = list_version_rows(conn, chosen.key, before=before, limit=SHOWN + 1)
        ruling = list_published(conn).get(chosen.key)
    more = len(rows) > SHOWN
    return show(here, "mapping/versions.html", chosen, "/versions", rows=rows[:SHOWN], more=more, ruling=ruling,
                before=before)  # fmt: skip


@router.get("/mapping/{key}/version")
@allow("admin", "ops", about="mapping")
def show_one(here: Page, key: str, v: str = "") -> Response:
    """The text of one version; it never changes."""
    chosen = choose_any(here, key)
    one = _load(here, chosen, v)
    return show(here, "mapping/version.html", chosen, "/versions", one=one, text=own_text(one.text),
                bases=base_texts(one.text), ruling=_ruling(here, chosen))  # fmt: skip


def _load(here: Here, chosen: Chosen, version: str) -> MappingVersion:
    with here.reading() as conn:
        found = load_version(conn, chosen.key, version[:64])
    if found is None:
        raise Missing
    return found


def _ruling(here: Here, chosen: Chosen) -> Any:
    with here.reading() as conn:
        return list_published(conn).get(chosen.key)


@router.get("/mapping/{key}/compare")
@allow("admin", "ops", about="mapping")
def compare(here: Page, key: str, one: str = "", two: str = "") -> Response:
    """What changes from one version to another, in words and line by line."""
    chosen = choose_any(here, key)
    pair = _load(here, chosen, one), _load(here, chosen, two)
    words, unread = _words(here, chosen, *pair)
    lines = compare_texts(own_text(pair[0].text), own_text(pair[1].text))
    return show(here, "mapping/compare.html", chosen, "/versions", one=pair[0], two=pair[1], words=words,
                lines=lines, unread=unread)  # fmt: skip


def _words(here: Here, chosen: Chosen, one: MappingVersion, two: MappingVersion) -> tuple[list[Saying], str]:
    try:
        return tell_differences(one.text, two.text, chosen.key), ""
    except ConfigError as error:  # an old text that this program reads no more
        return [], here.tell(error.message)


@router.post("/mapping/{key}/rollback")
@allow("admin", about="mapping")
def put_back(here: Page, key: str, v: Word = "", seen: Word = "") -> Response:
    """Let a former version rule again; refused when somebody has published since it was looked at."""
    chosen = choose(here, key)
    one = _load(here, chosen, v)
    back = f"{chosen.path}/versions"
    try:
        now = roll_back(here.app, chosen.key, one.hash, here.me.login, seen=seen or None)
    except (UsageError, ConfigError, ConflictError) as error:
        return here.to(back, wrong=here.tell(error.message))
    said = here.gettext("Version %(number)s rules again, for: %(names)s.", number=now.number,
                        names=", ".join(chosen.connections))  # fmt: skip
    return here.to(f"{chosen.path}/reapply", done=said)
