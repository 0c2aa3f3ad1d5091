"""What moved a customer's settlement accounts, tied to the mirrored documents or named as what it is (design §5-11).

A hundred kinds of documents move a settlement with no order, shipment or payment behind them. Here each movement finds
its mirrored document, or its name. Pure, but for `load_movements` and `store_movements`.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, select

from connectors.base import MovementRow
from core.ids import new_id
from core.money import ZERO
from store.bulk import chunks, insert
from store.entities import movements
from store.queries.settlements.effects import WHOM_AT_ONCE
from store.queries.settlements.recorders import Standing
from sync.settle.effects import SettlementKey

OTHER = "other"
"""A document whose kind the mapping does not name: shown by its own type."""
NOT_PUBLISHED = "not_published"
"""A document of a mirrored set that accounting does not show us: it can never be read, so nothing is to be mended."""
LAG = frozenset({"not_yet_applied"})
"""Accounting was faster than the last cycle; the next one brings it."""
DRIFT = frozenset(
    {
        "missing_document",
        "missing_record",
        "extra_document",
        "extra_record",
        "different_amount",
        "different_date",
        "dead_letter",
        "parked",
    }
)
"""Explained, and wrong: `reconcile --repair` reads these documents again."""
UNEXPLAINED = frozenset({"unexplained", "balance_differs"})
"""What no document explains: the alarm."""


@dataclass(frozen=True, slots=True)
class Recorder:
    """A document of accounting, by its set and its key."""

    set: str
    key: str


@dataclass(frozen=True, slots=True)
class Tie:
    """One document's movement of one settlement, in accounting and in the mirror; equal where all is well."""

    recorder: Recorder
    key: SettlementKey
    theirs: Decimal
    ours: Decimal
    date: datetime | None = None

    @property
    def difference(self) -> Decimal:
        """What the mirror lacks of accounting."""
        return self.theirs - self.ours


def tie_movements(
    theirs: Mapping[tuple[Recorder, SettlementKey], Decimal],
    ours: Mapping[tuple[Recorder, SettlementKey], Decimal],
    dates: Mapping[Recorder, datetime | None],
) -> list[Tie]:
    """Lay the two books side by side, document by document; in the order of their dates."""
    pairs = dict.fromkeys((*theirs, *ours))
    ties = [
        Tie(recorder, key, theirs.get((recorder, key), ZERO), ours.get((recorder, key), ZERO), dates.get(recorder))
        for recorder, key in pairs
    ]
    return sorted(ties, key=lambda tie: (tie.date is None, tie.date.isoformat() if tie.date else "", tie.recorder.key))


def sum_movements(
    rows: Iterable[tuple[SettlementKey, MovementRow]],
) -> tuple[dict[tuple[Recorder, SettlementKey], Decimal], dict[Recorder, datetime | None]]:
    """Movements by document and settlement: a transfer between two settlement accounts comes to nothing."""
    totals: dict[tuple[Recorder, SettlementKey], Decimal] = {}
    dates: dict[Recorder, datetime | None] = {}
    for key, row in rows:
        recorder = Recorder(row.recorder_set, row.recorder)
        totals[recorder, key] = totals.get((recorder, key), ZERO) + row.amount
        dates[recorder] = row.date
    return {pair: amount for pair, amount in totals.items() if amount}, dates


def name_difference(
    tie: Tie,
    mirrored: Standing | None,
    live_version: str | None,
    sources: Mapping[str, str],
    kinds: Mapping[str, str],
    unpublished: Container[str] = (),
) -> str:
    """What a tie that does not close is.

    Args:
        tie: the document's movement on both sides.
        mirrored: what we know of the document; None: never met.
        live_version: its version in accounting now; None: it is not there.
        sources: sets that are mirrored, with their entity.
        kinds: names that the mapping gives to other sets.
        unpublished: sets that accounting does not show us.
    """
    if tie.recorder.set not in sources:
        return kinds.get(tie.recorder.set, OTHER)
    if tie.recorder.set in unpublished:
        return NOT_PUBLISHED
    if mirrored is None:
        return "missing_document"
    if mirrored.state in _STATES:
        return _STATES[mirrored.state]
    if not mirrored.present:
        return "missing_document"
    if live_version is None:
        return "extra_document"
    if live_version != mirrored.version:
        return "not_yet_applied"
    return "extra_document" if not tie.theirs else "missing_document" if not tie.ours else "different_amount"


_STATES = {"parked": "parked", "filtered": "filtered", "dead": "dead_letter"}
_WORDS = re.compile(r"(?<=[а-яёa-z0-9])(?=[А-ЯЁA-Z])|(?<=[А-ЯЁA-Z])(?=[А-ЯЁA-Z][а-яёa-z])")


def build_title(recorder_set: str) -> str:
    """A set's name as people read it: "Document_КорректировкаДолга" is "Корректировка долга"."""
    words = _WORDS.split(recorder_set.removeprefix("Document_"))
    return " ".join([words[0], *(word if word.isupper() and len(word) > 1 else word.lower() for word in words[1:])])


@dataclass(frozen=True, slots=True)
class NamedMovement:
    """A movement that no mirrored document stands behind, ready to be stored."""

    counterparty_key: str
    contract_key: str
    organisation_key: str
    currency: str
    recorder: Recorder
    kind: str
    number: str
    date: datetime | None
    amount: Decimal
    counterparty_id: UUID | None = None


def load_movements(conn: Connection, connection: str, counterparties: Iterable[str]) -> list[NamedMovement]:
    """What has been named of these customers' movements, in the order of their dates."""
    columns = [movements.c[name] for name in (*_PLACE, "recorder_set", "recorder", "kind", "number", "date", "amount")]
    found: list[NamedMovement] = []
    for part in chunks(counterparties, WHOM_AT_ONCE):
        mine = (movements.c.connection == connection, movements.c.counterparty_key.in_(part))
        rows = conn.execute(select(*columns, movements.c.counterparty_id).where(*mine).order_by(movements.c.date))
        found += [NamedMovement(*row[:4], Recorder(row[4], row[5]), row[6], row[7] or "", *row[8:]) for row in rows]
    return found


_PLACE = ("counterparty_key", "contract_key", "organisation_key", "currency")


def store_movements(
    conn: Connection, connection: str, counterparties: Sequence[str], found: Iterable[NamedMovement]
) -> None:
    """Replace what was known of these customers' movements; in the caller's transaction."""
    mine = movements.c.connection == connection
    for part in chunks(counterparties, WHOM_AT_ONCE):
        conn.execute(delete(movements).where(mine, movements.c.counterparty_key.in_(part)))
    insert(conn, movements, [_row(connection, item) for item in found])


def _row(connection: str, item: NamedMovement) -> dict[str, Any]:
    return {
        "id": new_id(),
        "connection": connection,
        "counterparty_id": item.counterparty_id,
        "counterparty_key": item.counterparty_key,
        "contract_key": item.contract_key,
        "organisation_key": item.organisation_key,
        "currency": item.currency,
        "recorder_set": item.recorder.set,
        "recorder": item.recorder.key,
        "kind": item.kind,
        "number": item.number[:40] or None,
        "date": item.date,
        "amount": item.amount,
    }
