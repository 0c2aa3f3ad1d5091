"""Record sets of the accounting register, its rows, and rows with subconto (fact sheet §2.1, §3.2, §5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.onec.base import Base
from sandbox.onec.errors import GUID_COMPARE, OdataError, instance_not_found, method_not_found
from sandbox.onec.fields import EMPTY_GUID, UNDEFINED, Fields, parse_spec
from sandbox.onec.filter_eval import build_scope, compile_filter
from sandbox.onec.filter_parser import Binary, Call, Lit, Node, Not, Path, parse_filter
from sandbox.onec.query import parse_order
from sandbox.onec.reading import Reader, sort_records
from sandbox.onec.schema import ACCOUNTS, RATES, REGISTER, EntitySet
from sandbox.onec.tables import moment_of
from sandbox.onec.urls import whole_number

KEY = parse_spec("Recorder:*")
HEAD = parse_spec("Period:d") + KEY + parse_spec("LineNumber:i Active:b")
BODY = parse_spec(
    f"AccountDr>{ACCOUNTS} AccountCr>{ACCOUNTS} Организация>Catalog_Организации "
    "ВалютаDr>Catalog_Валюты ВалютаCr>Catalog_Валюты "
    "ПодразделениеDr>Catalog_ПодразделенияОрганизаций ПодразделениеCr>Catalog_ПодразделенияОрганизаций Сумма:m "
    "ВалютнаяСуммаDr:m ВалютнаяСуммаCr:m КоличествоDr:q КоличествоCr:q Содержание:s150 "
    "НеКорректироватьСтоимостьАвтоматически:b"
)
SUBCONTO = parse_spec(" ".join(f"ExtDimension{side}{place}:*" for side in ("Dr", "Cr") for place in (1, 2, 3)))
ROW_SET = EntitySet(f"{REGISTER}_RecordType", "record", HEAD + BODY, key=("Recorder", "Recorder_Type", "LineNumber"))
RECORD_SET = EntitySet(REGISTER, "recordset", KEY, {"RecordSet": HEAD + BODY}, key=("Recorder", "Recorder_Type"))
WITH_SUBCONTO = EntitySet(f"{REGISTER}_RecordWithExtDimension", "table", HEAD + BODY + SUBCONTO, key=())
DR_CR_DIMENSIONS = (*BODY[:2], *SUBCONTO, *BODY[2:7])
DR_CR_RESOURCES = {
    "Сумма": "СуммаTurnover", "ВалютнаяСуммаDr": "ВалютнаяСуммаTurnoverDr",
    "ВалютнаяСуммаCr": "ВалютнаяСуммаTurnoverCr",
    "КоличествоDr": "КоличествоTurnoverDr", "КоличествоCr": "КоличествоTurnoverCr",
}  # fmt: skip
DR_CR = EntitySet(
    f"{REGISTER}_DrCrTurnover",
    "table",
    DR_CR_DIMENSIONS
    + parse_spec(" ".join(f"{name}:{'q' if name[0] == 'К' else 'm'}" for name in DR_CR_RESOURCES.values())),
    key=(),
)
SQL_NAMES = 500  # more values than this are looked for row by row
MEMORY_LEGS = 400_000  # a bigger register cannot be read as record sets without a filter, not even $top=1 (§3.2)
PAIR = """SELECT d.set_id, d.recorder, d.line, d.period, d.org,
    d.account, d.sub1, d.type1, d.sub2, d.type2, d.sub3, d.type3, d.currency, d.foreign_amount, d.quantity,
    c.account, c.sub1, c.type1, c.sub2, c.type2, c.sub3, c.type3, c.currency, c.foreign_amount, c.quantity,
    d.amount, d.content
    FROM leg AS d JOIN leg AS c ON c.recorder = d.recorder AND c.line = d.line AND c.side = 1
    WHERE d.side = 0 """


def register_rows(base: Base, where: str = "", params: tuple[Any, ...] = ()) -> Iterator[Fields]:
    """Every record with both sides; ``where`` is our own SQL."""
    cursor = base.storage.db.execute(f"{PAIR} {where} ORDER BY d.period, d.recorder, d.line", params)
    return (register_row(base, row) for row in cursor)


def register_row(base: Base, row: tuple[Any, ...]) -> Fields:
    """Wire fields of one record."""
    record: Fields = {
        "Period": row[3], "Recorder": row[1], "Recorder_Type": f"StandardODATA.{base.storage.names[row[0]]}",
        "LineNumber": row[2], "Active": True, "Организация_Key": row[4] or EMPTY_GUID, "Сумма": row[25],
        "Содержание": row[26],
    }  # fmt: skip
    for side, start in (("Dr", 5), ("Cr", 15)):
        record[f"Account{side}_Key"] = base.accounts.get(row[start], EMPTY_GUID)
        for place in (1, 2, 3):
            value, kind = row[start + 2 * place - 1], row[start + 2 * place]
            record[f"ExtDimension{side}{place}"] = value
            record[f"ExtDimension{side}{place}_Type"] = kind if value else UNDEFINED
        record[f"Валюта{side}_Key"] = row[start + 7] or EMPTY_GUID
        record[f"ВалютнаяСумма{side}"] = row[start + 8] if row[start + 7] else None
        record[f"Количество{side}"] = row[start + 9] or None
    return record


def query_rows(base: Base, reader: Reader, options: dict[str, str]) -> list[Fields]:
    """The ``_RecordType`` set: flat rows, filter by ``Period`` works (§3.2 rule 4)."""
    test = filter_of(reader, ROW_SET, options.get("$filter"))
    rows = [row for row in period_rows(base, options.get("$filter")) if test is None or test(row)]
    if reader.turn % 2:
        rows.reverse()
    rows = sort_records(rows, parse_order(options.get("$orderby")), reader.scope(ROW_SET), reader)
    return cut(rows, options)


def filter_of(reader: Reader, entity: EntitySet, text: str | None) -> Any:
    """Compiled filter or None."""
    return compile_filter(parse_filter(text), reader.scope(entity)) if text else None


def period_rows(base: Base, text: str | None) -> Iterator[Fields]:
    """Rows narrowed by the period bounds of a conjunction, so that a month of a million is a month."""
    first, last = ("", "9999") if not text else bounds(parse_filter(text))
    return register_rows(base, "AND d.period >= ? AND d.period <= ?", (first, last))


def bounds(node: Node) -> tuple[str, str]:
    """Period bounds of the conjuncts of an expression, inclusive on both sides."""
    if isinstance(node, Binary) and node.op == "and":
        left, right = bounds(node.left), bounds(node.right)
        return max(left[0], right[0]), min(left[1], right[1])
    if (
        isinstance(node, Binary)
        and isinstance(node.left, Path)
        and node.left.parts == ("Period",)
        and isinstance(node.right, Lit)
    ):
        moment = str(node.right.value)
        if node.right.kind == "date" and node.op in ("ge", "gt", "eq", "le", "lt"):
            return ("" if node.op[0] == "l" else moment), ("9999" if node.op[0] == "g" else moment)
    return "", "9999"


def cut(rows: list[Fields], options: dict[str, str]) -> list[Fields]:
    """One page."""
    skip, top = whole_number(options, "$skip") or 0, whole_number(options, "$top")
    return rows[skip:] if top is None else rows[skip : skip + top]


def query_sets(base: Base, reader: Reader, options: dict[str, str]) -> list[Fields]:
    """Record sets: ``$orderby`` is ignored, ``Period`` in a filter refused, ``RecordSet/any`` works (§3.2)."""
    text = options.get("$filter")
    if not text and base.storage.leg_count() > MEMORY_LEGS:
        raise OdataError(500, -1, "Недостаточно памяти для получения результата запроса к базе данных")
    scope = build_scope(RECORD_SET.fields, RECORD_SET.sections, reader.follow)
    test = compile_filter(parse_filter(text), scope) if text else None
    grouped: dict[tuple[str, str], Fields] = {}
    for row in register_rows(base):
        key = (row["Recorder"], row["Recorder_Type"])
        grouped.setdefault(key, {"Recorder": key[0], "Recorder_Type": key[1], "RecordSet": []})["RecordSet"].append(row)
    found = [record for record in grouped.values() if test is None or test(record)]
    if reader.turn % 2:
        found.reverse()
    return cut(found, options)


def record_set(base: Base, recorder: str, kind: str) -> Fields:
    """Record set of one recorder; an unposted document has an empty one."""
    rows = list(register_rows(base, "AND d.recorder = ?", (recorder,)))
    set_name = kind.removeprefix("StandardODATA.")
    if not rows and (set_name not in base.schema.sets or base.storage.load(set_name, recorder) is None):
        raise instance_not_found()
    return {"Recorder": recorder, "Recorder_Type": f"StandardODATA.{set_name}", "RecordSet": rows}


def records_with_subconto(base: Base, reader: Reader, args: dict[str, str], options: dict[str, str]) -> list[Fields]:
    """``RecordsWithExtDimensions``: no ``$skip``, ``$orderby`` ignored, ``Top`` any subset (§5)."""
    if "$skip" in options:
        raise OdataError(400, 0, "The $skip parameter is not supported")
    first, last = moment_of(args.get("StartPeriod")) or "", moment_of(args.get("EndPeriod")) or "9999"
    condition = args.get("Condition")
    if condition and touches_recorder(parse_filter(condition)):
        return refuse_recorder(condition)
    rows = subconto_rows(base, condition, first, last)
    tests = [filter_of(reader, WITH_SUBCONTO, text) for text in (condition, options.get("$filter")) if text]
    found = [row for row in rows if all(test(row) for test in tests)]
    return any_subset(found, args.get("Top") or options.get("$top"), reader.turn)


def subconto_rows(base: Base, condition: str | None, first: str, last: str) -> Iterator[Fields]:
    """Records of a period; where a condition asks for some first subconto, only documents that move them."""
    parties = first_subconto(parse_filter(condition)) if condition else None
    if parties is None or len(parties) > SQL_NAMES:
        return register_rows(base, "AND d.period >= ? AND d.period <= ?", (first, last))
    marks = ",".join("?" * len(parties))
    where = f"AND d.recorder IN (SELECT recorder FROM leg WHERE sub1 IN ({marks})) AND +d.period BETWEEN ? AND ?"  # noqa: S608
    return register_rows(base, where, (*sorted(parties), first, last))


def first_subconto(node: Node) -> set[str] | None:
    """Values of which a matching record has at least one as its first subconto; None: any record may match."""
    if not isinstance(node, Binary):
        return None
    if node.op in ("and", "or"):
        left, right = first_subconto(node.left), first_subconto(node.right)
        if node.op == "or":
            return None if left is None or right is None else left | right
        return right if left is None else left
    named = isinstance(node.left, Path) and node.left.parts in (("ExtDimensionDr1",), ("ExtDimensionCr1",))
    cast = node.right
    if node.op != "eq" or not named or not isinstance(cast, Call) or cast.name != "cast":
        return None
    return {str(item.value) for item in cast.args[:1] if isinstance(item, Lit) and item.kind == "guid"} or None


def dr_cr_turnovers(base: Base, reader: Reader, args: dict[str, str], options: dict[str, str]) -> list[Fields]:
    """``DrCrTurnovers``: turnovers between accounts, summed over what is not selected (§5)."""
    first, last = moment_of(args.get("StartPeriod")) or "", moment_of(args.get("EndPeriod")) or "9999"
    texts = [args.get(name) for name in ("AccountDrCondition", "AccountCrCondition", "Condition")]
    tests = [filter_of(reader, DR_CR, text) for text in (*texts, options.get("$filter")) if text]
    chosen = {name.strip() for name in options.get("$select", "*").split(",")}
    names = [item.name for item in DR_CR_DIMENSIONS if item.name in chosen or "*" in chosen]
    sums: dict[tuple[Any, ...], Fields] = {}
    for row in register_rows(base, "AND d.period >= ? AND d.period <= ?", (first, last)):
        turned = {**row, **{target: row[source] for source, target in DR_CR_RESOURCES.items()}}
        if all(test(turned) for test in tests):
            add_turnover(sums, names, turned)
    return cut(list(sums.values()), options)


def add_turnover(sums: dict[tuple[Any, ...], Fields], names: list[str], row: Fields) -> None:
    """Add one record to its line."""
    key = tuple(row.get(name, "") for name in names)
    line = sums.setdefault(key, {**dict(zip(names, key, strict=True)), **dict.fromkeys(DR_CR_RESOURCES.values())})
    for name in DR_CR_RESOURCES.values():
        if row[name] is not None:
            line[name] = (line[name] or 0) + row[name]


def any_subset(rows: list[Fields], top: str | None, turn: int) -> list[Fields]:
    """``Top`` rows from an arbitrary place."""
    if top is None or not top.isdigit() or int(top) >= len(rows):
        return rows
    start = (turn * 7919) % len(rows)
    return (rows[start:] + rows[:start])[: int(top)]


def touches_recorder(node: Node) -> bool:
    """Whether a condition names the recorder."""
    if isinstance(node, Path):
        return node.parts[0] in ("Recorder", "Recorder_Type")
    if isinstance(node, Not):
        return touches_recorder(node.inner)
    return isinstance(node, Binary) and (touches_recorder(node.left) or touches_recorder(node.right))


def refuse_recorder(condition: str) -> list[Fields]:
    """By GUID: 500; by string: 200 with nothing (§5)."""
    if "guid'" in condition:
        raise OdataError(500, -1, GUID_COMPARE)
    return []


def slice_rates(base: Base, reader: Reader, name: str, args: dict[str, str], options: dict[str, str]) -> list[Fields]:
    """``SliceLast``/``SliceFirst`` of the rates: one record a currency (§5)."""
    if name not in ("SliceLast", "SliceFirst"):
        raise method_not_found()
    entity = base.schema.sets[RATES]
    moment, test = moment_of(args.get("Period")), filter_of(reader, entity, args.get("Condition"))
    found: dict[str, Fields] = {}
    rows = sorted((base.record(row) for row in base.storage.select(RATES)), key=lambda row: str(row["Period"]))
    for row in rows if name == "SliceLast" else reversed(rows):
        inside = moment is None or (row["Period"] <= moment if name == "SliceLast" else row["Period"] >= moment)
        if inside and (test is None or test(row)):
            found[row["Валюта_Key"]] = row
    result = filter_of(reader, entity, options.get("$filter"))
    return cut([row for row in found.values() if result is None or result(row)], options)
