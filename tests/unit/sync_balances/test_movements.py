"""Each movement finds its document, or its name."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from connectors.base import MovementRow
from store.queries.settlements.recorders import Standing
from sync.settle.effects import SettlementKey
from sync.settle.movements import Recorder, Tie, build_title, name_difference, sum_movements, tie_movements

KEY = SettlementKey("c", "k", "o", "RUB")
SHIPMENT, CORRECTION = Recorder("Document_Реализация", "1"), Recorder("Document_КорректировкаДолга", "2")
SOURCES = {SHIPMENT.set: "shipment"}
KINDS = {CORRECTION.set: "debt_correction"}


def standing(state: str = "bound", *, version: str = "v1", present: bool = True) -> Standing:
    return Standing("1", "shipment", SHIPMENT.set, state, version, False, None, present)


def tie(theirs: str, ours: str, recorder: Recorder = SHIPMENT) -> Tie:
    return Tie(recorder, KEY, Decimal(theirs), Decimal(ours))


@pytest.mark.parametrize(
    ("found", "known", "live", "expected"),
    [
        (tie("5", "0", CORRECTION), None, "v1", "debt_correction"),
        (tie("5", "0", Recorder("Document_Иное", "3")), None, "v1", "other"),
        (tie("5", "0"), None, "v1", "missing_document"),
        (tie("5", "0"), standing(present=False), "v1", "missing_document"),
        (tie("5", "0"), standing("dead"), "v1", "dead_letter"),
        (tie("5", "0"), standing("parked"), "v1", "parked"),
        (tie("5", "0"), standing("filtered"), "v1", "filtered"),
        (tie("5", "4"), standing(), "v2", "not_yet_applied"),
        (tie("5", "4.99"), standing(), "v1", "different_amount"),
        (tie("0", "5"), standing(), "v1", "extra_document"),
        (tie("0", "5"), standing(), None, "extra_document"),
    ],
)
def test_names(found: Tie, known: Standing | None, live: str | None, expected: str) -> None:
    assert name_difference(found, known, live, SOURCES, KINDS) == expected


def test_a_document_that_can_never_be_read_is_not_missing() -> None:
    hidden = {SHIPMENT.set, CORRECTION.set}
    for known in (None, standing(), standing("dead")):
        assert name_difference(tie("5", "0"), known, None, SOURCES, KINDS, hidden) == "not_published"
    assert name_difference(tie("5", "0", CORRECTION), None, None, SOURCES, KINDS, hidden) == "debt_correction"


def movement(account: str, amount: str) -> MovementRow:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return MovementRow(SHIPMENT.set, SHIPMENT.key, moment, account, "c", "k", "o", None, Decimal(amount))


def test_a_transfer_between_settlement_accounts_comes_to_nothing() -> None:
    rows = [movement("62.01", "-100"), movement("62.02", "100")]
    totals, dates = sum_movements((KEY, row) for row in rows)
    assert totals == {}
    assert list(dates) == [SHIPMENT]


def test_both_books_side_by_side() -> None:
    theirs = {(SHIPMENT, KEY): Decimal(5), (CORRECTION, KEY): Decimal(1)}
    ours = {(SHIPMENT, KEY): Decimal(5), (Recorder("x", "9"), KEY): Decimal(2)}
    ties = tie_movements(theirs, ours, {})
    assert {item.recorder.key: item.difference for item in ties} == {"1": 0, "2": 1, "9": -2}


def test_titles_are_words() -> None:
    assert build_title("Document_КорректировкаДолга") == "Корректировка долга"
    assert build_title("Document_ОтчетКомиссионераОПродажах") == "Отчет комиссионера о продажах"
    assert build_title("Document_ПередачаОС") == "Передача ОС"
