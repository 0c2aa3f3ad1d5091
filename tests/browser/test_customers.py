"""A manager at his work in a real browser: search as one types, the card, refresh, a call, a new contact."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from playwright.sync_api import expect
from sqlalchemy import insert, select, update

from store.customers import write_lists
from store.entities import balances
from store.tables import cursor, request
from tests.browser.conftest import Desk
from tests.integration.store.filling import NOW
from tests.integration.web.world import LANGUAGES, World

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DARK = {"color_scheme": "dark"}
OWES = {"en": "the customer owes us", "ru": "клиент должен нам", "uk": "клієнт винен нам"}


@pytest.fixture
def busy(world: World) -> World:
    """The manager's customer with documents of several months, overdue debt, a person; lists as a run leaves them."""
    key, fill = world.customers["mine"], world.filling
    ruble = fill.add("currency", {"accounting": "rub"}, code="RUB")
    for number in range(12):
        one = {"counterparty_id": key, "currency_id": ruble, "date": NOW - timedelta(days=25 * number)}
        one["amount"] = Decimal(1000 + 137 * number)
        ship = fill.add("shipment", {"accounting": f"s{number}"}, number=f"ТД00-{number:06d}", **one)
        fill.lines("shipment", "lines", ship, {"description": "Болт М8", "quantity": Decimal(3), "price": Decimal(9)})
        fill.add("payment", {"accounting": f"p{number}"}, number=f"ПП-{number}", **one | {"amount": Decimal(900)})
    fill.add("person", counterparty_id=key, name="Ольга Ильина", post="бухгалтер", phones=["+7 916 123-45-67"])
    with world.engine.begin() as conn:
        late = {"overdue": Decimal(500), "overdue_since": (NOW - timedelta(days=9)).date(), "overdue_rule": "default"}
        conn.execute(update(balances).where(balances.c.counterparty_id == key).values(**late))
        fresh = {"connection": "accounting", "entity": "balance", "state": {}, "updated_at": NOW}
        conn.execute(insert(cursor).values(**fresh, fresh_at=NOW - timedelta(minutes=3)))
        write_lists(conn, list(world.customers.values()))
    return world


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_call_comes_in_and_the_card_is_there(busy: World, desk: Desk, language: str) -> None:
    desk.sit(busy, "manager")
    desk.context.add_cookies([{"name": "sverka-language", "value": language, "url": desk.address}])
    desk.open("/call?phone=8 916 1234567")
    page = desk.page
    assert page.url.endswith(f"/customers/{busy.customers['mine']}")
    assert OWES[language] in page.locator(".money").inner_text()
    page.wait_for_selector("svg.chart")
    desk.shoot(f"card-{language}")
    assert desk.barriers() == [] and not desk.overflows()


@pytest.mark.parametrize("desk", [PHONE, PHONE | DARK, DARK], ids=["phone", "dark phone", "dark"], indirect=True)
def test_small_and_dark(busy: World, desk: Desk, request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.id.replace(" ", "-")
    card = f"/customers/{busy.customers['mine']}"
    table = busy.filling
    with table.engine.begin() as conn:
        shipments = balances.metadata.tables["shipments"]
        ship = conn.execute(select(shipments.c.id).where(shipments.c.number == "ТД00-000003")).scalar_one()
    desk.sit(busy, "manager")
    pages = {"list": "/customers", "card": card, "statement": f"{card}/statement?first=2026-01-01"}
    pages |= {"call": "/call?phone=84951234561", "new": "/contacts/new?name=ромашка", "none": "/customers?q=никто"}
    pages |= {"document": f"{card}/shipment/{ship}", "course": f"{card}/history"}
    for page, path in pages.items():
        desk.open(path)
        desk.page.wait_for_load_state("networkidle")
        desk.shoot(f"customers-{page}-{name}")
        assert not desk.overflows(), path
        assert desk.barriers() == [], path


@pytest.mark.parametrize("desk", [{"viewport": {"width": 360, "height": 740}}], indirect=True)
def test_figures_stay_within_a_small_phone(busy: World, desk: Desk) -> None:
    key = busy.customers["mine"]
    busy.filling.add("order", {"accounting": "o1"}, number="0000-000189", counterparty_id=key, date=NOW)
    with busy.engine.begin() as conn:
        owes = {"amount": Decimal("-48985483.52"), "currency": "RUB"}
        conn.execute(update(balances).where(balances.c.counterparty_id == key).values(**owes))
    desk.sit(busy, "manager")
    desk.context.add_cookies([{"name": "sverka-language", "value": "uk", "url": desk.address}])
    desk.open(f"/customers/{key}")
    expect(desk.page.locator("#order")).to_be_visible()
    expect(desk.page.locator(".big").first).to_contain_text("48 985 483,52")
    desk.shoot("card-small-phone")
    outside = "all => all.filter(one => one.getBoundingClientRect().right > innerWidth).map(one => one.innerText)"
    assert desk.page.eval_on_selector_all(".papers td", outside) == []
    broad = "all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.innerText)"
    assert desk.page.eval_on_selector_all(".big", broad) == []


def test_search_as_one_types_by_keyboard_alone(busy: World, desk: Desk) -> None:
    desk.sit(busy, "head")
    desk.open("/customers")
    page = desk.page
    expect(page.locator(".people li")).to_have_count(3)
    page.keyboard.press("/")
    page.keyboard.type("рамашка")
    expect(page.locator(".people li")).to_have_count(1)
    assert "q=" in page.url and page.evaluate("document.activeElement.id") == "q"
    page.keyboard.type(" ничего")
    page.wait_for_selector(".empty")
    page.locator("#q").fill("")
    page.locator("select[name=owing]").select_option("overdue")
    expect(page.locator(".people li")).to_have_count(1)
    assert "owing=overdue" in page.url


def test_refresh_now_says_so_until_it_is_done(busy: World, desk: Desk) -> None:
    desk.sit(busy, "manager")
    desk.open(f"/customers/{busy.customers['mine']}")
    page = desk.page
    page.wait_for_selector("svg.chart")
    page.locator("form[action$='/refresh'] button").click()
    page.wait_for_selector("#freshness strong")
    with busy.engine.begin() as conn:
        assert len(conn.execute(select(request.c.id)).all()) == 1
        conn.execute(update(request).values(done_at=NOW))
        mine = balances.c.counterparty_id == busy.customers["mine"]
        conn.execute(update(balances).where(mine).values(amount=Decimal("77.70"), as_of=NOW))
    expect(page.locator(".money")).to_contain_text("77.70")


def test_a_new_contact_with_those_who_are_there_already(busy: World, desk: Desk) -> None:
    desk.sit(busy, "manager")
    desk.open("/call?phone=8 999 765 43 21")
    page = desk.page
    page.locator("a.primary").click()
    assert page.locator("input[name=phone]").input_value() == "+79997654321"
    page.locator("input[name=name]").press_sequentially("ромашка")
    page.wait_for_selector("#alike .people li")
    page.locator("input[name=name]").fill("Новый покупатель")
    page.locator("#fresh button").click()
    page.wait_for_selector(".flash.done")
    expect(page.locator("h1")).to_have_text("Новый покупатель")
    page.locator("form[action$='/client'] button").click()
    page.wait_for_selector(".flash.done")
    expect(page.locator("form[action$='/client']")).to_have_count(0)


@pytest.mark.parametrize("desk", [{"java_script_enabled": False}], ids=["without scripts"], indirect=True)
def test_without_scripts(busy: World, desk: Desk) -> None:
    desk.sit(busy, "manager")
    desk.open("/customers")
    desk.page.locator("#q").fill("ромшка")
    desk.page.keyboard.press("Enter")
    expect(desk.page.locator(".people li")).to_have_count(1)
    desk.page.locator(".people a").click()
    desk.page.locator("a[href$='/history']").click()
    expect(desk.page.locator("svg.chart")).to_have_count(2)
