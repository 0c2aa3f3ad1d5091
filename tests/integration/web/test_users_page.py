"""What an admin does with users on a page; each deed as the command does it."""

from __future__ import annotations

import re

from tests.integration.store.filling import NOW
from tests.integration.web.test_people import seen
from tests.integration.web.world import World


def test_new_user_with_a_password_that_is_shown_once(world: World) -> None:
    browser = world.browser("admin")
    fields = {"login": "Olena", "name": "Олена", "role": "manager", "manager": str(world.managers["Олена"])}
    shown = browser.submit("/users", **fields, department="Захід").text
    password = re.search(r"<code>(\w{18})</code>", shown)
    assert password is not None and "Захід" in shown
    assert password[1] not in browser.get("/users").text
    guest = world.browser()
    guest.read_token("/login")
    assert guest.submit("/login", login="olena", password=password[1]).status_code == 303
    wrong = browser.submit("/users", **fields)
    assert wrong.status_code == 303 and "already" in browser.get("/users").text


def test_role_and_what_is_known(world: World) -> None:
    browser, path = world.browser("admin"), f"/users/{world.users['other']}"
    assert "Пётр" in browser.get(path).text
    browser.submit(path, name="Пётр П.", role="head", manager="", department="юг", language="uk")
    shown = browser.get(path).text
    assert "Saved." in shown and "Пётр П." in shown and 'value="head" selected' in shown
    assert seen(world, "other") == set()  # a head of a department in which nobody has customers any more
    own = f"/users/{world.users['admin']}"
    browser.submit(own, name="Boss", role="ops")
    shown = browser.get(own).text
    assert "last admin" in shown and "Boss" not in shown


def test_shut_out_and_let_in(world: World) -> None:
    browser, path = world.browser("admin"), f"/users/{world.users['ops']}"
    victim = world.browser("ops")
    browser.submit(f"{path}/active", active="no")
    assert victim.get("/ops").status_code == 303
    browser.submit(f"{path}/active", active="yes")
    assert world.browser("ops").get("/ops").status_code == 200
    assert "<code>" in browser.submit(f"{path}/password").text
    assert [what for _, what, whom in world.audited() if whom == "ops"] == [
        "user.active",
        "user.active",
        "user.password",
    ]


def test_standing_in_and_handing_over(world: World) -> None:
    browser = world.browser("admin")
    today = NOW.date().isoformat()
    browser.submit("/substitutes", manager=str(world.managers["Пётр"]), login="manager", first=today, last=today)
    assert seen(world, "manager") == {"mine", "foreign"}
    shown = browser.get("/users").text
    (key,) = re.findall(r'action="/substitutes/([\w-]+)/end"', shown)
    browser.submit(f"/substitutes/{key}/end")
    assert seen(world, "manager") == {"mine"}
    assert browser.submit(f"/substitutes/{key}/end").status_code == 404
    browser.submit("/substitutes", manager=str(world.managers["Пётр"]), login="manager", first="tomorrow")
    assert "A day is missing" in browser.get("/users").text
    answer = browser.submit(f"/users/{world.users['manager']}/handover", heir="other")
    assert answer.headers["location"] == "/users"
    assert "1 customer is handed over to other." in browser.get("/users").text
    assert seen(world, "other") == {"mine", "foreign"}
