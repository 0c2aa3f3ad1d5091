"""Logging in and out, and the language of the pages."""

from __future__ import annotations

import math
from typing import Annotated

import fastapi
from fastapi import APIRouter
from starlette.responses import Response
from starlette.routing import Match

from store.queries.people import has_users
from store.tables import user
from web.door.guard import Page
from web.door.rules import everyone, public, rule_of
from web.door.visitor import LANGUAGE, SESSION
from web.here import YEAR, Here
from web.people.logging_in import log_in
from web.people.sessions import IDLE, close_session
from web.show.texts import LANGUAGES

router = APIRouter()
Field = Annotated[str, fastapi.Form(max_length=1000)]


@router.get("/login")
@public
def ask(here: Page, next: str = "/") -> Response:
    """The form; before there is anybody who could log in, how to make the first user."""
    if here.visitor is not None:
        return here.to(own_path(next))
    with here.reading() as conn:
        known = has_users(conn)
    return here.page("login.html", known=known, next=own_path(next), login="", wrong="")


@router.post("/login")
@public
def enter(here: Page, login: Field = "", password: Field = "", next: Field = "/") -> Response:
    """An attempt."""
    agent = here.request.headers.get("user-agent", "")
    outcome = log_in(here.app, login, password, address=here.address, agent=agent)
    if outcome.key is None:
        return _again(here, login, next, outcome.wait.total_seconds() if outcome.wait else None)
    answer = here.to(_meant(own_path(next), outcome.role))
    here.set_cookie(answer, SESSION, outcome.key, seconds=int(IDLE.total_seconds()))
    return answer


@router.post("/logout")
@everyone
def leave(here: Page) -> Response:
    """The session ends here and now, whatever becomes of the cookie."""
    with here.writing() as conn:
        close_session(conn, here.now, here.me.user_id, here.me.seat)
    answer = here.to("/login", done=here.gettext("You are logged out."))
    here.drop_cookie(answer, SESSION)
    return answer


@router.post("/language")
@public
def speak(here: Page, language: Field = "", back: Field = "/") -> Response:
    """Another language from now on: remembered with the user, or with the browser before he logs in."""
    if language not in LANGUAGES:
        return here.to(own_path(back))
    if here.visitor is not None:
        with here.writing() as conn:
            conn.execute(user.update().where(user.c.id == here.me.user_id).values(language=language))
    answer = here.to(own_path(back))
    here.set_cookie(answer, LANGUAGE, language, seconds=YEAR)
    return answer


def own_path(path: str) -> str:
    """The path if it leads to a page of ours; the start page for any that could lead elsewhere."""
    plain = path.isprintable() and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith("//") else "/"


def _meant(path: str, role: str) -> str:
    """The page that was asked for before, where it is for his role; else the one that his role begins with."""
    from web.pages import load_routers  # noqa: PLC0415 this is one of them

    scope = {"type": "http", "method": "GET", "path": path.partition("?")[0], "root_path": ""}
    for route in (one for router in load_routers() for one in router.routes):
        found, matched = route.matches(scope)
        if found is Match.FULL:
            rule = rule_of(matched["endpoint"])
            return path if rule is not None and (rule.public or role in rule.roles) else "/"
    return "/"


def _again(here: Here, login: str, next: str, wait: float | None) -> Response:
    with here.reading() as conn:
        known = has_users(conn)
    if wait is None:
        status, wrong = 401, here.gettext("The name or the password is not right.")
    else:
        status, minutes = 429, math.ceil(wait / 60)
        wrong = here.ngettext(
            "Too many attempts. Try again in %(num)s minute.",
            "Too many attempts. Try again in %(num)s minutes.",
            minutes,
        )
    answer = here.page("login.html", code=status, known=known, next=own_path(next), login=login[:100], wrong=wrong)
    if wait is not None:
        answer.headers["retry-after"] = str(int(wait) + 1)
    return answer
