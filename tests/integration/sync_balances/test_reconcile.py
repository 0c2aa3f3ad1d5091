"""Reconciliation to the kopeck: everything is tied to a document or named; what is planted is found and mended."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from connectors.base import MovementRow
from connectors.onec_odata.connector import OnecODataConnector
from store.entities import entity_tables, line_tables, movements
from store.tables import binding, reconciliation, reconciliation_line
from sync.reconcile import compare as reconciling
from sync.reconcile.result import Reconciliation
from sync.room.opening import open_for
from tests.integration.sync_balances.world import World, open_world

SHIPMENTS = entity_tables["shipment"]


@pytest.fixture(params=[None, date(2025, 3, 1)], ids=["everything", "since"])
def world(store_url: str, request: pytest.FixtureRequest) -> Iterator[World]:
    with open_world(store_url, since=request.param) as opened:
        opened.cycle()
        yield opened


@pytest.fixture
def simple(store_url: str) -> Iterator[World]:
    with open_world(store_url, since=date(2025, 3, 1)) as opened:
        opened.cycle()
        yield opened


def a_shipment(world: World) -> Any:
    with world.engine.connect() as conn:
        query = select(SHIPMENTS).where(SHIPMENTS.c.posted.is_(True), SHIPMENTS.c.deleted.is_(False))
        return conn.execute(query.order_by(SHIPMENTS.c.date.desc())).first()


def kinds(result: Reconciliation, weight: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in result.lines:
        if line.weight == weight:
            found.setdefault(line.kind, []).append(line.number)
    return found


def test_books_like_life_leave_nothing_unexplained(world: World) -> None:
    result = world.reconcile()
    assert (result.status, result.unexplained, result.failure) == ("ok", {}, "")
    named = {line.kind for line in result.lines if line.weight == "named"}
    assert "debt_correction" in named
    if world.settings.connections["accounting"].since is None:
        assert {"opening_balance", "manual_entry", "commission_report"} <= named
    assert all(line.number and line.date and line.counterparty for line in result.lines if line.weight == "named")
    for line in result.balances.values():
        assert line.opening + line.documents + line.named == line.register
    register = {line.currency: line.register for line in result.balances.values()}
    for currency, amount in register.items():
        assert amount == sum(value for key, value in world.theirs().items() if key[3] == currency)


def test_named_movements_and_history_are_kept(world: World) -> None:
    result = world.reconcile()
    world.reconcile()
    with world.engine.connect() as conn:
        stored = conn.execute(select(func.count()).select_from(movements)).scalar_one()
        runs = conn.execute(select(reconciliation)).all()
        lines = conn.execute(select(func.count()).select_from(reconciliation_line)).scalar_one()
    assert stored == len(result.named_movements())
    assert [row.status for row in runs] == ["ok", "ok"]
    assert lines == 2 * len(result.lines)
    assert all(entity.ours == entity.theirs for entity in result.entities)


def test_a_kopeck_planted_in_a_balance_is_the_alarm(simple: World) -> None:
    row = next(row for row in simple.rows() if row.amount > 0 and row.currency == "RUB")
    simple.set_balance(row.counterparty_key, amount=row.amount + Decimal("0.01"))
    result = simple.reconcile()
    assert result.status == "unexplained"
    alarm = next(line for line in result.lines if line.weight == "unexplained")
    assert alarm.counterparty_key == row.counterparty_key
    assert "RUB" in result.unexplained
    assert simple.reconcile(repair=True).status == "ok"
    assert simple.ours() == simple.theirs()


def test_a_kopeck_planted_in_a_document_names_the_document(simple: World) -> None:
    row = a_shipment(simple)
    simple.change(update(SHIPMENTS).where(SHIPMENTS.c.id == row.id).values(amount=row.amount + Decimal("0.01")))
    result = simple.reconcile()
    assert result.status == "explained"
    assert kinds(result, "drift") == {"different_amount": [row.number]}
    assert next(line for line in result.lines if line.kind == "different_amount").amount == Decimal("-0.01")
    again = simple.reconcile(repair=True)
    assert (again.status, again.repaired) == ("ok", 1)
    assert a_shipment(simple).amount == row.amount


def test_a_new_record_that_cannot_be_read_is_a_line_and_not_the_end(simple: World) -> None:
    fields = {"Date": "2026-01-10T12:00:00", "СуммаДокумента": Decimal(10) ** 15}
    key = simple.base.create("Document_СчетНаОплатуПокупателю", fields)
    result = simple.reconcile()
    assert result.status != "failed", result.failure
    assert [line.external_id for line in result.lines if line.kind == "dead_letter"] == [key]


@pytest.mark.parametrize("with_binding", [False, True])
def test_a_missing_document_is_named_and_fetched(simple: World, with_binding: bool) -> None:
    row = a_shipment(simple)
    simple.change(
        delete(line_tables["shipment", "lines"]).where(line_tables["shipment", "lines"].c.shipment_id == row.id)
    )
    simple.change(delete(SHIPMENTS).where(SHIPMENTS.c.id == row.id))
    if with_binding:
        simple.change(delete(binding).where(binding.c.entity == "shipment", binding.c.entity_id == row.id))
    result = simple.reconcile()
    assert result.status == "explained"
    assert kinds(result, "drift") == {"missing_document": [row.number]}
    assert next(entity for entity in result.entities if entity.entity == "shipment").missing == 1
    assert simple.reconcile(repair=True).status == "ok"
    assert a_shipment(simple).number == row.number


def test_an_extra_document_is_named_and_settled(simple: World) -> None:
    row = a_shipment(simple)
    with simple.engine.connect() as conn:
        query = select(binding.c.external_id).where(binding.c.entity == "shipment", binding.c.entity_id == row.id)
        key = conn.execute(query).scalar_one()
    simple.base.delete("Document_РеализацияТоваровУслуг", key)
    result = simple.reconcile()
    assert kinds(result, "drift") == {"extra_document": [row.number]}
    assert kinds(result, "lag").keys() == {"not_yet_applied"}, "the stored balance is one cycle old"
    assert result.unexplained == {}
    assert simple.reconcile(repair=True).status == "ok"
    assert simple.ours() == simple.theirs()


def test_what_accounting_did_since_the_last_cycle_is_lag(simple: World) -> None:
    row = a_shipment(simple)
    with simple.engine.connect() as conn:
        query = select(binding.c.external_id).where(binding.c.entity == "shipment", binding.c.entity_id == row.id)
        key = conn.execute(query).scalar_one()
    simple.base.unpost("Document_РеализацияТоваровУслуг", key)
    result = simple.reconcile()
    assert (result.status, result.unexplained) == ("ok", {})
    assert kinds(result, "lag").keys() == {"not_yet_applied"}


@contextmanager
def broken_connector(monkeypatch: pytest.MonkeyPatch, name: str, change: Any) -> Iterator[None]:
    """The connector with one of its questions changed."""
    real_open = open_for

    def open_changed(*args: Any, **options: Any) -> Any:
        connector = real_open(*args, **options)
        real = getattr(connector, name)
        setattr(connector, name, lambda *a, **o: change(real, *a, **o))
        return connector

    with monkeypatch.context() as patch:
        patch.setattr(reconciling, "open_for", open_changed)
        yield


def test_a_posting_between_two_questions_is_asked_again(simple: World, monkeypatch: pytest.MonkeyPatch) -> None:
    posted: list[str] = []

    def post_meanwhile(real: Any, spec: Any, counterparties: list[str], **options: Any) -> list[MovementRow]:
        row = next(
            (row for row in simple.base.truth_movements() if row["counterparty"] in counterparties and not posted
             and row["set"] == "Document_РеализацияТоваровУслуг" and row["period"] > "2025-03-02"), None
        )  # fmt: skip
        if row is not None:
            posted.append(row["recorder"])
            simple.base.unpost(row["set"], row["recorder"])
        found: list[MovementRow] = real(spec, counterparties, **options)
        return found

    with broken_connector(monkeypatch, "fetch_movements_of", post_meanwhile):
        result = simple.reconcile()
    assert posted, "somebody with a named movement also has a shipment"
    assert (result.status, result.unexplained) == ("ok", {})


def test_a_register_that_is_not_whole_is_no_comparison(simple: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(real: Any, *args: Any, **options: Any) -> Any:
        answer = real(*args, **options)
        answer.whole, answer.reason = False, "rows 1, total 2"
        return answer

    with broken_connector(monkeypatch, "open_balances", cut):
        result = simple.reconcile()
    assert result.status == "failed"
    assert "not whole" in result.failure


def test_without_movements_it_says_plainly_what_it_cannot_explain(
    simple: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.errors import ConfigError

    def refuse(real: Any, *args: Any, **options: Any) -> Any:
        raise ConfigError("The register is not published.")

    with broken_connector(monkeypatch, "fetch_movements_of", refuse), monkeypatch.context() as patch:
        patch.setattr(OnecODataConnector, "fetch_movements", lambda *args, **options: refuse(None))
        result = simple.reconcile()
    assert result.status == "unexplained"
    assert any("offers no movements" in notice for notice in result.notices)
    assert result.unexplained


def test_json_ends_with_the_summary(simple: World) -> None:
    lines = list(simple.reconcile().to_json())
    assert lines[-1]["type"] == "summary"
    assert lines[-1]["status"] == "ok"
    assert set(lines[-1]["unexplained"].values()) == {"0.00"}
    assert {line["type"] for line in lines} == {"entity", "balance", "line", "summary"}
