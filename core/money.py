"""Money is Decimal in the program and a whole number of ten-thousandths in the tables; never a float."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

SCALE = 4
"""Digits after the point that are kept: kopecks, and prices finer than kopecks."""
_UNIT = Decimal(1).scaleb(-SCALE)
_CENT = Decimal("0.01")
LIMIT = Decimal(10) ** 14
"""Above this an amount is taken for a mistake; it also keeps within a 64-bit integer."""
ZERO = Decimal(0)


def parse_amount(value: object) -> Decimal:
    """An amount as the other side sent it, exactly.

    Raises:
        ValueError: not a finite number, a float (it has lost digits already), or absurdly large.
    """
    if isinstance(value, bool | float):
        raise ValueError(f"an amount must not be a {type(value).__name__}")
    try:
        amount = value if isinstance(value, Decimal) else Decimal(str(value).strip().replace(",", "."))
    except InvalidOperation as error:
        raise ValueError(f"{str(value)[:40]!r} is not an amount") from error
    if not amount.is_finite() or abs(amount) >= LIMIT:
        raise ValueError(f"{str(value)[:40]!r} is not a believable amount")
    return amount.quantize(_UNIT, ROUND_HALF_EVEN)


def to_minor(amount: Decimal) -> int:
    """The whole number that is stored for an amount."""
    return int(amount.scaleb(SCALE).to_integral_value(ROUND_HALF_EVEN))


def from_minor(minor: int) -> Decimal:
    """The amount behind a stored whole number."""
    return Decimal(minor).scaleb(-SCALE)


def format_amount(amount: Decimal) -> str:
    """An amount as a plain decimal string in major units, with two digits or more: "1500.00"."""
    cents = amount.quantize(_CENT, ROUND_HALF_EVEN)
    exact = cents if cents == amount else amount.normalize()
    return f"{exact + ZERO:f}"
