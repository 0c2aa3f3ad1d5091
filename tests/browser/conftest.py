"""A real Chromium over a real server: the site in a thread, the store on SQLite."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from sqlalchemy import Engine

from tests.integration.store.conftest import engine
from tests.integration.web.world import World, build_world
from tests.services.process import free_port
from web.app import build_site_app

__all__ = ["engine"]

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--force-prefers-reduced-motion",
]
SHOTS = "SHOTS"
"""A variable: the folder that pictures are kept in, where somebody wants to look at them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of this folder opens a browser."""
    for item in items:
        if Path(str(item.fspath)).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.browser)


@pytest.fixture
def store_url(sqlite_url: str) -> str:
    """What a browser sees is the same on any database: one is enough here."""
    return sqlite_url


@pytest.fixture
def world(engine: Engine, store_url: str) -> Iterator[World]:
    """A site with people and customers."""
    made = build_world(engine, store_url)
    yield made
    made.site.close()


class Served:
    """The site at an address."""

    def __init__(self, world: World) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        config: Any = uvicorn.Config(
            build_site_app(world.site), port=self.port, log_config=None, lifespan="off", timeout_graceful_shutdown=1
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def start(self) -> None:
        """Begin, and wait until it answers."""
        self.thread.start()
        deadline = time.monotonic() + 30
        while not self.server.started:
            assert time.monotonic() < deadline, "the site does not start"
            time.sleep(0.02)

    def stop(self) -> None:
        """End, and wait for it."""
        self.server.should_exit = True
        self.thread.join(20)


@pytest.fixture
def served(world: World) -> Iterator[Served]:
    """The site, served."""
    made = Served(world)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests; each has a context of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Desk:
    """Somebody at a browser. What the browser complains of (scripts refused, errors) is collected."""

    def __init__(self, context: BrowserContext, address: str, shots: Path) -> None:
        self.context = context
        self.page: Page = context.new_page()
        self.address = address
        self.shots = shots
        self.complaints: list[str] = []
        self.page.on("console", lambda said: self._note(said.type, said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)

    def open(self, path: str) -> None:
        """Go to a page."""
        self.page.goto(self.address + path)

    def sit(self, world: World, login: str) -> None:
        """Be logged in as somebody."""
        key = world.browser(login).cookies["sverka"]
        self.context.add_cookies([{"name": "sverka", "value": key, "url": self.address}])

    def shoot(self, name: str) -> None:
        """Keep a picture of the whole page."""
        self.page.screenshot(path=str(self.shots / f"{name}.png"), full_page=True)

    def barriers(self) -> list[str]:
        """What somebody with a screen reader, or with weak eyes, would stumble over, by axe-core's rules."""
        found = Axe().run(self.page).response["violations"]
        return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]

    def overflows(self) -> bool:
        """Whether one would have to scroll the page sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    """Where pictures go."""
    folder = Path(os.environ[SHOTS]) if SHOTS in os.environ else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def desk(chromium: Browser, served: Served, shots: Path, request: pytest.FixtureRequest) -> Iterator[Desk]:
    """Somebody at a browser; `@pytest.mark.parametrize("desk", [{...}], indirect=True)` gives the context's options."""
    options = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB"} | getattr(request, "param", {})
    context = chromium.new_context(**options)
    context.set_default_timeout(20_000)
    made = Desk(context, served.address, shots)
    yield made
    context.close()
    assert made.complaints == []
