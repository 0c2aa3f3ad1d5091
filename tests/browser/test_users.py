"""One user in a real browser: tied to his record in the CRM, logged out everywhere, his token taken back."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Desk
from tests.integration.web.world import LANGUAGES, World

PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}


@pytest.fixture
def two(world: World) -> World:
    """Anna is a user of the CRM too; she is logged in and has a token."""
    world.filling.add("manager", {"crm": "17"}, name="Anna Ivanova", code="")
    world.api_key("manager")
    world.browser("manager")
    return world


@pytest.mark.parametrize("desk", [{}, PHONE], ids=["desk", "phone"], indirect=True)
@pytest.mark.parametrize("language", LANGUAGES)
def test_one_user(two: World, desk: Desk, language: str, request: pytest.FixtureRequest) -> None:
    desk.sit(two, "admin")
    desk.open("/users")
    desk.page.locator(f"button[name=language][value={language}]").click()
    desk.page.wait_for_selector(f"html[lang={language}]")
    assert desk.barriers() == [] and not desk.overflows()
    desk.page.get_by_role("link", name="manager", exact=True).click()
    desk.page.locator("form[action$='/records'] select").select_option(label="Anna Ivanova · crm")
    desk.page.locator("form[action$='/records'] button").click()
    expect(desk.page.locator("form[action$='/untie']")).to_have_count(2)
    desk.shoot(f"user-{request.node.callspec.id}")
    assert desk.barriers() == [] and not desk.overflows()
    desk.page.locator("form[action$='/revoke'] button").click()
    expect(desk.page.locator("form[action$='/revoke']")).to_have_count(0)
    with desk.page.expect_navigation():
        desk.page.locator("form[action$='/log-out'] button").click()
    assert two.sessions_of("manager") == 0
    desk.open("/profile")
    assert desk.barriers() == [] and not desk.overflows()
