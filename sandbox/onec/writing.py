"""POST, PATCH, PUT, DELETE, ``Post`` and ``Unpost`` (fact sheet §6)."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from sandbox.onec.base import Base
from sandbox.onec.errors import OdataError, instance_not_found, internal, method_not_found
from sandbox.onec.fields import Fields
from sandbox.onec.schema import EntitySet
from sandbox.onec.storage import Row
from sandbox.onec.values import apply_fields


def parse_body(body: bytes) -> Fields:
    """JSON object of a write; amounts stay exact."""
    try:
        found = json.loads(body.decode("utf-8-sig") or "{}", parse_float=Decimal)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise OdataError(400, 2, "Неверный формат тела запроса") from error
    if not isinstance(found, dict):
        raise internal()
    return found


def create(base: Base, entity: EntitySet, fields: Fields) -> str:
    """New object or register record; rows of a section cannot be created by themselves (code 13)."""
    if entity.kind == "section":
        raise OdataError(400, 13, "Cоздание строк табличной части напрямую не поддерживается")
    if entity.kind == "info":
        return create_record(base, entity, fields)
    if entity.kind not in ("catalog", "document", "characteristics", "plan"):
        raise OdataError(405, 19, "Метод не разрешен")
    return base.create(entity.name, fields, lenient=True)


def create_record(base: Base, entity: EntitySet, fields: Fields) -> str:
    """Record of an independent register: an existing key is code 15, nothing is overwritten [L P9]."""
    stored: Fields = {}
    apply_fields(entity, stored, fields)
    key = "|".join(str(stored.get(name, "")) for name in entity.key)
    if base.storage.load(entity.name, key):
        raise OdataError(400, 15, "Сущность с таким ключом уже существует")
    base.write(Row(entity.name, key, 0, False, False, stored))
    return key


def change(base: Base, entity: EntitySet, key: str, fields: Fields) -> None:
    """PATCH: only what is sent; the key in the body is ignored, ``If-Match`` too (§6 rules 2, 6)."""
    if entity.kind in ("section", "chart"):
        raise OdataError(405, 19, "Метод не разрешен")
    base.change(entity.name, key, fields, lenient=True, repost=False)


def replace(base: Base, entity: EntitySet, key: str, fields: Fields) -> None:
    """PUT: what is not sent becomes empty."""
    row = base.row(entity.name, key)
    kept = {name: value for name, value in row.fields.items() if name in ("Code", "Number", "Date")}
    row.fields.clear()
    row.fields.update(kept)
    base.storage.save(row)
    change(base, entity, key, fields)


def act(base: Base, entity: EntitySet, key: str, name: str, operational: bool) -> None:
    """``Post`` and ``Unpost`` of a document; operational posting refuses past dates."""
    if entity.kind != "document" or name not in ("Post", "Unpost"):
        raise method_not_found()
    row = base.storage.load(entity.name, key)
    if row is None:
        raise instance_not_found()
    if name == "Unpost":
        base.unpost(entity.name, key)
        return
    if operational and str(row.get("Date"))[:10] != base.clock().date().isoformat():
        raise OdataError(500, -1, "Не удалось провести: оперативное проведение возможно только текущей датой!")
    base.post(entity.name, key)


def flag(options: dict[str, Any], name: str) -> bool:
    """Boolean query parameter."""
    return str(options.get(name, "false")).lower() == "true"
