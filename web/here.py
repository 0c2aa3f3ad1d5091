"""What a handler is handed: the site, who asks, his language and wall clock, and the ways to answer."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, tzinfo
from functools import cached_property
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from core.i18n import tell
from store.queries.customers.rights import Viewer
from store.queries.shapes import View
from web.door.visitor import FLASH, FORM, LANGUAGE, Visitor, cookie, cookie_name, is_secure
from web.menu import Item, menu_of
from web.people.keys import form_token, new_key
from web.show.format import Writer
from web.show.render import render
from web.show.texts import pick_language, translations
from web.site import Site

YEAR = 365 * 24 * 3600


class Here:
    """One request, and who makes it."""

    def __init__(self, request: Request, site: Site, visitor: Visitor | None) -> None:
        self.request = request
        self.site = site
        self.app = site.app
        self.visitor = visitor
        wishes = [visitor.language if visitor else None, cookie(request, LANGUAGE)]
        self.language = pick_language(*wishes, request.headers.get("accept-language"))
        self.zone: tzinfo = visitor.zone(site.app.zone) if visitor else site.app.zone
        self.now: datetime = site.app.clock.now()

    # ------------------------------------------------------------ who and when

    @property
    def me(self) -> Visitor:
        """The user who asks; only where the route is not public."""
        if self.visitor is None:
            raise RuntimeError("a public route has no user")
        return self.visitor

    @property
    def viewer(self) -> Viewer:
        """Whose eyes questions about customers are asked with."""
        return self.me.viewer(self.now, self.app.zone)

    @property
    def today(self) -> date:
        """The day on the reader's wall clock."""
        return self.now.astimezone(self.zone).date()

    @property
    def view(self) -> View:
        """How the records of queries are shown to him."""
        settings = self.app.settings
        accounting = tuple(item.name for item in settings.connections.values() if item.role == "accounting")
        return View(accounting, self.zone, {name: settings.old_after(name) for name in settings.connections})

    @property
    def address(self) -> str:
        """Where the request comes from, as the proxy before us says where there is one."""
        return self.request.client.host if self.request.client else ""

    # ------------------------------------------------------------ the store

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """The store at one moment; nothing can be written."""
        with self.site.reader.connect() as conn:
            yield conn

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that is kept when the block ends well."""
        with self.app.engine.begin() as conn:
            yield conn

    # ------------------------------------------------------------ texts

    def gettext(self, text: str, **values: object) -> str:
        """A text in the reader's language."""
        found = translations(self.language).gettext(text)
        return found % values if values else found

    def ngettext(self, one: str, many: str, number: int, **values: object) -> str:
        """The same for a number of things; `%(num)s` stands for the number."""
        return translations(self.language).ngettext(one, many, number) % ({"num": number} | values)

    def tell(self, said: str) -> str:
        """What the engine said (a reason, a step, a refusal), in the reader's language; templates have `| tell`."""
        return self.writer.phones_in(tell(said, self.language))

    @cached_property
    def writer(self) -> Writer:
        """Writes values in his language and on his wall clock."""
        return Writer(self.language, self.zone, self.now)

    # ------------------------------------------------------------ answers

    @cached_property
    def form_key(self) -> tuple[str, bool]:
        """What the form token is made from (the session, or a cookie before there is one), and whether it is new."""
        if self.visitor is not None:
            return self.visitor.key, False
        known = cookie(self.request, FORM)
        return (known, False) if known and len(known) < 200 else (new_key(), True)

    @property
    def token(self) -> str:
        """What every form of this page has to carry."""
        return form_token(self.form_key[0])

    @property
    def back(self) -> str:
        """Where a form in the frame of every page comes back to: the very page."""
        asked = self.request.url
        return f"{asked.path}?{asked.query}" if asked.query and self.request.method == "GET" else asked.path

    @property
    def menu(self) -> list[Item]:
        """The pages that his role may open."""
        return menu_of(self.visitor.role) if self.visitor else []

    @property
    def flash(self) -> tuple[str, str] | None:
        """What the deed before this page had to say: its kind (done, wrong) and the words."""
        kind, _, text = (cookie(self.request, FLASH) or "").partition(".")
        try:
            words = base64.urlsafe_b64decode(text.encode()).decode("utf-8")
        except ValueError:
            return None
        return (kind, words) if kind in ("done", "wrong") and words else None

    def page(self, template: str, *, code: int = 200, **values: Any) -> Response:
        """A page of a template, which sees `here` and the values; `code` is the status of the answer."""
        answer = HTMLResponse(render(self, template, values), status_code=code)
        key, fresh = self.form_key
        if fresh:
            self.set_cookie(answer, FORM, key)
        if self.flash is not None:
            answer.delete_cookie(cookie_name(self.request, FLASH), path="/")
        return answer

    def to(self, path: str, done: str = "", wrong: str = "") -> Response:
        """Go on to a page of ours after a deed, which says there what was done, or what was wrong (told as needed)."""
        answer = RedirectResponse(quote(path, safe="/?&=%#:@+,;~"), status_code=303)
        if done or wrong:
            told = done or self.tell(wrong)
            text = base64.urlsafe_b64encode(told[:900].encode("utf-8", "replace")).decode()
            self.set_cookie(answer, FLASH, f"{'done' if done else 'wrong'}.{text}")
        return answer

    def set_cookie(self, answer: Response, name: str, value: str, *, seconds: int | None = None) -> None:
        """Put one of our cookies, readable by no script; until the browser is closed when no time is given."""
        answer.set_cookie(
            cookie_name(self.request, name),
            value,
            max_age=seconds,
            path="/",
            secure=is_secure(self.request),
            httponly=True,
            samesite="lax",
        )

    def drop_cookie(self, answer: Response, name: str) -> None:
        """Take one of our cookies back."""
        answer.delete_cookie(
            cookie_name(self.request, name), path="/", secure=is_secure(self.request), httponly=True, samesite="lax"
        )
