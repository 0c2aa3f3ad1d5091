"""`crm.item.*`: elements of every type by one set of methods (§6)."""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24 import stages
from sandbox.bitrix24.errors import RestError, missing, old, unknown_item
from sandbox.bitrix24.fields import COMPANY, CONTACT, DEAL, Field
from sandbox.bitrix24.filters import Filter, page, sort_rows
from sandbox.bitrix24.multifields import shown_fm, write_fm
from sandbox.bitrix24.params import Params, as_dict, as_int, as_list, yes
from sandbox.bitrix24.portal import Caller, Kind, Portal
from sandbox.bitrix24.values import clean

Row = dict[str, Any]


class Items:
    """Elements of a portal. Every method is called under the portal's lock."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal

    def kind_of(self, params: Params) -> Kind:
        """The type that a call names."""
        if not params.get("entityTypeId"):
            raise missing("entityTypeId")
        return self.portal.kind(as_int(params["entityTypeId"]))

    def fields(self, params: Params, caller: Caller) -> Row:
        """`crm.item.fields`."""
        original = yes(params.get("useOriginalUfNames"))
        kind = self.kind_of(params)
        return {"fields": {_outer(one, original): one.as_json() for one in kind.fields.values()}}

    def add(self, params: Params, caller: Caller) -> Row:
        """`crm.item.add`: not idempotent, two calls make two elements."""
        kind = self.kind_of(params)
        row = self.create(kind, self.checked(kind, params), caller)
        return {"item": self.shown(kind, row, params)}

    def create(self, kind: Kind, given: Row, caller: Caller, *, quiet: bool = False) -> Row:
        """Make an element with all its fields."""
        number = next(kind.ids)
        row: Row = {name: ([] if one.multiple else None) for name, one in kind.fields.items()}
        stamp = self.portal.stamp()
        row |= {"id": number, "createdTime": stamp, "updatedTime": stamp, "lastActivityTime": stamp}
        row |= {"createdBy": caller.user_id, "updatedBy": caller.user_id, "assignedById": caller.user_id, "opened": "Y"}
        for name, value in (("isMyCompany", "N"), ("isManualOpportunity", "N"), ("opportunity", 0)):
            if name in kind.fields:
                row[name] = value
        stages.place(self.portal, kind, row, given)
        self.put(kind, row, given)
        row["title"] = row.get("title") or f"#{number}" if "title" in kind.fields else None
        kind.items[number] = row
        stages.note(self.portal, kind, row, first=True)
        if not quiet:
            self.tell(kind, number, "ADD", caller)
        return row

    def update(self, params: Params, caller: Caller) -> Row:
        """`crm.item.update`: equal values change nothing, not even the time of the change (§2)."""
        kind, row = self.found(params)
        self.change(kind, row, self.checked(kind, params, row), caller)
        return {"item": self.shown(kind, row, params)}

    def change(self, kind: Kind, row: Row, given: Row, caller: Caller) -> bool:
        """Write what differs; whether anything did."""
        before = {name: value for name, value in row.items() if name != "previousStageId"}
        stages.move(self.portal, kind, row, given, caller.user_id)
        self.put(kind, row, given)
        if before == {name: value for name, value in row.items() if name != "previousStageId"}:
            return False
        row["updatedTime"], row["updatedBy"] = self.portal.stamp(), caller.user_id
        self.tell(kind, int(row["id"]), "UPDATE", caller)
        return True

    def put(self, kind: Kind, row: Row, given: Row) -> None:
        """Values into a row, linked ones too."""
        for name, value in given.items():
            row[name] = write_fm(row["fm"] or [], value, self.portal.numbers) if name == "fm" else value
        for single, many in (("companyId", "companyIds"), ("contactId", "contactIds")):
            if single in given and many in kind.fields:
                rest = [one for one in row[many] or [] if one != given[single]]
                row[many] = [given[single], *rest] if given[single] else rest
            elif many in given and single in kind.fields:
                row[single] = (given[many] or [None])[0]

    def checked(self, kind: Kind, params: Params, row: Row | None = None) -> Row:
        """The values of a call in the shape in which they are kept; unknown names are passed over in silence (§2)."""
        if not isinstance(params.get("fields"), dict | list):
            raise old("Parameter 'fields' must be array.")
        original = yes(params.get("useOriginalUfNames"))
        found: Row = {}
        for outer, value in as_dict(params["fields"]).items():
            one = _inner(kind, outer, original)
            if one is None or one.read_only:
                continue
            if one.name == "fm":
                found["fm"] = value
                continue
            cleaned = clean(one.kind, value, self.portal.zone, multiple=one.multiple)
            if cleaned is None and row is not None and self._keeps(kind, one):
                continue
            found[one.name] = cleaned
        return found

    def _keeps(self, kind: Kind, one: Field) -> bool:
        return self.portal.habits.keeps_company_fields and kind.entity_type_id == COMPANY and not one.dynamic

    def found(self, params: Params) -> tuple[Kind, Row]:
        """The element that a call names."""
        kind = self.kind_of(params)
        if not params.get("id"):
            raise missing("id")
        row = kind.items.get(as_int(params["id"]))
        if row is None:
            raise unknown_item()
        return kind, row

    def get(self, params: Params, caller: Caller) -> Row:
        """`crm.item.get`."""
        kind, row = self.found(params)
        return {"item": self.shown(kind, row, params)}

    def delete(self, params: Params, caller: Caller) -> list[Any]:
        """`crm.item.delete`."""
        kind, row = self.found(params)
        del kind.items[int(row["id"])]
        for number, requisite in list(self.portal.requisites.items()):
            if (as_int(requisite["ENTITY_TYPE_ID"]), as_int(requisite["ENTITY_ID"])) == (
                kind.entity_type_id,
                row["id"],
            ):
                del self.portal.requisites[number]
        self.tell(kind, int(row["id"]), "DELETE", caller)
        return []

    def find(self, params: Params, caller: Caller) -> tuple[Row, int, int | None]:
        """`crm.item.list`: rows, total, and where the next page starts."""
        kind = self.kind_of(params)
        original = yes(params.get("useOriginalUfNames"))
        visible = [one for one in kind.fields.values() if one.name != "fm"]
        kinds = {_outer(one, original): one.kind for one in visible}
        names = {_outer(one, original): one.name for one in visible}
        zone, atom = self.portal.zone, self.portal.habits.ignores_atom_dates
        wanted = Filter(params.get("filter"), kinds, zone, names=names, atom_ignored=atom)
        rows = sort_rows([row for row in kind.items.values() if wanted(row)], params.get("order"), kinds, zone, names)
        chosen, total, following = page(rows, params.get("start"))
        shown = [self._selected(self._renamed(kind, row, original), params, original) for row in chosen]
        return {"items": shown}, total, following

    def _renamed(self, kind: Kind, row: Row, original: bool) -> Row:
        return {_outer(kind.fields[name], original): value for name, value in row.items() if name in kind.fields}

    def _selected(self, row: Row, params: Params, original: bool) -> Row:
        names = [str(name) for name in as_list(params.get("select"))]
        if not names or "*" in names:
            shown = dict(row)
            if "fm" in shown and "*" not in names:
                del shown["fm"]
            elif "fm" in shown:
                shown["fm"] = shown_fm(shown["fm"] or [])
            return shown
        if original and self.portal.habits.empty_with_camel_select and any(name[:1].islower() for name in names):
            return {}
        return {name: row[name] for name in ["id", *names] if name in row and name != "fm"}

    def shown(self, kind: Kind, row: Row, params: Params) -> Row:
        """A whole element, with its multifields."""
        found = self._renamed(kind, row, yes(params.get("useOriginalUfNames")))
        if "fm" in found:
            found["fm"] = shown_fm(found["fm"] or [])
        return {**found, "entityTypeId": kind.entity_type_id}

    def bulk_import(self, params: Params, caller: Caller) -> Row:
        """`crm.item.batchImport`: twenty at most, no automation; each its own result."""
        kind, rows = self.kind_of(params), as_list(params.get("data"))
        if len(rows) > 20:
            raise RestError("INVALID_ARG_VALUE", "Too many items")
        results: list[Row] = []
        for fields in rows:
            try:
                given = self.checked(kind, {"fields": fields})
                if "title" in kind.fields and kind.fields["title"].required and not given.get("title"):
                    raise RestError("CRM_FIELD_ERROR_REQUIRED", 'Поле "Название" обязательно для заполнения')
                results.append({"item": {"id": self.create(kind, given, caller, quiet=True)["id"]}})
            except RestError as refusal:
                results.append(dict(refusal.as_json()))
        return {"items": results}

    def tell(self, kind: Kind, number: int, what: str, caller: Caller) -> None:
        """An event about an element."""
        names = {COMPANY: "COMPANY", CONTACT: "CONTACT", DEAL: "DEAL"}
        name = names.get(kind.entity_type_id)
        data: Row = {"ID": str(number)}
        if name is None:
            name, data = "DYNAMICITEM", data | {"ENTITY_TYPE_ID": str(kind.entity_type_id)}
        self.portal.events.tell(f"ONCRM{name}{what}", data, caller)


def _outer(one: Field, original: bool) -> str:
    """A field's name in answers: user fields keep their own when asked for."""
    return one.upper_name if original and one.dynamic else one.name


def _inner(kind: Kind, outer: str, original: bool) -> Field | None:
    found = kind.fields.get(outer)
    if found is not None:
        return found
    if original or outer.startswith("UF_"):
        return next((one for one in kind.fields.values() if one.dynamic and one.upper_name == outer), None)
    return None
