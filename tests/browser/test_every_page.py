"""Every page of the route table that needs no key, as soon as there is one: nobody stumbles, nothing sticks out."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Desk
from tests.integration.web.world import World
from web.app import route_table

PAGES = sorted(
    {
        way.path
        for way in route_table()
        if way.method == "GET" and "{" not in way.path and not way.path.startswith("/api")
    }
    - {"/", "/healthz", "/readyz", "/metrics"}
)
WIDE, PHONE = (
    {"viewport": {"width": 1280, "height": 800}},
    {"viewport": {"width": 360, "height": 740}, "is_mobile": True},
)
DARK = {"color_scheme": "dark"}


@pytest.mark.parametrize("desk", [WIDE, PHONE, WIDE | DARK], ids=["desk", "phone", "dark"], indirect=True)
def test_no_page_has_a_barrier(world: World, desk: Desk) -> None:
    """Logged out the log-in page, logged in as an admin all others (parts of pages and files to keep are none)."""
    desk.open("/login")
    found = {"/login": desk.barriers()}
    desk.sit(world, "admin")
    asked = world.browser("admin")
    for path in PAGES:
        answer = asked.get(path)
        if answer.status_code == 200 and "<html" in answer.text:
            desk.open(path)
            found[path] = desk.barriers() + ["it sticks out to the side"] * desk.overflows()
    assert {path: wrong for path, wrong in found.items() if wrong} == {}
    assert {"/login", "/ops", "/profile", "/audit"} <= set(found)
