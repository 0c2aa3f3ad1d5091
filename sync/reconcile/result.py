"""What a reconciliation found, as commands and pages show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any
from uuid import UUID

from core.money import ZERO, format_amount, from_minor
from sync.reconcile.buckets import Month, differing_months
from sync.settle.movements import DRIFT, LAG, UNEXPLAINED

LONGEST_MESSAGE = 2000
SHOWN = 10_000
"""So many lines are kept of one reconciliation; the counts and sums are always whole."""


@dataclass(frozen=True, slots=True)
class SetSums:
    """One set: how many buckets were compared and differ, and both sides' control sums by month."""

    buckets: int
    differing: int
    ours: dict[str, Month]
    theirs: dict[str, Month]


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
    sets: dict[str, SetSums] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """For scripts. Of months only those whose control sums differ are told."""
        names = ("entity", "ours", "theirs", "missing", "extra", "different", "parked", "dead", "filtered")
        sums = {currency: format_amount(amount) for currency, amount in sorted(self.sums.items())}
        buckets = {name: sum(getattr(one, name) for one in self.sets.values()) for name in ("buckets", "differing")}
        return {
            "type": "entity",
            **{name: getattr(self, name) for name in names},
            "sums": sums,
            **buckets,
            "months": self.differing_months(),
        }

    def differing_months(self) -> list[dict[str, Any]]:
        """Months in which the documents that count are not as many, or not of the same amount."""
        return [
            {
                "set": name,
                "month": month,
                "ours": {"count": mine.count, "amount": format_amount(from_minor(mine.amount))},
                "accounting": {"count": its.count, "amount": format_amount(from_minor(its.amount))},
            }
            for name, sums in self.sets.items()
            for month, mine, its in differing_months(sums.ours, sums.theirs)
        ]


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

    def add(self, other: BalanceLine, sign: int = 1) -> None:
        """Some customers' part of it, or (sign -1) take it out again."""
        for name in ("opening", "documents", "named", "register", "unexplained", "settlements", "examined"):
            setattr(self, name, getattr(self, name) + sign * getattr(other, name))

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
    link: str = ""
    by_key: bool = False
    """Found by comparing records one by one, not settlements: it belongs to no customer's sum."""
    since: datetime | None = None
    """The first of the reconciliations that have all found this difference; filled when the result is kept."""

    @property
    def of_settlement(self) -> bool:
        """Whether it explains a settlement: it comes and goes with the customer's sums."""
        return bool(self.currency) and not self.by_key

    @property
    def identity(self) -> tuple[str, str, str, str, str]:
        """What makes it the same difference from one reconciliation to the next, whatever its amount."""
        return (self.kind, self.source or self.entity, self.external_id, self.counterparty_key, self.currency)

    @property
    def weight(self) -> str:
        """Named (as it should be), lag (the next cycle brings it), drift (`--repair` mends it), unexplained (alarm)."""
        if self.kind in UNEXPLAINED:
            return "unexplained"
        if self.kind in ("dead_letter", "parked") and self.amount is None:
            return "lag"  # it waits, is told of elsewhere, and no money hangs on it
        return "drift" if self.kind in DRIFT else "lag" if self.kind in LAG else "named"

    def to_row(self, zone: tzinfo = UTC) -> dict[str, str]:
        """As people read it: days are those of the wall clock of `zone`."""
        return {
            "what": self.kind.replace("_", " "),
            "customer": self.counterparty or self.counterparty_key,
            "document": self.title or self.entity,
            "number": self.number,
            "date": self.date.astimezone(zone).date().isoformat() if self.date else "",
            "amount": "" if self.amount is None else format_amount(self.amount),
            "currency": self.currency,
            "since": self.since.astimezone(zone).date().isoformat() if self.since else "",
            "note": self.note,
        }

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
                "link": self.link or None,
            },
            "note": self.note,
            "since": self.since.isoformat() if self.since else None,
        }


@dataclass(frozen=True, slots=True)
class Share:
    """What one customer whose books differ adds to the sums: taken out when he is compared again."""

    keys: list[str]
    parts: dict[str, BalanceLine]


@dataclass(slots=True)
class Reconciliation:
    """One comparison of the two books.

    `status`: ok (nothing to mend), explained (every difference is named, some want `--repair`), unexplained (the
    alarm), incomplete (nothing unexplained in what was compared, and not all of it was), failed (the books could not
    be compared).
    """

    connection: str
    at: datetime
    entities: list[EntityLine] = field(default_factory=list)
    balances: dict[str, BalanceLine] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    left_out: int = 0
    notices: list[str] = field(default_factory=list)
    incomplete: dict[str, str] = field(default_factory=dict)
    """Sets that could not be compared, each with the reason."""
    failure: str = ""
    repaired: int = 0
    left_to_people: int = 0
    """Differences that a nightly reconciliation has not mended: too many, or its repair did not help."""
    remembered: int = 0
    """Movements that were not fetched, since what was named of them earlier still adds up."""

    asked_by: str = "order"
    seconds: float = 0.0
    left: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Kind and weight of the differences that are only counted."""
    found: dict[str, int] = field(default_factory=dict)
    """Kinds of differences before they were mended."""
    shares: dict[str, Share] = field(default_factory=dict)
    """Customers whose books differ, by the first of their keys; as many as there are lines at most."""

    def add(self, line: Line) -> None:
        """One more line; beyond ten thousand they are only counted, alarms beyond twice as many."""
        room = SHOWN if line.weight != "unexplained" else 2 * SHOWN
        if len(self.lines) < room:
            self.lines.append(line)
        else:
            self.leave_out(line)

    def notice(self, text: str) -> None:
        """Tell people something, once."""
        if text not in self.notices:
            self.notices.append(text)

    def leave_out(self, line: Line, number: int = 1) -> None:
        """So many lines like this one are only counted."""
        self.left_out += number
        self.left[line.kind, line.weight] += number

    def count(self, *weights: str) -> int:
        """How many differences are of one of these weights, those that are only counted too."""
        kept = sum(1 for line in self.lines if line.weight in weights)
        return kept + sum(number for (_, weight), number in self.left.items() if weight in weights)

    def add_customer(self, keys: list[str], parts: dict[str, BalanceLine], lines: list[Line]) -> None:
        """One customer: what he adds to the sums, and the lines that explain him."""
        for currency, part in parts.items():
            self.balance(currency).add(part)
        for line in lines:
            self.add(line)
        if any(line.weight != "named" for line in lines) and len(self.shares) < SHOWN:
            self.shares[keys[0]] = Share(keys, parts)

    def take_out_customer(self, key: str) -> list[str]:
        """Forget a customer whose books differed; returns all his keys."""
        share = self.shares.pop(key)
        for currency, part in share.parts.items():
            self.balance(currency).add(part, -1)
        self.lines = [line for line in self.lines if not (line.of_settlement and line.counterparty_key == key)]
        return share.keys

    def balance(self, currency: str) -> BalanceLine:
        """The line of a currency."""
        return self.balances.setdefault(currency, BalanceLine(currency))

    @property
    def status(self) -> str:
        """How the two books stand to each other."""
        if self.failure:
            return "failed"
        weights = {line.weight for line in self.lines} | {weight for _, weight in self.left}
        if self.incomplete and "unexplained" not in weights:
            return "incomplete"
        return next((word for weight, word in _STATUS if weight in weights), "ok")

    @property
    def unexplained(self) -> dict[str, str]:
        """What no document explains, by currency; currencies without any are left out."""
        return {line.currency: format_amount(line.unexplained) for line in self.balances.values() if line.unexplained}

    def named_movements(self, zone: tzinfo = UTC) -> list[dict[str, str]]:
        """Movements that no order, shipment or payment stands behind, each as what it is."""
        return [line.to_row(zone) for line in self.lines if line.weight == "named"]

    def differences(self, zone: tzinfo = UTC) -> list[dict[str, str]]:
        """What differs and why."""
        return [line.to_row(zone) for line in self.lines if line.weight != "named"]

    def to_json(self) -> Iterator[dict[str, Any]]:
        """One object a line: entities, balances, differences, and the summary last."""
        yield from (line.to_json() for line in self.entities)
        yield from (line.to_json() for line in self.balances.values())
        yield from (line.to_json() for line in self.lines)
        yield {"type": "summary", **self.summary()}

    def kinds(self) -> dict[str, int]:
        """How many differences and named movements of each kind there are."""
        kinds = Counter(line.kind for line in self.lines)
        for (kind, _), number in self.left.items():
            kinds[kind] += number
        return dict(kinds)

    def summary(self) -> dict[str, Any]:
        """The few numbers that history keeps."""
        unexplained = {line.currency: format_amount(line.unexplained) for line in self.balances.values()}
        return {
            "connection": self.connection,
            "at": self.at.isoformat(),
            "status": self.status,
            "unexplained": unexplained,
            "kinds": self.kinds(),
            "found": self.found,
            "left_out": self.left_out,
            "repaired": self.repaired,
            "left_to_people": self.left_to_people,
            "remembered": self.remembered,
            "notices": self.notices,
            "incomplete": list(self.incomplete.values()),
            "drift_since": min((line.since.isoformat() for line in self.lines if line.since), default=None),
            "message": self.failure or " ".join(self.incomplete.values())[:LONGEST_MESSAGE],
            "asked_by": self.asked_by,
            "seconds": round(self.seconds, 3),
        }


_STATUS = (("unexplained", "unexplained"), ("drift", "explained"))
