"""The head sets a limit in a real browser, also on a phone; who is on call sees a colleague's customer's debt."""

from __future__ import annotations

from decimal import Decimal

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from core.settings import ConnectionSettings
from store.customers import write_lists
from store.tables import audit, binding, own_value
from tests.browser.conftest import Desk
from tests.integration.web.world import LANGUAGES, SECRET_NAME, World
from web.people.users import Traits, change_user

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DARK = {"color_scheme": "dark"}
MONEY = "987,654,321.09"


@pytest.fixture
def listed(world: World) -> World:
    """A customer with a contract whose terms accounting keeps."""
    world.site.app.settings.connections["accounting"] = ConnectionSettings(
        name="accounting", connector="onec_odata", mapping="bp30"
    )
    contract = {"counterparty_id": world.customers["mine"], "name": "Поставка 7", "payment_days": 5}
    key = world.filling.add("contract", {"accounting": "d-7"}, **contract, credit_limit=Decimal(500))
    with world.engine.begin() as conn:
        mine = (binding.c.entity == "contract", binding.c.entity_id == key)
        conn.execute(binding.update().where(*mine).values(source="Catalog_ДоговорыКонтрагентов"))
        write_lists(conn, list(world.customers.values()))
    return world


def test_the_head_sets_a_limit_and_takes_it_back(listed: World, desk: Desk) -> None:
    desk.sit(listed, "head")
    desk.open(f"/customers/{listed.customers['mine']}")
    page = desk.page
    page.get_by_role("link", name="Limits and terms").click()
    limit = page.get_by_label("Credit limit").first
    limit.fill("1 000,50")
    page.get_by_label("Days to pay").first.fill("14")
    limit.press("Enter")
    expect(page.locator(".flash.done")).to_be_visible()
    expect(limit).to_have_value("1000.5")
    page.get_by_role("link", name="Ромашка").first.click()
    expect(page.locator(".money")).to_contain_text("over the credit limit of 1,000.50")
    expect(page.locator(".money")).to_contain_text("Pays within 14 days")
    page.get_by_role("link", name="Limits and terms").click()
    page.get_by_label("Credit limit").first.fill("")
    page.get_by_role("button", name="Save").first.click()
    expect(page.locator(".flash.done")).to_be_visible()
    with listed.engine.connect() as conn:
        assert conn.execute(select(own_value.c.field, own_value.c.value)).all() == [("payment_days", "14")]


def test_what_is_refused_stays_to_be_mended(listed: World, desk: Desk) -> None:
    desk.sit(listed, "head")
    desk.open(f"/customers/{listed.customers['mine']}/terms")
    page = desk.page
    page.get_by_label("Credit limit").first.fill("минус пять")
    page.get_by_role("button", name="Save").first.click()
    expect(page.get_by_role("alert")).to_contain_text("more than nothing")
    expect(page.get_by_label("Credit limit").first).to_have_value("минус пять")
    assert desk.barriers() == []
    assert [one for one in desk.complaints if "422" not in one] == []
    desk.complaints.clear()  # the browser tells of the refusal itself


@pytest.mark.parametrize("desk", [{}, PHONE, PHONE | DARK], ids=["desk", "phone", "dark phone"], indirect=True)
@pytest.mark.parametrize("language", LANGUAGES)
def test_how_it_looks(listed: World, desk: Desk, language: str, request: pytest.FixtureRequest) -> None:
    change_user(listed.site.app, "test", "manager", Traits(on_call=True))
    name = request.node.callspec.id.replace(" ", "-")
    pages = {"head": {"terms": f"/customers/{listed.customers['mine']}/terms", "over": "/customers?owing=over"}}
    pages |= {"manager": {"on-call": "/call?phone=84951234561"}, "admin": {"user": f"/users/{listed.users['manager']}"}}
    for login, paths in pages.items():
        desk.sit(listed, login)
        desk.context.add_cookies([{"name": "sverka-language", "value": language, "url": desk.address}])
        for title, path in paths.items():
            desk.open(path)
            desk.page.wait_for_load_state("networkidle")
            desk.shoot(f"limits-{title}-{name}")
            assert not desk.overflows(), path
            assert desk.barriers() == [], path


def test_on_call_a_colleagues_debt_is_shown_and_noted(listed: World, desk: Desk) -> None:
    desk.sit(listed, "manager")
    desk.open("/call?phone=84951234561")
    expect(desk.page.locator(".people")).to_contain_text(SECRET_NAME)
    assert MONEY not in desk.page.content()
    change_user(listed.site.app, "test", "manager", Traits(on_call=True))
    desk.open("/call?phone=84951234561")
    expect(desk.page.locator(".people")).to_contain_text(MONEY)
    expect(desk.page.locator(".people a")).to_have_count(0)
    with listed.engine.connect() as conn:
        assert conn.execute(select(audit.c.who).where(audit.c.what == "call.look")).scalars().all() == ["manager"]
