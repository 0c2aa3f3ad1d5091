"""Charts as plain geometry, drawn by a template as SVG: no script, no style of their own, readable on a phone. Pure.

Floats are places and lengths in the drawing; amounts stay the decimal texts they came as.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from store.queries.shapes import Record

WIDTH, HEIGHT, BASE = 640, 200, 24
"""Of the drawing in its own units; `BASE` is what the names of months take at the bottom."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, with the class by which it is coloured and the month that it is of."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    month: str
    amount: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars, the height of the line of zero, and where months are named: every other one, for narrow screens."""

    bars: tuple[Bar, ...]
    zero: float
    months: tuple[tuple[float, str], ...]
    highest: str
    lowest: str


def build_turnover_chart(months: Sequence[Record]) -> Chart:
    """What was shipped beside what was paid, month by month."""
    return _build(months, ("shipped", "paid"))


def build_balance_chart(months: Sequence[Record]) -> Chart:
    """What was owed at the end of each month; what was paid ahead hangs below the line."""
    return _build(months, ("balance",))


def _build(months: Sequence[Record], kinds: Sequence[str]) -> Chart:
    amounts = [Decimal(month[kind]) for month in months for kind in kinds]
    highest, lowest = max([*amounts, Decimal(0)]), min([*amounts, Decimal(0)])
    span = float(highest - lowest) or 1.0
    room = HEIGHT - BASE - 8
    zero = 8 + room * float(highest) / span
    step = WIDTH / max(len(months), 1)
    bars = [
        _bar(kind, month, place * step + step * 0.12 + turn * step * 0.76 / len(kinds), step * 0.76 / len(kinds) - 1,
             zero, room / span)
        for place, month in enumerate(months)
        for turn, kind in enumerate(kinds)
    ]  # fmt: skip
    named = tuple(
        (round(place * step + step / 2, 1), month["month"]) for place, month in enumerate(months) if place % 2 == 0
    )
    return Chart(tuple(bars), round(zero, 1), named, str(highest), str(lowest))


def _bar(kind: str, month: Record, x: float, width: float, zero: float, scale: float) -> Bar:
    amount = Decimal(month[kind])
    height = abs(float(amount)) * scale
    y = zero - height if amount >= 0 else zero
    shown = f"{kind} below" if amount < 0 else kind
    return Bar(shown, round(x, 1), round(y, 1), round(width, 1), round(height, 1), month["month"], str(month[kind]))
