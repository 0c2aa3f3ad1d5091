"""Money, time and identifiers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import ManualClock, SystemClock, local_from_utc, utc_from_local
from core.ids import new_id
from core.money import LIMIT, format_amount, from_minor, parse_amount, to_minor

AMOUNTS = st.decimals(min_value=-LIMIT + 1, max_value=LIMIT - 1, places=4, allow_nan=False, allow_infinity=False)


@given(AMOUNTS)
def test_stored_amount_comes_back_exactly(amount: Decimal) -> None:
    assert from_minor(to_minor(amount)) == amount
    assert abs(to_minor(amount)) < 2**63
    assert Decimal(format_amount(amount)) == amount


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "0.00"),
        ("-0.00", "0.00"),
        ("1500", "1500.00"),
        ("0.1", "0.10"),
        ("12.3456", "12.3456"),
        ("-7.5", "-7.50"),
        ("1E+3", "1000.00"),
    ],
)
def test_format(amount: str, text: str) -> None:
    assert format_amount(Decimal(amount)) == text


@pytest.mark.parametrize("value", [1.5, True, "NaN", "Infinity", "abc", "", "1e15", 10**14, None, "1 000"])
def test_not_an_amount(value: object) -> None:
    with pytest.raises(ValueError, match="amount"):
        parse_amount(value)


def test_amount_written_with_a_comma() -> None:
    assert parse_amount(" 12,50 ") == Decimal("12.5")


def test_local_time_and_back() -> None:
    kyiv = ZoneInfo("Europe/Kyiv")
    noon = datetime(2026, 7, 1, 12, 0)  # noqa: DTZ001 -- accounting's own naive time
    assert utc_from_local(noon, kyiv) == datetime(2026, 7, 1, 9, 0, tzinfo=UTC)
    assert local_from_utc(datetime(2026, 1, 1, 10, 0, tzinfo=UTC), kyiv) == datetime(2026, 1, 1, 12, 0)  # noqa: DTZ001


def test_system_clock_is_aware_utc() -> None:
    clock = SystemClock()
    assert clock.now().utcoffset() == timedelta(0)
    before = clock.monotonic()
    clock.sleep(0)
    assert clock.monotonic() >= before


def test_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock()
    start = clock.now()
    slept: list[float] = []
    clock.on_sleep = slept.append
    clock.sleep(5)
    clock.move(timedelta(hours=-2))
    assert (clock.now() - start, clock.monotonic(), slept) == (timedelta(hours=-2, seconds=5), 5.0, [5])


def test_identifiers_grow_and_differ() -> None:
    made = [new_id() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert [item.int >> 80 for item in made] == sorted(item.int >> 80 for item in made)
    assert {item.version for item in made} == {7}
