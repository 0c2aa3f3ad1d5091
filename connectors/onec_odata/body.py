"""The body of a write, spelt as this base wants it (1c-odata.md §6)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from connectors.base import Reference, Write
from connectors.onec_odata.fields import Book
from connectors.onec_odata.url import EMPTY_GUID, NAMESPACE, is_guid
from core.clock import local_from_utc
from core.errors import RecordError, Where

_EMPTY_DATE = "0001-01-01T00:00:00"


class BodyBuilder:
    """Turns logical attributes into 1C's: references under their real names, rows numbered, dates local."""

    def __init__(self, book: Book, zone: ZoneInfo) -> None:
        self._book = book
        self._zone = zone

    def build(self, write: Write) -> dict[str, object]:
        """The body to send; a create carries the key that we chose (1c-odata.md §6, rule 4).

        Raises:
            RecordError: a value that 1C would misunderstand; nothing has been sent.
        """
        body = self._fields(write.set, write.body, write)
        if write.method == "create" and write.key and not write.known_by:
            body = {"Ref_Key": write.key} | body
        return body

    def _fields(self, name: str, values: Mapping[str, object], write: Write) -> dict[str, object]:
        body: dict[str, object] = {}
        for field, value in values.items():
            if isinstance(value, Reference):
                body |= self._reference(name, field, value)
            elif isinstance(value, list):
                body |= self._rows(name, field, value, write)
            else:
                body |= self._plain(name, field, value, values, write)
        return body

    def _reference(self, name: str, field: str, value: Reference) -> dict[str, object]:
        plain = field.removesuffix("_Key")
        spellings = self._book.spellings(name, field)
        if spellings and spellings[0].kind == "composite":
            return {plain: value.key, f"{plain}_Type": NAMESPACE + value.set}
        return {f"{plain}_Key": value.key}

    def _rows(self, name: str, field: str, rows: list[object], write: Write) -> dict[str, object]:
        """A tabular section: numbered from 1 without gaps and with its type, else the base fails or ignores it."""
        row_type = f"{name}_{field}_RowType"
        numbered: list[dict[str, object]] = []
        for number, row in enumerate(rows, start=1):
            if not isinstance(row, Mapping):
                raise _refused(write, f"{field} holds something other than rows")
            numbered.append({"LineNumber": str(number)} | _without_number(self._fields(row_type, row, write)))
        return {f"{field}@odata.type": f"Collection({NAMESPACE}{row_type})", field: numbered}

    def _plain(
        self, name: str, field: str, value: object, values: Mapping[str, object], write: Write
    ) -> dict[str, object]:
        types = self._book.types_of(name)
        composite = field in types and f"{field}_Type" in types and f"{field}_Type" not in values
        sent = self._scalar(value, types.get(field, ""), field, write)
        if not composite:
            renamed = f"{field}_Key" if types and field not in types and f"{field}_Key" in types else field
            return {renamed: sent}
        return {field: sent, f"{field}_Type": _primitive_type(value, field, write)}

    def _scalar(self, value: object, kind: str, field: str, write: Write) -> object:
        if isinstance(value, datetime):
            local = local_from_utc(value, self._zone) if value.tzinfo is not None else value
            return local.replace(microsecond=0).isoformat()
        if isinstance(value, date):
            return f"{value.isoformat()}T00:00:00"
        if isinstance(value, float):
            raise _refused(write, f"{field} is a float, which has lost digits")
        if value is None:
            return _empty(kind, field)
        if isinstance(value, str | bool | int | Decimal):
            return value
        raise _refused(write, f"{field} is a {type(value).__name__}")


def _without_number(row: dict[str, object]) -> dict[str, object]:
    return {field: value for field, value in row.items() if field != "LineNumber"}


def _empty(kind: str, field: str) -> object:
    """How 1C writes "nothing" for a type (1c-odata.md §1.4); null where the type is not known."""
    if kind == "Edm.Guid" or field.endswith("_Key"):
        return EMPTY_GUID
    return {"Edm.String": "", "Edm.DateTime": _EMPTY_DATE, "Edm.Boolean": False}.get(kind)


def _primitive_type(value: object, field: str, write: Write) -> str:
    """The `_Type` of a primitive in a composite field; a bare GUID is of no known set."""
    if value is None:
        return f"{NAMESPACE}Undefined"
    if isinstance(value, bool):
        return "Edm.Boolean"
    if isinstance(value, date):
        return "Edm.DateTime"
    if isinstance(value, int | Decimal):
        return "Edm.Double"
    if isinstance(value, str) and is_guid(value):
        raise _refused(write, f"{field} can point at several sets and the mapping does not say which")
    return "Edm.String"


def _refused(write: Write, why: str) -> RecordError:
    return RecordError(
        f"Nothing was sent to {write.set}: {why}.",
        next_step="mend the mapping, then: sverka mapping check",
        where=Where(entity=write.set, external_id=write.key),
    )
