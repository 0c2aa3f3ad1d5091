"""Accumulation registers: flat rows, record sets, and the virtual tables of balances (fact sheet §2.1, §5, §8.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.onec.base import Base
from sandbox.onec.configurations.kind import Measured, Movement, Register
from sandbox.onec.errors import instance_not_found, method_not_found, path_segment
from sandbox.onec.fields import Field, Fields, parse_spec
from sandbox.onec.filter_eval import build_scope, compile_filter
from sandbox.onec.filter_parser import parse_filter
from sandbox.onec.query import parse_order
from sandbox.onec.reading import Reader, sort_records
from sandbox.onec.records import bounds, cut
from sandbox.onec.schema import EntitySet
from sandbox.onec.storage import DIMENSIONS
from sandbox.onec.tables import moment_of

KEY = parse_spec("Recorder:*")
HEAD = parse_spec("Period:d") + KEY + parse_spec("LineNumber:i Active:b RecordType:e=AccumulationRecordType")
SUFFIXES: dict[str, tuple[str, ...]] = {
    "Balance": ("Balance",), "Turnovers": ("Turnover", "Receipt", "Expense"),
    "BalanceAndTurnovers": ("OpeningBalance", "Turnover", "Receipt", "Expense", "ClosingBalance"),
}  # fmt: skip
SHAPES = {"Balance": "Balance", "Turnovers": "Turnover", "BalanceAndTurnovers": "BalanceAndTurnover"}


@dataclass(slots=True)
class Sums:
    """One line of a virtual table: dimensions, opening balance, receipt and expense of each resource."""

    dims: Fields
    opening: list[int]
    receipt: list[int]
    expense: list[int]

    def absorb(self, other: Sums) -> None:
        """Add another line to this one."""
        for mine, its in ((self.opening, other.opening), (self.receipt, other.receipt), (self.expense, other.expense)):
            for index, value in enumerate(its):
                mine[index] += value


def functions_of(register: Register) -> tuple[str, ...]:
    """Virtual tables of a register: one that is computed has balances only."""
    return ("Balance",) if register.state else tuple(SUFFIXES)


def row_set(register: Register) -> EntitySet:
    """The flat rows: ``…_RecordType``."""
    fields = HEAD + register.dimensions + register.resources
    return EntitySet(f"{register.name}_RecordType", "record", fields, key=("Recorder", "Recorder_Type", "LineNumber"))


def record_sets(register: Register) -> EntitySet:
    """Record sets by recorder."""
    rows = row_set(register).fields
    return EntitySet(register.name, "recordset", KEY, {"RecordSet": rows}, key=("Recorder", "Recorder_Type"))


def table_entity(register: Register, name: str) -> EntitySet:
    """Result shape of a function: dimensions, then its resources."""
    sums = [
        Field(f"{item.name}{suffix}", "num", 0, item.scale) for suffix in SUFFIXES[name] for item in register.resources
    ]
    return EntitySet(f"{register.name}_{SHAPES[name]}", "table", (*register.dimensions, *sums), key=())


def run_table(
    base: Base, reader: Reader, register: Register, name: str, args: dict[str, str], options: dict[str, str]
) -> tuple[EntitySet, list[Fields]]:
    """Rows of a virtual table after the result's own options."""
    if name not in functions_of(register):
        raise method_not_found()
    entity = table_entity(register, name)
    scope = reader.scope(EntitySet("", "table", register.dimensions, key=()))
    test = compile_filter(parse_filter(args["Condition"]), scope) if args.get("Condition") else None
    lines = [line for line in load_lines(base, register, name, args) if test is None or test(line.dims)]
    kept = {item.name for item in register.dimensions}
    if args.get("Dimensions") is not None:
        kept = named_dimensions(register, args["Dimensions"])
        entity = narrow(entity, register, kept)
    wanted = kept & selected_dimensions(register, options.get("$select"))
    rows = [table_row(register, name, line) for line in collapse(lines, kept)]
    if options.get("$filter"):
        chosen = compile_filter(parse_filter(options["$filter"]), reader.scope(entity))
        rows = [row for row in rows if chosen(row)]
    rows = [row for row in regroup(rows, wanted) if any(isinstance(value, int) and value for value in row.values())]
    if reader.turn % 2:
        rows.reverse()
    return entity, cut(sort_records(rows, parse_order(options.get("$orderby")), reader.scope(entity), reader), options)


def load_lines(base: Base, register: Register, name: str, args: dict[str, str]) -> Iterator[Sums]:
    """Detail lines; ``Balance`` leaves out what moves exactly at ``Period`` (§5)."""
    zeros = [0] * len(register.resources)
    if name == "Balance":
        for dims, values in state_at(base, register, moment_of(args.get("Period"))):
            yield Sums(dims, list(values), list(zeros), list(zeros))
        return
    first, last = moment_of(args.get("StartPeriod")) or "", moment_of(args.get("EndPeriod")) or "9999"
    if name == "BalanceAndTurnovers" and first:
        for dims, values in state_at(base, register, first):
            yield Sums(dims, list(values), list(zeros), list(zeros))
    for row in rows_between(base, register, first, last):
        moved = [row[item.name] for item in register.resources]
        dims = {item.name: row[item.name] for item in register.dimensions}
        receipt = row["RecordType"] == "Receipt"
        yield Sums(dims, list(zeros), moved if receipt else list(zeros), list(zeros) if receipt else moved)


def state_at(base: Base, register: Register, at: str | None) -> Iterable[Measured]:
    """Signed balance of every combination of dimensions."""
    if register.state is not None:
        return register.state(base, at)
    return (
        described(register, movement_of(row[:9], row[9:12]))
        for row in base.storage.balance_rows(at)
        if row[0] in register.accounts
    )


def movement_of(dims: tuple[Any, ...], sums: tuple[Any, ...], content: str = "") -> Movement:
    """A stored line from its columns (see ``storage.DIMENSIONS``)."""
    subs = ((dims[1], dims[2]), (dims[3], dims[4]), (dims[5], dims[6]))
    return Movement(dims[0], subs, dims[7], dims[8], sums[0], sums[1], content)


def described(register: Register, movement: Movement) -> Measured:
    """Dimensions and resources of a stored line."""
    if register.describe is None:
        raise TypeError(f"{register.name} is computed: it has no rows")
    return register.describe(movement)


def rows_between(base: Base, register: Register, first: str = "", last: str = "9999") -> Iterator[Fields]:
    """Flat rows of a period, both ends included."""
    marks = ",".join("?" * len(register.accounts))
    where = f"account IN ({marks}) AND period >= ? AND period <= ? ORDER BY period, recorder, line"
    return read_rows(base, register, where, (*register.accounts, first, last))


def read_rows(base: Base, register: Register, where: str, params: tuple[Any, ...]) -> Iterator[Fields]:
    """Flat rows; ``where`` is our own SQL."""
    sql = f"SELECT set_id, recorder, line, side, period, content, {DIMENSIONS}, amount, foreign_amount FROM leg WHERE {where}"  # noqa: S608, E501
    for row in base.storage.db.execute(sql, params).fetchall() if register.describe else ():
        dims, values = described(register, movement_of(row[6:15], row[15:17], row[5]))
        yield {
            "Period": row[4], "Recorder": row[1], "Recorder_Type": f"StandardODATA.{base.storage.names[row[0]]}",
            "LineNumber": row[2], "Active": True, "RecordType": "Expense" if row[3] else "Receipt", **dims,
            **{item.name: value for item, value in zip(register.resources, values, strict=True)},
        }  # fmt: skip


def query_rows(base: Base, reader: Reader, register: Register, options: dict[str, str]) -> list[Fields]:
    """The ``_RecordType`` set (§3.2 rule 4)."""
    entity, text = row_set(register), options.get("$filter")
    node = parse_filter(text) if text else None
    test = compile_filter(node, reader.scope(entity)) if node else None
    first, last = bounds(node) if node else ("", "9999")
    rows = [row for row in rows_between(base, register, first, last) if test is None or test(row)]
    if reader.turn % 2:
        rows.reverse()
    return cut(sort_records(rows, parse_order(options.get("$orderby")), reader.scope(entity), reader), options)


def query_sets(base: Base, reader: Reader, register: Register, options: dict[str, str]) -> list[Fields]:
    """Record sets: ``$orderby`` is ignored, ``Period`` in a filter refused (§3.2)."""
    entity, text = record_sets(register), options.get("$filter")
    test = (
        compile_filter(parse_filter(text), build_scope(entity.fields, entity.sections, reader.follow)) if text else None
    )
    grouped: dict[tuple[str, str], Fields] = {}
    for row in rows_between(base, register):
        key = (row["Recorder"], row["Recorder_Type"])
        grouped.setdefault(key, {"Recorder": key[0], "Recorder_Type": key[1], "RecordSet": []})["RecordSet"].append(row)
    return cut([record for record in grouped.values() if test is None or test(record)], options)


def record_set(base: Base, register: Register, recorder: str, kind: str) -> Fields:
    """Record set of one recorder; an unposted document has an empty one."""
    marks = ",".join("?" * len(register.accounts))
    where = f"recorder = ? AND account IN ({marks}) ORDER BY line"
    rows = list(read_rows(base, register, where, (recorder, *register.accounts)))
    set_name = kind.removeprefix("StandardODATA.")
    if not rows and (set_name not in base.schema.sets or base.storage.load(set_name, recorder) is None):
        raise instance_not_found()
    return {"Recorder": recorder, "Recorder_Type": f"StandardODATA.{set_name}", "RecordSet": rows}


def named_dimensions(register: Register, text: str) -> set[str]:
    """``Dimensions='Контрагент,Договор'``: names without ``_Key`` (§5)."""
    names: set[str] = set()
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        found = {
            item.name for item in register.dimensions if part in (item.name.removesuffix("_Key"), item.name)
            or (item.kind == "type" and item.name == f"{part}_Type")
        }  # fmt: skip
        if not found:
            raise path_segment(part)
        names |= found
    return names


def narrow(entity: EntitySet, register: Register, kept: set[str]) -> EntitySet:
    """Result shape with the named dimensions only."""
    dims = {item.name for item in register.dimensions}
    fields = tuple(item for item in entity.fields if item.name not in dims or item.name in kept)
    return EntitySet(entity.name, "table", fields, key=())


def selected_dimensions(register: Register, select: str | None) -> set[str]:
    """Dimensions that ``$select`` keeps: the rest is summed up (§5)."""
    dims = {item.name for item in register.dimensions}
    if not select or "*" in select:
        return dims
    names = {name.strip() for name in select.split(",")} & dims
    return names | {f"{name}_Type" for name in names if f"{name}_Type" in dims}


def collapse(lines: Iterable[Sums], kept: set[str]) -> list[Sums]:
    """Group by the kept dimensions."""
    merged: dict[tuple[Any, ...], Sums] = {}
    for line in lines:
        dims = {name: value for name, value in line.dims.items() if name in kept}
        key = tuple(dims.values())
        if key in merged:
            merged[key].absorb(line)
        else:
            merged[key] = Sums(dims, list(line.opening), list(line.receipt), list(line.expense))
    return list(merged.values())


def regroup(rows: list[Fields], wanted: set[str]) -> list[Fields]:
    """Result rows summed over dimensions that nobody selected."""
    merged: dict[tuple[Any, ...], Fields] = {}
    for row in rows:
        amounts = {name: value for name, value in row.items() if isinstance(value, int)}
        key = tuple(value for name, value in row.items() if name in wanted)
        held = merged.setdefault(key, {**row, **dict.fromkeys(amounts, 0)})
        for name, value in amounts.items():
            held[name] += value
    return list(merged.values())


def table_row(register: Register, name: str, line: Sums) -> Fields:
    """Dimensions and resources of one line."""
    row = dict(line.dims)
    for index, item in enumerate(register.resources):
        opening, receipt, expense = line.opening[index], line.receipt[index], line.expense[index]
        found = {
            "Balance": opening, "OpeningBalance": opening, "Receipt": receipt, "Expense": expense,
            "Turnover": receipt - expense, "ClosingBalance": opening + receipt - expense,
        }  # fmt: skip
        row.update({f"{item.name}{suffix}": found[suffix] for suffix in SUFFIXES[name]})
    return row
