"""A real 1C is connected on a page in a real browser: lines come one after another, then it is saved."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from sandbox.onec.server import OnecServer
from tests.browser.conftest import Desk as Seat
from tests.browser.conftest import Served
from tests.integration.web.connecting import CANARY, Desk, base, on_file
from tests.integration.web.world import LANGUAGES, World

PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
DARK = {"color_scheme": "dark"}
TYPED = "Schwalbe-8821-neu"


@pytest.fixture
def given(world: World, tmp_path: Path) -> Desk:
    """Settings that are a file; before the site is served."""
    return on_file(world, tmp_path)


@pytest.fixture
def served(given: Desk, world: World) -> Iterator[Served]:
    """The site, served with these settings."""
    made = Served(world)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def onec() -> Iterator[OnecServer]:
    with base() as server:
        yield server


def fill(desk: Seat, onec: OnecServer, **more: str) -> None:
    for key, value in {"f-name": "Склад", "f-url": onec.url, "f-user": "Обмен", "f-password": "secret", **more}.items():
        desk.page.locator(f"#{key}").fill(value)


def test_connected_and_watched(given: Desk, desk: Seat, onec: OnecServer) -> None:
    """Findings are there before the last of them is: each answer of 1C takes its time."""
    desk.sit(given.world, "admin")
    desk.open("/connections")
    desk.page.get_by_role("link", name="A new connection").click()
    desk.page.get_by_role("link", name="1C by OData").click()
    fill(desk, onec)
    slow = onec.faults.add("slow", seconds=0.4, times=1000)
    desk.page.get_by_role("button", name="Try it").click()
    desk.page.wait_for_selector("#found[hx-trigger] .findings li")
    first = desk.page.locator(".findings li").count()
    desk.shoot("connecting-live")
    expect(desk.page.locator("button.primary"), "nothing to save before all was looked at").to_have_count(0)
    onec.faults.clear()
    desk.page.wait_for_selector("#found:not([hx-trigger])")
    assert desk.page.locator(".findings li").count() > first and slow is not None
    expect(desk.page.locator(".findings .error")).to_have_count(0)
    desk.shoot("connecting-done")
    assert desk.barriers() == [] and not desk.overflows()
    desk.page.locator("button.primary").click()
    desk.page.wait_for_selector(".flash.done")
    desk.shoot("connecting-saved")
    assert tomllib.loads(given.text)["connections"]["Склад"]["mapping"] == "bp30"
    expect(desk.page.locator("article", has_text="Склад")).to_have_count(1)
    page = desk.page.content()
    assert CANARY not in page and '"secret"' not in page


@pytest.mark.parametrize("desk", [{"java_script_enabled": False}], ids=["without scripts"], indirect=True)
def test_without_scripts(given: Desk, desk: Seat, onec: OnecServer) -> None:
    desk.sit(given.world, "admin")
    desk.open("/connections/new?kind=onec_odata")
    fill(desk, onec)
    desk.page.get_by_role("button", name="Try it").click()
    for _ in range(200):
        if desk.page.locator("button.primary").count():
            break
        desk.page.wait_for_timeout(100)
        desk.page.get_by_role("link", name="Look again").click()
    desk.page.locator("button.primary").click()
    expect(desk.page.locator(".flash.done")).to_have_count(1)
    assert "Склад" in tomllib.loads(given.text)["connections"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_page_in_each_language(given: Desk, desk: Seat, onec: OnecServer, language: str) -> None:
    walk(given, desk, onec, language)


@pytest.mark.parametrize("desk", [PHONE, DARK], ids=["phone", "dark"], indirect=True)
def test_small_and_dark(given: Desk, desk: Seat, onec: OnecServer, request: pytest.FixtureRequest) -> None:
    walk(given, desk, onec, "ru", request.node.callspec.id)


def walk(given: Desk, desk: Seat, onec: OnecServer, language: str, name: str = "") -> None:
    """Every page on the way, with a mistake in the form."""
    desk.sit(given.world, "admin")
    desk.open("/connections")
    desk.page.locator(f"button[name=language][value={language}]").click()
    desk.page.wait_for_selector(f"html[lang={language}]")
    found: dict[str, list[str]] = {}

    def see(what: str) -> None:
        desk.shoot(f"connecting-{what}-{name or language}")
        found[what] = desk.barriers() + ["it sticks out"] * desk.overflows()

    see("list")
    for what, path in {"kinds": "/connections/new", "edit": "/connections/accounting/edit"}.items():
        desk.open(path)
        see(what)
    desk.open("/connections/new?kind=onec_odata")
    fill(desk, onec, **{"f-timezone": "Mars/North", "f-password": TYPED})
    desk.page.locator("details summary").click()
    desk.page.locator("button.primary").click()
    desk.page.wait_for_selector(".flash.wrong")
    see("mistake")
    assert TYPED not in desk.page.content() and desk.page.locator("#f-password").input_value() == ""
    assert [one for one in desk.complaints if "422" not in one] == []
    desk.complaints.clear()  # a form with mistakes is answered with that status, which browsers remark
    desk.page.locator("#f-timezone").fill("Europe/Kyiv")
    desk.page.locator("button.primary").click()
    desk.page.wait_for_selector("#found:not([hx-trigger])")
    see("tried")
    assert TYPED not in desk.page.content()
    desk.open("/connections/accounting/doctor")
    desk.page.locator("button.primary").click()
    desk.page.wait_for_selector("#found:not([hx-trigger]) .findings li")
    see("looked")
    assert {what: wrong for what, wrong in found.items() if wrong} == {}
