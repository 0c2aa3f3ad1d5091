"""One user's ties to other systems, his tokens and his browsers, as an admin sees and ends them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import fastapi
from fastapi import APIRouter
from starlette.responses import Response

from core.errors import ConflictError, UsageError
from store.queries.people import load_user
from web.door.auditing import write_audit
from web.door.faults import Missing
from web.door.guard import Page
from web.door.rules import allow
from web.here import Here
from web.people.records import tie_record, untie_record
from web.people.sessions import close_all, revoke_token

router = APIRouter()
Field = Annotated[str, fastapi.Form(max_length=300)]


@router.post("/users/{key}/records")
@allow("admin", about="user")
def tie(here: Page, key: UUID, manager: Field = "") -> Response:
    """This manager of some system is he too."""
    login = _login(here, key)
    try:
        tie_record(here.app, here.me.login, login, manager)
    except (UsageError, ConflictError) as error:
        return here.to(f"/users/{key}", wrong=here.tell(error.message))
    return here.to(f"/users/{key}", done=here.gettext("Saved."))


@router.post("/users/{key}/records/{record}/untie")
@allow("admin", about="user")
def untie(here: Page, key: UUID, record: UUID) -> Response:
    """This manager is he no more."""
    login = _login(here, key)
    try:
        untie_record(here.app, here.me.login, login, str(record))
    except UsageError as error:
        return here.to(f"/users/{key}", wrong=here.tell(error.message))
    return here.to(f"/users/{key}", done=here.gettext("Saved."))


@router.post("/users/{key}/tokens/{token}/revoke")
@allow("admin", about="user")
def revoke(here: Page, key: UUID, token: UUID) -> Response:
    """Take one of his tokens back."""
    _login(here, key)
    with here.writing() as conn:
        gone = revoke_token(conn, here.now, here.me.login, key, token)
    if not gone:
        return here.to(f"/users/{key}", wrong=here.gettext("That token was taken back already."))
    return here.to(f"/users/{key}", done=here.gettext("The token is taken back."))


@router.post("/users/{key}/log-out")
@allow("admin", about="user")
def log_out(here: Page, key: UUID) -> Response:
    """End all his sessions; he may log in again."""
    login = _login(here, key)
    with here.writing() as conn:
        number = close_all(conn, here.now, key)
        write_audit(conn, here.now, here.me.login, "user.log-out", login, after={"sessions": number})
    done = here.ngettext("%(num)s browser is logged out.", "%(num)s browsers are logged out.", number)
    return here.to(f"/users/{key}", done=done)


def _login(here: Here, key: UUID) -> str:
    with here.reading() as conn:
        row = load_user(conn, key)
    if row is None:
        raise Missing
    return str(row.login)
