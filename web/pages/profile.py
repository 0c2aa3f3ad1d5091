"""One's own account: password, name, language, wall clock, the browsers one is logged in with, tokens of the API."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import fastapi
from fastapi import APIRouter
from starlette.responses import Response

from core.errors import UsageError
from store.queries.people import find_user, load_sessions, load_stood_in_for, load_tokens
from web.door.auditing import write_audit
from web.door.guard import Page
from web.door.rules import everyone, everyone_about
from web.here import Here
from web.people.passwords import LONGEST, SHORTEST, verify_password
from web.people.sessions import add_token, close_all, close_session, revoke_token
from web.people.users import Traits, change_user, set_password
from web.show.texts import LANGUAGES

router = APIRouter()
Field = Annotated[str, fastapi.Form(max_length=300)]
ZONES = (
    "Europe/Kaliningrad", "Europe/Kyiv", "Europe/Minsk", "Europe/Moscow", "Europe/Samara", "Asia/Yekaterinburg",
    "Asia/Omsk", "Asia/Novosibirsk", "Asia/Krasnoyarsk", "Asia/Irkutsk", "Asia/Yakutsk", "Asia/Vladivostok",
    "Asia/Magadan", "Asia/Kamchatka", "Asia/Almaty", "Asia/Tashkent", "Asia/Tbilisi", "Asia/Yerevan", "Asia/Baku",
    "UTC",
)  # fmt: skip


@router.get("/profile")
@everyone
def show(here: Page) -> Response:
    """Everything about one's own account."""
    return _page(here)


@router.post("/profile")
@everyone
def change(here: Page, name: Field = "", language: Field = "", timezone: Field = "") -> Response:
    """Name, language, wall clock."""
    chosen = language if language in LANGUAGES else ""
    change_user(here.app, here.me.login, here.me.login, Traits(name=name or None, language=chosen, timezone=timezone))
    here.language = chosen or here.language  # what is said of it is said in the new one
    return here.to("/profile", done=here.gettext("Saved."))


@router.post("/profile/password")
@everyone
def new_password(here: Page, present: Field = "", fresh: Field = "", again: Field = "") -> Response:
    """Another password; all other browsers are logged out."""
    with here.reading() as conn:
        row = find_user(conn, here.me.login)
    if row is None or not verify_password(present, row.password_hash):
        return here.to("/profile", wrong=here.gettext("The present password is not right."))
    if fresh != again:
        return here.to("/profile", wrong=here.gettext("The two new passwords are not the same."))
    try:
        set_password(here.app, here.me.login, here.me.login, fresh, but_session=here.me.seat)
    except UsageError:
        words = here.gettext(
            "A password has %(least)s to %(most)s characters and is not easy to guess.", least=SHORTEST, most=LONGEST
        )
        return here.to("/profile", wrong=words)
    return here.to("/profile", done=here.gettext("The password is changed; other browsers are logged out."))


@router.post("/profile/sessions/{key}/end")
@everyone_about("session")
def end_session(here: Page, key: UUID) -> Response:
    """Log another browser of one's own out."""
    with here.writing() as conn:
        ended = close_session(conn, here.now, here.me.user_id, key)
    if not ended:
        return here.to("/profile", wrong=here.gettext("That session has ended already."))
    return here.to("/profile", done=here.gettext("That browser is logged out."))


@router.post("/profile/log-out")
@everyone
def log_out_elsewhere(here: Page) -> Response:
    """End all one's other sessions: a telephone was lost, a browser left open somewhere."""
    with here.writing() as conn:
        number = close_all(conn, here.now, here.me.user_id, but=here.me.seat)
        write_audit(conn, here.now, here.me.login, "user.log-out", here.me.login, after={"sessions": number})
    done = here.ngettext("%(num)s browser is logged out.", "%(num)s browsers are logged out.", number)
    return here.to("/profile", done=done)


@router.post("/profile/tokens")
@everyone
def new_token(here: Page, name: Field = "") -> Response:
    """A token of the API with one's own rights; shown this once."""
    with here.writing() as conn:
        row = find_user(conn, here.me.login)
        if row is None or not name.strip():
            return here.to("/profile", wrong=here.gettext("Give the token a name, such as what will use it."))
        _, key = add_token(conn, here.now, here.me.login, row, name)
    return _page(here, token=key)


@router.post("/profile/tokens/{key}/revoke")
@everyone_about("token")
def drop_token(here: Page, key: UUID) -> Response:
    """Take a token back."""
    with here.writing() as conn:
        gone = revoke_token(conn, here.now, here.me.login, here.me.user_id, key)
    if not gone:
        return here.to("/profile", wrong=here.gettext("That token was taken back already."))
    return here.to("/profile", done=here.gettext("The token is taken back."))


def _page(here: Here, token: str = "") -> Response:
    with here.reading() as conn:
        row = find_user(conn, here.me.login)
        sessions = load_sessions(conn, here.me.user_id, here.now)
        tokens = load_tokens(conn, here.me.user_id)
        stands_in = load_stood_in_for(conn, here.me.user_id, here.today)
    values: dict[str, Any] = {"row": row, "sessions": sessions, "tokens": tokens, "zones": ZONES, "fresh_token": token}
    return here.page("profile.html", **values, stands_in=stands_in, shortest=SHORTEST)
