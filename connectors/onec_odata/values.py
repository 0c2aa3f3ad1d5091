"""Single values of 1C's answers: amounts, references, the subconto slots of virtual tables (1c-odata.md §1.4, §5)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from connectors.onec_odata.url import EMPTY_GUID, NAMESPACE, is_guid
from core.clock import EMPTY_YEAR, utc_from_local
from core.errors import TransientError
from core.money import ZERO

_SLOTS = (1, 2, 3, 4, 5)


def amount(value: object) -> Decimal:
    """A resource as Decimal; an absent, null or empty one is zero (1c-odata.md §5).

    Raises:
        TransientError: not a number: then the answer is not what it should be.
    """
    if not filled(value):
        return ZERO
    if isinstance(value, Decimal):
        number = value
    elif isinstance(value, int | str) and not isinstance(value, bool):
        number = _decimal(str(value))
    else:
        raise TransientError("1C answered with an amount that is no number.")
    return number


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError as error:
        raise TransientError("1C answered with an amount that is no number.") from error


def filled(value: object) -> bool:
    """Whether a value is there at all: not missing, not null, not empty text."""
    return value is not None and value != ""


def key(value: object) -> str | None:
    """A GUID in lower case; None for the empty one and for anything else (1c-odata.md §1.4)."""
    if not isinstance(value, str) or not is_guid(value) or value == EMPTY_GUID:
        return None
    return value.lower()


def reference(data: Mapping[str, object], name: str) -> str | None:
    """What a reference attribute points at, under either spelling of its name."""
    return key(data.get(f"{name}_Key")) or key(data.get(name))


def type_name(value: object) -> str:
    """The set that a `…_Type` value names, without its namespace; empty for undefined."""
    name = str(value or "").removeprefix(NAMESPACE)
    return "" if name == "Undefined" else name


def subconto(data: Mapping[str, object], set_name: str, side: str = "") -> str | None:
    """The key in whichever subconto slot holds an object of this set: slots are positional and differ by account.

    `side` is "Dr" or "Cr" in tables that carry both sides of an entry.
    """
    for slot in _SLOTS:
        field = f"ExtDimension{side}{slot}"
        if type_name(data.get(f"{field}_Type")) == set_name:
            return key(data.get(field))
    return None


def moment(value: object, zone: ZoneInfo) -> datetime | None:
    """A naive date of accounting as aware UTC; None for the empty date, and for what is none (1c-odata.md §1.4)."""
    if not isinstance(value, str):
        return None
    try:
        naive = datetime.fromisoformat(value)
    except ValueError:
        return None
    if naive.year == EMPTY_YEAR:
        return None
    return naive.astimezone(UTC) if naive.tzinfo is not None else utc_from_local(naive, zone)
