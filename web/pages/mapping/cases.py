"""Golden cases of a mapping: green or red and why, one kept of a received record, taken over, given up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import fastapi
import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from core.errors import ConfigError, ConflictError, SverkaError, UsageError
from core.secrets import redact
from mapping.cases.files import Case
from mapping.cases.trial import build_expected
from mapping.model import ENTITIES as ENTITY_SPECS
from mapping.rules import Mapping, parse_mapping
from store.queries.work.mapping_cases import drop_case
from sync.mappings.capturing import build_case
from sync.mappings.drafting import Opened, cases_beside, open_text, read_text
from sync.mappings.kept_cases import accept_found, keep_case, load_kept_cases
from sync.mappings.trials import Trial, try_cases
from sync.versions import load_ruling
from web.door.auditing import write_audit
from web.door.faults import Missing
from web.door.guard import Page
from web.door.rules import allow
from web.here import Here
from web.pages.mapping.common import Chosen, choose, refused, show
from web.pages.mapping.desk import NONE_YET
from web.show.texts import N_
from web.show.working import ENTITIES

router = APIRouter()
Word = Annotated[str, fastapi.Form(max_length=200)]
Comment = Annotated[str, fastapi.Form(max_length=300)]
LONGEST_SHOWN = 60_000
DIRECTIONS = {"in": N_("read"), "out": N_("sent")}


@dataclass(frozen=True, slots=True)
class Tried:
    """The cases put to the draft, or to what rules where there is no draft that could be read.

    `what`: "draft", "ruling" or "file" (nothing rules yet). `why`: why it is not the draft, though there is one.
    """

    opened: Opened
    mapping: Mapping
    trials: list[Trial]
    what: str
    why: str = ""

    @property
    def mark(self) -> str:
        """What was tried: a case is taken over by what was seen, never by what somebody has saved since."""
        return self.mapping.version


def _try(here: Here, chosen: Chosen) -> Tried:
    """Raises ConfigError: neither draft nor what rules can be read, or files beside it are no cases."""
    opened = open_text(here.app, chosen.key)
    found = read_text(here.app, chosen.key, opened.text, opened.ruling)
    mapping, why = found.mapping, ""
    what = "draft" if opened.draft is not None else "ruling" if opened.ruling is not None else "file"
    if opened.ruling is not None and (mapping is None or opened.draft is None):
        why = here.gettext("The draft has mistakes, so what rules was tried.") if opened.draft is not None else ""
        mapping, what = parse_mapping(opened.ruling.text, chosen.key, kept=True), "ruling"
    if mapping is None:
        raise ConfigError("The draft has mistakes, and nothing rules yet that could be tried.")
    return Tried(opened, mapping, try_cases(here.app, chosen.key, mapping, cases_beside(here.app, chosen.key, mapping)),
                 what, why)  # fmt: skip


@router.get("/mapping/{key}/cases")
@allow("admin", about="mapping")
def list_all(here: Page, key: str) -> Response:
    """Every case, red ones first."""
    return _list(here, choose(here, key))


def _list(here: Here, chosen: Chosen, wrong: str = "", **typed: str) -> Response:
    tried, unread = None, ""
    try:
        tried = _try(here, chosen)
    except ConfigError as error:
        unread = refused(here, error)
    trials = sorted(tried.trials, key=lambda one: not one.differences) if tried is not None else []
    red = sum(bool(one.differences) for one in trials)
    return show(
        here, "mapping/cases.html", chosen, "/cases", code=422 if wrong else 200, tried=tried, trials=trials, red=red,
        unread=unread, wrong=wrong, typed={"external_id": "", "title": "", "connection": "", "entity": ""} | typed,
        entity_titles=ENTITIES, entities=list(ENTITY_SPECS), directions=DIRECTIONS,
    )  # fmt: skip


@router.get("/mapping/{key}/case")
@allow("admin", about="mapping")
def show_one(here: Page, key: str, title: str = "", where: str = "") -> Response:
    """One case: what came, what must come of it, what does, and where they differ."""
    return _one(here, choose(here, key), title, where=where)


def _one(here: Here, chosen: Chosen, title: str, wrong: str = "", where: str = "") -> Response:
    """`where`: in which place, where a file and the store have a case of the same title."""
    tried = _try(here, chosen)
    same = [one for one in tried.trials if one.placed.case.title == title]
    trial = next((one for one in same if one.placed.where == where or (not where and one.kept)), next(iter(same), None))
    if trial is None:
        raise Missing
    case = trial.placed.case
    found = build_expected(tried.mapping, case)
    return show(
        here, "mapping/case.html", chosen, "/cases", code=409 if wrong else 200, tried=tried, trial=trial, case=case,
        wrong=wrong, raw=pretty(case.raw), expected=pretty(case.expected.model_dump(exclude_defaults=True)),
        found=pretty(found), differences=[(one.field, pretty(one.expected), pretty(one.found))
                                          for one in trial.differences],
        entity_titles=ENTITIES, directions=DIRECTIONS,
    )  # fmt: skip


def pretty(value: Any) -> str:
    """A value as people read it: a text as it is, anything else as JSON; nothing of a secret."""
    if value is None or isinstance(value, str):
        return redact(value or "")
    laid_out = msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode()
    return redact(laid_out)[:LONGEST_SHOWN]


@router.post("/mapping/{key}/cases/keep")
@allow("admin", about="mapping")
def keep(
    here: Page, key: str, connection: Word = "", entity: Word = "", external_id: Word = "", title: Word = ""
) -> Response:
    """Make a case of a received record, personal data replaced by made-up; it expects what rules makes of it."""
    chosen = choose(here, key)
    try:
        case = _build(here, chosen, connection, external_id, entity=entity, title=title)
        keep_case(here.app.engine, chosen.key, case, here.me.login, here.now)
    except SverkaError as error:
        told = {"connection": connection, "entity": entity, "external_id": external_id, "title": title}
        return _list(here, chosen, refused(here, error), **told)
    said = here.gettext("Kept, with made-up names and numbers: %(title)s.", title=case.title)
    return here.to(f"{chosen.path}/cases", done=said)


def _build(here: Here, chosen: Chosen, connection: str, external_id: str, *, entity: str, title: str) -> Case:
    if connection not in chosen.connections:
        raise UsageError(here.gettext("Choose the connection that the record came from."))
    if not external_id.strip():
        raise UsageError(here.gettext("Say which record: its id at the other side."))
    case_title = title.strip()[:200]
    if any(case_title == one.case.title for one in load_kept_cases(here.app.engine, chosen.key)):
        raise UsageError(here.gettext("There is a case with this title already: choose another one."))
    ruling = load_ruling(here.app, here.app.settings.connections[connection], publish=False)
    return build_case(here.app, connection, external_id, ruling, entity=entity or None, title=case_title)


@router.post("/mapping/{key}/cases/accept")
@allow("admin", about="mapping")
def accept(here: Page, key: str, title: Word = "", seen: Word = "", comment: Comment = "") -> Response:
    """What came out is what a kept case expects from now on; `seen`: the mapping that it came out of."""
    chosen = choose(here, key)
    try:
        tried = _try(here, chosen)
        trial = _kept(tried, title)
        if not comment.strip():
            raise UsageError(here.gettext("Say why: the reason is kept."))
        if tried.mark != (seen or NONE_YET):
            raise ConflictError(here.gettext("The draft was changed meanwhile: look at what comes out now."))
        accept_found(here.app.engine, chosen.key, trial.placed.case, tried.mapping, here.me.login, here.now)
    except (UsageError, ConflictError, ConfigError) as error:
        return _one(here, chosen, title, here.tell(error.message))
    with here.writing() as conn:
        told = {"title": title, "comment": comment.strip()}
        write_audit(conn, here.now, here.me.login, "mapping.case.accept", chosen.key, after=told)
    said = here.gettext("“%(title)s” expects from now on what came out.", title=title)
    return here.to(f"{chosen.path}/cases", done=said)


def _kept(tried: Tried, title: str) -> Trial:
    trial = next((one for one in tried.trials if one.kept and one.placed.case.title == title), None)
    if trial is None:
        raise Missing
    return trial


@router.post("/mapping/{key}/cases/drop")
@allow("admin", about="mapping")
def drop(here: Page, key: str, title: Word = "") -> Response:
    """Give up a case that the store keeps; what it expected stays in the audit."""
    chosen = choose(here, key)
    if not drop_case(here.app.engine, chosen.key, title, here.me.login, here.now):
        raise Missing
    return here.to(f"{chosen.path}/cases", done=here.gettext("Given up: %(title)s.", title=title))
