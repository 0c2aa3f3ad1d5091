"""What is made in the portal for us: user fields and smart processes, found again by their codes (bitrix24.md §6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.bitrix24.types import CODE, STANDARD, Types
from connectors.bitrix24.wire import Wire
from connectors.cards import CardField, CardType, Made
from core.errors import SchemaDrift

KINDS = {
    "text": "string", "integer": "integer", "number": "double", "money": "money", "date": "date",
    "datetime": "datetime", "boolean": "boolean", "url": "url",
}  # fmt: skip
LONGEST = 50
_OPTIONS = (
    "isClientEnabled", "isStagesEnabled", "isBeginCloseDatesEnabled", "isUseInUserfieldEnabled",
    "isLinkWithProductsEnabled",  # without it there is no amount and no currency
)  # fmt: skip


class Setup:
    """Makes what is missing, and nothing twice."""

    def __init__(self, wire: Wire, types: Types) -> None:
        self._wire, self._types = wire, types

    def make(self, wanted: Sequence[CardType], *, dry_run: bool) -> list[Made]:
        """Types first, then their fields."""
        made: list[Made] = []
        for one in wanted:
            if one.own:
                made.append(self._type(one, dry_run))
            if dry_run and made and made[-1].state == "missing" and one.own:
                made += [Made(f"{one.name}.{field.code}", "missing") for field in one.fields]
                continue
            made += [self._field(one.name, field, dry_run) for field in one.fields]
        if not dry_run:
            self._types.forget()
        return made

    def _type(self, wanted: CardType, dry_run: bool) -> Made:
        if self._types.number(wanted.name) is not None:
            return Made(wanted.name, "there")
        if dry_run:
            return Made(wanted.name, "missing")
        parents = [{"entityTypeId": number, "isChildrenListEnabled": "Y"} for number in (STANDARD["deal"],)]
        fields = {
            "title": wanted.titles.get("ru") or wanted.titles.get("en") or wanted.name,
            "code": f"{CODE}{wanted.name.upper()}",
            **dict.fromkeys(_OPTIONS, "Y"),
            "relations": {"parent": parents},
        }
        self._wire.call("crm.type.add", {"fields": fields}, write=True)
        self._types.forget()
        return Made(wanted.name, "made")

    def _field(self, type_name: str, wanted: CardField, dry_run: bool) -> Made:
        kind, name = self._types.get(type_name), self.name_of(type_name, wanted.code)
        there = next((one for one in kind.fields.values() if one.get("upperName") == name), None)
        what = f"{type_name}.{name}"
        if there is not None:
            if there.get("type") != KINDS[wanted.kind]:
                raise SchemaDrift(
                    f"The portal's field {name} is of type {there.get('type')}, not {KINDS[wanted.kind]}.",
                    next_step="rename or delete that field in the portal, then: sverka doctor",
                )
            return Made(what, "there")
        if dry_run:
            return Made(what, "missing")
        self._wire.call(*self._order(type_name, name, wanted), write=True)
        return Made(what, "made")

    def _order(self, type_name: str, name: str, wanted: CardField) -> tuple[str, dict[str, Any]]:
        labels = {code: text for code, text in wanted.labels.items() if code != "uk"} | (
            {"ua": wanted.labels["uk"]} if "uk" in wanted.labels else {}
        )
        if type_name in ("company", "contact", "deal"):
            fields = {
                "FIELD_NAME": name, "USER_TYPE_ID": KINDS[wanted.kind], "XML_ID": f"{CODE}{wanted.code}",
                "EDIT_FORM_LABEL": labels, "LIST_COLUMN_LABEL": labels, "SHOW_IN_LIST": "Y",
            }  # fmt: skip
            return f"crm.{type_name}.userfield.add", {"fields": fields}
        entity = self._types.get(type_name).user_field_entity
        field = {
            "entityId": entity, "fieldName": name, "userTypeId": KINDS[wanted.kind], "xmlId": f"{CODE}{wanted.code}",
            "editFormLabel": labels,
        }  # fmt: skip
        return "userfieldconfig.add", {"moduleId": "crm", "field": field}

    def name_of(self, type_name: str, code: str) -> str:
        """The portal's name of a field of ours. Raises ValueError for one that the portal would cut."""
        entity = self._types.get(type_name).user_field_entity
        prefix = "UF_CRM_" if type_name in STANDARD else f"UF_{entity}_"
        name = f"{prefix}{code.upper()}"
        if len(name) > LONGEST:
            raise ValueError(f"the field name {name} is longer than {LONGEST} characters")
        return name
