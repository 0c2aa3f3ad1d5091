"""What commands about a CRM say: each thing once, what comes next, and nothing that is not so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import build_app
from sync.setup.doctor import examine_connection
from tests.integration.deals.world import MOVES
from tests.integration.outbox.world import CRM, Circle, make_circle


@pytest.fixture
def circle(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Circle]:
    with make_circle(store_url, tmp_path, mapping=f"[deals]\n{MOVES}") as made:
        made.sync()
        monkeypatch.chdir(tmp_path)
        yield made


def command(*arguments: str) -> Result:
    return CliRunner().invoke(build_app(list(arguments)), list(arguments))


def test_doctor_names_everything_once(circle: Circle) -> None:
    told = Counter(examine_connection(circle.app, circle.settings.connection(CRM)))
    assert [one.subject for one, times in told.items() if times > 1] == []
    assert {one.subject for one in told} >= {"company", "contact"}


def test_a_check_without_the_portal_knows_its_stages_and_says_what_comes_next(circle: Circle, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(f'extends = "bitrix24"\n[deals]\n{MOVES}', encoding="utf-8")
    bad.write_text(good.read_text(encoding="utf-8").replace("EXECUTING", "EXECUTED"), encoding="utf-8")
    asked = len(circle.portal.requests)
    right, wrong = (command("mapping", "check", one) for one in ("good.toml", "bad.toml"))
    assert len(circle.portal.requests) == asked
    assert right.exit_code == 0 and "Next: sverka mapping publish good.toml" in right.stderr
    assert wrong.exit_code == 1 and "the stage EXECUTED" in wrong.output
    assert "mapping publish" not in wrong.stderr


def test_a_check_of_a_draft_names_publish(circle: Circle, tmp_path: Path) -> None:
    (tmp_path / "portal.toml").write_text('extends = "bitrix24"\ntitle = "наш портал"\n', encoding="utf-8")
    done = command("mapping", "check", "--connection", CRM)
    assert "Next: sverka mapping diff --connection crm, then: sverka mapping publish portal.toml" in done.stderr


def test_a_link_with_writing_off_says_that_nothing_was_sent(circle: Circle, tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    text = path.read_text(encoding="utf-8").replace('role = "crm"\n', 'role = "crm"\nwrite = "off"\n')
    path.write_text(text, encoding="utf-8")
    done = command("link", CRM, "--yes")
    assert done.exit_code == 0, done.output
    assert 'crm has write = "off"' in done.stderr and "Linked." not in done.stderr
    assert circle.written() == 0
