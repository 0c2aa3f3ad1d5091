"""Killed while accounting is asked by when a customer was to pay: the next cycle makes up for it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sync.room.faults import VARIABLE
from tests.acceptance.installation import Installation
from tests.chaos.onec import Onec
from tests.services.postgres import Postgres

SETTINGS = '[schedule]\nlease = "2s"'


@pytest.fixture
def onec(tmp_path: Path) -> Iterator[Onec]:
    made = Onec(tmp_path, documents=60, configuration="ut11")
    yield made
    made.close()


def installation(folder: Path, store_url: str, onec: Onec) -> Installation:
    folder.mkdir()
    made = Installation(folder, store_url, f"http://127.0.0.1:{onec.port}{onec.path}", extra=SETTINGS)
    made.settings.write_text(made.settings.read_text("utf-8").replace('"bp30"', '"ut11"'), "utf-8")
    return made


def owed(installed: Installation) -> list[tuple[dict[str, Any], str, str, str]]:
    """Every balance by its keys in accounting: how much, how much of it overdue, by which rule."""
    rows = installed.lines("export", "balances")
    return sorted(((row["external_ids"], row["amount"], row["overdue"], row["overdue_rule"]) for row in rows), key=str)


@pytest.mark.timeout(240)
def test_killed_while_terms_are_asked_for(tmp_path: Path, onec: Onec, postgres: Postgres) -> None:
    untouched = installation(tmp_path / "untouched", f"sqlite:///{tmp_path / 'untouched.db'}", onec)
    untouched.run("sync")
    killed = installation(tmp_path / "killed", postgres.url(postgres.create()), onec)
    for side in ("before", "after"):
        done = killed.run("sync", check=None, env={VARIABLE: f"fetch-terms.{side}"})
        assert done.returncode == -signal.SIGKILL, done.stderr
    killed.run("sync")
    assert any(overdue != "0.00" for _, _, overdue, _ in owed(killed))
    assert owed(killed) == owed(untouched)
