"""Parser of ``$filter`` and ``Condition`` expressions (fact sheet §3.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox.onec.errors import OdataError, bad_literal, bad_option
from sandbox.onec.fields import GUID


@dataclass(frozen=True, slots=True)
class Lit:
    """A literal: kind is guid, date, string, number, bool or null."""

    kind: str
    value: Any


@dataclass(frozen=True, slots=True)
class Path:
    """A property path: ``("Контрагент", "ИНН")``."""

    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function call."""

    name: str
    args: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Logical negation."""

    inner: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """``and or eq ne gt ge lt le add sub mul div mod``."""

    op: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Lambda:
    """``Товары/any(d: ...)``."""

    section: str
    how: str
    var: str
    body: Node


Node = Lit | Path | Call | Not | Binary | Lambda

TOKEN = re.compile(
    r"\s*(?:(?P<guid>guid'[^']*')|(?P<date>datetime'[^']*')|(?P<string>'(?:[^']|'')*')"
    r"|(?P<number>-?\d+(?:\.\d+)?(?![\w.]))|(?P<name>[^\W\d][\w/]*|\*)|(?P<mark>[(),:]))"
)
LEVELS = (("or",), ("and",), ("eq", "ne", "gt", "ge", "lt", "le"), ("add", "sub"), ("mul", "div", "mod"))
DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?)?\Z")
MAX_TOKENS = 20_000
MAX_DEPTH = 60


def tokenize(text: str) -> list[tuple[str, str]]:
    """Split an expression; a ``+`` or anything else unknown is an error of the option (§1.1)."""
    tokens: list[tuple[str, str]] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        found = TOKEN.match(text, position)
        if not found or found.lastgroup is None or len(tokens) > MAX_TOKENS:
            raise bad_option("$filter")
        tokens.append((found.lastgroup, found.group(found.lastgroup)))
        position = found.end()
    return tokens


class Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, text: str) -> None:
        self.tokens = tokenize(text)
        self.position = 0
        self.depth = 0

    def parse(self) -> Node:
        """Whole expression, nothing left over."""
        node = self.binary(0)
        if self.position != len(self.tokens):
            raise bad_option("$filter")
        return node

    def peek(self) -> tuple[str, str]:
        """Next token, or an end mark."""
        return self.tokens[self.position] if self.position < len(self.tokens) else ("end", "")

    def take(self, expected: str = "") -> tuple[str, str]:
        """Consume one token; ``expected`` names a mark that must stand here."""
        token = self.peek()
        if token[0] == "end" or (expected and token[1] != expected):
            raise bad_option("$filter")
        self.position += 1
        return token

    def binary(self, level: int) -> Node:
        """One level of precedence, left to right."""
        if level == len(LEVELS):
            return self.unary()
        if level < 2:
            return self.logic(level)
        node = self.binary(level + 1)
        while self.peek()[0] == "name" and self.peek()[1] in LEVELS[level]:
            operator = self.take()[1]
            node = Binary(operator, node, self.binary(level + 1))
        return node

    def logic(self, level: int) -> Node:
        """``or``, ``and``: long lists become a flat tree, so that a thousand keys are no deep recursion."""
        operator = LEVELS[level][0]
        nodes = [self.binary(level + 1)]
        while self.peek() == ("name", operator):
            self.take()
            nodes.append(self.binary(level + 1))
        return balanced(operator, nodes)

    def unary(self) -> Node:
        """``not``, parentheses and the primary expressions."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise OdataError(400, 14, "Слишком сложное выражение в опции запроса $filter")
        node = self.negation() if self.peek() == ("name", "not") else self.primary()
        self.depth -= 1
        return node

    def negation(self) -> Node:
        """``not`` binds to the whole comparison that follows it."""
        self.take()
        return Not(self.unary())

    def primary(self) -> Node:
        """A literal, a path, a call, a lambda or a group."""
        kind, text = self.take()
        if text == "(" and kind == "mark":
            node = self.binary(0)
            self.take(")")
            return node
        if kind != "name":
            return literal(kind, text)
        return self.named(text)

    def named(self, text: str) -> Node:
        """Something that starts with a name."""
        if text in ("true", "false", "null"):
            return Lit("null", None) if text == "null" else Lit("bool", text == "true")
        if self.peek()[1] != "(":
            return Path(tuple(text.split("/")))
        head, _, how = text.rpartition("/")
        if head and how in ("any", "all"):
            return self.quantifier(head, how)
        return self.call(text)

    def call(self, name: str) -> Node:
        """Function arguments."""
        self.take("(")
        args: list[Node] = []
        while self.peek()[1] != ")":
            args.append(self.binary(0))
            if self.peek()[1] == ",":
                self.take()
        self.take(")")
        return Call(name, tuple(args))

    def quantifier(self, section: str, how: str) -> Node:
        """``any``/``all`` over a tabular section or a record set."""
        self.take("(")
        var = self.take()[1]
        self.take(":")
        body = self.binary(0)
        self.take(")")
        return Lambda(section, how, var, body)


def balanced(operator: str, nodes: list[Node]) -> Node:
    """Tree of logarithmic depth in the same order."""
    if len(nodes) == 1:
        return nodes[0]
    middle = len(nodes) // 2
    return Binary(operator, balanced(operator, nodes[:middle]), balanced(operator, nodes[middle:]))


def literal(kind: str, text: str) -> Lit:
    """Typed literal; a malformed GUID or date is code 1 (§4.1)."""
    if kind == "number":
        return Lit("number", Decimal(text))
    if kind == "string":
        return Lit("string", text[1:-1].replace("''", "'"))
    if kind == "guid":
        return Lit("guid", checked_guid(text[5:-1]))
    if kind == "date":
        return Lit("date", checked_date(text[9:-1]))
    raise bad_option("$filter")


def checked_guid(text: str) -> str:
    """Lower-case GUID text."""
    if not GUID.match(text):
        raise bad_literal(text, "Edm.Guid")
    return text.lower()


def checked_date(text: str) -> str:
    """Full ``YYYY-MM-DDTHH:MM:SS``: no zone, four-digit year (§3.1)."""
    if not DATE.match(text):
        raise bad_option("$filter")
    return (text + "T00:00:00"[len(text) - 10 :])[:19] if len(text) < 19 else text


def parse_filter(text: str) -> Node:
    """Parse an expression or refuse with 400 code 14."""
    return Parser(text).parse()
