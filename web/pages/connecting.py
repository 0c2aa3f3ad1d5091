"""Adding and changing a connection: choose a kind, fill in, watch what doctor finds, save. Secrets only go in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from core.errors import SverkaError
from sync.setup.settings_file import is_writable, mark_of, read_section
from sync.setup.trying import kinds, mappings
from web.connecting import labels
from web.connecting.drafts import Draft, Mistakes
from web.connecting.fields import as_text
from web.connecting.saving import may_name, save
from web.door.auditing import write_audit
from web.door.faults import Missing
from web.door.guard import Form, Page
from web.door.rules import allow
from web.here import Here
from web.pages.connections import LEVELS
from web.pages.profile import ZONES

router = APIRouter()
_NAME = re.compile(r"[\w.-](?:[\w. -]{0,58}[\w.-])?")


@router.get("/connections/new")
@allow("admin")
def choose(here: Page, kind: str = "") -> Response:
    """Which kind it is, then its form."""
    if kind not in kinds():
        return here.page("connecting/kinds.html", kinds=sorted(kinds()), titles=labels.KIND_TITLES)
    return _form(here, _fresh(here, kind, ""), {})


@router.get("/connections/{name}/edit")
@allow("admin", about="connection")
def edit(here: Page, name: str) -> Response:
    """The form of one that is there; secrets are not in it."""
    return _form(here, _known(here, name), {})


@router.post("/connection-drafts")
@allow("admin")
def fill(here: Page, form: Form) -> Response:
    """Take over what was filled in, and try it. What is wrong is said at its field."""
    draft = _meant(here, form)
    wrong: Mistakes = {}
    if draft.fresh:
        draft.name = " ".join(str(form.get("name") or "").split())
        refused = _refuse_name(here, draft.name)
        wrong |= {"name": refused} if refused else {}
    wrong |= draft.fill(form, lambda path: may_name(here, path))
    if draft.keys.get("mapping", "") not in ("", *mappings(here.app)):
        wrong["mapping"] = "Field required"
    if wrong:
        draft.trial = None  # also where the page alone refuses: it is neither tried nor saved
    here.site.drafts.put(draft)
    if wrong:
        return _form(here, draft, wrong, code=422)
    return _try(here, draft)


@router.get("/connection-drafts/{key}")
@allow("admin", about="draft")
def show(here: Page, key: UUID, saved: str = "") -> Response:
    """What is found of it, line by line, and saving it."""
    return here.page("connecting/draft.html", **_draft_values(here, _load(here, key)))


@router.get("/connection-drafts/{key}/found")
@allow("admin", about="draft")
def found(here: Page, key: UUID) -> Response:
    """The same part of the page, renewed while more may come."""
    return here.page("connecting/found.html", **_draft_values(here, _load(here, key)))


@router.get("/connection-drafts/{key}/change")
@allow("admin", about="draft")
def change(here: Page, key: UUID) -> Response:
    """Back to the form; what was typed is still there, secrets unseen."""
    return _form(here, _load(here, key), {})


@router.post("/connection-drafts/{key}/try")
@allow("admin", about="draft")
def try_again(here: Page, key: UUID) -> Response:
    """Look once more, when something was mended over there."""
    return _try(here, _load(here, key))


@router.post("/connection-drafts/{key}/save")
@allow("admin", about="draft")
def keep(here: Page, key: UUID, form: Form) -> Response:
    """Save it as it was tried."""
    draft, back = _load(here, key), f"/connection-drafts/{key}"
    report = here.site.examiner.load(draft.report_key)
    if draft.trial is None or report is None or report.running:
        return here.to(back, wrong=here.gettext("It is still being tried."))
    if not draft.trial.mapping:
        return here.to(back, wrong=here.gettext("Which rules fit was not found out: go back and choose the mapping."))
    if report.wrong and not form.get("anyway"):
        return here.to(back, wrong=here.gettext("Something is wrong: tick that it shall be saved all the same."))
    try:
        done = save(here, draft, draft.trial.mapping)
    except SverkaError as error:
        return here.to(back, wrong=f"{here.tell(error.message)} {here.tell(error.next_step)}")
    if done.lines:
        return here.page("connecting/lines.html", draft=draft, done=done, path=here.app.settings.path)
    told = here.gettext("%(name)s is saved; the service goes on with it within seconds.", name=draft.name)
    if here.app.settings.broker.url:
        told += " " + here.gettext("Copy the settings and the folder of secrets to the other machines.")
    return here.to("/connections", done=told)


def _try(here: Here, draft: Draft) -> Response:
    trial = draft.trial
    if trial is None:
        return here.to(f"/connection-drafts/{draft.key}/change")
    app, name = here.app, draft.name
    report = here.site.examiner.start(draft.report_key, lambda: trial.run(app), about=(name,))
    if report is None:
        wrong = here.gettext("Others are being looked over: try again in a minute.")
        return here.to(f"/connection-drafts/{draft.key}/change", wrong=wrong)
    with here.writing() as conn:
        write_audit(conn, here.now, here.me.login, "connection.try", name, after={"kind": draft.kind})
    return here.to(f"/connection-drafts/{draft.key}")


def _fresh(here: Here, kind: str, name: str) -> Draft:
    path = here.app.settings.path
    usual = {"write": "review", "role": getattr(kinds()[kind], "default_role", "accounting")}
    keys: dict[str, Any] = usual | {"timezone": str(here.app.zone)}
    return Draft(here.me.user_id, name, kind, True, mark_of(path) if path else "", {}, keys)


def _known(here: Here, name: str) -> Draft:
    """A draft of a connection as the file has it. Raises Missing where the file has none of that name."""
    path, settings = here.app.settings.path, here.app.settings.connections.get(name)
    section = read_section(path, name) if path is not None and settings is not None else None
    if path is None or settings is None or section is None:
        raise Missing
    keys = {key: value for key, value in section.items() if key != "connector"}
    return Draft(here.me.user_id, name, settings.connector, False, mark_of(path), section, keys)


def _meant(here: Here, form: Mapping[str, object]) -> Draft:
    """The draft that a form goes on with: one of his own, else a new one."""
    try:
        known = here.site.drafts.load(here.me.user_id, UUID(str(form.get("draft"))))
    except ValueError:
        known = None
    if known is not None:
        return known
    name, kind = str(form.get("connection") or ""), str(form.get("kind") or "")
    if name:
        return _known(here, name)
    if kind not in kinds():
        raise Missing
    return _fresh(here, kind, "")


def _load(here: Here, key: UUID) -> Draft:
    draft = here.site.drafts.load(here.me.user_id, key)
    if draft is None:
        raise Missing
    return draft


def _refuse_name(here: Here, name: str) -> str:
    if not _NAME.fullmatch(name) or not name.strip("."):
        return "name"
    return "taken" if name.casefold() in (one.casefold() for one in here.app.settings.connections) else ""


def _form(here: Here, draft: Draft, wrong: Mistakes, *, code: int = 200) -> Response:
    path = here.app.settings.path
    secrets = {one.name for one in draft.fields if one.kind == "secret"}
    shown = {one.name: as_text(draft.keys[one.name]) for one in draft.fields
             if one.name in draft.keys and one.name not in secrets}  # fmt: skip
    known = {name for name in secrets if name in draft.keys}
    values: dict[str, Any] = {"draft": draft, "wrong": wrong, "shown": shown, "known": known, "labels": labels}
    values |= {"mappings": mappings(here.app), "zones": ZONES, "fixed": draft.fixed, "told": _told(here, wrong)}
    values |= {
        "writable": path is not None and is_writable(path),
        "kept": here.site.drafts.load(draft.owner, draft.key),
    }
    return here.page("connecting/form.html", code=code, **values)


def _told(here: Here, wrong: Mistakes) -> dict[str, str]:
    """Mistakes in his language, as far as they are known there."""
    known = labels.MISTAKES
    return {key: here.gettext(known[text]) if text in known else here.tell(text) for key, text in wrong.items()}


def _draft_values(here: Here, draft: Draft) -> dict[str, Any]:
    report = here.site.examiner.load(draft.report_key)
    return {"draft": draft, "report": report, "levels": LEVELS, "labels": labels}
