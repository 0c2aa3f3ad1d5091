"""What was refused at a field of a connection's form comes in by no other way: not tried, not saved."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import text

from sync.setup.settings_file import change_section, mark_of
from tests.integration.web.connecting import CANARY, Desk, filled, on_file, until_done
from tests.integration.web.world import World

NOWHERE = "http://127.0.0.1:9/base"


@pytest.fixture
def desk(world: World, tmp_path: Path) -> Desk:
    return on_file(world, tmp_path)


def refused(desk: Desk, **fields: str) -> str:
    """Send a form that is refused; the address of its draft."""
    answer = desk.admin().submit("/connection-drafts", **filled(None, **({"o.url": NOWHERE} | fields)))
    assert answer.status_code == 422, answer.text
    found = re.search(r'name="draft" value="([0-9a-f-]+)"', answer.text)
    assert found is not None
    return f"/connection-drafts/{found[1]}"


@pytest.mark.parametrize("wrong", ["taken", "mapping", "dots"])
def test_what_was_refused_is_neither_tried_nor_saved(desk: Desk, wrong: str, tmp_path: Path) -> None:
    """A taken name would send the other connection's password elsewhere, a path would read any file of the machine."""
    fields = {
        "taken": {"name": "accounting", "o.url": "http://127.0.0.1:9/elsewhere", "o.password": ""},
        "mapping": {"o.mapping": str(tmp_path / "any.toml")},
        "dots": {"name": ".."},
    }
    before, address, browser = desk.text, refused(desk, **fields[wrong]), desk.admin()
    assert browser.submit(f"{address}/try").headers["location"] == f"{address}/change"
    browser.submit(f"{address}/save", anyway="yes")
    assert desk.text == before and CANARY in before
    assert desk.world.audited() == [] and not desk.secrets.exists()


def test_a_new_connection_is_never_put_into_another_ones_section(desk: Desk) -> None:
    """Somebody wrote a section of this name into the file meanwhile, and the service has not taken it up yet."""
    browser = desk.admin()
    answer = browser.submit(
        "/connection-drafts", **filled(None, **{"o.url": NOWHERE, "o.mapping": "bp30", "name": "Склад"})
    )
    address = answer.headers["location"]
    until_done(browser, address)
    draft = next(iter(desk.world.site.drafts._drafts.values()))
    draft.name = "accounting"
    before = desk.text
    said = browser.submit(f"{address}/save", anyway="yes")
    assert said.headers["location"] == address and desk.text == before
    assert not desk.secrets.exists() or not list(desk.secrets.iterdir())


def test_a_store_that_goes_away_while_saving_leaves_no_secret_behind(desk: Desk) -> None:
    """The audit cannot be written: nothing is saved, and what was typed stands in no file."""
    browser, before = desk.admin(), desk.text
    fields = filled(None, **{"o.url": NOWHERE, "o.mapping": "bp30"})
    address = browser.submit("/connection-drafts", **fields).headers["location"]
    until_done(browser, address)
    with desk.world.engine.begin() as conn:
        conn.execute(text("ALTER TABLE audit RENAME TO audit_away"))
    try:
        assert browser.submit(f"{address}/save", anyway="yes").status_code >= 500
    finally:
        with desk.world.engine.begin() as conn:
            conn.execute(text("ALTER TABLE audit_away RENAME TO audit"))
    assert desk.text == before and not list(desk.secrets.iterdir())


def test_what_a_killed_process_left_half_written_goes_with_the_next_change(desk: Desk) -> None:
    """It has the settings in it, passwords too; files that only look alike stay."""
    left = desk.path.with_name(".settings.toml.0123456789ab")
    other = desk.path.with_name(".settings.toml.old")
    for one in (left, other):
        one.write_text(desk.text[:50], "utf-8")
    change_section(desk.path, "accounting", {"user": "x"}, mark=mark_of(desk.path))
    assert not left.exists() and other.exists() and 'user = "x"' in desk.text


def test_what_is_tried_is_what_is_saved(desk: Desk) -> None:
    """What was found of former values says nothing of those that were filled in since."""
    browser, examiner = desk.admin(), desk.world.site.examiner
    fields = filled(None, **{"o.url": NOWHERE, "o.mapping": "bp30"})
    address = browser.submit("/connection-drafts", **fields).headers["location"]
    until_done(browser, address)
    first = next(iter(desk.world.site.drafts._drafts.values())).report_key
    again = fields | {"draft": address.rpartition("/")[2], "o.url": f"{NOWHERE}/other"}
    assert browser.submit("/connection-drafts", **again).status_code == 303
    until_done(browser, address)
    second = next(iter(desk.world.site.drafts._drafts.values())).report_key
    assert first != second and examiner.load(first) is not examiner.load(second)


@pytest.mark.parametrize("address", [
    "http://169.254.169.254\\x/", "http://169.254.169.254./", "http://metadata.google.internal\\@x/",
    "http://１６９.254.169.254/", "http://169。254。169。254/", "http://[64:ff9b::a9fe:a9fe]/",
])  # fmt: skip
def test_addresses_that_two_readers_read_differently_are_none(desk: Desk, address: str) -> None:
    browser = desk.admin()
    answer = browser.submit("/connection-drafts", **filled(None, **{"o.url": address}))
    assert answer.status_code == 422, answer.headers
    assert 'id="w-url"' in answer.text or 'id="w-o.url"' in answer.text or "w-url" in answer.text
