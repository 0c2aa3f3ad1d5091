"""Functions of ``$filter`` that 1C has, and refusal of those that it has not (fact sheet §3.1)."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from sandbox.onec.errors import OdataError
from sandbox.onec.fields import Fields
from sandbox.onec.filter_eval import STRINGS, Scope, Typed, compile_node
from sandbox.onec.filter_parser import Call, Lit, Path

DATE_PARTS: dict[str, Callable[[datetime], int]] = {
    "year": lambda d: d.year, "month": lambda d: d.month, "day": lambda d: d.day, "hour": lambda d: d.hour,
    "minute": lambda d: d.minute, "second": lambda d: d.second, "quarter": lambda d: (d.month + 2) // 3,
    "dayofweek": lambda d: d.isoweekday(), "dayofyear": lambda d: d.timetuple().tm_yday,
}  # fmt: skip
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
MONTHS = {"month": 1, "quarter": 3, "year": 12}


def unsupported(name: str) -> OdataError:
    """Unimplemented function or wrong arguments: code 21 (§4.1)."""
    return OdataError(400, 21, f"Функция {name} не поддерживается или вызвана с неверными параметрами")


def compile_call(node: Call, scope: Scope) -> Typed:
    """Compile one call."""
    if node.name in ("cast", "isof"):
        return compile_cast(node, scope)
    maker = MAKERS.get(node.name)
    if maker is None or not node.args:
        raise unsupported(node.name)
    args = [compile_node(arg, scope) for arg in node.args]
    try:
        return maker(node.name, args)
    except (IndexError, ValueError) as error:
        raise unsupported(node.name) from error


def compile_cast(node: Call, scope: Scope) -> Typed:
    """``cast(guid'..','Catalog_X')`` gives a typed reference; ``isof(field,'Type')`` asks for the type."""
    if len(node.args) != 2:
        raise unsupported(node.name)
    subject, target = compile_node(node.args[0], scope), type_name(node)
    if node.name == "isof":
        wanted = target if target.startswith("Edm.") else f"StandardODATA.{target}"
        return Typed("bool", lambda record: isinstance(pair := subject.get(record), tuple) and pair[1] == wanted)
    if subject.kind == "composite":
        return Typed("guid", lambda record: subject.get(record)[0], target)
    return Typed(subject.kind, subject.get, target)


def type_name(node: Call) -> str:
    """Type argument, with or without the namespace."""
    arg = node.args[1]
    name = str(arg.value) if isinstance(arg, Lit) else arg.parts[0] if isinstance(arg, Path) else ""
    if not name:
        raise unsupported(node.name)
    return name.removeprefix("StandardODATA.")


def need(typed: Typed, *kinds: str) -> Callable[[Fields], Any]:
    """Getter of an argument of one of these kinds."""
    if typed.kind not in kinds:
        raise ValueError(typed.kind)
    return typed.get


def make_test(name: str, args: list[Typed]) -> Typed:
    """``substringof(needle, field)``, ``startswith(field, needle)``, ``endswith``; case does not matter."""
    if len(args) != 2:
        raise ValueError(name)
    field, needle = (args[1], args[0]) if name == "substringof" else (args[0], args[1])
    whole, part = need(field, *STRINGS), need(needle, *STRINGS)
    table: dict[str, Callable[[str, str], bool]] = {
        "substringof": lambda a, b: b in a, "startswith": str.startswith, "endswith": str.endswith,
    }  # fmt: skip
    test = table[name]
    return Typed("bool", lambda record: test((whole(record) or "").casefold(), (part(record) or "").casefold()))


@lru_cache(maxsize=256)
def like_pattern(text: str) -> re.Pattern[str]:
    """1C ПОДОБНО: ``%`` any run, ``_`` one character."""
    parts = [".*" if char == "%" else "." if char == "_" else re.escape(char) for char in text]
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


def make_like(name: str, args: list[Typed]) -> Typed:
    """``like(field,'А%')``."""
    whole, pattern = need(args[0], *STRINGS), need(args[1], "string")
    return Typed("bool", lambda record: like_pattern(pattern(record)).fullmatch(whole(record) or "") is not None)


def make_substring(name: str, args: list[Typed]) -> Typed:
    """``substring(s, i[, n])``, counted from 1 as in 1C [I]."""
    whole, start = need(args[0], *STRINGS), need(args[1], "number")
    size = need(args[2], "number") if len(args) > 2 else (lambda record: Decimal(10**6))

    def cut(record: Fields) -> str:
        first = max(int(start(record)) - 1, 0)
        return str(whole(record) or "")[first : first + int(size(record))]

    return Typed("string", cut)


def make_concat(name: str, args: list[Typed]) -> Typed:
    """``concat(a, b)``."""
    first, second = need(args[0], *STRINGS), need(args[1], *STRINGS)
    return Typed("string", lambda record: f"{first(record) or ''}{second(record) or ''}")


def make_date_part(name: str, args: list[Typed]) -> Typed:
    """``year(Date)`` and its kin."""
    moment, part = need(args[0], "date"), DATE_PARTS[name]
    return Typed("number", lambda record: Decimal(part(datetime.fromisoformat(moment(record)))))


def make_dateadd(name: str, args: list[Typed]) -> Typed:
    """``dateadd(d,'month',1)``."""
    moment, unit, count = need(args[0], "date"), need(args[1], "string"), need(args[2], "number")
    return Typed("date", lambda record: shift(moment(record), unit(record), int(count(record))))


def shift(moment: str, unit: str, count: int) -> str:
    """Move a wall-clock moment; month ends are kept inside the month."""
    date = datetime.fromisoformat(moment)
    if unit in SECONDS:
        return (date + timedelta(seconds=SECONDS[unit] * count)).isoformat()
    if unit not in MONTHS:
        raise unsupported("dateadd")
    month = date.year * 12 + date.month - 1 + MONTHS[unit] * count
    year, month = divmod(month, 12)
    return date.replace(year=year, month=month + 1, day=min(date.day, monthrange(year, month + 1)[1])).isoformat()


def make_difference(name: str, args: list[Typed]) -> Typed:
    """``datedifference(a,b,'day')``."""
    first, second, unit = need(args[0], "date"), need(args[1], "date"), need(args[2], "string")

    def difference(record: Fields) -> Decimal:
        a, b, step = datetime.fromisoformat(first(record)), datetime.fromisoformat(second(record)), unit(record)
        if step in MONTHS:
            return Decimal(((b.year - a.year) * 12 + b.month - a.month) // MONTHS[step])
        return Decimal(int((b - a).total_seconds()) // SECONDS.get(step, 1))

    return Typed("number", difference)


def make_round(name: str, args: list[Typed]) -> Typed:
    """``round(x)`` half up."""
    number = need(args[0], "number")
    return Typed("number", lambda record: Decimal(number(record)).quantize(Decimal(1), ROUND_HALF_UP))


MAKERS: dict[str, Callable[[str, list[Typed]], Typed]] = {
    "substringof": make_test, "startswith": make_test, "endswith": make_test, "like": make_like,
    "substring": make_substring, "concat": make_concat, "dateadd": make_dateadd,
    "datedifference": make_difference, "round": make_round, **dict.fromkeys(DATE_PARTS, make_date_part),
}  # fmt: skip
