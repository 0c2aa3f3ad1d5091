"""User fields: made by `crm.company.userfield.add` or `userfieldconfig.add`, then like any other field (§6)."""

from __future__ import annotations

import re
from typing import Any

from sandbox.bitrix24.errors import missing, old
from sandbox.bitrix24.fields import COMPANY, CONTACT, DEAL, Field, camel_user_field
from sandbox.bitrix24.params import Params, as_dict, yes
from sandbox.bitrix24.portal import Caller, Kind, Portal

Row = dict[str, Any]
TYPES = (
    "string", "integer", "double", "boolean", "date", "datetime", "money", "url", "address", "enumeration", "file",
    "employee", "crm_status", "crm",
)  # fmt: skip
ENTITIES = {"CRM_COMPANY": COMPANY, "CRM_CONTACT": CONTACT, "CRM_DEAL": DEAL, "CRM_SMART_INVOICE": 31}
LONGEST = 50


class UserFields:
    """All user fields of a portal; kept by the name of the entity (`CRM_COMPANY`, `CRM_7`)."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal

    def add_old(self, entity: str, params: Params) -> int:
        """`crm.company.userfield.add`: the name gets its prefix; the id of the field."""
        fields = params.get("fields")
        if not isinstance(fields, dict):
            raise old("Parameter 'fields' must be array.")
        for needed in ("USER_TYPE_ID", "FIELD_NAME"):
            if not fields.get(needed):
                raise old(f"The '{needed}' field is not found.")
        name = str(fields["FIELD_NAME"]).upper()
        name = name if name.startswith("UF_CRM_") else f"UF_CRM_{name}"
        row = self._make(entity, name, str(fields["USER_TYPE_ID"]), fields)
        return int(row["ID"])

    def _make(self, entity: str, name: str, kind: str, fields: Row) -> Row:
        if kind not in TYPES:
            raise old(f"The '{kind}' user type is not supported.")
        if len(name) > LONGEST or not re.fullmatch(r"[A-Z0-9_]+", name):
            raise old("The field name is incorrect: up to 50 of A-Z, 0-9 and _.")
        rows = self.portal.user_fields.setdefault(entity, [])
        if any(row["FIELD_NAME"] == name for row in rows):
            raise old(f"Поле {name} для объекта {entity} уже существует.")
        target = self._kind(entity)
        label = fields.get("EDIT_FORM_LABEL") or name
        row = {
            "ID": str(next(self.portal.numbers)), "ENTITY_ID": entity, "FIELD_NAME": name, "USER_TYPE_ID": kind,
            "XML_ID": fields.get("XML_ID"), "SORT": str(fields.get("SORT") or 100),
            "MULTIPLE": "Y" if yes(fields.get("MULTIPLE")) else "N", "MANDATORY": "N", "SHOW_FILTER": "N",
            "SHOW_IN_LIST": "Y" if yes(fields.get("SHOW_IN_LIST", "Y")) else "N", "EDIT_IN_LIST": "Y",
            "IS_SEARCHABLE": "N", "SETTINGS": as_dict(fields.get("SETTINGS")), "EDIT_FORM_LABEL": label,
            "LIST_COLUMN_LABEL": fields.get("LIST_COLUMN_LABEL") or label,
        }  # fmt: skip
        rows.append(row)
        camel = camel_user_field(name)
        made = Field(
            camel if camel not in target.fields else name, kind, multiple=row["MULTIPLE"] == "Y", dynamic=True,
            title=label if isinstance(label, str) else str(next(iter(label.values()))), upper=name,
        )  # fmt: skip
        target.fields[made.name] = made
        for item in target.items.values():
            item[made.name] = [] if made.multiple else None
        return row

    def _kind(self, entity: str) -> Kind:
        if entity in ENTITIES:
            return self.portal.kinds[ENTITIES[entity]]
        number = entity.removeprefix("CRM_")
        found = next((one for one in self.portal.kinds.values() if one.type_id and str(one.type_id) == number), None)
        if found is None:
            raise old(f"The entity '{entity}' is not found.")
        return found

    def list_old(self, entity: str, params: Params) -> tuple[list[Row], int, int | None]:
        """`crm.company.userfield.list`: its labels only where a language is asked for."""
        wanted = params.get("filter") or {}
        if not isinstance(wanted, dict):
            raise old("Parameter 'filter' must be array.")
        rows = [
            {name: value for name, value in row.items() if params_language(wanted) or "LABEL" not in name}
            for row in self.portal.user_fields.get(entity, [])
            if all(str(row.get(name)) == str(value) for name, value in wanted.items() if name != "LANG")
        ]
        return rows, len(rows), None

    def add_config(self, params: Params, caller: Caller) -> Row:
        """`userfieldconfig.add`: any entity, smart processes by the id of their type."""
        fields = as_dict(params.get("field"))
        if not fields:
            raise missing("field")
        for needed, upper in (("entityId", "ENTITY_ID"), ("fieldName", "FIELD_NAME"), ("userTypeId", "USER_TYPE_ID")):
            if not fields.get(needed):
                raise old(f"The '{upper}' field is not found.")
        entity, name = str(fields["entityId"]), str(fields["fieldName"]).upper()
        prefix = "UF_CRM_" if entity in ENTITIES else f"UF_{entity}_"
        if not name.startswith(prefix):
            raise old(f"The field name must begin with {prefix}.")
        given = {
            "XML_ID": fields.get("xmlId"), "SORT": fields.get("sort"), "MULTIPLE": fields.get("multiple"),
            "EDIT_FORM_LABEL": fields.get("editFormLabel"), "SETTINGS": fields.get("settings"),
        }  # fmt: skip
        return {"field": _config(self._make(entity, name, str(fields["userTypeId"]), given))}

    def list_config(self, params: Params, caller: Caller) -> tuple[Row, int, int | None]:
        """`userfieldconfig.list`."""
        wanted = as_dict(params.get("filter"))
        rows = [
            _config(row)
            for row in self.portal.user_fields.get(str(wanted.get("entityId", "")), [])
            if not wanted.get("fieldName") or row["FIELD_NAME"] == wanted["fieldName"]
        ]
        return {"fields": rows}, len(rows), None


def params_language(wanted: Row) -> bool:
    """Whether a filter asks for labels in a language."""
    return bool(wanted.get("LANG"))


def _config(row: Row) -> Row:
    label = row["EDIT_FORM_LABEL"]
    labels = label if isinstance(label, dict) else {"ru": label, "en": label}
    return {
        "id": row["ID"], "entityId": row["ENTITY_ID"], "fieldName": row["FIELD_NAME"],
        "userTypeId": row["USER_TYPE_ID"], "xmlId": row["XML_ID"], "sort": row["SORT"],
        "multiple": row["MULTIPLE"], "mandatory": "N",
        "settings": row["SETTINGS"], "editFormLabel": labels,
    }  # fmt: skip
