"""Users and roles: who may log in, as whom, who stands in for whom, and handing over when somebody leaves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import fastapi
from fastapi import APIRouter
from sqlalchemy import Row
from starlette.responses import Response

from core.errors import ConflictError, UsageError
from store.queries.customers.rights import ROLES
from store.queries.people import (
    load_departments,
    load_managers,
    load_records,
    load_sessions,
    load_substitutes,
    load_tokens,
    load_user,
    load_users,
)
from web.door.faults import Missing
from web.door.guard import Form, Page
from web.door.rules import allow
from web.here import Here
from web.menu import Item
from web.people.passwords import make_password
from web.people.standing_in import add_substitute, end_substitute, hand_over
from web.people.users import Traits, add_user, change_user, set_active, set_password, set_role
from web.show.texts import LANGUAGES, N_
from web.show.wording import ROLE_TITLES

router = APIRouter()
MENU = (Item(80, "/users", N_("Users"), ("admin",)),)
Field = Annotated[str, fastapi.Form(max_length=300)]
_KNOWN = ("name", "role", "manager", "department", "language", "export", "on_call")


@router.get("/users")
@allow("admin")
def show_all(here: Page) -> Response:
    """Everybody, and who stands in for whom."""
    return _list(here)


@router.post("/users")
@allow("admin")
def add(
    here: Page, login: Field = "", name: Field = "", role: Field = "", manager: Field = "", department: Field = ""
) -> Response:
    """A new user with a password made here, shown this once."""
    password = make_password()
    traits = Traits(name=name.strip() or None, manager=manager or None, department=department or None)
    try:
        add_user(here.app, here.me.login, login, role, password, traits)
    except (UsageError, ConflictError) as error:
        return here.to("/users", wrong=error.message)
    return _list(here, login=login, password=password)


@router.get("/users/{key}")
@allow("admin", about="user")
def show(here: Page, key: UUID) -> Response:
    """One user."""
    return _one(here, key)


@router.post("/users/{key}")
@allow("admin", about="user")
def change(here: Page, key: UUID, form: Form) -> Response:
    """What is known of him, his role, and his rights beside it."""
    row, given = _row(here, key), {name: str(form.get(name) or "")[:300] for name in _KNOWN}
    traits = Traits(
        name=given["name"].strip() or None, manager=given["manager"], department=given["department"],
        language=given["language"] if given["language"] in LANGUAGES else "", export=given["export"],
        on_call=given["on_call"] == "yes",
    )  # fmt: skip

    def save() -> None:
        if given["role"] != row.role:
            set_role(here.app, here.me.login, row.login, given["role"])  # first: it may be refused
        change_user(here.app, here.me.login, row.login, traits)

    return _do(here, f"/users/{key}", save, here.gettext("Saved."))


@router.post("/users/{key}/password")
@allow("admin", about="user")
def new_password(here: Page, key: UUID) -> Response:
    """A new password made here, shown this once; he is logged out everywhere."""
    password = make_password()
    set_password(here.app, here.me.login, _row(here, key).login, password)
    return _one(here, key, password=password)


@router.post("/users/{key}/active")
@allow("admin", about="user")
def let_in(here: Page, key: UUID, active: Field = "") -> Response:
    """Let him in, or shut him out at once."""
    login, wanted = _row(here, key).login, active == "yes"
    done = here.gettext("He may log in.") if wanted else here.gettext("He is shut out.")
    return _do(here, f"/users/{key}", lambda: set_active(here.app, here.me.login, login, active=wanted), done)


@router.post("/users/{key}/handover")
@allow("admin", about="user")
def leave(here: Page, key: UUID, heir: Field = "") -> Response:
    """He leaves: another one gets his customers and what he stood in for, and he is shut out."""
    login, number = _row(here, key).login, 0
    try:
        number = hand_over(here.app, here.me.login, login, heir, here.today)
    except (UsageError, ConflictError) as error:
        return here.to(f"/users/{key}", wrong=error.message)
    done = here.ngettext(
        "%(num)s customer is handed over to %(heir)s.",
        "%(num)s customers are handed over to %(heir)s.",
        number,
        heir=heir,
    )
    return here.to("/users", done=done)


@router.post("/substitutes")
@allow("admin")
def stand_in(here: Page, manager: Field = "", login: Field = "", first: Field = "", last: Field = "") -> Response:
    """Somebody is away, another one stands in for him."""
    try:
        days = date.fromisoformat(first) if first else here.today, date.fromisoformat(last) if last else None
    except ValueError:
        return here.to("/users", wrong=here.gettext("A day is missing or is none."))
    return _do(
        here,
        "/users",
        lambda: add_substitute(here.app, here.me.login, manager, login, *days),
        here.gettext("Saved."),
    )


@router.post("/substitutes/{key}/end")
@allow("admin", about="substitute")
def stand_back(here: Page, key: UUID) -> Response:
    """Nobody stands in there any more."""
    if not end_substitute(here.app, here.me.login, key):
        raise Missing
    return here.to("/users", done=here.gettext("Nobody stands in there any more."))


def _do(here: Here, path: str, deed: Callable[[], object], done: str) -> Response:
    try:
        deed()
    except (UsageError, ConflictError) as error:
        return here.to(path, wrong=error.message)
    return here.to(path, done=done)


def _row(here: Here, key: UUID) -> Row[Any]:
    with here.reading() as conn:
        row = load_user(conn, key)
    if row is None:
        raise Missing
    return row


def _list(here: Here, login: str = "", password: str = "") -> Response:
    with here.reading() as conn:
        values: dict[str, Any] = {
            "users": load_users(conn, here.view),
            "substitutes": load_substitutes(conn, here.today),
        }
        values |= {"managers": load_managers(conn), "departments": load_departments(conn)}
    return here.page("users/list.html", **values, **_words(), fresh_login=login, fresh_password=password)


def _one(here: Here, key: UUID, password: str = "") -> Response:
    with here.reading() as conn:
        row = load_user(conn, key)
        if row is None:
            raise Missing
        others = [one for one in load_users(conn, here.view) if one["active"] and one["role"] in ("manager", "head")]
        values: dict[str, Any] = {"managers": load_managers(conn), "departments": load_departments(conn)}
        values |= {"records": load_records(conn, key), "tokens": load_tokens(conn, key)}
        values |= {"sessions": load_sessions(conn, key, here.now)}
    heirs = [one for one in others if one["login"] != row.login]
    return here.page("users/one.html", **values, **_words(), row=row, heirs=heirs, fresh_password=password)


def _words() -> dict[str, Any]:
    return {"roles": ROLES, "role_titles": ROLE_TITLES}
