"""What a reconciliation found, as commands and pages show it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from core.money import ZERO, format_amount
from sync.settle.movements import DRIFT, LAG, UNEXPLAINED

SHOWN = 10_000
"""So many lines are kept of one reconciliation; the counts and sums are always whole."""


@dataclass(slots=True)
class EntityLine:
    """One entity: how many records both sides hold, and what differs."""

    entity: str
    ours: int = 0
    theirs: int = 0
    missing: int = 0
    extra: int = 0
    different: int = 0
    parked: int = 0
    dead: int = 0
    filtered: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)
    """Mirrored documents that count, by currency."""

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        names = ("entity", "ours", "theirs", "missing", "extra", "different", "parked", "dead", "filtered")
        sums = {currency: format_amount(amount) for currency, amount in sorted(self.sums.items())}
        return {"type": "entity", **{name: getattr(self, name) for name in names}, "sums": sums}


@dataclass(slots=True)
class BalanceLine:
    """One currency: opening + movements = register, and what of it no document explains."""

    currency: str
    opening: Decimal = ZERO
    documents: Decimal = ZERO
    named: Decimal = ZERO
    register: Decimal = ZERO
    unexplained: Decimal = ZERO
    settlements: int = 0
    examined: int = 0

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        amounts = ("opening", "documents", "named", "register", "unexplained")
        row = {name: format_amount(getattr(self, name)) for name in amounts}
        counts = {"settlements": self.settlements, "examined": self.examined}
        return {"type": "balance", "currency": self.currency, **row, **counts}


@dataclass(slots=True)
class Line:
    """One difference, explained: what it is, whose, which document, and how much accounting has more than we."""

    kind: str
    entity: str
    amount: Decimal | None
    currency: str = ""
    counterparty: str = ""
    counterparty_key: str = ""
    title: str = ""
    number: str = ""
    date: datetime | None = None
    source: str = ""
    external_id: str = ""
    note: str = ""
    counterparty_id: UUID | None = None

    @property
    def weight(self) -> str:
        """Named (as it should be), lag (the next cycle brings it), drift (`--repair` mends it), unexplained (alarm)."""
        if self.kind in UNEXPLAINED:
            return "unexplained"
        if self.kind in ("dead_letter", "parked") and self.amount is None:
            return "lag"  # it waits, is told of elsewhere, and no money hangs on it
        return "drift" if self.kind in DRIFT else "lag" if self.kind in LAG else "named"

    def to_row(self) -> dict[str, str]:
        """As people read it."""
        return {
            "what": self.kind.replace("_", " "),
            "customer": self.counterparty or self.counterparty_key,
            "document": self.title or self.entity,
            "number": self.number,
            "date": self.date.date().isoformat() if self.date else "",
            "amount": "" if self.amount is None else format_amount(self.amount),
            "currency": self.currency,
        } | ({"note": self.note} if self.note else {"note": ""})

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "type": "line",
            "kind": self.kind,
            "weight": self.weight,
            "entity": self.entity,
            "amount": None if self.amount is None else format_amount(self.amount),
            "currency": self.currency,
            "counterparty": {"name": self.counterparty, "external_id": self.counterparty_key},
            "document": {
                "title": self.title,
                "number": self.number,
                "date": self.date.isoformat() if self.date else None,
                "source": self.source,
                "external_id": self.external_id,
            },
            "note": self.note,
        }


@dataclass(slots=True)
class Reconciliation:
    """One comparison of the two books.

    `status`: ok (nothing to mend), explained (every difference is named, some want `--repair`), unexplained (the
    alarm), failed (the books could not be compared).
    """

    connection: str
    at: datetime
    entities: list[EntityLine] = field(default_factory=list)
    balances: dict[str, BalanceLine] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    left_out: int = 0
    notices: list[str] = field(default_factory=list)
    failure: str = ""
    repaired: int = 0
    remembered: int = 0
    """Movements that were not fetched, since what was named of them earlier still adds up."""

    def add(self, line: Line) -> None:
        """One more line; beyond ten thousand they are only counted, except the alarms."""
        if len(self.lines) < SHOWN or line.weight == "unexplained":
            self.lines.append(line)
        else:
            self.left_out += 1

    def balance(self, currency: str) -> BalanceLine:
        """The line of a currency."""
        return self.balances.setdefault(currency, BalanceLine(currency))

    @property
    def status(self) -> str:
        """How the two books stand to each other."""
        if self.failure:
            return "failed"
        weights = {line.weight for line in self.lines}
        return next((word for weight, word in _STATUS if weight in weights), "ok")

    @property
    def unexplained(self) -> dict[str, str]:
        """What no document explains, by currency; currencies without any are left out."""
        return {line.currency: format_amount(line.unexplained) for line in self.balances.values() if line.unexplained}

    def named_movements(self) -> list[dict[str, str]]:
        """Movements that no order, shipment or payment stands behind, each as what it is."""
        return [line.to_row() for line in self.lines if line.weight == "named"]

    def differences(self) -> list[dict[str, str]]:
        """What differs and why."""
        return [line.to_row() for line in self.lines if line.weight != "named"]

    def to_json(self) -> Iterator[dict[str, Any]]:
        """One object a line: entities, balances, differences, and the summary last."""
        yield from (line.to_json() for line in self.entities)
        yield from (line.to_json() for line in self.balances.values())
        yield from (line.to_json() for line in self.lines)
        yield {"type": "summary", **self.summary()}

    def summary(self) -> dict[str, Any]:
        """The few numbers that history keeps."""
        kinds: dict[str, int] = {}
        for line in self.lines:
            kinds[line.kind] = kinds.get(line.kind, 0) + 1
        unexplained = {line.currency: format_amount(line.unexplained) for line in self.balances.values()}
        return {
            "connection": self.connection,
            "at": self.at.isoformat(),
            "status": self.status,
            "unexplained": unexplained,
            "kinds": kinds,
            "left_out": self.left_out,
            "repaired": self.repaired,
            "remembered": self.remembered,
            "notices": self.notices,
            "message": self.failure,
        }


_STATUS = (("unexplained", "unexplained"), ("drift", "explained"))
