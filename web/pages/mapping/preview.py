"""A draft tried on real records before it rules: how many change, in which fields, and how. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import fastapi
from fastapi import APIRouter
from starlette.responses import Response

from core.errors import SverkaError
from mapping.rules import Mapping
from store import drafts
from sync.mappings.drafting import open_text, read_text
from sync.mappings.preview import Preview, as_rows, name_targets, preview
from sync.mappings.tally import FATES
from web.door.guard import Page
from web.door.rules import allow
from web.grid.lines import shown
from web.here import Here
from web.jobs import Job
from web.pages.mapping.common import Chosen, choose, show
from web.show.fields import field_title
from web.show.texts import N_
from web.show.working import ENTITIES as ENTITY_TITLES

router = APIRouter()
Short = Annotated[str, fastapi.Form(max_length=100)]
LIMITS = ("200", "1000", "10000", "")
"""Records of an entity that are looked at; the last: all of them."""
PATIENCE = 2.0
FATE_TITLES = {
    "changed": N_("changed"), "unchanged": N_("the same"), "new": N_("new"), "filtered": N_("left out from now on"),
    "unfiltered": N_("no longer left out"), "dead": N_("refused: become dead letters"),
    "still_dead": N_("refused as before"), "healed": N_("no longer refused"), "skipped": N_("not touched"),
}  # fmt: skip
STILL = ("unchanged", "skipped", "still_dead")
"""Fates in which nothing moves."""


@dataclass(slots=True)
class Asked:
    """What is tried, and what has come of it. `mark`: of the draft that was tried."""

    base: str
    limit: int | None
    fresh: bool
    mark: str
    found: Preview


@router.get("/mapping/{key}/preview")
@allow("admin", about="mapping")
def show_preview(here: Page, key: str) -> Response:
    """The last trial of this mapping, while it runs and when it is done; or what can be tried."""
    return _show(here, choose(here, key))


@router.post("/mapping/{key}/preview")
@allow("admin", about="mapping")
def begin(here: Page, key: str, base: Short = "", limit: Short = LIMITS[0], where: Short = "landed") -> Response:
    """Try the draft as it is now. It goes on behind the page, which shows how far it has come."""
    chosen = choose(here, key)
    base = base if base in chosen.connections else chosen.connections[0]
    try:
        opened = open_text(here.app, chosen.key)
        read = read_text(here.app, chosen.key, opened.text, opened.ruling)
    except SverkaError as error:
        return here.to(f"{chosen.path}/preview", wrong=error.message)
    if read.mapping is None:
        said = here.ngettext("The draft has %(num)s mistake.", "The draft has %(num)s mistakes.", read.errors)
        return _show(here, chosen, wrong=said, code=422)
    most = int(limit) if limit in LIMITS and limit else None
    asked = Asked(base, most, where == "fresh", opened.mark, Preview(read.mapping.version))
    job = here.site.jobs.start(_key(chosen), lambda job: _try(here, read.mapping, asked, job))
    if job is None:
        said = here.gettext("Too much is being looked at just now: try again in a minute.")
        return _show(here, chosen, wrong=said, code=409)
    job.wait(PATIENCE)
    return here.to(f"{chosen.path}/preview")


@router.post("/mapping/{key}/preview/end")
@allow("admin", about="mapping")
def end(here: Page, key: str) -> Response:
    """End the trial; what it has found until now is shown."""
    chosen = choose(here, key)
    job = here.site.jobs.find(_key(chosen))
    if job is not None:
        job.stop()
        job.wait(PATIENCE)
    return here.to(f"{chosen.path}/preview")


def _key(chosen: Chosen) -> tuple[str, ...]:
    return "preview", chosen.key


def _try(here: Here, mapping: Mapping | None, asked: Asked, job: Job) -> None:
    if mapping is None:
        return
    job.result = asked
    preview(here.app, asked.base, mapping, limit=asked.limit, fresh=asked.fresh, progress=job, into=asked.found)


def _show(here: Here, chosen: Chosen, *, wrong: str = "", code: int = 200) -> Response:
    with here.reading() as conn:
        draft = drafts.load_draft(conn, chosen.key)
    job = here.site.jobs.find(_key(chosen))
    asked: Asked | None = job.result if job is not None else None
    rows = _rows(here, asked) if asked is not None and job is not None and job.done else []
    mark = draft.mark if draft is not None else ""
    return show(
        here, "mapping_grid/preview.html", chosen, "/preview", code=code, draft=draft, job=job, asked=asked, rows=rows,
        stale=asked is not None and asked.mark != mark, wrong=wrong, limits=LIMITS, fates=FATES, shown=shown,
        fate_titles=FATE_TITLES, entity_titles=ENTITY_TITLES, field_title=field_title,
        changed=sum(row["moved"] for row in rows),
    )  # fmt: skip


def _rows(here: Here, asked: Asked) -> list[dict[str, Any]]:
    """What was found, the entity with most changes first; fields by how often they change."""
    rows = as_rows(asked.found, name_targets(here.app, asked.found))
    for row in rows:
        row["fields"] = dict(sorted(row["fields"].items(), key=lambda one: (-one[1], one[0])))
        row["moved"] = sum(int(row.get(fate, 0)) for fate in FATES if fate not in STILL)
    return sorted(rows, key=lambda row: (-row["moved"], row["entity"]))
