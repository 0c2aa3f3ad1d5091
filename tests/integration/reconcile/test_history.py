"""What was found is kept: since when, by whose order, how much was mended; and not for ever."""

import json
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from cli.work.reconciling import print_history, reconcile_one
from store.tables import reconciliation, reconciliation_line
from sync.reconcile import history
from sync.reconcile.history import keep_result
from sync.reconcile.result import Line, Reconciliation
from tests.integration.reconcile import plants
from tests.integration.sync_balances.world import NAME, World, open_world


@pytest.fixture
def world(store_url: str) -> Iterator[World]:
    with open_world(store_url, documents=100, counterparties=10, since=date(2025, 3, 1)) as opened:
        opened.cycle()
        yield opened


def since(result: Reconciliation) -> list[str]:
    return [line.since.date().isoformat() for line in result.lines if line.weight != "named" and line.since]


def test_a_difference_is_told_since_when_it_was_first_found(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    rows = plants.documents(world, "order")
    plants.change_amount_here(world, "order", rows[0])
    assert since(world.reconcile()) == ["2026-01-15"]
    world.app.clock.sleep(86400 * 3)
    plants.change_amount_here(world, "order", rows[1])
    assert sorted(since(world.reconcile())) == ["2026-01-15", "2026-01-18"]
    print_history(world.app, None, as_json=True)
    last, first = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (last["drift_since"][:10], last["asked_by"], last["status"]) == ("2026-01-15", "order", "explained")
    assert last["kinds"]["different_amount"] == 2 and first["kinds"]["different_amount"] == 1
    print_history(world.app, NAME, as_json=False)
    assert "since 2026-01-15 " in capsys.readouterr().out
    world.reconcile(repair=True)
    world.app.clock.sleep(86400)
    plants.change_amount_here(world, "order", plants.documents(world, "order")[0])
    assert since(world.reconcile()) == ["2026-01-19"], "it was mended in between"


def test_json_keeps_its_fields_and_gains_new_ones(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    plants.change_amount_here(world, "shipment", plants.documents(world, "shipment")[0])
    assert reconcile_one(world.app, NAME, repair=False, as_json=True) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    line = next(one for one in told if one["type"] == "line" and one["kind"] == "different_amount")
    assert line["document"]["link"].startswith("e1cib/data/Документ.")
    assert {
        "kind",
        "weight",
        "entity",
        "amount",
        "currency",
        "counterparty",
        "document",
        "note",
        "since",
    } <= line.keys()
    entity = next(one for one in told if one["type"] == "entity" and one["entity"] == "shipment")
    assert {"ours", "theirs", "missing", "extra", "different", "parked", "dead", "filtered", "sums"} <= entity.keys()
    assert entity["buckets"] >= 1024 and entity["differing"] >= 1
    assert told[-1]["type"] == "summary" and told[-1]["asked_by"] == "order"


def test_history_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "WITH_LINES", 2)
    for number in range(5):
        world.app.clock.sleep(60)
        result = Reconciliation(NAME, world.app.clock.now())
        result.add(Line("missing_document", "order", None, external_id=str(number)))
        keep_result(world.app, result)
    with world.engine.connect() as conn:
        assert conn.execute(select(func.count()).select_from(reconciliation_line)).scalar_one() == 2
        assert conn.execute(select(func.count()).select_from(reconciliation)).scalar_one() == 5
    world.app.clock.sleep((history.KEPT + timedelta(days=1)).total_seconds())
    keep_result(world.app, Reconciliation(NAME, world.app.clock.now()))
    with world.engine.connect() as conn:
        assert conn.execute(select(func.count()).select_from(reconciliation)).scalar_one() == 1
        assert conn.execute(select(func.count()).select_from(reconciliation_line)).scalar_one() == 0


def test_more_lines_than_anybody_reads_are_counted(world: World) -> None:
    result = Reconciliation(NAME, world.app.clock.now())
    for number in range(25_000):
        result.add(Line("unexplained", "balance", None, "RUB", counterparty_key=str(number)))
        result.add(Line("missing_document", "order", None, external_id=str(number)))
    assert len(result.lines) <= 20_000
    assert (result.count("unexplained"), result.count("drift")) == (25_000, 25_000)
    assert (result.status, sum(result.kinds().values())) == ("unexplained", 50_000)
