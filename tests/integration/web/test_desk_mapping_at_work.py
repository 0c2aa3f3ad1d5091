"""The desk of a mapping over a real base: compared with it, published, carried over to real records, taken back."""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from store import versions
from store.entities import entity_tables
from sync.context import Order
from sync.cycle import run_cycle
from tests.integration.sync_pull.world import rows
from tests.integration.web.grid_world import DeskWorld, make_desk
from tests.integration.web.mappings import fields_of
from tests.integration.web.world import Browser
from web.pages.mapping import live as mapping_live

WAY = "/mapping/bp30"
UPPER = 'extends = "bp30"\n\n[entities.counterparty.fields]\nname = { from = "Description", steps = ["upper"] }\n'
LACKING = 'extends = "bp30"\n\n[entities.counterparty.fields]\nregion = "ТакогоНет"\n'


@pytest.fixture
def made(store_url: str, tmp_path: Path) -> Iterator[DeskWorld]:
    """A base whose records are here."""
    with make_desk(store_url, tmp_path) as desk:
        yield desk


def text_of(browser: Browser, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, answer.text
    return html.unescape(answer.text)


def names(made: DeskWorld) -> list[str]:
    return sorted(row["name"] for row in rows(made.pulled, entity_tables["counterparty"]))


def work_off(made: DeskWorld) -> Any:
    """What the service does between its cycles."""
    return run_cycle(made.pulled.app, "accounting", Order(kind="reapply"))


def test_from_the_text_to_the_records_and_back(made: DeskWorld) -> None:
    """No question is put to accounting; the page tells how many records have changed; rolled back all is as before."""
    browser, before, former = made.admin(), names(made), versions.published(made.pulled.engine, "bp30")
    assert former is not None and any(name != name.upper() for name in before)
    browser.submit(f"{WAY}/save", text=UPPER, seen="-")
    browser.submit(f"{WAY}/publish", **fields_of(browser, f"{WAY}/changes"), comment="прописными", reapply="1")
    assert "waits for the service" in text_of(browser, f"{WAY}/reapply")
    assert work_off(made).status == "ok"
    assert names(made) == sorted(name.upper() for name in before)
    changed = sum(name != name.upper() for name in before)
    shown = text_of(browser, f"{WAY}/progress?of=0")
    assert f"changed: {changed}" in shown and f"name: {changed}" in shown and "every 2s" not in shown
    seen = fields_of(browser, f"{WAY}/version?v={former.hash}")["seen"]
    browser.submit(f"{WAY}/rollback", v=former.hash, seen=seen)
    browser.submit(f"{WAY}/reapply", connection="accounting")
    assert work_off(made).status == "ok"
    assert names(made) == before


def test_what_the_base_does_not_have_is_told_with_its_line(made: DeskWorld) -> None:
    browser = made.admin()
    assert "Compare with accounting" in text_of(browser, f"{WAY}/live")
    browser.submit(f"{WAY}/save", text=LACKING, seen="-")
    browser.submit(f"{WAY}/live", base="accounting")
    shown = text_of(browser, f"{WAY}/live")
    assert "Line 4" in shown and "`ТакогоНет` is not a field of" in shown
    mark = fields_of(browser, WAY)["seen"]
    browser.submit(f"{WAY}/save", text=UPPER, seen=mark)
    assert "The text was changed since" in text_of(browser, f"{WAY}/live")
    browser.submit(f"{WAY}/live", base="accounting")
    shown = text_of(browser, f"{WAY}/live")
    assert "ТакогоНет" not in shown and "changed since" not in shown
    assert browser.submit(f"{WAY}/live", base="none").status_code == 404


def test_a_base_that_is_away_is_told_plainly(made: DeskWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping_live, "PATIENCE", 60.0)
    made.pulled.server.faults.add("drop_before")
    browser = made.admin()
    assert browser.submit(f"{WAY}/live", base="accounting").status_code == 303
    shown = text_of(browser, f"{WAY}/live")
    assert "flash wrong" in shown and "What to do:" in shown
