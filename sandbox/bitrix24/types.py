"""Smart processes: types that a portal's owner makes for himself (`crm.type.*`, §6)."""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.errors import RestError, bad_value, missing
from sandbox.bitrix24.fields import smart_fields
from sandbox.bitrix24.filters import page
from sandbox.bitrix24.params import Params, as_dict, as_int, as_list, yes
from sandbox.bitrix24.portal import Caller, Kind, Portal

Row = dict[str, Any]
OPTIONS = (
    "isCategoriesEnabled", "isStagesEnabled", "isBeginCloseDatesEnabled", "isClientEnabled", "isUseInUserfieldEnabled",
    "isLinkWithProductsEnabled", "isMycompanyEnabled", "isDocumentsEnabled", "isSourceEnabled", "isObserversEnabled",
    "isRecyclebinEnabled", "isAutomationEnabled", "isBizProcEnabled", "isSetOpenPermissions", "isPaymentsEnabled",
    "isCountersEnabled",
)  # fmt: skip
BROUGHT = {
    "isClientEnabled": ("companyId", "contactId", "contactIds"),
    "isBeginCloseDatesEnabled": ("begindate", "closedate"),
    "isLinkWithProductsEnabled": ("opportunity", "isManualOpportunity", "taxValue", "currencyId"),
}
"""Options of a type that bring fields with them."""
FIRST, LAST = 1030, 32000


class Types:
    """The types of a portal; how many there may be is a matter of its plan."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal

    def add(self, params: Params, caller: Caller) -> Row:
        """`crm.type.add`."""
        fields = as_dict(params.get("fields"))
        if not str(fields.get("title", "")).strip():
            raise RestError("BX_EMPTY_REQUIRED", 'Не заполнено обязательное поле "Название"')
        made = [one for one in self.portal.kinds.values() if one.type_id]
        if len(made) >= self.portal.plan_types:
            raise RestError("CREATE_DYNAMIC_TYPE_RESTRICTED", "You have reached the limit of smart processes")
        number = as_int(fields.get("entityTypeId") or FIRST + 2 * (len(made) + 1))
        if not FIRST <= number <= LAST or number % 2 or number in self.portal.kinds:
            raise bad_value("entityTypeId is out of allowed range")
        return {"type": self._shown(self._make(number, fields))}

    def _make(self, number: int, fields: Row) -> Kind:
        parents = [as_int(one.get("entityTypeId")) for one in as_list(as_dict(fields.get("relations")).get("parent"))]
        kind = self.portal.add_kind(number, smart_fields(number, tuple(parents)))
        kind.type_id, kind.title, kind.code = (
            next(self.portal.type_numbers),
            str(fields["title"]),
            str(fields.get("code") or ""),
        )
        kind.options = {name: "Y" if yes(fields.get(name)) else "N" for name in OPTIONS}
        kind.options |= {"createdTime": self.portal.stamp(), "updatedTime": self.portal.stamp()}
        for option, names in BROUGHT.items():
            if not yes(fields.get(option)):
                for name in names:
                    del kind.fields[name]
        if yes(fields.get("isStagesEnabled")):
            self.portal.dictionaries.categories[number] = []
            self.portal.dictionaries.add_category(number, "Общая", number=kind.type_id + 40)
        return kind

    def _shown(self, kind: Kind) -> Row:
        return {
            "id": kind.type_id, "title": kind.title, "code": kind.code, "createdBy": 1, "updatedBy": 1,
            "entityTypeId": kind.entity_type_id, "customSectionId": None, **kind.options,
        }  # fmt: skip

    def list(self, params: Params, caller: Caller) -> tuple[Row, int, int | None]:
        """`crm.type.list`."""
        wanted = as_dict(params.get("filter"))
        rows = [self._shown(one) for one in self.portal.kinds.values() if one.type_id]
        rows = [row for row in rows if all(str(row.get(name)) == str(value) for name, value in wanted.items())]
        rows.sort(key=lambda row: -as_int(row["id"]))  # the newest first, as the portal shows them
        chosen, total, following = page(rows, params.get("start"))
        return {"types": chosen}, total, following

    def fields(self, params: Params, caller: Caller) -> Row:
        """`crm.type.getByEntityTypeId`."""
        number = as_int(params.get("entityTypeId"))
        if not number:
            raise missing("entityTypeId")
        kind = self.portal.kind(number)
        return {"type": self._shown(kind)}
