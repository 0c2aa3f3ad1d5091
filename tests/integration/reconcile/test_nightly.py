"""By itself, once a night: little is mended, much is left alone and is one alarm; killed or doubled, it comes once."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import select, update

from cli.exits import PARTIAL
from cli.work.reconciling import reconcile_one
from core.errors import TransientError
from core.settings import ReconcileSettings
from store.tables import connection, lease, reconciliation, run
from sync.context import Order
from sync.cycle import run_cycle
from sync.reconcile import nightly
from sync.reconcile.compare import compare_books
from sync.room.dispatch import WorkItem, run_work, tick
from sync.room.lease import claim_lease
from tests.integration.reconcile import plants
from tests.integration.sync_balances.world import NAME, World, open_world

DAY = timedelta(days=1).total_seconds()


@pytest.fixture
def world(store_url: str) -> Iterator[World]:
    with open_world(store_url, documents=120, counterparties=10, since=date(2025, 3, 1)) as opened:
        opened.cycle()
        opened.app.clock.sleep(DAY)
        yield opened


def due(world: World) -> list[WorkItem]:
    return [item for item in tick(world.app) if item.kind == "nightly"]


def kept(world: World) -> list[Any]:
    with world.engine.connect() as conn:
        return list(conn.execute(select(reconciliation).order_by(reconciliation.c.at)))


def limit(world: World, **values: Any) -> None:
    world.app.settings = world.app.settings.model_copy(update={"reconcile": ReconcileSettings(**values)})


def test_once_a_night_and_never_before_the_first(world: World) -> None:
    (item,) = due(world)
    assert due(world) == [], "a worker is on its way"
    assert run_work(world.app, item.to_message()) is not None
    assert run_work(world.app, item.to_message()) is None, "delivered twice"
    (row,) = kept(world)
    assert (row.status, row.asked_by, row.repaired) == ("ok", "schedule", 0)
    assert row.seconds >= 0
    world.app.clock.sleep(3600)
    assert due(world) == []
    world.app.clock.sleep(DAY)
    assert len(due(world)) == 1


def test_a_new_installation_waits_for_its_first_night(store_url: str) -> None:
    with open_world(store_url, documents=40, counterparties=5) as opened:
        assert due(opened) == []
        opened.cycle()
        assert due(opened) == []


def test_switched_off_paused_failing_or_at_work_it_is_not_due(world: World) -> None:
    limit(world, nightly=False)
    assert due(world) == []
    limit(world)
    for values in ({"breaker": "open"}, {"breaker": "closed", "paused_reason": "no password", "paused_at": None}):
        world.change(update(connection).where(connection.c.name == NAME).values(values))
        assert due(world) == []
    world.change(update(connection).where(connection.c.name == NAME).values(paused_reason=None))
    held = claim_lease(world.app, nightly.LEASE)
    assert held is not None
    assert due(world) == []
    held.release()
    assert len(due(world)) == 1


def test_little_is_mended_by_itself(world: World) -> None:
    row = plants.documents(world, "shipment")[0]
    plants.change_amount_here(world, "shipment", row)
    (item,) = due(world)
    result = run_work(world.app, item.to_message())
    assert result is not None
    (line,) = kept(world)
    assert (line.status, line.repaired) == ("ok", 1)
    assert line.summary["found"]["different_amount"] == 1
    assert plants.documents(world, "shipment")[0].amount == row.amount
    with world.engine.connect() as conn:
        kinds = list(conn.execute(select(run.c.kind).order_by(run.c.started_at)).scalars())
    assert kinds[-1] == "repair", "by the ordinary way of every run"


def test_much_is_left_alone_and_is_one_alarm(world: World) -> None:
    limit(world, repair_below=2)
    rows = plants.documents(world, "order")[:3]
    for row in rows:
        plants.change_amount_here(world, "order", row)
    (item,) = due(world)
    run_work(world.app, item.to_message())
    (line,) = kept(world)
    assert (line.status, line.repaired) == ("unexplained", 0)
    assert line.summary["left_to_people"] == 3
    assert "3 differences are more than repair_below = 2" in line.summary["notices"][0]
    assert {row.amount for row in plants.documents(world, "order")[:3]} != {row.amount for row in rows}


def test_a_repair_that_does_not_help_is_the_alarm(world: World) -> None:
    plants.change_amount_here(world, "order", plants.documents(world, "order")[0])
    (item,) = due(world)
    with patch("sync.reconcile.compare.repair_lines", lambda ctx, lines: None):
        run_work(world.app, item.to_message())
    assert (kept(world)[0].status, kept(world)[0].summary["left_to_people"]) == ("unexplained", 1)


def test_a_worker_killed_in_the_middle_is_followed_by_another(world: World) -> None:
    (item,) = due(world)
    with patch.object(nightly, "compare_books", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        run_work(world.app, item.to_message())
    left = {"owner": "dead", "until": world.app.clock.now() + timedelta(seconds=20)}
    world.change(update(lease).where(lease.c.name == nightly.LEASE).values(left))
    assert (kept(world), due(world)) == ([], [])
    world.app.clock.sleep(60)
    (again,) = due(world)
    run_work(world.app, again.to_message())
    assert [row.status for row in kept(world)] == ["ok"]


def test_one_who_lost_the_lease_keeps_nothing(world: World) -> None:
    (item,) = due(world)
    real = compare_books

    def slow(*args: Any, **options: Any) -> Any:
        result = real(*args, **options)
        world.change(update(lease).where(lease.c.name == nightly.LEASE).values(fence=lease.c.fence + 1))
        return result

    with patch.object(nightly, "compare_books", slow):
        assert run_work(world.app, item.to_message()) is None
    assert kept(world) == []


def test_accounting_that_does_not_answer_is_asked_again_in_an_hour(world: World) -> None:
    (item,) = due(world)
    with patch.object(nightly, "compare_books") as compare:
        from sync.reconcile.result import Reconciliation

        compare.return_value = Reconciliation(NAME, world.app.clock.now(), asked_by="schedule", failure="no answer")
        result = run_work(world.app, item.to_message())
    assert result is not None
    assert (result.status, kept(world)[0].status) == ("failed", "failed")
    world.app.clock.sleep(60)
    assert due(world) == []
    world.app.clock.sleep(3700)
    assert len(due(world)) == 1


def test_cycles_go_on_while_it_compares(world: World) -> None:
    (item,) = due(world)
    real = compare_books
    seen: list[str] = []

    def compare(*args: Any, **options: Any) -> Any:
        seen.append(world.cycle().status)
        return real(*args, **options)

    with patch.object(nightly, "compare_books", compare):
        run_work(world.app, item.to_message())
    assert seen == ["ok"]
    assert [row.status for row in kept(world)] == ["ok"]


def test_the_error_of_a_connector_is_a_failed_comparison(world: World) -> None:
    from connectors.onec_odata.connector import OnecODataConnector

    (item,) = due(world)
    with patch.object(OnecODataConnector, "open_balances", side_effect=TransientError("cut off")):
        run_work(world.app, item.to_message())
    (row,) = kept(world)
    assert row.status == "failed"
    assert row.summary["message"].startswith("cut off")


def test_a_set_that_kept_moving_leaves_the_night_undone(world: World) -> None:
    from connectors.base import RowsMoved
    from connectors.onec_odata.connector import OnecODataConnector

    (item,) = due(world)
    real = OnecODataConnector.fetch_figures

    def fetch(self: Any, source: Any, *args: Any) -> Any:
        if source.entity == "shipment":
            raise RowsMoved(f"The rows of {source.name} moved while they were read.")
        return real(self, source, *args)

    with patch.object(OnecODataConnector, "fetch_figures", fetch):
        run_work(world.app, item.to_message())
        assert world.reconcile().status == "incomplete"
    row = kept(world)[0]
    assert row.status == "incomplete"
    assert "Its records are not compared this time." in row.summary["message"]
    world.app.clock.sleep(3700)
    (again,) = due(world)
    run_work(world.app, again.to_message())
    assert [one.status for one in kept(world)][-1] == "ok"
    assert due(world) == []


def test_a_set_that_is_gone_is_not_well_and_one_that_never_was_is_a_notice(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = "Document_РеализацияТоваровУслуг"
    world.base.schema.unpublished.add(gone)
    result = world.reconcile()
    assert (result.status, list(result.incomplete)) == ("incomplete", [gone])
    assert reconcile_one(world.app, NAME, repair=False, as_json=False) == PARTIAL
    assert f"incomplete: {gone} is no longer published" in capsys.readouterr().err
    facts: dict[str, dict[str, dict[str, str]]] = {"facts": {"sets": {}}}
    world.change(update(connection).where(connection.c.name == NAME).values(facts))
    result = world.reconcile()
    assert result.status != "incomplete" and gone not in result.incomplete
    assert f"{gone} is not published: its records are not compared." in result.notices


def test_one_connection_at_a_time_is_compared(world: World) -> None:
    first = world.app.settings.connections[NAME]
    both = {NAME: first, "other": first.model_copy(update={"name": "other"})}
    world.app.settings = world.app.settings.model_copy(update={"connections": both})
    run_cycle(world.app, "other", Order(kind="schedule"))
    world.app.clock.sleep(DAY)
    items = due(world)
    assert {item.connection for item in items} == set(both)
    real, met = compare_books, list[Any]()

    def compare(app: Any, name: str, **options: Any) -> Any:
        world.app.clock.sleep(25)
        (other,) = (item for item in items if item.connection != name)
        met.append((name, due(world), run_work(world.app, other.to_message())))
        return real(app, name, **options)

    with patch.object(nightly, "compare_books", compare):
        run_work(world.app, items[0].to_message())
    assert met == [(items[0].connection, [], None)]
    world.app.clock.sleep(60)
    (left,) = due(world)
    assert left.connection != items[0].connection
    run_work(world.app, left.to_message())
    assert {row.connection for row in kept(world)} == set(both)
