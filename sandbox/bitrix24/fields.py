"""Fields of companies, contacts, deals, invoices and smart processes, as `crm.item.fields` tells them (§6)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

LEAD, DEAL, CONTACT, COMPANY, INVOICE, REQUISITE = 1, 2, 3, 4, 31, 8
OLD_NAMES = {DEAL: "deal", CONTACT: "contact", COMPANY: "company"}
"""Types that older methods (`crm.company.*` …) know."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its name in crm.item, its name in older methods, its type."""

    name: str
    kind: str
    read_only: bool = False
    multiple: bool = False
    dynamic: bool = False
    required: bool = False
    title: str = ""
    status_type: str = ""
    upper: str = ""

    def as_json(self) -> dict[str, Any]:
        """As `crm.item.fields` shows it."""
        found: dict[str, Any] = {
            "type": self.kind, "isRequired": self.required, "isReadOnly": self.read_only, "isImmutable": False,
            "isMultiple": self.multiple, "isDynamic": self.dynamic, "title": self.title or self.name,
            "upperName": self.upper_name,
        }  # fmt: skip
        if self.status_type:
            found["statusType"] = self.status_type
        return found

    @property
    def upper_name(self) -> str:
        """The name that older methods use."""
        return self.upper or upper_name(self.name)


def upper_name(name: str) -> str:
    """`assignedById` -> `ASSIGNED_BY_ID`, `parentId2` -> `PARENT_ID_2`."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z0-9])", "_", name)
    return parted.upper()


def camel_user_field(name: str) -> str:
    """`UF_CRM_1720…` -> `ufCrm_1720…`, `UF_CRM_3_DIGIT` -> `ufCrm3Digit`, `UF_CRM_3_DIGIT10` -> `ufCrm_3_DIGIT10`."""
    rest = name.removeprefix("UF_CRM_")
    parts = rest.split("_")
    if len(parts) == 1 and rest.isdigit():
        return f"ufCrm_{rest}"
    if len(parts) > 1 and parts[0].isdigit() and parts[1].isdigit():
        return f"ufCrm{parts[0]}_{'_'.join(parts[1:])}"
    if any(re.search(r"[A-Z]\d|\d[A-Z]", part) for part in parts):
        return f"ufCrm_{rest}"
    words = "".join(part.capitalize() for part in parts)
    return f"ufCrm{words}"


def _f(name: str, kind: str = "string", **more: Any) -> Field:
    return Field(name, kind, **more)


def _system() -> list[Field]:
    return [
        _f("id", "integer", read_only=True, upper="ID"),
        _f("createdTime", "datetime", read_only=True, upper="DATE_CREATE"),
        _f("updatedTime", "datetime", read_only=True, upper="DATE_MODIFY"),
        _f("createdBy", "user", read_only=True, upper="CREATED_BY_ID"),
        _f("updatedBy", "user", read_only=True, upper="MODIFY_BY_ID"),
        _f("assignedById", "user"),
        _f("opened", "boolean"),
        _f("lastActivityTime", "datetime", read_only=True),
        _f("observers", "user", multiple=True),
    ]


def _origin(*, version: bool) -> list[Field]:
    found = [_f("originatorId"), _f("originId")]
    return [*found, _f("originVersion")] if version else found


_MONEY = [
    _f("opportunity", "double"),
    _f("isManualOpportunity", "boolean"),
    _f("taxValue", "double"),
    _f("currencyId", "crm_currency"),
]
_MOVED = [
    _f("movedTime", "datetime", read_only=True),
    _f("movedBy", "user", read_only=True),
]


def company_fields() -> list[Field]:
    """Company (4)."""
    own = [
        _f("title", required=True, title="Название компании"),
        _f("typeId", "crm_status", status_type="COMPANY_TYPE", upper="COMPANY_TYPE"),
        _f("industry", "crm_status", status_type="INDUSTRY"),
        _f("employees", "crm_status", status_type="EMPLOYEES"),
        _f("revenue", "double"),
        _f("currencyId", "crm_currency"),
        _f("comments", "text"),
        _f("isMyCompany", "boolean"),
        _f("contactIds", "crm_contact", multiple=True),
        _f("fm", "crm_multifield", multiple=True),
    ]
    return [*_system(), *own, *_origin(version=True)]


def contact_fields() -> list[Field]:
    """Contact (3)."""
    own = [
        _f("name", title="Имя"),
        _f("secondName", title="Отчество"),
        _f("lastName", title="Фамилия"),
        _f("post"),
        _f("typeId", "crm_status", status_type="CONTACT_TYPE", upper="TYPE_ID"),
        _f("sourceId", "crm_status", status_type="SOURCE"),
        _f("sourceDescription", "text"),
        _f("companyId", "crm_company"),
        _f("companyIds", "crm_company", multiple=True),
        _f("birthdate", "date"),
        _f("comments", "text"),
        _f("fm", "crm_multifield", multiple=True),
    ]
    return [*_system(), *own, *_origin(version=True)]


def deal_fields() -> list[Field]:
    """Deal (2)."""
    own = [
        _f("title", title="Название"),
        _f("typeId", "crm_status", status_type="DEAL_TYPE", upper="TYPE_ID"),
        _f("categoryId", "crm_category"),
        _f("stageId", "crm_status", status_type="DEAL_STAGE"),
        _f("stageSemanticId", read_only=True),
        _f("closed", "boolean", read_only=True),
        _f("probability", "integer"),
        _f("companyId", "crm_company"),
        _f("contactId", "crm_contact"),
        _f("contactIds", "crm_contact", multiple=True),
        _f("sourceId", "crm_status", status_type="SOURCE"),
        _f("comments", "text"),
        _f("begindate", "date"),
        _f("closedate", "date"),
        _f("additionalInfo", "text"),
    ]
    return [*_system(), *own, *_MONEY, *_MOVED, *_origin(version=False)]


def smart_fields(entity_type_id: int, parents: tuple[int, ...]) -> list[Field]:
    """A smart process or the new invoice."""
    own = [
        _f("title", title="Название"),
        _f("xmlId", title="Внешний код"),
        _f("webformId", "integer"),
        _f("begindate", "date"),
        _f("closedate", "date"),
        _f("companyId", "crm_company"),
        _f("contactId", "crm_contact"),
        _f("contactIds", "crm_contact", multiple=True),
        _f("mycompanyId", "crm_company"),
        _f("categoryId", "crm_category"),
        _f("stageId", "crm_status", status_type=f"DYNAMIC_{entity_type_id}_STAGE"),
        _f("previousStageId", "crm_status", read_only=True),
        _f("sourceId", "crm_status", status_type="SOURCE"),
        _f("comments", "text"),
    ]
    if entity_type_id == INVOICE:
        own.append(_f("accountNumber"))
    linked = [_f(f"parentId{parent}", "crm_entity", upper=f"PARENT_ID_{parent}") for parent in parents]
    return [*_system(), *own, *_MONEY, *_MOVED, *linked]
