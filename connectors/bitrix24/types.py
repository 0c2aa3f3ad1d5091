"""Types of elements by the names that mappings use, and what the portal calls them (bitrix24.md §6)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.bitrix24.wire import Wire, rows_of
from core.errors import ConfigError

COMPANY, CONTACT, DEAL, INVOICE = 4, 3, 2, 31
STANDARD = {"company": COMPANY, "contact": CONTACT, "deal": DEAL, "invoice": INVOICE}
LISTS = {"activity": "crm.activity.list", "user": "user.get"}
"""Sets that are no elements of crm.item."""
WITH_REQUISITES = (COMPANY, CONTACT)
PREFIXES = {CONTACT: "contact:"}
"""Companies and contacts count from 1 both; among our counterparties a contact's number says so."""
CODE = "SVERKA_"
"""What the codes of our smart processes begin with."""


@dataclass(frozen=True, slots=True)
class TypeOf:
    """One type: its number, the id that user fields know it by, and its fields (outer name -> what is told of it)."""

    name: str
    number: int
    user_field_entity: str
    fields: Mapping[str, Mapping[str, Any]]

    @property
    def key_field(self) -> str:
        """Where our key stands: smart processes and invoices have no originId."""
        return "originId" if "originId" in self.fields else "xmlId"


def external_id(number: int, element: object) -> str:
    """Our external id of an element of a type."""
    return f"{PREFIXES.get(number, '')}{element}"


def number_in(number: int, text: str) -> int | None:
    """The portal's own number in an external id of this type; None where the id is of another type, or none at all."""
    prefix = PREFIXES.get(number, "")
    key = text.strip().lower()
    rest = key.removeprefix(prefix)
    return int(rest) if key.startswith(prefix) and rest.isascii() and rest.isdigit() else None


def element_id(text: str) -> int:
    """The portal's own number in an external id. Raises ValueError where there is none."""
    return int(re.sub(r"^[a-z]+:", "", text))


class Types:
    """The types of a portal, asked once and remembered until something is made."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._known: dict[str, TypeOf] = {}
        self._smart: dict[str, dict[str, Any]] | None = None

    def number(self, name: str) -> int | None:
        """The portal's number of a type; None where it has none of that name."""
        if name in STANDARD:
            return STANDARD[name]
        row = self.smart().get(name)
        return int(row["entityTypeId"]) if row is not None else None

    def smart(self) -> dict[str, dict[str, Any]]:
        """Smart processes by our name for them (their code without its prefix), and by "smart:NUMBER"."""
        if self._smart is None:
            rows = self._listed()
            ours = {str(row.get("code") or "").removeprefix(CODE).lower(): row for row in rows if row.get("code")}
            self._smart = ours | {f"smart:{row['entityTypeId']}": row for row in rows}
        return self._smart

    def _listed(self) -> list[dict[str, Any]]:
        """All of them: a page holds fifty, and one that is not seen would be made once more (§3)."""
        rows: list[dict[str, Any]] = []
        start: int | None = 0
        while start is not None:
            reply = self._wire.call("crm.type.list", {"start": start} if start else {})
            rows += rows_of(reply.result.get("types", []))
            start = reply.following if reply.following is not None and reply.following > start else None
        return rows

    def get(self, name: str) -> TypeOf:
        """A type with its fields.

        Raises:
            ConfigError: the portal has no such type.
        """
        if name not in self._known:
            number = self.number(name)
            if number is None:
                raise ConfigError(
                    f"The portal has no type of elements for {name!r}.",
                    next_step="create it in the portal or take it out of the mapping, then: sverka doctor",
                )
            told = self._wire.call("crm.item.fields", {"entityTypeId": number}).result
            self._known[name] = TypeOf(name, number, self._entity(name), dict(told["fields"]))
        return self._known[name]

    def _entity(self, name: str) -> str:
        entities = {
            "company": "CRM_COMPANY",
            "contact": "CRM_CONTACT",
            "deal": "CRM_DEAL",
            "invoice": "CRM_SMART_INVOICE",
        }
        return entities.get(name) or f"CRM_{self.smart()[name]['id']}"

    def forget(self) -> None:
        """Ask again: something has been made."""
        self._known.clear()
        self._smart = None
