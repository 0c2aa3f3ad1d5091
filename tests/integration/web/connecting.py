"""A site whose settings are a file, and a real stand-in of 1C to be connected to it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.registry import option_models
from core.settings import load_settings
from sandbox.onec.company import build_company
from sandbox.onec.server import OnecServer
from tests.integration.web.world import Browser, World
from web.site import Site

FILE = """# ours, by hand
[web]
secrets = "{folder}/secrets"

[connections.accounting]   # the main base
connector = "onec_odata"
url = "http://127.0.0.1:9/base"        # moved in March
user = "Обмен"
password = "{canary}"
mapping = "bp30"
timezone = "Europe/Kyiv"
quiet = ["01:00-02:00"]
"""
CANARY = "Kanarienvogel-4712-alt"
LEGIBLE = re.compile(r'<li class="(\w+)">')


@dataclass
class Desk:
    """The world, the file its settings come from, the folder of secrets."""

    world: World
    path: Path
    secrets: Path

    @property
    def text(self) -> str:
        """The settings file as it is."""
        return self.path.read_text("utf-8")

    def admin(self) -> Browser:
        """An admin's browser."""
        return self.world.browser("admin")


def on_file(world: World, folder: Path) -> Desk:
    """Give the world settings that are a file; its site follows it."""
    path = folder / "settings.toml"
    path.write_text(FILE.format(folder=folder, canary=CANARY), "utf-8")
    loaded = load_settings(path, environ={}, connectors=option_models())
    old = world.site
    loaded = loaded.model_copy(update={"store": old.app.settings.store})
    old.app.settings = loaded
    world.site = Site(old.app, old.reader)
    return Desk(world, path, folder / "secrets")


@contextmanager
def base() -> Iterator[OnecServer]:
    """A small company's 1C."""
    with build_company(seed=5, documents=60) as books, OnecServer(books) as server:
        yield server


def filled(server: OnecServer | None = None, **fields: Any) -> dict[str, str]:
    """The form of a new connection as somebody fills it in."""
    given = {
        "kind": "onec_odata",
        "name": "Мой склад",
        "o.user": "Обмен",
        "o.password": "secret",
        "o.role": "accounting",
    }
    given |= {"o.write": "review", "o.timezone": "Europe/Moscow", "o.mapping": ""}
    return given | ({"o.url": server.url} if server is not None else {}) | fields


def until_done(browser: Browser, address: str) -> str:
    """The page of a draft, or of a look-over, when everything was looked at."""
    deadline = time.monotonic() + 60
    while "hx-trigger" in (shown := browser.get(address).text):
        assert time.monotonic() < deadline, shown
        time.sleep(0.05)
    return shown
