"""Whether 1C kept what was sent (1c-odata.md §6, rule 2)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation


def differences(sent: Mapping[str, object], kept: Mapping[str, object]) -> dict[str, tuple[object, object]]:
    """Fields that came back otherwise: name -> (sent, kept); a field that did not come back is kept as None.

    Notations of one value are no difference: Int64 as text, padded strings, GUIDs in capitals, 100 and 100.00.
    """
    found: dict[str, tuple[object, object]] = {}
    for field, value in sent.items():
        if field.endswith("@odata.type"):
            continue
        if isinstance(value, list):
            found |= _row_differences(field, value, kept.get(field))
        elif not _same(value, kept.get(field)):
            found[field] = (value, kept.get(field))
    return found


def _row_differences(field: str, sent: list[object], kept: object) -> dict[str, tuple[object, object]]:
    if not isinstance(kept, list) or len(kept) != len(sent):
        return {field: (f"{len(sent)} rows", f"{len(kept)} rows" if isinstance(kept, list) else None)}
    found: dict[str, tuple[object, object]] = {}
    for number, (mine, theirs) in enumerate(zip(sent, kept, strict=True), start=1):
        if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
            inner = differences(mine, theirs)
            found |= {f"{field}[{number}].{name}": pair for name, pair in inner.items()}
    return found


def _same(sent: object, kept: object) -> bool:
    if isinstance(sent, bool) or isinstance(kept, bool) or sent is None or kept is None:
        return sent == kept
    if isinstance(sent, int | Decimal) or isinstance(kept, int | Decimal):
        mine, theirs = _number(sent), _number(kept)
        return mine is not None and mine == theirs
    mine_text, their_text = str(sent).rstrip(), str(kept).rstrip()
    return mine_text == their_text or (_is_hex_id(mine_text) and mine_text.lower() == their_text.lower())


def _number(value: object) -> Decimal | None:
    try:
        return Decimal(str(value).strip())
    except InvalidOperation:
        return None


def _is_hex_id(text: str) -> bool:
    return len(text) == 36 and text.count("-") == 4
