"""Calls and meetings of the portal: read, exported, counted by day and manager."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import build_app
from tests.integration.deals.world import Deals, make_deals


@pytest.fixture
def deals(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deals]:
    with make_deals(store_url, tmp_path) as made:
        monkeypatch.chdir(tmp_path)
        yield made


def call(deals: Deals, number: int, **fields: object) -> None:
    """An activity of the portal; by default a call out, done, of the first customer."""
    told: dict[str, Any] = {
        "ID": number, "OWNER_ID": deals.companies[0], "OWNER_TYPE_ID": 4, "TYPE_ID": 2, "DIRECTION": 2,
        "SUBJECT": "Разговор", "RESPONSIBLE_ID": 2, "COMPLETED": "Y", "START_TIME": "2026-01-14T12:00:00+03:00",
        "END_TIME": "2026-01-14T12:10:00+03:00", "CREATED": "2026-01-14T12:00:00+03:00",
        "LAST_UPDATED": "2026-01-14T12:00:00+03:00", "PROVIDER_ID": "VOXIMPLANT_CALL",
    }  # fmt: skip
    deals.portal.portal.activities[number] = told | fields


def lines(*arguments: str) -> list[dict[str, Any]]:
    done = CliRunner().invoke(build_app([arguments[0]]), list(arguments))
    assert done.exit_code == 0, (done.output, done.exception)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_activities_are_read_and_exported(deals: Deals) -> None:
    deal = deals.deal()
    call(deals, 1)
    call(deals, 2, TYPE_ID=1, DIRECTION=0, OWNER_ID=int(deal), OWNER_TYPE_ID=2, COMPLETED="N")
    deals.sync()
    first, second = sorted(lines("export", "activities"), key=lambda one: one["external_id"])
    assert (first["kind"], first["direction"], first["subject"]) == ("call", "out", "Разговор")
    assert (first["completed"], first["date"]) == (True, "2026-01-14T12:00:00+03:00")
    assert first["counterparty"]["external_ids"]["crm"] == str(deals.companies[0])
    assert first["manager"]["name"] == "Смирнов Олег"
    assert (second["kind"], second["direction"], second["completed"]) == ("meeting", None, False)
    assert second["deal"]["external_id"] == deal and second["deal"]["name"] == "Сделка"


def test_counts_by_day_and_manager(deals: Deals) -> None:
    call(deals, 1)
    call(deals, 2, DIRECTION=1, START_TIME="2026-01-14T23:59:00+03:00")
    call(deals, 3, RESPONSIBLE_ID=3, COMPLETED="N")
    call(deals, 4, TYPE_ID=1, START_TIME="2026-01-15T00:00:00+03:00")
    call(deals, 5, TYPE_ID=6, START_TIME="2026-01-15T10:00:00+03:00")
    call(deals, 6, START_TIME="2025-11-01T10:00:00+03:00")
    deals.sync()
    names = ("calls", "calls_in", "calls_out", "meetings", "other", "completed")
    shown = {
        (one["day"], one["manager"]["name"]): tuple(one[name] for name in names)
        for one in lines("activities", "--json", "--since", "2026-01-01")
    }
    assert shown == {
        ("2026-01-14", "Кузнецова Ирина"): (1, 0, 1, 0, 0, 0),
        ("2026-01-14", "Смирнов Олег"): (2, 1, 1, 0, 0, 2),
        ("2026-01-15", "Смирнов Олег"): (0, 0, 0, 1, 1, 2),
    }
    by_day = lines("activities", "--json", "--by", "day", "--since", "2025-01-01", "--until", "2026-01-14")
    assert [(one["day"], one["calls"]) for one in by_day] == [("2025-11-01", 1), ("2026-01-14", 3)]
    by_manager = lines("activities", "--json", "--by", "manager", "--since", "2025-01-01")
    assert [(one["manager"]["name"], one["calls"]) for one in by_manager] == [
        ("Кузнецова Ирина", 1),
        ("Смирнов Олег", 3),
    ]
    table = CliRunner().invoke(build_app(["activities"]), ["activities", "--since", "2025-01-01"])
    assert "Смирнов Олег" in table.stdout and "meetings" in table.stdout
