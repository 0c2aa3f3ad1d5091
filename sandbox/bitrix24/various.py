"""The rest of what a connector asks a portal: dictionaries, duplicates, history, activities, people, plan."""

from __future__ import annotations

import re
from typing import Any

from sandbox.bitrix24.errors import RestError, missing, old
from sandbox.bitrix24.fields import COMPANY, CONTACT
from sandbox.bitrix24.filters import Filter, page, sort_rows
from sandbox.bitrix24.params import Params, as_dict, as_int, as_list
from sandbox.bitrix24.portal import Caller, Portal

Row = dict[str, Any]
Listed = tuple[Any, int, int | None]
STATUS_KINDS = dict.fromkeys(("ENTITY_ID", "STATUS_ID", "NAME", "SEMANTICS"), "string") | {
    "ID": "integer",
    "SORT": "integer",
}
HISTORY_KINDS = {
    **dict.fromkeys(("ID", "TYPE_ID", "OWNER_ID", "CATEGORY_ID"), "integer"),
    "CREATED_TIME": "datetime",
    **dict.fromkeys(("STAGE_ID", "STAGE_SEMANTIC_ID"), "string"),
}
ACTIVITY_KINDS = {
    **dict.fromkeys(("ID", "OWNER_ID", "OWNER_TYPE_ID", "TYPE_ID", "DIRECTION", "RESPONSIBLE_ID"), "integer"),
    **dict.fromkeys(("CREATED", "LAST_UPDATED", "START_TIME", "END_TIME"), "datetime"),
    **dict.fromkeys(("SUBJECT", "PROVIDER_ID", "COMPLETED"), "string"),
}
NEAR = 20
"""`crm.duplicate.findbycomm` stops at so many hits of one entity, and then leaves out the others."""


class Various:
    """Small methods, each with its own habit."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal

    def statuses(self, params: Params, caller: Caller) -> Listed:
        """`crm.status.list`."""
        return self._older(self.portal.dictionaries.statuses, STATUS_KINDS, params)

    def _older(self, rows: list[Row], kinds: dict[str, str], params: Params) -> Listed:
        wanted = Filter(params.get("filter"), kinds, self.portal.zone, strict=False)
        rows = sort_rows([row for row in rows if wanted(row)], params.get("order"), kinds, self.portal.zone)
        chosen, total, following = page(rows, params.get("start"))
        names = [str(name) for name in as_list(params.get("select"))]
        if names and "*" not in names:
            chosen = [{name: row[name] for name in names if name in row} for row in chosen]
        return [dict(row) for row in chosen], total, following

    def categories(self, params: Params, caller: Caller) -> Listed:
        """`crm.category.list`."""
        number = as_int(params.get("entityTypeId"))
        if not number:
            raise missing("entityTypeId")
        self.portal.kind(number)
        rows = self.portal.dictionaries.categories.get(number, [])
        return {"categories": rows}, len(rows), None

    def stage_history(self, params: Params, caller: Caller) -> Listed:
        """`crm.stagehistory.list`."""
        number = as_int(params.get("entityTypeId"))
        rows = [row for row in self.portal.stage_history if row["entityTypeId"] == number]
        shown, total, following = self._older(rows, HISTORY_KINDS, params)
        return {"items": [{k: v for k, v in row.items() if k != "entityTypeId"} for row in shown]}, total, following

    def activities(self, params: Params, caller: Caller) -> Listed:
        """`crm.activity.list`: numbers are texts."""
        rows, total, following = self._older(list(self.portal.activities.values()), ACTIVITY_KINDS, params)
        return [{name: str(value) for name, value in row.items()} for row in rows], total, following

    def duplicates(self, params: Params, caller: Caller) -> Row | list[Any]:
        """`crm.duplicate.findbycomm`: an empty list where nothing is found."""
        kind = str(params.get("type") or "").upper()
        if kind not in ("PHONE", "EMAIL"):
            raise RestError("Communication type is not defined", "Parameter 'type' is required.")
        wanted = {_reduced(kind, str(value)) for value in as_list(params.get("values"))[:20]} - {""}
        chosen = str(params.get("entity_type") or "").upper()
        found: Row = {}
        for name, number in (("CONTACT", CONTACT), ("COMPANY", COMPANY)):
            if chosen in ("", name):
                hits = [
                    item["id"] for item in self.portal.kinds[number].items.values() if self._has(item, kind, wanted)
                ]
                if hits:
                    found[name] = hits[:NEAR]
                if len(hits) >= NEAR:
                    break
        return found or []

    def _has(self, item: Row, kind: str, wanted: set[str]) -> bool:
        return any(one["typeId"] == kind and _reduced(kind, one["value"]) in wanted for one in item["fm"] or [])

    def comment(self, params: Params, caller: Caller) -> int:
        """`crm.timeline.comment.add`: the key `fields` in lower case only."""
        fields = as_dict(params.get("fields"))
        names = {"company": COMPANY, "contact": CONTACT, "deal": 2}
        number = names.get(str(fields.get("ENTITY_TYPE", "")))
        if number is None or as_int(fields.get("ENTITY_ID")) not in self.portal.kinds[number].items:
            raise RestError("NOT_FOUND", "Not found.")
        self.portal.comments.append({"ID": next(self.portal.numbers), **fields})
        return int(self.portal.comments[-1]["ID"])

    def set_rows(self, params: Params, caller: Caller) -> Row:
        """`crm.item.productrow.set`: what was there is replaced as a whole."""
        owner = (str(params.get("ownerType", "")), as_int(params.get("ownerId")))
        number = 2 if owner[0] == "D" else 31 if owner[0] == "SI" else int(owner[0][1:] or "0", 16) if owner[0] else 0
        if number not in self.portal.kinds or owner[1] not in self.portal.kinds[number].items:
            raise RestError("OWNER_NOT_FOUND", "Owner was not found")
        rows = [
            {"id": next(self.portal.numbers), "ownerId": owner[1], "ownerType": owner[0], **as_dict(row)}
            for row in as_list(params.get("productRows"))
        ]
        self.portal.product_rows[owner] = rows
        return {"productRows": rows}

    def user(self, params: Params, caller: Caller) -> Row:
        """`user.current`."""
        return self.portal.users[caller.user_id]

    def users(self, params: Params, caller: Caller) -> Listed:
        """`user.get`."""
        rows = list(self.portal.users.values())
        return rows[:50], len(rows), None

    def feature(self, params: Params, caller: Caller) -> Row:
        """`feature.get`."""
        known = str(params.get("CODE", params.get("code", ""))) == "rest_offline_extended"
        return {"value": "Y" if known and self.portal.extended_offline else "N"}

    def information(self, params: Params, caller: Caller) -> Row:
        """`app.info`, for applications only."""
        if not caller.application:
            raise old("Application context required", "WRONG_AUTH_TYPE")
        return {"ID": 1, "CODE": caller.key, "STATUS": "L", "INSTALLED": True, "LANGUAGE_ID": "ru"}


def _reduced(kind: str, value: str) -> str:
    """What is compared: a phone's digits without an extension, an address without its case."""
    if kind == "EMAIL":
        return value.strip().casefold()
    digits = re.sub(r"\D", "", re.split(r"доб|ext|,|;|#", value, maxsplit=1)[0])
    return "7" + digits[1:] if len(digits) == 11 and digits.startswith("8") else digits
