"""A connection is added and changed on a page: tried first, saved into the settings, secrets in and never out."""

from __future__ import annotations

import re
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from core.secrets import redact
from sandbox.onec.server import OnecServer
from store.tables import audit, metadata
from sync.room.breaker import pause_connection, pause_reason
from tests.integration.web.connecting import CANARY, LEGIBLE, Desk, base, filled, on_file, until_done
from tests.integration.web.world import LANGUAGES, World

TYPED = "Schwalbe-8821-neu"
"""A secret that is typed on a page."""


@pytest.fixture
def desk(world: World, tmp_path: Path) -> Desk:
    return on_file(world, tmp_path)


@pytest.fixture(scope="module")
def onec() -> Iterator[OnecServer]:
    with base() as server:
        yield server


def tried(desk: Desk, **fields: str) -> tuple[str, str]:
    """Fill the form in well; the address of the draft, and its page when all was looked at."""
    browser = desk.admin()
    answer = browser.submit("/connection-drafts", **fields)
    assert answer.status_code == 303, answer.text
    address = answer.headers["location"]
    return address, until_done(browser, address)


def test_added_tried_saved_and_in_force(desk: Desk, onec: OnecServer) -> None:
    before = desk.text
    browser = desk.admin()
    form = browser.get("/connections/new", params={"kind": "onec_odata"}).text
    assert 'name="o.url"' in form and 'type="password"' in form and 'name="o.read_timeout"' in form
    address, shown = tried(desk, **filled(onec))
    assert (
        "Recognised as bp30." in shown
        and LEGIBLE.findall(shown).count("ok") > 10
        and "Done: nothing is wrong." in shown
    )
    assert desk.text == before and not desk.secrets.exists(), "nothing is saved by trying"
    assert browser.submit(f"{address}/save").headers["location"] == "/connections"
    assert desk.text.startswith(before)
    made = tomllib.loads(desk.text)["connections"]["Мой склад"]
    file = Path(made.pop("password")["file"])
    assert made == {
        "connector": "onec_odata", "url": onec.url, "user": "Обмен", "role": "accounting", "write": "review",
        "timezone": "Europe/Moscow", "mapping": "bp30",
    }  # fmt: skip
    assert file.parent == desk.secrets and file.read_text("utf-8") == "secret"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(desk.secrets.stat().st_mode) == 0o700
    assert desk.world.site.app.settings.connections["Мой склад"].mapping == "bp30"
    assert "Мой склад" in browser.get("/connections").text
    assert [(what, whom) for _, what, whom in desk.world.audited()] == [
        ("connection.try", "Мой склад"), ("connection.add", "Мой склад"),
    ]  # fmt: skip
    assert browser.get(address).status_code == 404, "the draft is gone, and its secret with it"


def test_changed_by_key_and_every_other_character_stays(desk: Desk, onec: OnecServer) -> None:
    """The address moves, so the password is typed again; its old file goes, comments stay."""
    old = desk.text
    fields = {"connection": "accounting", "kind": "onec_odata", "o.user": "Обмен", "o.timezone": "Europe/Kyiv"}
    fields |= {"o.role": "accounting", "o.write": "off", "o.mapping": "bp30", "o.url": onec.url, "o.password": "secret"}
    pause_connection(desk.world.site.app, "accounting", "The password is wrong.")
    address, _ = tried(desk, **fields)
    desk.admin().submit(f"{address}/save")
    lines = desk.text.splitlines()
    assert [line for line in old.splitlines() if line not in lines] == [
        'url = "http://127.0.0.1:9/base"        # moved in March', f'password = "{CANARY}"',
    ]  # fmt: skip
    assert any(line.startswith(f'url = "{onec.url}"') and line.endswith("# moved in March") for line in lines)
    first = tomllib.loads(desk.text)["connections"]["accounting"]
    assert (first["write"], first["quiet"]) == ("off", ["01:00-02:00"])
    with desk.world.engine.begin() as conn:
        assert pause_reason(conn, "accounting", desk.world.clock.now()) is None, "who mends it lets it go on"
    address, _ = tried(desk, **fields | {"o.password": TYPED})
    desk.admin().submit(f"{address}/save", anyway="1")
    second = tomllib.loads(desk.text)["connections"]["accounting"]
    assert [path.name for path in desk.secrets.iterdir()] == [Path(second["password"]["file"]).name]
    assert Path(second["password"]["file"]).read_text("utf-8") == TYPED


def test_what_is_kept_stays_as_it_was(desk: Desk, onec: OnecServer) -> None:
    """An edit that touches no secret leaves its reference alone."""
    browser = desk.admin()
    form = browser.get("/connections/accounting/edit").text
    assert '<option value="review" selected>' in form and '<option value="accounting" selected>' in form
    assert "There is one. It is never shown" in form and 'value="http://127.0.0.1:9/base"' in form
    fields = {"connection": "accounting", "o.url": "http://127.0.0.1:9/base", "o.user": "Обмен", "o.role": "accounting"}
    address, shown = tried(desk, **fields, **{"o.write": "review", "o.timezone": "Europe/Kyiv", "o.mapping": "bp30"})
    assert "something is wrong" in shown and 'name="anyway"' in shown
    assert browser.submit(f"{address}/save").headers["location"] == address
    assert "tick that it shall be saved" in browser.get(address).text
    browser.submit(f"{address}/save", anyway="1")
    assert f'password = "{CANARY}"' in desk.text and 'role = "accounting"' in desk.text
    assert not desk.secrets.exists()


def test_a_kept_secret_goes_to_no_other_address(desk: Desk) -> None:
    fields = {"connection": "accounting", "o.url": "http://evil.example/base", "o.user": "Обмен", "o.write": "review"}
    answer = desk.admin().submit("/connection-drafts", **fields)
    assert answer.status_code == 422 and "type the secret again" in answer.text
    assert "evil.example" not in desk.text


WRONG = {
    "o.url": ("ftp://x/base", "file:///etc/passwd", "http://u:p@server/base", "http://169.254.169.254/latest",
              "http://2852039166/", "http://[fe80::1]/", "http://0.0.0.0/", "http://server/" + "x" * 600, "nonsense"),
    "o.ca_file": ("/etc/shadow", "../settings.toml", "{secrets}/../settings.toml"),
    "o.since": ("gestern",), "o.every": ("0s",), "o.read_timeout": ("nan", "-1", "1e9", "viel"),
    "o.timezone": ("Mars/North",), "o.write": ("perhaps",), "o.mapping": ("/etc/passwd", "../../x"),
    "name": ("", "a/b", "accounting", "ACCOUNTING", "x" * 61, "a\nb]"),
    "o.node": ("not-a-guid",),
}  # fmt: skip


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in WRONG.items() for value in values], ids=str)
def test_what_cannot_be_is_said_at_its_field(desk: Desk, key: str, value: str) -> None:
    before = desk.text
    given = filled(None, **{"o.url": "http://127.0.0.1:9/base", "o.password": TYPED})
    given[key] = value.replace("{secrets}", str(desk.secrets))
    answer = desk.admin().submit("/connection-drafts", **given)
    assert answer.status_code == 422, answer.text
    assert f'id="w-{key.removeprefix("o.")}"' in answer.text
    assert desk.text == before and TYPED not in answer.text and not desk.secrets.exists()


def test_a_form_with_a_mistake_keeps_the_secret_unseen(desk: Desk, onec: OnecServer) -> None:
    """Typed once, it need not be typed again, and does not come back to the browser."""
    browser = desk.admin()
    answer = browser.submit("/connection-drafts", **filled(onec, **{"o.timezone": "Mars/North"}))
    key = re.search(r'name="draft" value="([\w-]+)"', answer.text)
    assert key is not None and "Typed already" in answer.text
    again = filled(onec, draft=key[1])
    del again["o.password"]
    answer = browser.submit("/connection-drafts", **again)
    assert answer.status_code == 303
    assert "Recognised as bp30." in until_done(browser, answer.headers["location"])


def test_where_the_settings_may_not_be_written_there_are_lines_to_paste(
    desk: Desk, onec: OnecServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.pages.connecting.is_writable", lambda path: False)
    monkeypatch.setattr("web.connecting.saving.is_writable", lambda path: False)  # tests may run as root, who may all
    before = desk.text
    browser = desk.admin()
    assert "may not write its settings" in browser.get("/connections/new", params={"kind": "onec_odata"}).text
    address, _ = tried(desk, **filled(onec))
    shown = browser.submit(f"{address}/save").text
    assert desk.text == before
    lines = re.search(r'<pre class="payload"[^>]*><code>(.*?)</code>', shown, re.S)
    assert lines is not None
    pasted = tomllib.loads(lines[1].replace("&#34;", '"').replace("&lt;", "<"))["connections"]["Мой склад"]
    assert pasted["url"] == onec.url and Path(pasted["password"]["file"]).read_text("utf-8") == "secret"
    desk.path.write_text(before + lines[1].replace("&#34;", '"'), "utf-8")
    desk.world.site.take_up()
    assert "Мой склад" in browser.get("/connections").text


def test_a_file_that_somebody_changed_meanwhile_is_left_alone(desk: Desk, onec: OnecServer) -> None:
    address, _ = tried(desk, **filled(onec))
    desk.path.write_text(desk.text + "\n# by hand\n", "utf-8")
    browser = desk.admin()
    browser.submit(f"{address}/save")
    assert "changed by somebody else meanwhile" in browser.get(address).text
    assert desk.text.endswith("# by hand\n") and list(desk.secrets.iterdir()) == []
    assert [what for _, what, _ in desk.world.audited()] == ["connection.try"]


def test_the_secret_is_nowhere(
    desk: Desk, onec: OnecServer, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither the one in the settings nor the one typed: in no page, header, table, log; for no role."""
    browser = desk.admin()
    answers = [browser.get(f"/connections/{path}") for path in ("accounting/edit", "new?kind=bitrix24")]
    answer = browser.submit("/connection-drafts", **filled(onec, **{"o.password": TYPED}))
    address = answer.headers["location"]
    until_done(browser, address)
    answers += [answer, *(browser.get(address + more) for more in ("", "/found", "/change"))]
    answers += [browser.submit(f"{address}/try"), browser.submit(f"{address}/save")]
    until_done(browser, address)
    answers += [browser.submit(f"{address}/save", anyway="1"), browser.get("/connections"), browser.get("/audit")]
    webhook = {"kind": "bitrix24", "name": "crm", "o.webhook": f"http://127.0.0.1:9/rest/1/{TYPED}/", "o.role": "crm",
               "o.write": "review", "o.timezone": "UTC", "o.mapping": "bitrix24"}  # fmt: skip
    answers.append(browser.submit("/connection-drafts", **webhook))
    until_done(browser, answers[-1].headers["location"])
    answers += [browser.get(answers[-1].headers["location"]), desk.world.browser("ops").get("/connections")]
    texts = [f"{one.text} {one.headers}" for one in answers] + [caplog.text, *capsys.readouterr()]
    with desk.world.engine.begin() as conn:
        texts += [str(tuple(row)) for table in metadata.sorted_tables for row in conn.execute(select(table))]
        told = conn.execute(select(audit.c.after).where(audit.c.what == "connection.add")).scalars().all()
    texts.append(repr(desk.world.site.drafts._drafts))
    assert not [text[:500] for text in texts if TYPED in text or CANARY in text]
    assert TYPED not in desk.text and redact(f"x {TYPED}") == "x ***"
    assert told == [] or all(set(one) == {"kind", "keys"} for one in told)


def test_only_an_admin_and_only_his_own_draft(desk: Desk, onec: OnecServer) -> None:
    assert desk.world.browser("ops").get("/connections/new").status_code == 403
    assert "/connections/new" not in desk.world.browser("ops").get("/connections").text
    address, _ = tried(desk, **filled(onec))
    desk.world.users["second"] = desk.world.users["head"]
    from web.people.users import set_role

    set_role(desk.world.site.app, "test", "head", "admin")
    assert desk.world.browser("second").get(address).status_code == 404
    assert desk.world.browser("second").submit(f"{address}/save").status_code == 404


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_wrong_is_said_in_the_readers_language(desk: Desk, language: str) -> None:
    browser = desk.admin()
    browser.submit("/language", language=language)
    shown = browser.submit("/connection-drafts", **filled(None, **{"o.url": "http://169.254.1.1/"})).text
    assert {"en": "leads nowhere", "ru": "базы быть не может", "uk": "бази бути не може"}[language] in shown
    assert {"en": ">Password<", "ru": ">Пароль<", "uk": ">Пароль<"}[language] in shown


def test_what_the_environment_says_is_not_for_the_page(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, onec: OnecServer
) -> None:
    monkeypatch.setenv("SVERKA_CONNECTIONS__ACCOUNTING__URL", "http://10.0.0.1/base")
    shown = desk.admin().get("/connections/accounting/edit").text
    assert "Said by the environment" in shown and 'name="o.url"' not in shown
