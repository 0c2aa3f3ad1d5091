"""Meaning of a filter expression, with 1C's own surprises (fact sheet §3.1).

An expression is compiled once against the fields of a set: wrong names and incomparable types are refused
even when the set is empty, as the query compiler of 1C does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox.onec.errors import GUID_COMPARE, OdataError, bad_option, path_segment
from sandbox.onec.fields import UNDEFINED, Field, Fields
from sandbox.onec.filter_parser import Binary, Call, Lambda, Lit, Node, Not, Path

Getter = Callable[[Fields], Any]
KIND_OF_FIELD = {
    "str": "string", "fixed": "string", "enum": "string", "type": "string", "text": "text", "composite": "composite",
    "int64": "number", "num": "number", "date": "date", "bool": "bool", "ref": "guid", "guid": "guid",
}  # fmt: skip
STRINGS = ("string", "text")
ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda a, b: a > b, "ge": lambda a, b: a >= b, "lt": lambda a, b: a < b, "le": lambda a, b: a <= b,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Typed:
    """A compiled expression and the kind of its value."""

    kind: str
    get: Getter
    target: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """Names an expression may use; ``follow`` fetches the object behind a reference and its scope."""

    fields: dict[str, Field]
    sections: dict[str, tuple[Field, ...]]
    follow: Callable[[str], tuple[Scope, Callable[[str], Fields | None]] | None]
    var: str = ""


def build_scope(
    fields: tuple[Field, ...],
    sections: dict[str, tuple[Field, ...]] | None = None,
    follow: Callable[[str], Any] = lambda target: None,
) -> Scope:
    """Scope of a set or of a virtual table."""
    return Scope({item.name: item for item in fields}, sections or {}, follow)


def compile_filter(node: Node, scope: Scope) -> Callable[[Fields], bool]:
    """Predicate of an expression; what is not boolean is a parse error of the option."""
    typed = compile_node(node, scope)
    if typed.kind != "bool":
        raise bad_option("$filter")
    return lambda record: bool(typed.get(record))


def compile_node(node: Node, scope: Scope) -> Typed:
    """Compile any node."""
    if isinstance(node, Lit):
        value = node.value
        return Typed(node.kind, lambda record: value)
    if isinstance(node, Path):
        return compile_path(node.parts, scope)
    if isinstance(node, Not):
        inner = compile_node(node.inner, scope)
        return Typed("bool", lambda record: not inner.get(record))
    if isinstance(node, Call):
        from sandbox.onec.filter_functions import compile_call  # noqa: PLC0415 - the two modules are one grammar

        return compile_call(node, scope)
    return compile_lambda(node, scope) if isinstance(node, Lambda) else compile_binary(node, scope)


def compile_path(parts: tuple[str, ...], scope: Scope) -> Typed:
    """A field, or a walk over references to a field."""
    if scope.var and parts[0] == scope.var:
        parts = parts[1:]
    if not parts:
        raise path_segment(scope.var)
    if len(parts) == 1:
        return compile_field(parts[0], scope)
    return compile_walk(parts, scope)


def compile_field(name: str, scope: Scope) -> Typed:
    """Own field by its wire name."""
    field = scope.fields.get(name)
    if field is None:
        raise path_segment(name)
    kind, default = KIND_OF_FIELD[field.kind], field.default
    if kind == "number":
        scale = -field.scale
        return Typed(kind, lambda record: scaled(record.get(name, default), scale))
    if kind == "composite":
        pair = f"{name}_Type"
        return Typed(kind, lambda record: (record.get(name, ""), record.get(pair, UNDEFINED)))
    return Typed(kind, lambda record: record.get(name, default))


def scaled(value: Any, scale: int) -> Decimal | None:
    """Number of a scaled integer; a folder's missing number stays empty."""
    return None if value is None else Decimal(value).scaleb(scale)


def compile_walk(parts: tuple[str, ...], scope: Scope) -> Typed:
    """``Контрагент/ИНН``: follow the reference, then the rest in the scope of its target (§3.1)."""
    head = next((item for item in scope.fields.values() if item.navigation == parts[0]), None)
    followed = scope.follow(head.target) if head else None
    if head is None or followed is None:
        raise path_segment(parts[0])
    inner_scope, load = followed
    inner = compile_path(parts[1:], inner_scope)
    key = head.name

    def walk(record: Fields) -> Any:
        target = load(record.get(key, ""))
        return None if target is None else inner.get(target)

    return Typed(inner.kind, walk)


def compile_lambda(node: Lambda, scope: Scope) -> Typed:
    """``any``/``all`` over the rows of a section."""
    rows = scope.sections.get(node.section)
    if rows is None:
        raise path_segment(node.section)
    section, check = node.section, any if node.how == "any" else all
    inner = Scope({item.name: item for item in rows}, {}, scope.follow, node.var)
    body = compile_filter(node.body, inner)
    return Typed("bool", lambda record: check(body(row) for row in record.get(section, ())))


def compile_binary(node: Binary, scope: Scope) -> Typed:
    """Logic, comparison or arithmetic."""
    left, right = compile_node(node.left, scope), compile_node(node.right, scope)
    if node.op in ("and", "or"):
        return compile_logic(node.op, left, right)
    if node.op in ("add", "sub", "mul", "div", "mod"):
        return compile_arithmetic(node.op, left, right)
    if node.op in ("eq", "ne"):
        same = compile_equal(left, right)
        return Typed("bool", same if node.op == "eq" else lambda record: not same(record))
    return compile_order(node.op, left, right)


def compile_logic(op: str, left: Typed, right: Typed) -> Typed:
    """``and``, ``or`` of two booleans."""
    if left.kind != "bool" or right.kind != "bool":
        raise bad_option("$filter")
    if op == "and":
        return Typed("bool", lambda record: left.get(record) and right.get(record))
    return Typed("bool", lambda record: left.get(record) or right.get(record))


def compile_arithmetic(op: str, left: Typed, right: Typed) -> Typed:
    """Numbers only."""
    if left.kind != "number" or right.kind != "number":
        raise OdataError(400, 21, "Неверный тип аргумента операции " + op)
    table: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
        "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
        "div": lambda a, b: a / b if b else Decimal(0), "mod": lambda a, b: a % b if b else Decimal(0),
    }  # fmt: skip
    work = table[op]
    return Typed("number", lambda record: work(left.get(record), right.get(record)))


def compile_equal(left: Typed, right: Typed) -> Getter:
    """Equality; a composite field equals only a value of its own type, hence the ``cast`` (§3.1)."""
    if "text" in (left.kind, right.kind):
        raise OdataError(500, -1, GUID_COMPARE)
    if left.kind == "composite" or right.kind == "composite":
        pair, other = (left, right) if left.kind == "composite" else (right, left)
        return compile_composite(pair, other)
    if left.kind != right.kind:
        return compile_null(left, right)
    if left.kind == "string":
        return lambda record: fold(left.get(record)) == fold(right.get(record))
    return lambda record: left.get(record) == right.get(record)


def compile_null(left: Typed, right: Typed) -> Getter:
    """Incompatible types are never equal; ``null`` equals a folder's missing attribute."""
    if "null" in (left.kind, right.kind):
        return lambda record: left.get(record) is None and right.get(record) is None
    return lambda record: False


def fold(value: Any) -> Any:
    """1C compares strings without regard to case and trailing spaces [I: DBMS collations it ships with]."""
    return value.casefold().rstrip() if isinstance(value, str) else value


def compile_composite(pair: Typed, other: Typed) -> Getter:
    """Composite against a cast, a plain GUID (never equal), another composite or a primitive."""
    if other.kind == "composite":
        return lambda record: pair.get(record) == other.get(record)
    if other.kind == "guid" and other.target:
        wanted = f"StandardODATA.{other.target}"
        return lambda record: pair.get(record) == (other.get(record), wanted)
    if other.kind in STRINGS:
        return lambda record: pair.get(record) == (other.get(record), "Edm.String")
    return lambda record: False


def compile_order(op: str, left: Typed, right: Typed) -> Typed:
    """``gt`` and its kin; GUIDs do not compare, a string with a GUID lies (§3.1)."""
    kinds = {left.kind, right.kind}
    if kinds == {"guid", "string"}:
        return Typed("bool", lambda record: True)  # it "compares something else and lies"
    if len(kinds) > 1 or kinds & {"guid", "composite", "text", "bool", "null"}:
        raise OdataError(500, -1, GUID_COMPARE)
    compare = ORDER[op]

    def check(record: Fields) -> bool:
        first, second = fold(left.get(record)), fold(right.get(record))
        return first is not None and second is not None and bool(compare(first, second))

    return Typed("bool", check)
