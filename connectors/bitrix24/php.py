"""Parameters in the way PHP reads them from a query string: what the commands of a batch are written in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from urllib.parse import quote_plus


def command(method: str, params: Mapping[str, object]) -> str:
    """One command of a batch: `crm.item.get?entityTypeId=4&id=1`. References (`$result[…]`) go through as they are."""
    return f"{method}?" + "&".join(f"{quote_plus(name, safe='[]')}={quote_plus(value)}" for name, value in flat(params))


def flat(tree: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested parameters as pairs with bracketed names; None is the empty text, as an empty value is written."""
    for key, value in tree.items():
        name = f"{prefix}[{key}]" if prefix else str(key)
        if isinstance(value, Mapping):
            yield from flat(value, name)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            if value:
                yield from flat({str(place): one for place, one in enumerate(value)}, name)
            else:
                yield name, ""
        else:
            yield name, text(value)


def text(value: object) -> str:
    """A plain value: money without an exponent, Y and N for truth."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Y" if value else "N"
    return format(value, "f") if isinstance(value, Decimal) else str(value)
