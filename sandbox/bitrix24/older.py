"""`crm.company.*`, `crm.contact.*`, `crm.deal.*`: older methods, upper-case names, ids as texts (§6)."""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.errors import old
from sandbox.bitrix24.fields import COMPANY, CONTACT
from sandbox.bitrix24.filters import Filter, page, sort_rows
from sandbox.bitrix24.items import Items
from sandbox.bitrix24.multifields import TYPES, shown_old, write_old
from sandbox.bitrix24.params import Params, as_int, as_list
from sandbox.bitrix24.portal import Caller, Kind, Portal
from sandbox.bitrix24.values import clean

Row = dict[str, Any]
LINKS = ("observers", "contactIds", "companyIds")
"""Lists that only crm.item tells; older code asks for them by methods of their own."""


class Older:
    """One type by its older methods."""

    def __init__(self, portal: Portal, items: Items, entity_type_id: int) -> None:
        self.portal, self.items, self.entity_type_id = portal, items, entity_type_id

    @property
    def kind(self) -> Kind:
        """The type."""
        return self.portal.kinds[self.entity_type_id]

    def get(self, params: Params, caller: Caller) -> Row:
        """`crm.company.get`."""
        return self._shown(self._found(params), everything=True)

    def _found(self, params: Params) -> Row:
        number = as_int(params.get("id", params.get("ID", 0)))
        if number <= 0:
            raise old("ID is not defined or invalid.")
        row = self.kind.items.get(number)
        if row is None:
            raise old("Not found")
        return row

    def add(self, params: Params, caller: Caller) -> int:
        """`crm.company.add`: the bare id."""
        given = self._given(params)
        row = self.items.create(self.kind, given, caller)
        row["fm"] = write_old(row["fm"] or [], params["fields"], self.portal.numbers) if "fm" in row else None
        return int(row["id"])

    def update(self, params: Params, caller: Caller) -> bool:
        """`crm.company.update`: empties fields too, which crm.item.update was reported not to do."""
        row = self._found(params)
        given = self._given(params)
        before = list(row.get("fm") or [])
        if "fm" in row:
            row["fm"] = write_old(before, params["fields"], self.portal.numbers)
        if not self.items.change(self.kind, row, given, caller) and row.get("fm", before) != before:
            row["updatedTime"], row["updatedBy"] = self.portal.stamp(), caller.user_id
            self.items.tell(self.kind, int(row["id"]), "UPDATE", caller)
        return True

    def _given(self, params: Params) -> Row:
        fields = params.get("fields")
        if not isinstance(fields, dict):
            raise old("Parameter 'fields' must be array.")
        by_name = {one.upper_name: one for one in self.kind.fields.values() if one.name != "fm"}
        chosen = {by_name[name]: value for name, value in fields.items() if name in by_name}
        return {
            one.name: clean(one.kind, value, self.portal.zone, multiple=one.multiple)
            for one, value in chosen.items()
            if not one.read_only
        }

    def find(self, params: Params, caller: Caller) -> tuple[list[Row], int, int | None]:
        """`crm.company.list`: multifields only where `select` names them."""
        kinds = {one.upper_name: one.kind for one in self.kind.fields.values() if one.name != "fm"}
        rows = [self._upper(row) for row in self.kind.items.values()]
        wanted = Filter(params.get("filter"), kinds, self.portal.zone, strict=False)
        rows = sort_rows([row for row in rows if wanted(row)], params.get("order"), kinds, self.portal.zone)
        chosen, total, following = page(rows, params.get("start"))
        names = [str(name) for name in as_list(params.get("select"))]
        return [self._selected(row, names) for row in chosen], total, following

    def _upper(self, row: Row) -> Row:
        return {one.upper_name: row.get(one.name) for one in self.kind.fields.values() if one.name not in LINKS}

    def _selected(self, row: Row, names: list[str]) -> Row:
        whole = self._shown(self.kind.items[int(row["ID"])], everything=False)
        wanted = list(whole) if not names or "*" in names else ["ID", *names]
        found = {name: whole[name] for name in wanted if name in whole}
        fm = self.kind.items[int(row["ID"])].get("fm") or []
        return found | {kind: shown_old(fm, kind) for kind in TYPES if kind in names and shown_old(fm, kind)}

    def _shown(self, row: Row, *, everything: bool) -> Row:
        found = {name: _text(value) for name, value in self._upper(row).items() if name != "FM"}
        fm = row.get("fm") or []
        if everything:
            found |= {kind: shown_old(fm, kind) for kind in TYPES if shown_old(fm, kind)}
        return found

    def contacts(self, params: Params, caller: Caller) -> list[Row]:
        """`crm.company.contact.items.get` and `crm.contact.company.items.get`."""
        number = as_int(params.get("id", 0))
        if number <= 0:
            raise old("The parameter ownerEntityID is invalid or not defined.")
        other, name = (CONTACT, "CONTACT_ID") if self.entity_type_id == COMPANY else (COMPANY, "COMPANY_ID")
        if self.entity_type_id == COMPANY:
            found = [
                one["id"] for one in self.portal.kinds[other].items.values() if number in (one["companyIds"] or [])
            ]
        else:
            found = list(self.kind.items.get(number, {}).get("companyIds") or [])
        return [
            {name: one, "SORT": 10 * (place + 1), "ROLE_ID": 0, "IS_PRIMARY": "N" if place else "Y"}
            for place, one in enumerate(found)
        ]


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return [_text(one) for one in value]
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
