"""The part of a filter that SQLite can answer: a superset of the rows, marked exact when it is not more.

Whatever is not exact is decided by ``filter_eval``; so a mistake here can cost time, not truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.onec.fields import EMPTY_GUID
from sandbox.onec.filter_parser import Binary, Call, Lit, Node, Not, Path
from sandbox.onec.schema import EntitySet

FLAGS = {"DeletionMark": "deleted", "Posted": "posted", "IsFolder": "folder"}
COMPARE = {"eq": "=", "ne": "<>", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
PARTY = ("Контрагент_Key", "Owner_Key")
PARTY_PAIR = ("Контрагент", "Owner")


@dataclass(frozen=True, slots=True)
class Clause:
    """SQL condition with its parameters."""

    sql: str
    params: tuple[Any, ...]
    exact: bool


ALL = Clause("1", (), exact=False)
EVERY = Clause("1", (), exact=True)


def build_clause(node: Node | None, entity: EntitySet) -> Clause:
    """Condition that every wanted row fulfils."""
    if node is None:
        return EVERY
    return clause_of(node, entity) or ALL


def clause_of(node: Node, entity: EntitySet) -> Clause | None:
    """Clause of a node, or None when SQL cannot help."""
    if isinstance(node, Not):
        inner = clause_of(node.inner, entity)
        return Clause(f"NOT ({inner.sql})", inner.params, exact=True) if inner and inner.exact else None
    if not isinstance(node, Binary):
        return flag_clause(node, entity)
    if node.op == "and":
        return both(clause_of(node.left, entity), clause_of(node.right, entity))
    if node.op == "or":
        return either(clause_of(node.left, entity), clause_of(node.right, entity))
    return comparison(node, entity)


def flag_clause(node: Node, entity: EntitySet) -> Clause | None:
    """A bare boolean field: ``$filter=Posted``."""
    if isinstance(node, Path) and len(node.parts) == 1 and entity.find(node.parts[0]) and node.parts[0] in FLAGS:
        return Clause(FLAGS[node.parts[0]], (), exact=True)
    return None


def both(left: Clause | None, right: Clause | None) -> Clause | None:
    """Conjunction: one side alone is still a superset."""
    if left is None or right is None:
        found = left or right
        return Clause(found.sql, found.params, exact=False) if found else None
    return Clause(f"({left.sql}) AND ({right.sql})", left.params + right.params, left.exact and right.exact)


def either(left: Clause | None, right: Clause | None) -> Clause | None:
    """Disjunction needs both sides."""
    if left is None or right is None:
        return None
    return Clause(f"({left.sql}) OR ({right.sql})", left.params + right.params, left.exact and right.exact)


def comparison(node: Binary, entity: EntitySet) -> Clause | None:
    """Field against literal."""
    path, value = node.left, node.right
    if not isinstance(path, Path) or len(path.parts) != 1 or entity.find(path.parts[0]) is None:
        return None
    name = path.parts[0]
    if isinstance(value, Call):
        return cast_clause(name, node.op, value)
    return literal_clause(name, node.op, value) if isinstance(value, Lit) else None


def cast_clause(name: str, op: str, value: Call) -> Clause | None:
    """``Контрагент eq cast(guid'..','Catalog_X')``: the key column narrows, the type is checked later."""
    if name in PARTY_PAIR and op == "eq" and value.name == "cast" and value.args and isinstance(value.args[0], Lit):
        return Clause("party = ?", (value.args[0].value,), exact=False)
    return None


def literal_clause(name: str, op: str, value: Lit) -> Clause | None:
    """Columns that are indexed; strings only where case cannot matter."""
    if name == "Date" and value.kind == "date":
        return Clause(f"date {COMPARE[op]} ?", (value.value,), exact=True)
    if op not in ("eq", "ne"):
        return None
    if name in FLAGS and value.kind == "bool":
        return Clause(f"{FLAGS[name]} {COMPARE[op]} ?", (int(value.value),), exact=True)
    if value.kind == "guid" and name == "Ref_Key":
        return Clause(f"key {COMPARE[op]} ?", (value.value,), exact=True)
    if value.kind == "guid" and name in PARTY and value.value != EMPTY_GUID:
        return Clause(f"party {COMPARE[op]} ?", (value.value,), exact=False)
    if name == "ИНН" and op == "eq" and value.kind == "string" and str(value.value).isdigit():
        return Clause("tax = ?", (value.value,), exact=False)
    return None
