"""A site over a real stand-in of 1C whose records are here: what the tests of the mapping desk's grid share."""

from __future__ import annotations

import contextlib
import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import insert, select

from core.ids import new_id
from store.engine import reading
from store.entities import entity_tables
from store.tables import user
from sync.mappings.drafting import load_draft, open_text
from tests.integration.store.filling import Filling
from tests.integration.sync_pull.world import World as Pulled
from tests.integration.sync_pull.world import make_world
from tests.integration.web.world import Browser, World
from web.site import open_site

SET = "Catalog_Контрагенты"


@contextlib.contextmanager
def make_desk(url: str, folder: Path, *, documents: int = 12, sync: bool = True, **how: Any) -> Iterator[DeskWorld]:
    """A base, its records in the store, and people who look at them."""
    with make_world(url, folder, documents=documents, **how) as pulled:
        if sync:
            pulled.sync()
        made = DeskWorld(pulled, World(pulled.engine, pulled.clock, open_site(pulled.app), Filling(pulled.engine)))
        made.put_people()
        yield made
        made.site.site.close()


class DeskWorld:
    """The base, and the site over what was read from it."""

    def __init__(self, pulled: Pulled, site: World) -> None:
        self.pulled = pulled
        self.site = site

    def put_people(self) -> None:
        """An admin, and a manager with customers of his own, where there are some."""
        people: list[tuple[str, UUID | None]] = [("admin", None), ("manager", self.load_manager())]
        with self.pulled.engine.begin() as conn:
            for role, manager in people:
                self.site.users[role] = new_id()
                row = {"id": self.site.users[role], "login": role, "name": role.title(), "role": role}
                now = self.pulled.clock.now()
                conn.execute(insert(user).values(**row, manager_id=manager, created_at=now, updated_at=now))

    def load_manager(self) -> UUID | None:
        """A manager who has customers."""
        table = entity_tables["counterparty"]
        with self.pulled.engine.begin() as conn:
            query = select(table.c.manager_id).where(table.c.manager_id.is_not(None)).order_by(table.c.name)
            return conn.execute(query).scalars().first()

    def text(self) -> str:
        """The draft's text, or what one would begin with."""
        return open_text(self.pulled.app, "bp30").text

    def has_draft(self) -> bool:
        """Whether anything was saved."""
        with reading(self.pulled.engine) as conn:
            return load_draft(conn, "bp30") is not None

    def admin(self) -> Browser:
        """The admin's browser."""
        return self.site.browser("admin", raise_server_exceptions=True)


def field_address(target: str, entity: str = "counterparty", source: str = SET) -> str:
    """The form of one field."""
    return f"/mapping/bp30/grid/{entity}/field?" + urlencode({"target": target, "source": source})


def form_fields(text: str) -> dict[str, str]:
    """What a browser would send of the form of a field, without its buttons."""
    form = text[text.index('class="rules-form"') :]
    form = form[: form.index("</form>")]
    found = {}
    for tag in re.findall(r"<input [^>]*>", form):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and ('type="radio"' not in tag or " checked" in tag):
            found[name[1]] = html.unescape(value[1]) if value else ""
    for name, inner in re.findall(r'<select name="([^"]*)">(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'<option(?: value="([^"]*)")? selected>([^<]*)', inner)
        first = re.search(r'<option(?: value="([^"]*)")?>([^<]*)', inner)
        picked = chosen or first
        assert picked is not None
        found[name] = html.unescape(picked[1] if picked[1] is not None else picked[2])
    for name, inner in re.findall(r'<textarea name="([^"]*)"[^>]*>([^<]*)</textarea>', form):
        found[name] = html.unescape(inner)
    return found


def press(browser: Browser, address: str, deed: str, page: str = "", **typed: str) -> Any:
    """Open the form (or take the page that is open), type into it, press a button."""
    fields = form_fields(page or browser.get(address).text)
    return browser.submit(
        address, **(fields | {name.replace("__", "."): value for name, value in typed.items()}), deed=deed
    )
