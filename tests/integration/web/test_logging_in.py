"""Logging in and out: passwords, sessions that can be taken back, guessing that is slow, deeds of our own pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from store.tables import login_attempt, session, user
from tests.integration.web.world import Browser, World
from web.people.passwords import hash_password
from web.people.sessions import IDLE, LONGEST
from web.people.throttle import OF_ADDRESS, OF_ONE_FROM_ONE, WINDOW, claim_attempt
from web.people.users import set_active, set_password, set_role

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql(
    "test_guessing_is_stopped_before_the_password_is_looked_at",
    "test_one_address_cannot_try_many_names",
    "test_success_forgets_ones_own_mistakes",
    "test_session_ends_when_it_is_idle_and_after_its_longest_time",
    "test_looking_at_pages_writes_almost_nothing",
    "test_new_password_logs_out_everywhere",
)

PASSWORD = "Ялинка-і-сосна-7"
HASHED = hash_password(PASSWORD)


@pytest.fixture
def known(world: World) -> World:
    """The admin has a password."""
    with world.engine.begin() as conn:
        conn.execute(update(user).where(user.c.login == "admin").values(password_hash=HASHED))
    return world


def attempt(browser: Browser, login: str, password: str, **fields: str) -> Any:
    if not browser.token:
        browser.read_token("/login")
    return browser.submit("/login", login=login, password=password, **fields)


def test_log_in_and_out(known: World) -> None:
    browser = known.browser()
    answer = attempt(browser, " ADMIN ", PASSWORD, next="/audit")
    assert (answer.status_code, answer.headers["location"]) == (303, "/audit")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Secure" not in cookie
    page = browser.get("/audit")
    assert page.status_code == 200 and "log-in" in page.text
    key = browser.cookies["sverka"]
    browser.read_token("/profile")
    assert browser.submit("/logout").headers["location"] == "/login"
    browser.cookies.set("sverka", key)
    assert browser.get("/audit").status_code == 303
    assert known.audited() == [("admin", "log-in", "admin")]


def test_over_https_cookies_are_of_this_host_alone(known: World) -> None:
    browser = known.browser(base_url="https://sverka.example")
    browser.read_token("/login")
    headers = {"sec-fetch-site": "same-origin"}
    data = {"_token": browser.token, "login": "admin", "password": PASSWORD}
    answer = browser.post("/login", data=data, headers=headers)
    assert answer.headers["set-cookie"].startswith("__Host-sverka=") and "Secure" in answer.headers["set-cookie"]
    assert "max-age" in answer.headers["strict-transport-security"]
    assert browser.get("/ops").status_code == 200


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("admin", "wrong-password"),
        ("nobody", PASSWORD),
        ("ops", ""),
        ("admin", ""),
        ("admin", "\ud800x"),
        ("admin", "x" * 900),
    ],
    ids=range(6),
)
def test_wrong_name_or_password_answer_the_same(known: World, login: str, password: str) -> None:
    browser = known.browser()
    answer = attempt(browser, login, password.encode("utf-8", "replace").decode())
    assert answer.status_code == 401
    assert "The name or the password is not right." in answer.text
    assert "sverka" not in answer.cookies


def test_guessing_is_stopped_before_the_password_is_looked_at(known: World) -> None:
    guesser = known.browser(address="10.0.0.1")
    for _ in range(OF_ONE_FROM_ONE):
        assert attempt(guesser, "admin", "wrong-password").status_code == 401
    stopped = attempt(guesser, "admin", PASSWORD)
    assert stopped.status_code == 429
    assert 0 < int(stopped.headers["retry-after"]) <= WINDOW.total_seconds() + 1
    assert "15" in stopped.text or "16" in stopped.text
    owner = known.browser(address="10.0.0.2")
    assert attempt(owner, "admin", PASSWORD).status_code == 303
    known.clock.move(WINDOW)
    assert attempt(guesser, "admin", PASSWORD).status_code == 303


def test_one_address_cannot_try_many_names(known: World) -> None:
    with known.engine.begin() as conn:
        conn.execute(delete(login_attempt))
        for number in range(OF_ADDRESS - 1):
            assert claim_attempt(conn, known.clock.now(), f"name{number}", "10.0.0.3") is None
    guesser = known.browser(address="10.0.0.3")
    assert [attempt(guesser, name, "").status_code for name in ("anna", "admin")] == [401, 429]


def test_success_forgets_ones_own_mistakes(known: World) -> None:
    for _ in range(3):
        with known.engine.begin() as conn:
            for _ in range(OF_ONE_FROM_ONE - 1):
                assert claim_attempt(conn, known.clock.now(), "admin", "127.0.0.1") is None
        assert attempt(known.browser(), "admin", PASSWORD).status_code == 303


def test_before_the_first_user_the_page_says_how_to_make_one(world: World) -> None:
    assert "sverka user add" not in world.browser().get("/login").text
    with world.engine.begin() as conn:
        conn.execute(delete(user))
    assert "sverka user add NAME --role admin" in world.browser().get("/login").text


@pytest.mark.parametrize(
    "path", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "/\tx", "evil", ""]
)
def test_log_in_leads_to_no_other_site(known: World, path: str) -> None:
    answer = attempt(known.browser(), "admin", PASSWORD, next=path)
    assert answer.headers["location"] == "/"


def test_session_ends_when_it_is_idle_and_after_its_longest_time(world: World) -> None:
    browser = world.browser("admin")
    for _ in range(LONGEST // timedelta(days=5)):
        assert browser.get("/ops").status_code == 200
        world.clock.move(timedelta(days=5))
    assert browser.get("/ops").status_code == 303
    another = world.browser("admin")
    world.clock.move(IDLE + timedelta(seconds=1))
    assert another.get("/ops").status_code == 303


def test_looking_at_pages_writes_almost_nothing(world: World) -> None:
    browser = world.browser("admin")
    with world.engine.begin() as conn:
        before = conn.execute(select(session.c.used_at)).scalar_one()
    world.clock.move(timedelta(minutes=1))
    browser.get("/ops")
    with world.engine.begin() as conn:
        assert conn.execute(select(session.c.used_at)).scalar_one() == before
    world.clock.move(timedelta(minutes=5))
    browser.get("/ops")
    with world.engine.begin() as conn:
        assert conn.execute(select(session.c.used_at)).scalar_one() == world.clock.now()


def test_who_is_shut_out_is_out_at_once(world: World) -> None:
    browser = world.browser("ops")
    assert browser.get("/ops").status_code == 200
    set_active(world.site.app, "test", "ops", active=False)
    assert browser.get("/ops").status_code == 303
    set_active(world.site.app, "test", "ops", active=True)
    assert browser.get("/ops").status_code == 303


def test_another_role_counts_from_the_next_request_on(world: World) -> None:
    browser = world.browser("ops")
    set_role(world.site.app, "test", "ops", "manager")
    assert browser.get("/ops").status_code == 403


def test_new_password_logs_out_everywhere(world: World) -> None:
    browser = world.browser("ops")
    set_password(world.site.app, "test", "ops", PASSWORD)
    assert browser.get("/ops").status_code == 303


FOREIGN = [
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "none"},
    {"origin": "http://evil.example"},
    {"origin": "null"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_deed_from_another_site_is_refused(world: World, headers: dict[str, str]) -> None:
    browser = world.browser("admin")
    answer = browser.post("/profile", data={"_token": browser.token, "name": "Evil"}, headers=headers)
    assert answer.status_code == 403 and "another site" in answer.text
    assert "Evil" not in browser.get("/profile").text


@pytest.mark.parametrize("token", [None, "", "0" * 40, "Ж"])
def test_deed_without_the_token_of_its_form_is_refused(world: World, token: str | None) -> None:
    browser = world.browser("admin")
    data = {"name": "Evil"} | ({"_token": token} if token is not None else {})
    assert browser.post("/profile", data=data).status_code == 403
    other = world.browser("ops")
    assert browser.post("/profile", data={"name": "Evil", "_token": other.token}).status_code == 403


def test_token_may_come_in_a_header(world: World) -> None:
    browser = world.browser("admin")
    headers = {"x-sverka-token": browser.token, "sec-fetch-site": "same-origin"}
    assert browser.post("/profile", data={"name": "Alla"}, headers=headers).status_code == 303
    assert "Alla" in browser.get("/profile").text


def test_body_has_a_limit(world: World) -> None:
    browser = world.browser("admin")
    fields = {"_token": browser.token, "name": "x" * 3_000_000}
    assert browser.post("/profile", data=fields).status_code == 413
    headers = {"content-type": "application/x-www-form-urlencoded"}
    unannounced = (b"name=" + b"x" * 100_000 for _ in range(30))
    answer = browser.post("/profile", content=unannounced, headers=headers)
    assert answer.status_code == 413 and "too large" in answer.text
