"""Remembered movements count only where they make the whole difference, to the kopeck and under the same names."""

from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from mapping.model import SourceSet
from sync.reconcile import remembered
from sync.reconcile.customer import Customer
from sync.reconcile.remembered import remember
from sync.reconcile.ties import Seen
from sync.settle.effects import SettlementKey
from sync.settle.movements import NamedMovement, Recorder

KEY, OTHER_KEY = SettlementKey("c", "k", "o", "RUB"), SettlementKey("c", "k2", "o", "RUB")
CORRECTION, SHIPMENT = Recorder("Document_Correction", "1"), Recorder("Document_Shipment", "2")
START = datetime(2026, 1, 1, tzinfo=UTC)
CTX: Any = SimpleNamespace(
    connector=None,
    mapping=SimpleNamespace(
        recorder_kinds={CORRECTION.set: "debt_correction"},
        entities={"shipment": SimpleNamespace(sources=[SourceSet("shipment", SHIPMENT.set)])},
    ),
)


def named(amount: str, kind: str = "debt_correction", recorder: Recorder = CORRECTION, **values: Any) -> NamedMovement:
    date = values.pop("date", datetime(2026, 2, 1, tzinfo=UTC))
    return NamedMovement("c", "k", "o", "RUB", recorder, kind, "7", date, Decimal(amount), **values)


def customer(register: str, documents: str, *known: NamedMovement, **values: Any) -> Customer:
    amounts = {"register": {KEY: Decimal(register)}, "documents": {KEY: Decimal(documents)}}
    amounts["stored"] = amounts["register"]
    return Customer("c", None, "Roga", START, ["c"], remembered=[(KEY, one) for one in known], **(amounts | values))


def test_what_adds_up_is_told_as_it_was() -> None:
    told = remember(CTX, customer("15", "10", named("5")), Seen())
    assert told is not None
    assert [(line.kind, line.amount, line.number, line.weight) for line in told.lines] == [
        ("debt_correction", Decimal(5), "7", "named")
    ]


@pytest.mark.parametrize(
    "case",
    [
        customer("15", "10"),
        customer("15", "10", named("4.99")),
        customer("10", "10", named("5")),
        customer("15", "10", named("5", "manual_entry")),
        customer("15", "10", named("5", date=datetime(2025, 12, 31, tzinfo=UTC))),
        customer("15", "10", named("5", "debt_correction", SHIPMENT)),
        customer("15", "10", named("5", "not_published", SHIPMENT)),
        customer("15", "10", named("5"), stored={KEY: Decimal(14)}),
        customer("15", "10", named("5"), opening={OTHER_KEY: Decimal(1)}),
    ],
    ids=["nothing", "a kopeck", "no gap", "renamed", "old", "mirrored", "published", "stale", "another settlement"],
)
def test_what_does_not_is_fetched(case: Customer) -> None:
    assert remember(CTX, case, Seen()) is None


def test_a_document_that_moves_something_here_too_counts_by_the_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "load_ours", lambda ctx, customers: {(SHIPMENT, KEY): Decimal(10)})
    told = remember(CTX, customer("15", "10", named("15", "converted", SHIPMENT)), Seen())
    assert told is not None
    assert [(line.amount, line.note) for line in told.lines] == [(Decimal(5), "accounting 15.00, here 10.00")]
    assert remember(CTX, customer("16", "10", named("15", "converted", SHIPMENT)), Seen()) is None


def test_what_is_still_not_published_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "load_ours", lambda ctx, customers: {})
    seen = Seen(published={SHIPMENT.set: False})
    told = remember(CTX, customer("5", "0", named("5", "not_published", SHIPMENT)), seen)
    assert told is not None
    assert told.lines[0].note == "not published in 1C: Document_Shipment, tick it"
    assert remember(CTX, customer("5", "0", named("5", "filtered", SHIPMENT)), seen) is None
