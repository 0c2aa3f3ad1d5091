"""Requisites and bank details: objects of their own, several a company (§6)."""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.dictionaries import PRESET_FIELDS, PRESETS
from sandbox.bitrix24.errors import old
from sandbox.bitrix24.fields import COMPANY, CONTACT
from sandbox.bitrix24.filters import Filter, page, sort_rows
from sandbox.bitrix24.params import Params, as_dict, as_int, as_list
from sandbox.bitrix24.portal import Caller, Portal

Row = dict[str, Any]
TEXTS = (
    "NAME", "CODE", "XML_ID", "ORIGINATOR_ID", "RQ_INN", "RQ_KPP", "RQ_OGRN", "RQ_OGRNIP", "RQ_OKPO", "RQ_COMPANY_NAME",
    "RQ_COMPANY_FULL_NAME", "RQ_DIRECTOR", "RQ_ACCOUNTANT", "RQ_FIRST_NAME", "RQ_LAST_NAME", "RQ_SECOND_NAME",
    "RQ_EDRPOU", "RQ_DRFO", "RQ_VAT_PAYER", "RQ_BIN", "RQ_IIN", "RQ_VAT_ID",
)  # fmt: skip
BANK = ("NAME", "XML_ID", "RQ_BIK", "RQ_ACC_NUM", "RQ_COR_ACC_NUM", "RQ_BANK_NAME")
KINDS = {
    **dict.fromkeys(("ID", "ENTITY_TYPE_ID", "ENTITY_ID", "PRESET_ID", "SORT"), "integer"),
    **dict.fromkeys(("DATE_CREATE", "DATE_MODIFY"), "datetime"),
    **dict.fromkeys((*TEXTS, *BANK, "ACTIVE", "ADDRESS_ONLY"), "string"),
}
_STATE = {"ACTIVE": "Y", "ADDRESS_ONLY": "N", "SORT": "500"}


class Requisites:
    """`crm.requisite.*`: ids and numbers are texts in its answers."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal

    def add(self, params: Params, caller: Caller) -> int:
        """`crm.requisite.add`."""
        fields = self._fields(params)
        owner = self._owner(fields)
        if str(fields.get("PRESET_ID", "")) not in {number for number, _ in PRESETS}:
            raise old("PRESET_ID is not defined or invalid.")
        if not str(fields.get("NAME", "")).strip():
            raise old("NAME is not defined or invalid.")
        number = next(self.portal.numbers)
        row: Row = dict.fromkeys(TEXTS)
        row |= {"ID": str(number), "DATE_CREATE": self.portal.stamp(), "DATE_MODIFY": "", **_STATE, **owner}
        row |= {"CREATED_BY_ID": str(caller.user_id), "MODIFY_BY_ID": None, "PRESET_ID": str(fields["PRESET_ID"])}
        self._put(row, fields, TEXTS)
        self.portal.requisites[number] = row
        self.portal.events.tell("ONCRMREQUISITEADD", {"ID": str(number)}, caller)
        return number

    def _owner(self, fields: Row) -> Row:
        entity_type, number = as_int(fields.get("ENTITY_TYPE_ID")), as_int(fields.get("ENTITY_ID"))
        if entity_type not in (COMPANY, CONTACT):
            raise old("ENTITY_TYPE_ID is not defined or invalid.")
        if number not in self.portal.kinds[entity_type].items:
            raise old("ENTITY_ID is not defined or invalid.")
        return {"ENTITY_TYPE_ID": str(entity_type), "ENTITY_ID": str(number)}

    def _fields(self, params: Params) -> Row:
        if not isinstance(params.get("fields"), dict):
            raise old("Parameter 'fields' must be array.")
        return dict(params["fields"])

    def _put(self, row: Row, fields: Row, names: tuple[str, ...]) -> None:
        for name in names:
            if name in fields:
                row[name] = str(fields[name]) if fields[name] not in (None, "") else None

    def update(self, params: Params, caller: Caller) -> bool:
        """`crm.requisite.update`."""
        row = self._found(params)
        before = dict(row)
        self._put(row, self._fields(params), TEXTS)
        if row != before:
            row |= {"DATE_MODIFY": self.portal.stamp(), "MODIFY_BY_ID": str(caller.user_id)}
            self.portal.events.tell("ONCRMREQUISITEUPDATE", {"ID": row["ID"]}, caller)
        return True

    def _found(self, params: Params) -> Row:
        row = self.portal.requisites.get(as_int(params.get("id", params.get("ID", 0))))
        if row is None:
            raise old(f"The Requisite with ID '{params.get('id', '')}' is not found")
        return row

    def get(self, params: Params, caller: Caller) -> Row:
        """`crm.requisite.get`."""
        return dict(self._found(params))

    def delete(self, params: Params, caller: Caller) -> bool:
        """`crm.requisite.delete`."""
        row = self._found(params)
        del self.portal.requisites[int(row["ID"])]
        self.portal.events.tell("ONCRMREQUISITEDELETE", {"ID": row["ID"]}, caller)
        return True

    def find(self, params: Params, caller: Caller) -> tuple[list[Row], int, int | None]:
        """`crm.requisite.list`."""
        return _listed(self.portal, list(self.portal.requisites.values()), params)

    def presets(self, params: Params, caller: Caller) -> tuple[list[Row], int, int | None]:
        """`crm.requisite.preset.list`."""
        rows: list[Row] = [{"ID": number, "NAME": name} for number, name in PRESETS]
        return rows, len(rows), None

    def preset_fields(self, params: Params, caller: Caller) -> list[Row]:
        """`crm.requisite.preset.field.list`."""
        number = str(as_dict(params.get("preset")).get("ID", ""))
        if number not in PRESET_FIELDS:
            raise old(f"The Preset with ID '{number}' is not found")
        return [
            {"ID": place, "FIELD_NAME": name, "FIELD_TITLE": "", "IN_SHORT_LIST": "Y", "SORT": 500 + place * 10}
            for place, name in enumerate(PRESET_FIELDS[number], start=1)
        ]

    def add_bank(self, params: Params, caller: Caller) -> int:
        """`crm.requisite.bankdetail.add`."""
        fields = self._fields(params)
        if as_int(fields.get("ENTITY_ID")) not in self.portal.requisites:
            raise old("ENTITY_ID is not defined or invalid.")
        number = next(self.portal.numbers)
        row: Row = dict.fromkeys(BANK)
        row |= {"ID": str(number), "ENTITY_TYPE_ID": "8", "ENTITY_ID": str(fields["ENTITY_ID"])}
        self._put(row, fields, BANK)
        self.portal.bank_details[number] = row
        return number

    def list_bank(self, params: Params, caller: Caller) -> tuple[list[Row], int, int | None]:
        """`crm.requisite.bankdetail.list`."""
        return _listed(self.portal, list(self.portal.bank_details.values()), params)


def _listed(portal: Portal, rows: list[Row], params: Params) -> tuple[list[Row], int, int | None]:
    """Lists of older methods: unknown names in a filter are passed over."""
    wanted = Filter(params.get("filter"), KINDS, portal.zone, strict=False)
    rows = sort_rows([row for row in rows if wanted(row)], params.get("order"), KINDS, portal.zone)
    chosen, total, following = page(rows, params.get("start"))
    names = [str(name) for name in as_list(params.get("select"))]
    if names and "*" not in names:
        chosen = [{name: row[name] for name in names if name in row} for row in chosen]
    return [dict(row) for row in chosen], total, following
