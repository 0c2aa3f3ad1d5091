"""The whole path in a real browser over a real stand-in: fixed in the grid, tried, published, carried over, seen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from store.entities import entity_tables
from sync.context import Order
from sync.cycle import run_cycle
from tests.browser.conftest import Desk
from tests.integration.web.grid_world import SET, DeskWorld, field_address, make_desk
from tests.integration.web.world import LANGUAGES, World

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DARK = {"color_scheme": "dark"}
GRID = "/mapping/bp30/grid"
PAGES = {
    "grid": GRID,
    "grid-entity": f"{GRID}/counterparty",
    "grid-rows": f"{GRID}/payment?source=Document_ПриходныйКассовыйОрдер",
    "grid-field": field_address("fields.tax_id"),
    "grid-preview": "/mapping/bp30/preview",
}


@pytest.fixture
def here(sqlite_url: str, tmp_path: Path) -> Iterator[DeskWorld]:
    with make_desk(sqlite_url, tmp_path, documents=20) as made:
        yield made


@pytest.fixture
def world(here: DeskWorld) -> World:
    """What the site of the browser is built on."""
    return here.site


def managers_customer(here: DeskWorld) -> tuple[str, str]:
    """A customer of the manager's: his id and his name in full."""
    table, manager = entity_tables["counterparty"], here.load_manager()
    with here.pulled.engine.begin() as conn:
        query = select(table.c.id, table.c.legal_name).where(table.c.manager_id == manager).order_by(table.c.name)
        row = conn.execute(query).first()
    assert row is not None and row.legal_name
    return str(row.id), str(row.legal_name)


def test_an_admin_fixes_a_mapping_and_a_manager_sees_it(here: DeskWorld, world: World, desk: Desk) -> None:
    key, name = managers_customer(here)
    desk.sit(world, "manager")
    desk.open(f"/customers/{key}")
    assert desk.page.locator("h1").inner_text().strip() != name.upper()
    desk.sit(world, "admin")
    fix_in_the_grid(desk)
    try_it(desk)
    publish_it(here, desk)
    desk.sit(world, "manager")
    desk.open(f"/customers/{key}")
    assert desk.page.locator("h1").inner_text().strip() == name.upper()
    desk.shoot("path-6-card")


def fix_in_the_grid(desk: Desk) -> None:
    """From the list of mappings to the field; the text says the same afterwards."""
    page = desk.page
    desk.open("/mapping")
    page.get_by_role("link", name="bp30").first.click()
    page.get_by_role("link", name="Fields", exact=True).click()
    page.get_by_role("link", name="Counterparties").click()
    page.get_by_role("button", name="Ask the base for its fields").click()
    page.wait_for_selector(".flash.done")
    assert "The base told its fields" in page.inner_text("main")
    page.get_by_role("link", name="Company or name").click()
    page.get_by_label("Which; one a line").fill("")
    page.get_by_label("Find", exact=True).fill("полное")
    page.get_by_role("button", name="Take НаименованиеПолное").click()
    page.get_by_label("Another step").select_option("upper")
    page.get_by_role("button", name="Add the step").click()
    shown = page.locator(".result strong").inner_text()
    assert shown and shown == shown.upper()
    desk.shoot("path-1-field")
    assert desk.barriers() == []
    page.get_by_role("button", name="Save in the draft").click()
    page.wait_for_selector(".flash.done")
    assert "said here" in page.inner_text("main")
    desk.shoot("path-2-grid")
    page.get_by_role("link", name="Text", exact=True).click()
    text = page.locator("textarea").first.input_value()
    assert 'name = { from = "НаименованиеПолное", steps = ["trim", "upper"] }' in text


def try_it(desk: Desk) -> None:
    """On the records that are here."""
    page = desk.page
    page.get_by_role("link", name="Preview", exact=True).click()
    page.get_by_role("button", name="Try the draft").click()
    page.wait_for_selector("#trial section")
    tried = page.locator("#trial").inner_text()
    assert re.search(r"\bname\s+\d+", tried) and re.search(r"changed\s+\d+", tried)
    assert desk.barriers() == []
    desk.shoot("path-3-preview")


def publish_it(here: DeskWorld, desk: Desk) -> None:
    """With a comment, carried over to the records; the service does its part, and the page tells of it."""
    page = desk.page
    page.get_by_role("link", name="The differences, and publish").click()
    page.get_by_label("Comment: why").fill("Names in full, in capitals")
    page.get_by_label("Carry it over").check()
    page.get_by_role("button", name="Publish").click()
    page.wait_for_url(re.compile("/mapping/bp30/reapply"))
    desk.shoot("path-4-reapply")
    waiting = page.inner_text("main")
    assert run_cycle(here.pulled.app, "accounting", Order(kind="reapply")).status == "ok"
    desk.open("/mapping/bp30/reapply")
    assert page.inner_text("main") != waiting
    desk.shoot("path-5-done")


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_in_each_language(world: World, desk: Desk, language: str) -> None:
    desk.sit(world, "admin")
    desk.open(GRID)
    desk.page.locator(f'.language button[value="{language}"]').click()
    for name, path in PAGES.items():
        desk.open(path)
        assert desk.page.get_attribute("html", "lang") == language
        assert desk.barriers() == [], path
        assert not desk.overflows(), path
        desk.shoot(f"{name}-{language}")


@pytest.mark.parametrize("desk", [PHONE, DARK], ids=["phone", "dark"], indirect=True)
def test_on_a_phone_and_in_the_dark(world: World, desk: Desk, request: pytest.FixtureRequest) -> None:
    desk.sit(world, "admin")
    for name, path in PAGES.items():
        desk.open(path)
        assert desk.barriers() == [], path
        assert not desk.overflows(), path
        desk.shoot(f"{name}-{request.node.callspec.id}")


@pytest.mark.parametrize("desk", [{"java_script_enabled": False}], ids=["no-script"], indirect=True)
def test_a_field_is_changed_without_script(here: DeskWorld, world: World, desk: Desk) -> None:
    desk.sit(world, "admin")
    desk.open(field_address("fields.industry"))
    page = desk.page
    page.get_by_label("Which; one a line").fill("Code")
    page.get_by_label("Another step").select_option("trim")
    page.get_by_role("button", name="Add the step").click()
    page.get_by_role("button", name="Save in the draft").click()
    assert page.url.endswith(f"source={SET}&base=accounting") or "/grid/counterparty" in page.url
    assert 'industry = { from = "Code", steps = ["trim"] }' in here.text()


def test_names_of_the_base_are_found_as_one_types(world: World, desk: Desk) -> None:
    desk.sit(world, "admin")
    desk.open(field_address("fields.industry"))
    with desk.page.expect_response(lambda answer: "/field" in answer.url and answer.request.method == "POST"):
        desk.page.get_by_label("Find", exact=True).press_sequentially("полн")
    desk.page.wait_for_function("document.querySelectorAll('#offers tbody tr').length < 12")
    assert "НаименованиеПолное" in desk.page.locator("#offers").inner_text()
