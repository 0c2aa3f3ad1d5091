"""What a reconciliation named is not fetched again, but only as long as it adds up; what cannot be read is named so."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select, update

from connectors.onec_odata.connector import OnecODataConnector
from core.errors import RecordError
from store.entities import movements
from sync.reconcile import balances as comparing
from sync.reconcile.result import Reconciliation
from tests.integration.sync_balances.world import World, open_world

CORRECTION = "Document_КорректировкаДолга"
OFTEN_UNTICKED = (
    "Document_ОплатаПлатежнойКартой",
    "Document_РасходныйКассовыйОрдер",
    "Document_АктОбОказанииПроизводственныхУслуг",
)


@pytest.fixture
def world(store_url: str) -> Iterator[World]:
    with open_world(store_url, since=date(2025, 3, 1)) as opened:
        opened.cycle()
        yield opened


class Asked:
    """Which customers' movements are asked for, and in how many questions of the engine."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.customers: list[str] = []
        self.questions = 0
        one, many = OnecODataConnector.fetch_movements, OnecODataConnector.fetch_movements_of

        def ask_one(connector: Any, spec: Any, key: str, **options: Any) -> Any:
            self.note([key])
            return one(connector, spec, key, **options)

        def ask_many(connector: Any, spec: Any, keys: list[str], **options: Any) -> Any:
            self.note(keys)
            return many(connector, spec, keys, **options)

        monkeypatch.setattr(OnecODataConnector, "fetch_movements", ask_one)
        monkeypatch.setattr(OnecODataConnector, "fetch_movements_of", ask_many)

    def note(self, keys: list[str]) -> None:
        self.customers += keys
        self.questions += 1

    def take(self) -> list[str]:
        """Those asked for since the last time."""
        taken, self.customers, self.questions = self.customers, [], 0
        return taken


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked(monkeypatch)


def shown(result: Reconciliation) -> list[str]:
    return sorted(str(line.to_json()) for line in result.lines)


def stored(world: World) -> list[Any]:
    columns = [column for column in movements.c if column.name != "id"]
    with world.engine.connect() as conn:
        return sorted((tuple(row) for row in conn.execute(select(*columns))), key=str)


def a_correction(world: World) -> Any:
    """A debt correction that was named."""
    with world.engine.connect() as conn:
        query = select(movements).where(movements.c.recorder_set == CORRECTION).order_by(movements.c.recorder)
        return conn.execute(query).first()


def test_what_still_adds_up_is_told_again_without_a_question(world: World, asked: Asked) -> None:
    first = world.reconcile()
    assert asked.questions == 1, "all of them in one"
    assert len(asked.take()) > 3
    kept = stored(world)
    again = world.reconcile()
    assert asked.take() == []
    assert (again.status, shown(again), stored(world)) == ("ok", shown(first), kept)
    assert (first.remembered, again.remembered) == (0, len(first.named_movements()))
    for line in again.balances.values():
        assert line.opening + line.documents + line.named == line.register


def test_fresh_asks_for_everybody(world: World, asked: Asked) -> None:
    first = world.reconcile()
    everybody = asked.take()
    row = a_correction(world)
    planted = update(movements).where(movements.c.recorder == row.recorder).values(number="wrong")
    world.change(planted)
    assert "wrong" in {line.number for line in world.reconcile().lines}, "the sums say nothing of it"
    again = world.reconcile(fresh=True)
    assert sorted(asked.take()) == sorted(everybody)
    assert shown(again) == shown(first)
    assert a_correction(world).number == row.number


def test_a_kopeck_less_and_the_customer_is_asked_again(world: World, asked: Asked) -> None:
    first = world.reconcile()
    kept, row = stored(world), a_correction(world)
    asked.take()
    world.change(update(movements).where(movements.c.id == row.id).values(amount=row.amount + 1))
    again = world.reconcile()
    assert set(asked.take()) == {row.counterparty_key}
    assert (shown(again), stored(world)) == (shown(first), kept)


def test_a_movement_that_is_gone_is_not_remembered(world: World, asked: Asked) -> None:
    world.reconcile()
    row = a_correction(world)
    world.base.unpost(CORRECTION, row.recorder)
    world.cycle()
    asked.take()
    result = world.reconcile()
    assert (result.status, result.unexplained) == ("ok", {})
    assert row.recorder not in {line.external_id for line in result.lines}
    with world.engine.connect() as conn:
        assert row.recorder not in set(conn.execute(select(movements.c.recorder)).scalars())
    world.reconcile()
    assert row.counterparty_key not in asked.take()[1:], "and then he is left in peace"


@pytest.mark.parametrize("values", [{"kind": "netting"}, {"recorder_set": "Document_РеализацияТоваровУслуг"}])
def test_what_would_be_named_otherwise_today_is_asked_again(world: World, asked: Asked, values: dict[str, str]) -> None:
    first = world.reconcile()
    row = a_correction(world)
    world.change(update(movements).where(movements.c.id == row.id).values(values))
    asked.take()
    assert shown(world.reconcile()) == shown(first)
    assert set(asked.take()) == {row.counterparty_key}


def test_portions_come_to_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first = world.reconcile()
    monkeypatch.setattr(comparing, "LOOKED_AT_ONCE", 1)
    assert shown(world.reconcile(fresh=True)) == shown(first)


def test_one_customer_whose_movements_are_refused_spoils_nobody_elses(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.reconcile()
    bad = a_correction(world).counterparty_key
    one, many = OnecODataConnector.fetch_movements, OnecODataConnector.fetch_movements_of

    def refuse(real: Any, connector: Any, spec: Any, keys: Any, **options: Any) -> Any:
        if bad in keys:
            raise RecordError("1C refuses him.")
        return real(connector, spec, keys, **options)

    monkeypatch.setattr(OnecODataConnector, "fetch_movements", lambda *a, **o: refuse(one, *a, **o))
    monkeypatch.setattr(OnecODataConnector, "fetch_movements_of", lambda *a, **o: refuse(many, *a, **o))
    result = world.reconcile(fresh=True)
    assert {line.counterparty_key for line in result.lines if line.weight == "unexplained"} == {bad}
    assert len({line.counterparty_key for line in result.lines if line.weight == "named"}) > 1


def test_documents_of_a_set_that_is_not_published_are_named_as_that(store_url: str, asked: Asked) -> None:
    with open_world(store_url) as world:
        world.base.schema.unpublished.update(OFTEN_UNTICKED)
        world.cycle()
        result = world.reconcile()
        assert [line.to_row() for line in result.lines if line.weight != "named"] == []
        assert (result.status, result.unexplained) == ("ok", {})
        hidden = [line for line in result.lines if line.kind == "not_published"]
        assert {line.source for line in hidden} <= set(OFTEN_UNTICKED)
        assert len({line.source for line in hidden}) > 1
        assert all(line.weight == "named" and f"not published in 1C: {line.source}" in line.note for line in hidden)
        asked.take()
        assert shown(world.reconcile()) == shown(result)
        assert asked.take() == []
        world.base.schema.unpublished.difference_update(OFTEN_UNTICKED)
        world.base.schema.revision += 1
        assert {line.kind for line in world.reconcile().lines if line.source in OFTEN_UNTICKED} == {"missing_document"}
        assert world.reconcile(repair=True).status == "ok"
        assert "not_published" not in {row.kind for row in _rows(world)}


def _rows(world: World) -> list[Any]:
    with world.engine.connect() as conn:
        return list(conn.execute(select(movements)))
