"""Values as they leave the store: amounts as decimal strings, moments as ISO text with offset (design §7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from core.clock import on_wall_clock
from core.money import format_amount
from mapping.model import FieldKind, FieldSpec

Record = dict[str, Any]
"""One JSON object."""
StoredRow = Mapping[Any, Any]
"""A row of a table by column name."""


@dataclass(frozen=True, slots=True)
class View:
    """How records are shown: whose external id stands first, and in whose wall-clock time moments are written."""

    accounting: tuple[str, ...] = ()
    """Names of the accounting connections, the most important first."""
    zone: tzinfo = UTC
    old_after: Mapping[str, timedelta] = field(default_factory=dict, hash=False)
    """Connection -> the age from which on its figures are called old."""

    def rank(self, connection: str) -> tuple[int, str]:
        """Sorts connections: accounting first, then by name."""
        names = self.accounting
        return (names.index(connection) if connection in names else len(names), connection)

    def is_old(self, connection: str, seconds: int | None) -> bool:
        """Whether figures of that age are to be shown as old ones."""
        limit = self.old_after.get(connection)
        return limit is not None and seconds is not None and seconds >= limit.total_seconds()

    def moment(self, value: datetime | None) -> str | None:
        """A moment in the zone of this view, with its offset."""
        return None if value is None else on_wall_clock(value, self.zone).isoformat()

    def value(self, kind: FieldKind, value: Any) -> Any:
        """A field's value as JSON takes it; None stays None."""
        return None if value is None else _FORMATS[kind](self, value)

    def fields(self, specs: Mapping[str, FieldSpec], row: StoredRow) -> Record:
        """All these fields of a row."""
        return {name: self.value(spec.kind, row[name]) for name, spec in specs.items()}


def amount_text(value: Decimal | None) -> str | None:
    """Money as "1500.00"."""
    return None if value is None else format_amount(value)


def quantity_text(value: Decimal) -> str:
    """A quantity without idle zeros: "3", "0.125"."""
    return f"{value.normalize() + Decimal(0):f}"


def date_text(value: date | None) -> str | None:
    """A day as "2026-01-31"."""
    return None if value is None else value.isoformat()


def _as_it_is(view: View, value: Any) -> Any:
    return value


_FORMATS: dict[FieldKind, Callable[[View, Any], Any]] = {
    "text": _as_it_is,
    "bool": _as_it_is,
    "int": _as_it_is,
    "texts": _as_it_is,
    "json": _as_it_is,
    "money": lambda view, value: format_amount(value),
    "quantity": lambda view, value: quantity_text(value),
    "date": lambda view, value: date_text(value),
    "datetime": View.moment,
}
