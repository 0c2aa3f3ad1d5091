"""Golden cases put to the test: what a mapping makes of a payload, compared with what it must make, field by field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from core.errors import RecordError
from mapping.cards.trial import build_card
from mapping.cases.files import Case
from mapping.model import FieldSpec, MappedRecord
from mapping.rules import Mapping as Rules

_AMOUNTS = frozenset({"money", "quantity"})
_EMPTY: tuple[object, ...] = (None, "", [], {})


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that came out otherwise than the case expects; both values as plain JSON values."""

    field: str
    expected: object
    found: object


def try_case(rules: Rules, case: Case) -> list[Difference]:
    """Run a case. No difference: green."""
    if case.card:
        return list(_try_card(rules, case))
    return list(_try_out(rules, case) if case.direction == "out" else _try_in(rules, case))


def build_expected(rules: Rules, case: Case) -> dict[str, Any]:
    """What the mapping makes of a case's payload today, in the shape of `expected`, empty values left out."""
    return _build_card(rules, case) if case.card else _build(rules, case)


def _build_card(rules: Rules, case: Case) -> dict[str, Any]:
    card = rules.cards.get(case.card)
    if card is None or card.entity != case.entity:
        return {"error": f"The mapping has no card {case.card} for {case.entity}."}
    return build_card(card, case)


def _try_card(rules: Rules, case: Case) -> Iterator[Difference]:
    found, wanted = _build_card(rules, case), case.expected
    yield from _compare("", {"left_out": wanted.left_out}, {"left_out": found.get("left_out", False)})
    error = str(found.get("error", ""))
    if wanted.error not in error or bool(wanted.error) != bool(error):
        yield Difference("error", wanted.error or None, error or None)
    shown: dict[str, Any] = found.get("card", {})
    for part in dict.fromkeys([*wanted.card, *shown]):
        before, after = wanted.card.get(part), shown.get(part)
        if isinstance(before or after, dict):
            yield from _compare(f"{part}.", before or {}, after or {})
        else:
            yield from _compare("", {part: before}, {part: after})


def _try_in(rules: Rules, case: Case) -> Iterator[Difference]:
    found, wanted = _build(rules, case), case.expected
    if found.get("left_out", False) != wanted.left_out:
        yield Difference("left_out", wanted.left_out, found.get("left_out", False))
    error = str(found.get("error", ""))
    if wanted.error not in error or bool(wanted.error) != bool(error):
        yield Difference("error", wanted.error or None, error or None)
    if wanted.left_out or wanted.error or found.get("left_out") or error:
        return
    if bool(found.get("deleted")) != wanted.deleted:
        yield Difference("deleted", wanted.deleted, bool(found.get("deleted")))
    spec = rules.entities[case.entity].spec
    yield from _compare("", {name: _expected(value, spec.fields.get(name)) for name, value in wanted.fields.items()},
                        found.get("fields", {}))  # fmt: skip
    yield from _compare("", wanted.refs, found.get("refs", {}))
    yield from _compare_lines(rules, case, found.get("lines", {}))
    yield from _compare_marks(wanted.marks, found.get("marks", {}))


def _build(rules: Rules, case: Case) -> dict[str, Any]:
    mapped = rules.entities.get(case.entity)
    if mapped is None:
        return {"error": f"The mapping does not read {case.entity}."}
    try:
        record = mapped.build(case.source, dict(case.raw), ZoneInfo(case.timezone))
    except RecordError as error:
        return {"error": error.message}
    return {"left_out": True} if record is None else _as_expected(record)


def _as_expected(record: MappedRecord) -> dict[str, Any]:
    lines = {
        name: [_filled({key: plain_value(value) for key, value in (line.fields | line.refs).items()}) for line in rows]
        for name, rows in record.lines.items()
        if rows
    }
    whole = {
        "fields": _filled({name: plain_value(value) for name, value in record.fields.items()}),
        "refs": _filled(record.refs),
        "lines": lines,
        "marks": dict(record.marks),
        "deleted": record.deleted,
    }
    return {name: value for name, value in whole.items() if value}


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in _EMPTY}


def _compare(prefix: str, wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Difference]:
    """Field by field; what is not named must be empty."""
    for name in dict.fromkeys([*wanted, *found]):
        before, after = wanted.get(name), found.get(name)
        if before != after and not (before in _EMPTY and after in _EMPTY):
            yield Difference(f"{prefix}{name}", before, after)


def _compare_lines(rules: Rules, case: Case, found: Mapping[str, Any]) -> Iterator[Difference]:
    specs = rules.entities[case.entity].spec.lines
    for group in dict.fromkeys([*case.expected.lines, *found]):
        wanted, rows = case.expected.lines.get(group, []), found.get(group, [])
        if len(wanted) != len(rows):
            yield Difference(f"{group}: number of rows", len(wanted), len(rows))
        fields = specs[group].fields if group in specs else {}
        for number, (one, other) in enumerate(zip(wanted, rows, strict=False), 1):
            plain = {name: _expected(value, fields.get(name)) for name, value in one.items()}
            yield from _compare(f"{group}[{number}].", plain, other)


def _compare_marks(wanted: Mapping[str, str], found: Mapping[str, str]) -> Iterator[Difference]:
    """The reason of a mark contains the text of the case, so that a part of it is enough."""
    for name in dict.fromkeys([*wanted, *found]):
        if name not in wanted or name not in found or wanted[name] not in found[name]:
            yield Difference(f"mark of {name}", wanted.get(name), found.get(name))


def _try_out(rules: Rules, case: Case) -> Iterator[Difference]:
    outbound = rules.outbound.get(case.entity)
    if outbound is None:
        yield Difference("error", None, f"The mapping does not send {case.entity}.")
        return
    yield from _compare("", {"missing": list(case.expected.missing)}, {"missing": outbound.missing(case.raw)})
    try:
        sent = [] if case.expected.missing else outbound.steps(case.raw)
    except RecordError as error:
        yield Difference("error", None, error.message)
        return
    found = _by_role([(step.role, {"set": step.set, **step.body}) for step in sent])
    wanted = _by_role(
        [(str(step.get("role")), {"set": step.get("set"), **step.get("body", {})}) for step in case.expected.steps]
    )
    if list(found) != list(wanted):
        yield Difference("steps, in order", list(wanted), list(found))
    for role in dict.fromkeys([*wanted, *found]):
        yield from _compare(f"{role}.", _plain_all(wanted.get(role, {})), _plain_all(found.get(role, {})))


def _by_role(steps: list[tuple[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Writes by their role, in order; the second of a role and those after it (a phone each) with their number."""
    numbers: Counter[str] = Counter()
    found: dict[str, dict[str, Any]] = {}
    for role, body in steps:
        numbers[role] += 1
        found[role if numbers[role] == 1 else f"{role} {numbers[role]}"] = body
    return found


def _plain_all(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: plain_value(value) for name, value in values.items()}


def plain_value(value: object) -> object:
    """A value as a case writes it: amounts and moments as text, equal ones alike."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {name: plain_value(item) for name, item in value.items()}
    return [plain_value(item) for item in value] if isinstance(value, (list, tuple)) else value


def _expected(value: object, spec: FieldSpec | None) -> object:
    """What a case wants, in the same shape, whether an amount is a number or a text, a moment in any zone."""
    kind = spec.kind if spec is not None else ""
    if kind in _AMOUNTS and isinstance(value, str | int | Decimal) and not isinstance(value, bool):
        try:
            return plain_value(Decimal(str(value)))
        except InvalidOperation:
            return value
    if kind == "datetime" and isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return value
        return plain_value(moment) if moment.tzinfo else value
    return plain_value(value)
