"""Where one is led: to the log-in, to the page of one's role, to a friendly page; and how guessing is slowed down."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from store.tables import user
from tests.integration.web.world import LANGUAGES, World
from web.people.passwords import hash_password
from web.people.throttle import OF_ONE_FROM_ONE

PASSWORD = "Ялинка-і-сосна-7"
HASHED = hash_password(PASSWORD)


@pytest.mark.parametrize("path", ["/", "/ops", "/profile", "/customers/none", "/connections/accounting/edit"])
def test_whoever_is_not_logged_in_is_led_to_the_log_in(world: World, path: str) -> None:
    answer = world.browser().get(path)
    wanted = "/login" if path == "/" else f"/login?next={path}"
    assert (answer.status_code, answer.headers["location"]) == (303, wanted)
    assert world.browser().get(path, follow_redirects=True).text.count('name="password"') == 1


@pytest.mark.parametrize("path", ["/nothing", "/index.html", "/customers/none", "/users/5", "/static/none.css", "/api"])
@pytest.mark.parametrize("login", [None, "admin"])
def test_an_unknown_address_is_a_page_that_leads_on(world: World, path: str, login: str | None) -> None:
    browser = world.browser(login)
    answer = browser.get(path, follow_redirects=True, headers={"accept-language": "ru"})
    assert answer.status_code in (404, 200) and "<h1>" in answer.text
    assert answer.status_code == 404 or 'name="password"' in answer.text
    assert "Такой страницы нет" in answer.text or login is None


@pytest.mark.parametrize("path", ["/", "/login", "/static/app.css", "/healthz"])
def test_headers_alone_may_be_asked_for(world: World, path: str) -> None:
    browser = world.browser()
    head, whole = browser.head(path), browser.get(path)
    assert head.status_code == whole.status_code and head.content == b""
    assert head.headers["content-security-policy"] == whole.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("login", "wanted", "led"),
    [
        ("admin", "/users", "/users"), ("ops", "/users", "/"), ("ops", "/audit?who=anna", "/audit?who=anna"),
        ("manager", "/connections/accounting/edit", "/"), ("manager", "/nothing", "/"), ("head", "/login", "/login"),
    ],
)  # fmt: skip
def test_log_in_leads_to_what_was_asked_for_where_it_is_for_the_role(
    world: World, login: str, wanted: str, led: str
) -> None:
    """Somebody else may sit down at a browser whose session has ended."""
    with world.engine.begin() as conn:
        conn.execute(update(user).where(user.c.login == login).values(password_hash=HASHED))
    browser = world.browser()
    browser.read_token("/login")
    answer = browser.submit("/login", login=login, password=PASSWORD, next=wanted)
    assert (answer.status_code, answer.headers["location"]) == (303, led)
    assert browser.get(led, follow_redirects=True).status_code == 200


@pytest.mark.parametrize("language", LANGUAGES)
def test_too_many_attempts_in_every_language(world: World, language: str) -> None:
    browser = world.browser(headers={"accept-language": language})
    browser.read_token("/login")
    for _ in range(OF_ONE_FROM_ONE):
        assert browser.submit("/login", login="admin", password="guess").status_code == 401
    answer = browser.submit("/login", login="admin", password="guess")
    said = {"en": "in 15 minutes", "ru": "через 15 минут", "uk": "за 15 хвилин"}
    assert answer.status_code == 429 and said[language] in answer.text.lower()
    assert int(answer.headers["retry-after"]) > 0
