"""A mapping held against what the base has now: what the rules read and is not there, or has another kind.

The base is asked in a thread of its own; what came of it is kept in this process for a while, and asked for again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import fastapi
from fastapi import APIRouter
from starlette.responses import Response

from mapping.rules import Mapping
from sync.mappings.comparing import Lack, compare_with_base
from sync.mappings.drafting import open_text, read_text
from web.door.faults import Missing
from web.door.guard import Page
from web.door.rules import allow
from web.here import Here
from web.jobs import Job
from web.pages.mapping.common import Chosen, choose, show

router = APIRouter()
PATIENCE = 15.0
"""Seconds that a reader waits; the base goes on being asked behind his back."""
MOST_SHOWN = 200
Short = Annotated[str, fastapi.Form(max_length=300)]


@dataclass(slots=True)
class Compared:
    """What was compared with which base, and what came of it. `version`: of the mapping that was compared."""

    base: str
    version: str
    findings: list[Lack] = field(default_factory=list)


@router.get("/mapping/{key}/live")
@allow("admin", about="mapping")
def show_live(here: Page, key: str) -> Response:
    """What the last comparison has found."""
    return _show(here, choose(here, key))


@router.post("/mapping/{key}/live")
@allow("admin", about="mapping")
def compare(here: Page, key: str, base: Short = "") -> Response:
    """Ask a base, reading only, and hold the draft against what it declares; what rules, where there is no draft."""
    chosen = choose(here, key)
    if base not in chosen.connections:
        raise Missing
    opened = open_text(here.app, chosen.key)
    found = read_text(here.app, chosen.key, opened.text, opened.ruling)
    mapping = found.readable
    if mapping is None:
        return _show(here, chosen, wrong=here.gettext("The text cannot be read: mend its mistakes first."))
    job = here.site.jobs.start(_key(chosen), lambda job: _compare(here, chosen, base, mapping, job))
    if job is None:
        return _show(here, chosen, wrong=here.gettext("Too much is being looked at just now: try again in a minute."))
    job.wait(PATIENCE)
    return here.to(f"{chosen.path}/live")


def _compare(here: Here, chosen: Chosen, base: str, mapping: Mapping, job: Job) -> None:
    job.result = Compared(base, mapping.version)
    job.result.findings = compare_with_base(here.app, chosen.key, base, mapping)


def _key(chosen: Chosen) -> tuple[str, ...]:
    return "live", chosen.key


def _show(here: Here, chosen: Chosen, wrong: str = "") -> Response:
    job = here.site.jobs.find(_key(chosen))
    compared: Compared | None = job.result if job is not None else None
    rows = compared.findings[:MOST_SHOWN] if compared is not None else []
    opened = open_text(here.app, chosen.key)
    now = read_text(here.app, chosen.key, opened.text, opened.ruling).readable
    stale = compared is not None and (now is None or now.version != compared.version)
    more = len(compared.findings) - len(rows) if compared is not None else 0
    return show(here, "mapping/live.html", chosen, "", code=409 if wrong else 200, draft=opened.draft, wrong=wrong,
                job=job, compared=compared, rows=rows, stale=stale, more=more)  # fmt: skip
