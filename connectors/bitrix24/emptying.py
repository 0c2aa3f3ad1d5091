"""Fields that a portal has kept although they were to be emptied (bitrix24.md §6, known defects).

`crm.item.update` was reported to leave a company's field as it is where an empty value is sent. Its answer shows the
element as it stands then, so that is seen without a question; the older methods do empty it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.bitrix24.types import COMPANY, CONTACT, DEAL, TypeOf
from connectors.bitrix24.wire import Params

OLDER = {COMPANY: "crm.company.update", CONTACT: "crm.contact.update", DEAL: "crm.deal.update"}
_EMPTY: tuple[object, ...] = (None, "", "0", 0, False, [])


def build_emptying(
    kind: TypeOf, number: int, sent: Mapping[str, object], item: Mapping[str, Any]
) -> tuple[str, Params] | None:
    """The command that empties what an answer shows to be there still; None where nothing is, or nothing can be done.

    `sent`: the fields as they were sent; `item`: the element as the answer to that shows it.
    """
    kept = [name for name, value in sent.items() if value is None and not _is_empty(_shown(kind, name, item))]
    if not kept or kind.number not in OLDER:
        return None
    fields = {str(kind.fields.get(name, {}).get("upperName") or name): "" for name in kept}
    return OLDER[kind.number], {"id": number, "fields": fields}


def _shown(kind: TypeOf, name: str, item: Mapping[str, Any]) -> object:
    """A field's value under its own name or the original one, whichever the answer uses."""
    other = next((camel for camel, told in kind.fields.items() if told.get("upperName") == name), None)
    upper = str(kind.fields.get(name, {}).get("upperName") or "")
    return next((item[one] for one in (name, other, upper) if one and one in item), None)


def _is_empty(value: object) -> bool:
    """An amount without a number is `|RUB`."""
    return value in _EMPTY or (isinstance(value, str) and value.startswith("|"))
