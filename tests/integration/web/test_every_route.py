"""Made from the route table: whoever asks for whatever, each role on every route and on what is not its own.

A new route is tried by itself. It fails without a rule, and with a path that names a kind of thing which nobody can
make here.
"""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.web.foreign import MAKERS, MAY_SEE
from tests.integration.web.world import ROLES, SECRET_AMOUNT, SECRET_NAME, Browser, World
from web.api import PREFIX
from web.app import Way, route_table
from web.door.rules import RIGHTS, Rule

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql(
    "test_each_role_on_every_route",
    "test_each_role_on_what_is_not_its_own",
    "test_no_search_finds_the_money_of_others",
)

TABLE = route_table()
SECRETS = (SECRET_NAME, str(SECRET_AMOUNT), "987654321", "987 654 321", "987,654,321", "987\xa0654\xa0321")
DANGEROUS = "/logout"
"""Ends the session of the one who asks, so that it is tried last of all."""


def named(way: Way) -> str:
    return f"{way.method} {way.path}"


def rule(way: Way) -> Rule:
    assert way.rule is not None, f"{named(way)} says not whom it is for: @allow, @everyone or @public below its path"
    return way.rule


def path(way: Way, key: object) -> str:
    return re.sub(r"\{[^}]+\}", str(key), way.path)


def ask(world: World, browser: Browser, way: Way, role: str | None, key: object, **query: str) -> Any:
    headers = {}
    if way.path.startswith(PREFIX) and role is not None:
        headers["authorization"] = f"Bearer {world.api_key(role)}"
    if way.method == "GET":
        return browser.get(path(way, key), headers=headers, params=query)
    if way.path.startswith(PREFIX):
        return browser.request(way.method, path(way, key), headers=headers, json={})
    return browser.submit(path(way, key))


@pytest.mark.parametrize("way", TABLE, ids=named)
def test_every_route_says_whom_it_is_for(way: Way) -> None:
    found = rule(way)
    if "{" in way.path and not found.public:
        assert found.about in MAKERS, f"{named(way)}: say what its path names (about=…) and make one in foreign.py"
    assert way.method in ("GET", "POST", "PUT", "PATCH", "DELETE")


@pytest.mark.parametrize("way", [way for way in TABLE if not rule(way).public], ids=named)
def test_nobody_gets_in_without_logging_in(world: World, way: Way) -> None:
    answer = ask(world, world.browser(), way, None, uuid4())
    if way.path.startswith(PREFIX):
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
    else:
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login")
    assert not any(secret in answer.text for secret in SECRETS)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_on_every_route(world: World, role: str) -> None:
    """No route answers a role that it is not for, and none fails for one that it is for."""
    browser = world.browser(role)
    for way in sorted(TABLE, key=lambda way: way.path == DANGEROUS):
        answer = ask(world, browser, way, role, uuid4())
        right = rule(way).right
        allowed = rule(way).public or (role in rule(way).roles and (right is None or role in RIGHTS[right]))
        if not allowed:
            assert answer.status_code == 403, f"{named(way)} answers {role}"
        else:
            assert answer.status_code < 500 and answer.status_code != 403, f"{named(way)}: {answer.text[:2000]}"
        if role in ("manager", "ops"):
            assert not any(secret in answer.text for secret in SECRETS), named(way)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_on_what_is_not_its_own(world: World, role: str) -> None:
    """Asked for by its key: no trace of it, and the same answer as for a thing that is not there."""
    for way in [way for way in TABLE if rule(way).about and role in rule(way).roles]:
        about = rule(way).about or ""
        if role in MAY_SEE[about]:
            continue
        browser, key = world.browser(role), MAKERS[about](world)
        answer, missing = ask(world, browser, way, role, key), ask(world, browser, way, role, uuid4())
        assert answer.status_code == missing.status_code in (303, 403, 404), named(way)
        assert answer.headers.get("location") == missing.headers.get("location")
        assert not any(secret in answer.text for secret in SECRETS), named(way)


SEARCHES = (
    {"q": SECRET_NAME},
    {"q": "7707083891"},
    {"phone": "+7 495 123-45-61"},
    {"query": "Тайный"},
    {"who": "nobody"},
)


@pytest.mark.parametrize("role", ["manager", "ops"])
@pytest.mark.parametrize(
    "query", SEARCHES, ids=lambda query: "&".join(f"{key}={value}" for key, value in query.items())
)
def test_no_search_finds_the_money_of_others(world: World, role: str, query: dict[str, str]) -> None:
    """A call may tell a colleague's customer's name and who is responsible; never money, and never elsewhere."""
    browser = world.browser(role)
    for way in [way for way in TABLE if way.method == "GET" and "{" not in way.path and role in rule(way).roles]:
        answer = ask(world, browser, way, role, "", **query)
        assert answer.status_code < 500, named(way)
        shown = answer.text.replace(SECRET_NAME, "") if "phone" in query else re.sub(r'value="[^"]*"', "", answer.text)
        wanted = SECRETS[1:] if "phone" in query else SECRETS
        assert not any(secret in shown for secret in wanted), named(way)
