"""A mapping's filter in the portal's own terms: `typeId eq 'CLIENT' and isMyCompany ne 'Y'`."""

from __future__ import annotations

import re

from core.errors import SchemaDrift

_CLAUSE = re.compile(r"\s*([A-Za-z_]\w*)\s+(eq|ne|ge|le|gt|lt)\s+('(?:[^']|'')*'|-?\d+(?:\.\d+)?)\s*")
_OPERATORS = {"eq": "=", "ne": "!=", "ge": ">=", "le": "<=", "gt": ">", "lt": "<"}


def condition(text: str) -> dict[str, object]:
    """Comparisons joined by `and` as the portal's filter.

    Raises:
        SchemaDrift: something else; the entity is paused until the mapping is mended.
    """
    found: dict[str, object] = {}
    for part in re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE) if text.strip() else ():
        clause = _CLAUSE.fullmatch(part)
        if clause is None:
            raise SchemaDrift(
                f"The filter {text!r} cannot be put to Bitrix24: comparisons like typeId eq 'CLIENT', joined by and.",
                next_step="sverka mapping check",
            )
        name, operator, literal = clause.groups()
        found[f"{_OPERATORS[operator]}{name}"] = _value(literal)
    return found


def _value(literal: str) -> str | int:
    """A number with a fraction goes as it is written: the portal reads texts, and an amount must not become a float."""
    if literal.startswith("'"):
        return literal[1:-1].replace("''", "'")
    return literal if "." in literal else int(literal)
