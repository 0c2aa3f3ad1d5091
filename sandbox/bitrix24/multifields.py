"""Phones, e-mails and the like: rows of their own with an id, written by rules of their own (§6, Multifields)."""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.params import as_dict

Row = dict[str, Any]
TYPES = {
    "PHONE": ("WORK", "MOBILE", "FAX", "HOME", "PAGER", "MAILING", "OTHER"),
    "EMAIL": ("WORK", "HOME", "MAILING", "OTHER"),
    "WEB": ("WORK", "HOME", "OTHER"),
    "IM": ("OTHER", "TELEGRAM", "VIBER"),
}


def write_fm(kept: list[Row], given: Any, numbers: Any) -> list[Row]:
    """crm.item's `fm`: n0, n1 … are new, numbers exist, an empty value deletes, a missing typeId does nothing."""
    rows = [dict(row) for row in kept]
    for key, entry in as_dict(given).items():
        value, kind = str(entry.get("value", "")).strip(), str(entry.get("typeId", ""))
        if key.startswith("n"):
            if kind in TYPES and value:
                rows.append(
                    {"id": next(numbers), "typeId": kind, "valueType": entry.get("valueType") or "WORK", "value": value}
                )
            continue
        found = next((row for row in rows if str(row["id"]) == key), None)
        if found is None or not kind:
            continue
        if value:
            found["value"], found["valueType"] = value, entry.get("valueType") or found["valueType"]
        else:
            rows.remove(found)
    return rows


def write_old(kept: list[Row], fields: Row, numbers: Any) -> list[Row]:
    """`PHONE: [{VALUE, VALUE_TYPE, ID?}]` of older methods."""
    given: Row = {}
    for kind in TYPES:
        for place, entry in enumerate(as_dict(fields.get(kind)).values()):
            key = str(entry.get("ID") or f"n{kind}{place}")
            given[key] = {"typeId": kind, "valueType": entry.get("VALUE_TYPE"), "value": entry.get("VALUE", "")}
            if str(entry.get("DELETE", "N")) == "Y":
                given[key]["value"] = ""
    return write_fm(kept, given, numbers)


def shown_fm(rows: list[Row]) -> list[Row]:
    """As crm.item.get shows them."""
    return [
        {"id": row["id"], "typeId": row["typeId"], "valueType": row["valueType"], "value": row["value"]} for row in rows
    ]


def shown_old(rows: list[Row], kind: str) -> list[Row]:
    """As older methods show them."""
    return [
        {"ID": str(row["id"]), "VALUE_TYPE": row["valueType"], "VALUE": row["value"], "TYPE_ID": kind}
        for row in rows
        if row["typeId"] == kind
    ]
