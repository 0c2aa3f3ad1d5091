"""Cards looked for: by our key, by the tax id of their requisites, by phone or e-mail (bitrix24.md §6, §11)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.bitrix24.types import COMPANY, TypeOf, Types, external_id
from connectors.bitrix24.wire import LONGEST_BATCH, Wire
from connectors.cards import By, CardHit

VALUES = 40
"""Values that one list asks for: fewer than a page, so that a few twins do not spill over it."""
TOGETHER = 20
"""Phones or e-mails that one question takes (§6, Duplicates)."""
TAX_IDS = ("RQ_INN", "RQ_EDRPOU")
LEGAL = ["ID", "ENTITY_ID", *TAX_IDS, "RQ_KPP"]


class CardFinder:
    """Looks for cards of one portal."""

    def __init__(self, wire: Wire, types: Types, originator: str) -> None:
        self._wire, self._types, self._originator = wire, types, originator

    def find(self, kind: str, by: By, values: Sequence[str]) -> dict[str, list[CardHit]]:
        """Cards for each value; a value that nothing was found for is not in it."""
        type_of, wanted = self._types.get(kind), list(dict.fromkeys(value for value in values if value))
        if not wanted:
            return {}
        if by == "key":
            return self._by_key(type_of, wanted)
        if by == "tax_id":
            return self._by_tax_id(type_of, wanted)
        return self._by_contact(type_of, by, wanted)

    def _by_key(self, kind: TypeOf, values: Sequence[str]) -> dict[str, list[CardHit]]:
        smart = kind.key_field == "xmlId"
        names = (
            {f"{self._originator}:{value}": value for value in values} if smart else {value: value for value in values}
        )
        fixed: dict[str, object] = {} if smart else {"=originatorId": self._originator}
        found: dict[str, list[CardHit]] = {}
        for row in self._elements(kind, [{**fixed, f"@{kind.key_field}": part} for part in _parts(list(names))]):
            found.setdefault(names[str(row[kind.key_field])], []).append(self._hit(kind, row))
        return found

    def _elements(self, kind: TypeOf, filters: Sequence[Mapping[str, object]]) -> Iterator[dict[str, Any]]:
        """Elements that pass any of the filters, in batches; a full page is gone on with by key."""
        asked = {"entityTypeId": kind.number, "select": self._select(kind)}
        for rows in self._wire.lists("crm.item.list", [{**asked, "filter": dict(one)} for one in filters]):
            yield from rows

    def _select(self, kind: TypeOf) -> list[str]:
        wanted = ("id", "title", "name", "lastName", "isMyCompany", "originatorId", "originId", "xmlId", "companyId")
        return [name for name in wanted if name in kind.fields]

    def _hit(self, kind: TypeOf, row: Mapping[str, Any], requisite: Mapping[str, Any] | None = None) -> CardHit:
        legal = requisite or {}
        return CardHit(
            external_id(kind.number, row["id"]),
            title_of(row),
            str(legal.get("RQ_INN") or legal.get("RQ_EDRPOU") or ""),
            str(legal.get("RQ_KPP") or ""),
            key_of(row, self._originator),
            str(row.get("isMyCompany") or "N") == "Y",
        )

    def _by_tax_id(self, kind: TypeOf, values: Sequence[str]) -> dict[str, list[CardHit]]:
        legal: dict[int, list[Mapping[str, Any]]] = {}
        asked = [{"ENTITY_TYPE_ID": kind.number, f"@{name}": part} for name in TAX_IDS for part in _parts(values)]
        for rows in self._wire.lists("crm.requisite.list", [{"filter": one, "select": LEGAL} for one in asked], "ID"):
            for row in rows:
                legal.setdefault(int(row["ENTITY_ID"]), []).append(row)
        wanted, found = set(values), dict[str, list[CardHit]]()
        for row in self._elements(kind, [{"@id": part} for part in _parts(list(legal))]):
            for requisite in legal[int(row["id"])]:
                told = (str(requisite.get(name) or "").strip() for name in TAX_IDS)  # the portal passes over blanks
                value = next((one for one in told if one in wanted), None)
                if value is None:
                    continue
                found.setdefault(value, []).append(self._hit(kind, row, requisite))
        return found

    def _by_contact(self, kind: TypeOf, by: By, values: Sequence[str]) -> dict[str, list[CardHit]]:
        """Twenty values a question first, a thousand a request; then one a question where somebody has any of them.

        The answer does not say which value a card was found by (§6), and most are nobody's.
        """
        groups = [list(values[start : start + TOGETHER]) for start in range(0, len(values), TOGETHER)]
        told = self._duplicates(kind, by, groups) if len(values) > 1 else [[0]]
        asked = [[value] for group, hits in zip(groups, told, strict=True) if hits for value in group]
        numbers = {value: hits for (value,), hits in zip(asked, self._duplicates(kind, by, asked), strict=True)}
        wanted = list(dict.fromkeys(one for hits in numbers.values() for one in hits))
        rows = {int(row["id"]): row for row in self._elements(kind, [{"@id": part} for part in _parts(wanted)])}
        return {
            value: [self._hit(kind, rows[one]) for one in hits if one in rows]
            for value, hits in numbers.items()
            if hits
        }

    def _duplicates(self, kind: TypeOf, by: By, asked: Sequence[Sequence[str]]) -> list[list[int]]:
        """For each list of values the numbers of those who have one of them."""
        entity = "COMPANY" if kind.number == COMPANY else "CONTACT"
        found: list[list[int]] = []
        for start in range(0, len(asked), LONGEST_BATCH):
            replies = self._wire.ask_all({
                f"d{place}": (
                    "crm.duplicate.findbycomm", {"type": by.upper(), "values": list(part), "entity_type": entity},
                )
                for place, part in enumerate(asked[start : start + LONGEST_BATCH])
            })  # fmt: skip
            for reply in replies:
                told = reply.result
                found.append([int(one) for one in told.get(entity, [])] if isinstance(told, dict) else [])
        return found


def key_of(row: Mapping[str, Any], originator: str) -> str:
    """Under which key of ours an element stands: "" under none at all, "?" under another program's (§6)."""
    if row.get("xmlId"):
        owner, _, key = str(row["xmlId"]).partition(":")
        return key if owner == originator and key else "?"
    if row.get("originatorId"):
        return str(row.get("originId") or "") if row["originatorId"] == originator else "?"
    return ""


def title_of(row: Mapping[str, Any]) -> str:
    """What people call an element."""
    return str(row.get("title") or " ".join(str(row[name]) for name in ("lastName", "name") if row.get(name)))


def _parts(values: Sequence[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(values), VALUES):
        yield list(values[start : start + VALUES])
