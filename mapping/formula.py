"""Conditions and computed text: simpleeval in the hardened profile of reference/dependencies.md §4.

Names are plain attributes of the record, and a section's name is the number of its rows; functions are ours, source is
at most 500 characters and shallow; no attribute access, no indexing, no formatting, no powers, no remainder: nothing
that can eat time or memory.
"""

from __future__ import annotations

import ast
import operator
import threading
from collections.abc import Callable
from decimal import Decimal

import simpleeval  # type: ignore[import-untyped]

from core.errors import RecordError
from mapping.paths import NAMESPACE, Data, attribute

LONGEST_SOURCE = 500
LONGEST_TEXT = 10_000
_DEEPEST = 30
_NUMBERS = (int, Decimal)
_NODES = (
    ast.Expr, ast.Expression, ast.Name, ast.Load, ast.Constant, ast.UnaryOp, ast.BinOp, ast.BoolOp, ast.Compare,
    ast.IfExp, ast.Call, ast.And, ast.Or, ast.Not, ast.USub, ast.UAdd, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Eq,
    ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn,
)  # fmt: skip


class FormulaError(ValueError):
    """A formula that is refused; `column` counts characters from 1."""

    def __init__(self, message: str, column: int = 1) -> None:
        super().__init__(message)
        self.column = column


def _text(value: object) -> str:
    return "" if value is None else str(value)[:LONGEST_TEXT]


def _number(value: object) -> object:
    if value is None or value == "":
        return 0
    if isinstance(value, _NUMBERS):
        return value
    try:
        return Decimal(str(value)[:40].replace(",", "."))
    except ArithmeticError:
        raise ValueError("number() was given a text that is no number") from None


FUNCTIONS: dict[str, Callable[..., object]] = {
    "one_of": lambda value, *options: value in options,
    "empty": lambda value: value is None or value == "",
    "filled": lambda value: value is not None and value != "",
    "lower": lambda value: _text(value).lower(),
    "upper": lambda value: _text(value).upper(),
    "left": lambda value, count: _text(value)[: max(int(count), 0)],
    "right": lambda value, count: _text(value)[-int(count) :] if int(count) > 0 else "",
    "contains": lambda value, part: _text(part).lower() in _text(value).lower(),
    "starts": lambda value, part: _text(value).lower().startswith(_text(part).lower()),
    "ends": lambda value, part: _text(value).lower().endswith(_text(part).lower()),
    "length": lambda value: len(_text(value)),
    "text": _text,
    "number": _number,
}


def _add(left: object, right: object) -> object:
    if isinstance(left, str) and isinstance(right, str):
        if len(left) + len(right) > LONGEST_TEXT:
            raise ValueError(f"the text would be longer than {LONGEST_TEXT} characters")
        return left + right
    return operator.add(*_two_numbers(left, right))


def _two_numbers(left: object, right: object) -> tuple[Decimal, Decimal]:
    if not isinstance(left, _NUMBERS) or not isinstance(right, _NUMBERS):
        raise TypeError("both sides must be numbers")
    return Decimal(left), Decimal(right)


def _divide(left: object, right: object) -> Decimal:
    whole, by = _two_numbers(left, right)
    if by == 0:
        raise ValueError("it divides by zero")
    return whole / by


def _contains(part: object, whole: object) -> bool:
    if not isinstance(part, str) or not isinstance(whole, str):
        raise TypeError("`in` looks for a text in a text")
    return part in whole


_OPERATORS: dict[type[ast.AST], Callable[..., object]] = {
    ast.Add: _add,
    ast.Sub: lambda left, right: operator.sub(*_two_numbers(left, right)),
    ast.Mult: lambda left, right: operator.mul(*_two_numbers(left, right)),
    ast.Div: _divide,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Gt: operator.gt,
    ast.Lt: operator.lt,
    ast.GtE: operator.ge,
    ast.LtE: operator.le,
    ast.Not: operator.not_,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.In: _contains,
    ast.NotIn: lambda part, whole: not _contains(part, whole),
}
_local = threading.local()


def _evaluator() -> simpleeval.SimpleEval:
    """One evaluator a thread: simpleeval keeps names and source in itself."""
    found = getattr(_local, "evaluator", None)
    if found is None:
        found = simpleeval.SimpleEval(operators=_OPERATORS, functions=FUNCTIONS)
        allowed = {kind: work for kind, work in found.nodes.items() if kind in _NODES}
        found.nodes = allowed
        _local.evaluator = found
    return found


class Formula:
    """A checked expression; calling it with a record gives its value."""

    def __init__(self, source: str) -> None:
        """Parse and check.

        Raises:
            FormulaError: too long, not an expression, or something that is not allowed; with the column.
        """
        self.source = source
        self._node = _checked(source)
        names = {node.id for node in ast.walk(self._node) if isinstance(node, ast.Name)} - FUNCTIONS.keys()
        self.names = frozenset(names)
        self._getters = [(name, _scalar(name)) for name in sorted(names)]

    def __call__(self, data: Data) -> object:
        """The value for this record.

        Raises:
            RecordError: the expression does not fit the record's values.
        """
        evaluator = _evaluator()
        evaluator.names = {name: get(data) for name, get in self._getters}
        try:
            return evaluator.eval(self.source, previously_parsed=self._node)
        except (simpleeval.InvalidExpression, TypeError, ValueError, ArithmeticError, RecursionError) as error:
            raise RecordError(
                f"The formula {self.source[:100]!r} cannot be computed: {_reason(error)}.",
                next_step="mend the formula, then: sverka mapping check",
            ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, ArithmeticError):  # the decimal module tells signals by their Python names
        return "a number in it is too large, or is none"
    return str(error)[:200] or type(error).__name__


def _scalar(name: str) -> Callable[[Data], object]:
    get, is_type = attribute(name), name.endswith("_Type")

    def read(data: Data) -> object:
        value = get(data)
        if isinstance(value, str):
            return value.removeprefix(NAMESPACE) if is_type else value[:LONGEST_TEXT]
        if isinstance(value, list):
            return len(value)
        return value if isinstance(value, (bool, *_NUMBERS)) else None

    return read


def _checked(source: str) -> ast.Expr:
    if len(source) > LONGEST_SOURCE:
        raise FormulaError(f"is longer than {LONGEST_SOURCE} characters")
    try:
        tree = ast.parse(source.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        column = getattr(error, "offset", None) or 1
        raise FormulaError(
            f"is not an expression: {getattr(error, 'msg', None) or 'too deeply nested'}", column
        ) from error
    _check_depth(tree)
    for node in ast.walk(tree):
        _check_node(node, source.strip())
    for node in reversed(list(ast.walk(tree))):
        _check_constant(node, source.strip())
    return ast.Expr(value=tree.body)


def _check_constant(node: ast.AST, source: str) -> None:
    """What reads nothing of a record is computed now: what fails here would fail on every record."""
    if not isinstance(node, (ast.BinOp, ast.UnaryOp, ast.Compare, ast.Call)):
        return
    if any(isinstance(each, ast.Name) and each.id not in FUNCTIONS for each in ast.walk(node)):
        return
    evaluator = _evaluator()
    evaluator.names = {}
    try:
        evaluator.eval(source, previously_parsed=ast.Expr(value=node))
    except (simpleeval.InvalidExpression, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise FormulaError(f"can never be computed: {_reason(error)}", _column(node, source)) from error


def _check_depth(tree: ast.AST) -> None:
    level: list[ast.AST] = [tree]
    for _ in range(_DEEPEST):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return
    raise FormulaError(f"is nested deeper than {_DEEPEST} levels")


def _check_node(node: ast.AST, source: str) -> None:
    if not isinstance(node, _NODES):
        raise FormulaError(f"{type(node).__name__} is not allowed here", _column(node, source))
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)[:60]
        if name not in FUNCTIONS or node.keywords:
            raise FormulaError(
                f"there is no function {name!r}; there are {', '.join(sorted(FUNCTIONS))}", _column(node, source)
            )
    if isinstance(node, ast.Constant):
        if isinstance(node.value, float):
            node.value = Decimal(str(node.value))  # type: ignore[assignment]
        elif not isinstance(node.value, (str, bool, int, type(None))):
            raise FormulaError(f"{type(node.value).__name__} is not allowed here", _column(node, source))


def _column(node: ast.AST, source: str) -> int:
    """The syntax tree counts UTF-8 bytes of its line; people count characters."""
    lines = source.splitlines() or [""]
    line = lines[min(getattr(node, "lineno", 1), len(lines)) - 1]
    return len(line.encode()[: getattr(node, "col_offset", 0)].decode(errors="ignore")) + 1
