"""What of a record can be compared without reading it whole: its marks, whether it is posted, its amount.

The mapping's own rules are run over the few attributes that they need: what is compared is what would be stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from connectors.base import FigureRow
from core.errors import RecordError
from core.money import to_minor
from mapping.model import ENTITIES, SourceSet
from mapping.rules import EntityMapping
from mapping.values import Env
from sync.pull.prepare import business_date

_CONDITIONS = ("when", "formula")
FILTERED = "filtered"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COMPARED = ("posted", "amount", "date")


@dataclass(frozen=True, slots=True)
class Figures:
    """Posted, amount (ten-thousandths) and date (seconds) as stored; None where not known, and then not compared.

    `date` is the business date by which accounting sorts, `dated` what the mapping makes of it.
    """

    posted: bool | None = None
    amount: int | None = None
    date: datetime | None = None
    filtered: bool = False
    dated: int | None = None

    @property
    def counts(self) -> bool:
        """Whether this is a document whose amount is known and that counts."""
        return self.posted is True and self.amount is not None and not self.filtered

    def token(self, version: str, *, deleted: bool) -> str:
        """All that is to be equal on both sides."""
        if self.filtered:
            return f"{version}|{FILTERED}"
        return f"{version}|{deleted:d}|{self.posted}|{self.amount}|{self.dated}"


def in_seconds(date: object) -> int | None:
    """A moment as both sides keep it: accounting knows no fractions."""
    return int(date.timestamp()) if isinstance(date, datetime) else None


def from_seconds(seconds: int) -> datetime:
    """The moment that so many seconds stand for."""
    return _EPOCH + timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class FigureReader:
    """Reads the figures of one set's records."""

    source: SourceSet
    zone: ZoneInfo
    attributes: tuple[str, ...] = ()
    rules: tuple[tuple[str, Any], ...] = ()
    conditions: tuple[Any, ...] = ()

    @property
    def compared(self) -> frozenset[str]:
        """Which of posted, amount and date the mapping takes from plain attributes."""
        return frozenset(name for name, _ in self.rules)

    def read(self, row: FigureRow) -> Figures:
        """The figures as the mapping makes them; unknown where it cannot."""
        date = business_date(self.source, row.data, self.zone)
        try:
            if not all(condition(row.data) for condition in self.conditions):
                return Figures(date=date, filtered=True)
            found = {name: rule(row.data, Env(self.zone, row.key.external_id)) for name, rule in self.rules}
        except (RecordError, ValueError, TypeError, ArithmeticError, LookupError):
            return Figures(date=date)  # such a record is a dead letter, and is told of as that
        posted, amount = found.get("posted"), found.get("amount")
        return Figures(
            posted if isinstance(posted, bool) else None,
            to_minor(amount) if isinstance(amount, Decimal) else None,
            date,
            dated=in_seconds(found.get("date")),
        )


def find_figures(mapped: EntityMapping, source: SourceSet, zone: ZoneInfo) -> FigureReader:
    """What can be compared of a set's records. Of what is no document, only key, version and marks."""
    if not ENTITIES[source.entity].document:
        return FigureReader(source, zone)
    program = mapped.programs[source.name]
    heads: dict[str, list[str]] = {}
    for need in program.needs:
        plain = need.section is None and not need.path.leaves and not need.path.never
        if need.section is None:
            heads.setdefault(need.target, []).append(need.path.head if plain else "")
    names = [name for name in COMPARED if heads.get(name) and all(heads[name])]
    conditions = [head for target in _CONDITIONS for head in heads.get(target, ()) if head]
    attributes = [source.date, *(head for name in names for head in heads[name]), *conditions]
    rules = tuple((name, rule) for name, rule in program.fields if name in names)
    return FigureReader(source, zone, tuple(dict.fromkeys(a for a in attributes if a)), rules, program.when)
