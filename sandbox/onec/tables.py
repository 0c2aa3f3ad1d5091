"""Virtual tables of the accounting register and slices of rates (fact sheet §5, §8.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sandbox.onec.accounts import ACTIVE, BY_CODE, PASSIVE
from sandbox.onec.base import Base
from sandbox.onec.errors import OdataError, method_not_found, path_segment
from sandbox.onec.fields import EMPTY_GUID, UNDEFINED, Field, Fields, parse_spec
from sandbox.onec.filter_eval import compile_filter
from sandbox.onec.filter_parser import DATE, parse_filter
from sandbox.onec.query import parse_order
from sandbox.onec.reading import Reader, sort_records
from sandbox.onec.schema import ACCOUNTS, REGISTER, EntitySet
from sandbox.onec.urls import whole_number

DIMENSIONS = parse_spec(
    f"Account>{ACCOUNTS} ExtDimension1:* ExtDimension2:* ExtDimension3:* Организация>Catalog_Организации "
    "Подразделение>Catalog_ПодразделенияОрганизаций Валюта>Catalog_Валюты"
)
RESOURCES = (("Сумма", 2), ("ВалютнаяСумма", 2), ("Количество", 3))
SUFFIXES = {
    "Balance": ("Balance",), "Turnovers": ("Turnover",), "BalanceAndTurnovers": ("OpeningBalance", "Turnover",
    "ClosingBalance"),
}  # fmt: skip
SHAPES = {"Balance": "Balance", "Turnovers": "Turnover", "BalanceAndTurnovers": "BalanceAndTurnover"}
Sums = list[int]  # kopecks, foreign hundredths, thousandths, then debit and credit turnover of each


@dataclass(slots=True)
class Group:
    """One detail line: dimensions and the sums of each measure (opening balance, debit, credit)."""

    dims: Fields
    opening: Sums
    debit: Sums
    credit: Sums

    def absorb(self, other: Group) -> None:
        """Add another line to this one."""
        for mine, its in ((self.opening, other.opening), (self.debit, other.debit), (self.credit, other.credit)):
            for index in range(3):
                mine[index] += its[index]


def table_entity(name: str) -> EntitySet:
    """Result shape of a function: dimensions, then its resources."""
    fields = list(DIMENSIONS)
    for suffix in SUFFIXES[name]:
        for resource, scale in RESOURCES:
            fields += [Field(f"{resource}{suffix}{side}", "num", 0, scale) for side in ("", "Dr", "Cr")]
    return EntitySet(f"{REGISTER}_{SHAPES[name]}", "table", tuple(fields), key=())


def run_table(
    base: Base, reader: Reader, name: str, args: dict[str, str], options: dict[str, str]
) -> tuple[EntitySet, list[Fields]]:
    """Rows of ``Balance``, ``Turnovers`` or ``BalanceAndTurnovers`` after the result's own options."""
    if name not in SUFFIXES:
        raise method_not_found()
    entity = table_entity(name)
    tests = conditions(reader, args)
    groups = [group for group in load_groups(base, name, args) if all(test(group.dims) for test in tests)]
    if args.get("ExtraDimensions"):
        groups = reorder_subconto(base, groups, args["ExtraDimensions"])
    kept = dimension_names(args.get("Dimensions"))
    if kept is not None:
        groups = collapse(groups, kept)
        entity = narrow(entity, kept)
    groups = filter_groups(reader, entity, groups, name, options.get("$filter"))
    selected = selected_dimensions(entity, options.get("$select"))
    if selected is not None:
        groups = collapse(groups, selected)
    rows = [row for row in (group_row(group, name) for group in groups) if any_value(row)]
    return entity, page_rows(rows, entity, reader, options)


def moment_of(text: str | None) -> str | None:
    """Moment of a ``Period`` argument."""
    if text is None:
        return None
    if not DATE.match(text):
        raise OdataError(400, 1, f"Не удалось разобрать строку '{text}' как значение типа Edm.DateTime!")
    return text if len(text) > 10 else f"{text}T00:00:00"


def load_groups(base: Base, name: str, args: dict[str, str]) -> list[Group]:
    """Detail lines; ``Balance`` leaves out what moves exactly at ``Period`` (§5)."""
    if name == "Balance":
        rows = base.storage.balance_rows(moment_of(args.get("Period")))
        return [Group(dims_of(base, row), list(row[9:12]), [0] * 3, [0] * 3) for row in rows]
    first, last = moment_of(args.get("StartPeriod")), moment_of(args.get("EndPeriod")) or "9999"
    groups = turnover_groups(base, first or "", last)
    if name == "BalanceAndTurnovers" and first:
        for row in base.storage.balance_rows(first):
            add_group(groups, Group(dims_of(base, row), list(row[9:12]), [0] * 3, [0] * 3))
    return list(groups.values())


def turnover_groups(base: Base, first: str, last: str) -> dict[tuple[Any, ...], Group]:
    """Turnovers between two moments, both included."""
    sql = """SELECT account, sub1, type1, sub2, type2, sub3, type3, org, currency,
                    sum((1-side)*amount), sum((1-side)*foreign_amount), sum((1-side)*quantity),
                    sum(side*amount), sum(side*foreign_amount), sum(side*quantity)
             FROM leg WHERE period >= ? AND period <= ? GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9"""
    groups: dict[tuple[Any, ...], Group] = {}
    for row in base.storage.db.execute(sql, (first, last)).fetchall():
        add_group(groups, Group(dims_of(base, row), [0] * 3, list(row[9:12]), list(row[12:15])))
    return groups


def add_group(groups: dict[tuple[Any, ...], Group], group: Group) -> None:
    """Merge a line into the table."""
    key = tuple(group.dims.values())
    if key in groups:
        groups[key].absorb(group)
    else:
        groups[key] = group


def dims_of(base: Base, row: tuple[Any, ...]) -> Fields:
    """Wire dimensions of a totals row."""
    dims: Fields = {"Account_Key": base.accounts.get(row[0], EMPTY_GUID)}
    for index in range(3):
        value, kind = row[1 + 2 * index], row[2 + 2 * index]
        dims[f"ExtDimension{index + 1}"] = value
        dims[f"ExtDimension{index + 1}_Type"] = kind if value else UNDEFINED
    dims["Организация_Key"], dims["Подразделение_Key"] = row[7] or EMPTY_GUID, EMPTY_GUID
    dims["Валюта_Key"] = row[8] or EMPTY_GUID
    dims["_code"] = row[0]
    return dims


def conditions(reader: Reader, args: dict[str, str]) -> list[Callable[[Fields], bool]]:
    """``AccountCondition`` and ``Condition``, tested on the detail lines."""
    scope = reader.scope(EntitySet("", "table", DIMENSIONS, key=()))
    texts = [args[name] for name in ("AccountCondition", "Condition") if args.get(name)]
    return [compile_filter(parse_filter(text), scope) for text in texts]


def reorder_subconto(base: Base, groups: list[Group], text: str) -> list[Group]:
    """``ExtraDimensions``: subconto kinds by key decide which kind stands first; accounts without them drop out."""
    kinds = {
        row.key: str(row.get("Имя"))
        for row in base.storage.select("ChartOfCharacteristicTypes_ВидыСубконтоХозрасчетные")
    }
    wanted = [kinds.get(part.strip().lower(), "?") for part in text.replace(";", ",").split(",") if part.strip()]
    moved: dict[tuple[Any, ...], Group] = {}
    for group in groups:
        places = BY_CODE[group.dims["_code"]].subs
        if all(kind in places for kind in wanted):
            add_group(
                moved,
                Group(
                    moved_dims(group.dims, [places.index(kind) + 1 for kind in wanted]),
                    group.opening,
                    group.debit,
                    group.credit,
                ),
            )
    return list(moved.values())


def moved_dims(dims: Fields, order: list[int]) -> Fields:
    """Dimensions with the subconto in another order, the rest of them empty."""
    moved = dict(dims)
    for place in (1, 2, 3):
        source = order[place - 1] if place <= len(order) else 0
        moved[f"ExtDimension{place}"] = dims[f"ExtDimension{source}"] if source else ""
        moved[f"ExtDimension{place}_Type"] = dims[f"ExtDimension{source}_Type"] if source else UNDEFINED
    return moved


def dimension_names(text: str | None) -> set[str] | None:
    """``Dimensions='Организация,ExtDimension1'``: names without ``_Key``."""
    if text is None:
        return None
    names: set[str] = set()
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        found = {item.name for item in DIMENSIONS if item.name.removesuffix("_Key").removesuffix("_Type") == part}
        if not found:
            raise path_segment(part)
        names |= found
    return names


def narrow(entity: EntitySet, kept: set[str]) -> EntitySet:
    """Result shape with the named dimensions only."""
    dims = {item.name for item in DIMENSIONS}
    fields = tuple(item for item in entity.fields if item.name not in dims or item.name in kept)
    return EntitySet(entity.name, "table", fields, key=())


def selected_dimensions(entity: EntitySet, select: str | None) -> set[str] | None:
    """Dimensions that ``$select`` keeps: the rest is summed up (§5)."""
    if not select or "*" in select:
        return None
    dims = {item.name for item in DIMENSIONS}
    names = {name.strip() for name in select.split(",")} & dims
    names |= {f"{name}_Type" for name in names if f"{name}_Type" in dims}
    return names | {name.removesuffix("_Type") for name in names if name.endswith("_Type")}


def collapse(groups: Iterable[Group], kept: set[str]) -> list[Group]:
    """Group by fewer dimensions; debit and credit balances net out inside a group, as in 1C."""
    merged: dict[tuple[Any, ...], Group] = {}
    for group in groups:
        dims = {name: value for name, value in group.dims.items() if name in kept}
        dims["_code"] = group.dims["_code"] if "Account_Key" in kept else ""
        add_group(merged, Group(dims, list(group.opening), list(group.debit), list(group.credit)))
    return list(merged.values())


def filter_groups(reader: Reader, entity: EntitySet, groups: list[Group], name: str, text: str | None) -> list[Group]:
    """``$filter`` on the result."""
    if not text:
        return groups
    test = compile_filter(parse_filter(text), reader.scope(entity))
    return [group for group in groups if test(group_row(group, name))]


def group_row(group: Group, name: str) -> Fields:
    """Dimensions and resources of one line."""
    row = dict(group.dims)
    code = row.pop("_code", "")
    for index, (resource, _) in enumerate(RESOURCES):
        opening, debit, credit = group.opening[index], group.debit[index], group.credit[index]
        absent = absent_resource(code, resource)
        for suffix in SUFFIXES[name]:
            row.update(measures(f"{resource}{suffix}", code, suffix, (opening, debit, credit), absent))
    return row


def absent_resource(code: str, resource: str) -> bool:
    """Amounts in currency and quantities are null on accounts that do not keep them (§5)."""
    account = BY_CODE.get(code)
    if account is None or resource == "Сумма":
        return False
    return not (account.currency if resource == "ВалютнаяСумма" else account.quantity)


def measures(label: str, code: str, suffix: str, sums: tuple[int, int, int], absent: bool) -> Fields:
    """``X``, ``XDr``, ``XCr`` of one suffix."""
    if absent:
        return {label: None, f"{label}Dr": None, f"{label}Cr": None}
    opening, debit, credit = sums
    if suffix == "Turnover":
        return {label: debit - credit, f"{label}Dr": debit, f"{label}Cr": credit}
    value = opening if suffix != "ClosingBalance" else opening + debit - credit
    left, right = sides(code, value)
    return {label: value, f"{label}Dr": left, f"{label}Cr": right}


def sides(code: str, value: int) -> tuple[int, int]:
    """Debit and credit balance: an active account never shows a credit one, it goes negative [I]."""
    kind = BY_CODE[code].kind if code in BY_CODE else ""
    if kind == ACTIVE:
        return value, 0
    if kind == PASSIVE:
        return 0, -value
    return max(value, 0), max(-value, 0)


def any_value(row: Fields) -> bool:
    """Lines of nothing but zeros are not stored in totals."""
    return any(value for name, value in row.items() if isinstance(value, int))


def page_rows(rows: list[Fields], entity: EntitySet, reader: Reader, options: dict[str, str]) -> list[Fields]:
    """Order and page of a result; without an order it comes as it likes."""
    if reader.turn % 2:
        rows.reverse()
    rows = sort_records(rows, parse_order(options.get("$orderby")), reader.scope(entity), reader)
    skip, top = whole_number(options, "$skip") or 0, whole_number(options, "$top")
    return rows[skip:] if top is None else rows[skip : skip + top]
