"""What every page has: headers, languages, errors in plain words, nothing from elsewhere, nothing unescaped."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from sqlalchemy import text, update

from store.tables import user
from tests.integration.web.world import LANGUAGES, World
from web.app import route_table
from web.door.rules import public, rule_of
from web.pages import load_menu

# Headers, languages and addresses know nothing of the database; test_every_route opens every page on PostgreSQL.
# See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql(
    "test_ops_page_shows_what_status_knows",
    "test_metrics_are_for_this_machine_or_for_a_token",
)

ROOT = Path(__file__).parents[3]
HTMX = "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"
PAGES = [
    way for way in route_table() if way.method == "GET" and "{" not in way.path and not way.path.startswith("/api")
]
HTML = [way.path for way in PAGES if way.path not in ("/healthz", "/readyz", "/metrics")]
EVIL = '"><script>alert(1)</script>{{7*7}}'


@pytest.mark.parametrize("path", ["/login", "/ops", "/nothing", "/static/app.css", "/api/v1/customers", "/healthz"])
def test_every_answer_has_the_headers(world: World, path: str) -> None:
    answer = world.browser().get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert ("no-store" in answer.headers["cache-control"]) is (not path.startswith("/static"))
    assert "server" not in answer.headers


@pytest.mark.parametrize("path", HTML)
def test_no_page_has_a_script_or_style_within_or_from_elsewhere(world: World, path: str) -> None:
    shown = world.browser("admin").get(path, follow_redirects=True).text
    assert not re.search(r"<script(?![^>]*\bsrc=\"/static/)|<style|\sstyle=|\son\w+=|javascript:", shown)
    assert not re.search(r'(?:src|href|action)="(?!/|#)', shown)


@pytest.mark.parametrize("path", HTML)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_in_every_language(world: World, path: str, language: str) -> None:
    with world.engine.begin() as conn:
        conn.execute(update(user).values(language=language))
    answer = world.browser("admin").get(path, follow_redirects=True)
    if "<html" in answer.text:
        assert f'<html lang="{language}">' in answer.text


def test_language_is_switched_in_the_page_and_remembered(world: World) -> None:
    browser = world.browser("admin")
    assert browser.submit("/language", language="uk", back="/ops?x=1").headers["location"] == "/ops?x=1"
    assert '<html lang="uk">' in browser.get("/ops").text
    assert '<html lang="uk">' in world.browser("admin").get("/ops").text
    assert browser.submit("/language", language="xx", back="//evil").headers["location"] == "/"


def test_before_logging_in_the_browser_says_the_language(world: World) -> None:
    browser = world.browser()
    assert '<html lang="ru">' in browser.get("/login", headers={"accept-language": "ru-RU,ru;q=0.9"}).text
    browser.read_token("/login")
    browser.submit("/language", language="uk", back="/login")
    assert '<html lang="uk">' in browser.get("/login", headers={"accept-language": "ru"}).text


def test_names_are_shown_as_they_are(world: World) -> None:
    """Not as markup, and not as a template."""
    browser = world.browser("admin")
    browser.submit("/profile", name=EVIL)
    shown = browser.get("/profile").text
    assert "<script>alert" not in shown and "&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}" in shown
    shown = browser.get("/audit", params={"who": EVIL, "what": EVIL}).text
    assert "<script>alert" not in shown


@pytest.mark.parametrize(
    ("path", "status"),
    [("/nothing", 404), ("/profile/sessions/nonsense/end", 405), ("/audit?who=%00", 422), ("/%00", 404)],
)
def test_errors_are_pages_with_a_next_step(world: World, path: str, status: int) -> None:
    answer = world.browser("admin").get(path)
    assert answer.status_code == status
    assert "<h1>" in answer.text and 'href="/"' in answer.text


def test_failure_of_ours_is_a_plain_page_without_a_trace(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with world.engine.begin() as conn:
        conn.execute(text("DROP TABLE cursor"))
    answer = world.browser("admin").get("/ops")
    assert answer.status_code in (500, 503)
    assert "cursor" not in answer.text and "Traceback" not in answer.text
    assert answer.headers["content-security-policy"]


def test_part_of_a_page_goes_to_the_log_in_as_a_whole(world: World) -> None:
    answer = world.browser().get("/ops/now", headers={"hx-request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/login")


def test_menu_leads_only_where_a_role_may_go(world: World) -> None:
    rules = {way.path: way.rule for way in PAGES}
    for item in load_menu():
        rule = rules[item.path]
        assert rule is not None and set(item.roles) <= set(rule.roles), item.path


def test_start_page_is_where_the_work_is(world: World) -> None:
    for role in ("manager", "head", "admin", "ops"):
        answer = world.browser(role).get("/", follow_redirects=True)
        assert answer.status_code == 200
    assert world.browser("ops").get("/").headers["location"] == "/ops"


def test_script_of_others_is_the_one_we_looked_at() -> None:
    static = ROOT / "web" / "static"
    assert hashlib.sha256((static / "htmx.min.js").read_bytes()).hexdigest() == HTMX
    assert "Zero-Clause BSD" in (static / "htmx.LICENSE").read_text("utf-8")


def test_files_are_kept_by_browsers_and_change_their_address(world: World) -> None:
    page = world.browser().get("/login").text
    address = re.search(r'href="(/static/app\.css\?v=\w+)"', page)
    assert address is not None
    answer = world.browser().get(address[1])
    assert "immutable" in answer.headers["cache-control"]
    assert "immutable" not in world.browser().get("/static/app.css").headers["cache-control"]
    assert world.browser().get("/static/../app.py").status_code == 404


def test_a_route_without_a_rule_is_for_nobody() -> None:
    def bare() -> None:
        """Nothing."""

    assert rule_of(bare) is None
    assert rule_of(public(bare)) is not None


def test_ops_page_shows_what_status_knows(world: World) -> None:
    shown = world.browser("ops").get("/ops").text
    assert "accounting" in shown and "Nothing is wrong." in shown and "never yet" in shown
    with world.engine.begin() as conn:
        conn.execute(
            text(
                "INSERT INTO connection (name, breaker, failures, paused_reason) VALUES ('accounting', 'open', 3, :why)"
            ),
            {"why": "the password <b>is wrong</b>"},
        )
    shown = world.browser("ops").get("/ops/now").text
    assert "does not answer" in shown and "the password &lt;b&gt;is wrong&lt;/b&gt;" in shown


def test_metrics_are_for_this_machine_or_for_a_token(world: World) -> None:
    here, elsewhere = world.browser(), world.browser(address="10.0.0.9")
    assert 'sverka_queue{connection="accounting",queue="dead"} 0.0' in here.get("/metrics").text
    assert elsewhere.get("/metrics").status_code == 303
    assert elsewhere.get("/healthz").text == "ok\n"
    assert elsewhere.get("/readyz").json() == {"ready": True}
    for role, status in (("ops", 200), ("admin", 200), ("manager", 303)):
        headers = {"authorization": f"Bearer {world.api_key(role)}"}
        assert elsewhere.get("/metrics", headers=headers).status_code == status
