"""Every deed that the source notes in the audit has a title that people read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from web.show.deeds import DEEDS, KEYS, tell_values
from web.show.texts import translations

ROOT = Path(__file__).parents[3]
ROOMS = ("core", "connectors", "mapping", "store", "sync", "workers", "web", "cli")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Said:
    """An expression, the module and the function (None: none) that it stands in."""

    expression: ast.expr
    module: str
    function: Function | None

    def at(self, expression: ast.expr) -> Said:
        return Said(expression, self.module, self.function)


@cache
def modules() -> dict[str, ast.Module]:
    found = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
    named = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in found}
    return {name: ast.parse(path.read_text("utf-8"), str(path)) for name, path in named.items()}


@cache
def nodes(module: str) -> list[tuple[Function | None, ast.AST]]:
    """Every node, with the innermost function that it stands in."""
    found: list[tuple[Function | None, ast.AST]] = []
    waiting: list[tuple[Function | None, ast.AST]] = [(None, modules()[module])]
    while waiting:
        function, node = waiting.pop()
        found.append((function, node))
        own = node if isinstance(node, Function) else function
        waiting += [(own, child) for child in ast.iter_child_nodes(node)]
    return found


@cache
def names(module: str) -> dict[str, tuple[str, str]]:
    """What a module knows by a name: where it comes from, and what it is called there."""
    known: dict[str, tuple[str, str]] = {}
    for _, node in nodes(module):
        if isinstance(node, ast.ImportFrom) and node.module:
            known |= {one.asname or one.name: (node.module, one.name) for one in node.names}
        elif isinstance(node, Function):
            known[node.name] = (module, node.name)
    return known


def called(call: ast.Call, module: str) -> tuple[str, str] | None:
    if isinstance(call.func, ast.Name):
        return names(module).get(call.func.id)
    if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):  # drafts.drop_draft()
        home = names(module).get(call.func.value.id)
        return (".".join(home), call.func.attr) if home else None
    return None


def given_to(function: Function, name: str, module: str) -> Iterator[Said]:
    """What a parameter is given wherever the function is called, and what it is when it is given nothing."""
    plain, keyword = [one.arg for one in function.args.args], [one.arg for one in function.args.kwonlyargs]
    defaults = dict(zip(reversed(plain), reversed(function.args.defaults), strict=False))
    defaults |= {word: value for word, value in zip(keyword, function.args.kw_defaults, strict=True) if value}
    if name in defaults:
        yield Said(defaults[name], module, None)
    for caller in modules():
        for around, node in nodes(caller):
            if isinstance(node, ast.Call) and called(node, caller) == (module, function.name):
                words = {word.arg: word.value for word in node.keywords} | dict(zip(plain, node.args, strict=False))
                if name in words:
                    yield Said(words[name], caller, around)


def follow(said: Said) -> Iterator[Said]:
    """The expressions behind a name: what it was set to in its function, given to it, or is in its module."""
    if not isinstance(said.expression, ast.Name):
        yield said
        return
    name, found = said.expression.id, list[Said]()
    for around, node in nodes(said.module):
        if isinstance(node, ast.Assign) and around in (said.function, None):
            found += [Said(node.value, said.module, around) for to in node.targets if getattr(to, "id", "") == name]
    if not found and said.function is not None:
        arguments = said.function.args
        if name in [one.arg for one in (*arguments.args, *arguments.kwonlyargs)]:
            found = list(given_to(said.function, name, said.module))
    if not found and name in names(said.module):
        home, word = names(said.module)[name]
        found = [Said(ast.Name(word), home, None)]
    assert found, f"{said.module}: what {name!r} is cannot be followed"
    for one in found:
        yield from follow(one)


def words(said: Said) -> set[str]:
    """All that an expression can say."""
    found: set[str] = set()
    for one in follow(said):
        node = one.expression
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
        elif isinstance(node, ast.IfExp):
            found |= words(one.at(node.body)) | words(one.at(node.orelse))
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            found |= words(one.at(node.value))
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            found |= {word for each in follow(one.at(node.value)) for word in under(each, node.slice.value)}
        elif isinstance(node, ast.JoinedStr):
            head, tail = node.values
            assert isinstance(head, ast.Constant) and isinstance(tail, ast.FormattedValue)
            found |= {f"{head.value!s}{word}" for word in words(one.at(tail.value))}
        else:
            raise AssertionError(f"{one.module}: {ast.unparse(node)} is no code that a test could read")
    return found


def under(said: Said, key: object) -> set[str]:
    node = said.expression
    assert isinstance(node, ast.Dict), f"{said.module}: {ast.unparse(node)} is no dict that a test could read"
    values = [value for name, value in zip(node.keys, node.values, strict=True) if getattr(name, "value", None) == key]
    return {word for value in values for word in words(said.at(value))}


def lines() -> Iterator[Said]:
    """Every line of the audit that is put together anywhere: what it says was done."""
    for module in modules():
        for function, node in nodes(module):
            if isinstance(node, ast.Dict):
                keys = [getattr(key, "value", None) for key in node.keys]
                if {"at", "who", "what"} <= set(keys):
                    yield Said(node.values[keys.index("what")], module, function)


@cache
def codes() -> set[str]:
    return {word for line in lines() for word in words(line)}


def test_codes_are_found_in_every_way_of_writing_them() -> None:
    """A constant, a choice, a name of the module, a parameter with a default, an f-string, another module's deed."""
    assert {
        "log-in", "connection.lines", "field.overruled", "call.look", "mapping.draft.drop", "mapping.draft.publish",
        "review.take", "review.dismiss", "state.rewind", "contact.bind",
    } <= codes()  # fmt: skip


def test_every_deed_has_a_title_and_no_title_is_left_over() -> None:
    assert codes() ^ set(DEEDS) == set(), "write its title into web/show/deeds.py, and into web/locale"


@pytest.mark.parametrize(
    ("language", "told", "shown"),
    [
        ("ru", {"role": "head", "department": None}, [("Роль", "руководитель"), ("Отдел", "—")]),
        ("uk", {"active": True, "on_call": False}, [("Може входити", "так"), ("Чергує", "ні")]),
        ("en", {"keys": ["url", "rate"], "names": []}, [("Settings", "url, rate"), ("names", "—")]),
        ("ru", {"reason": "мыши", "customers": 0}, [("Клиенты", "0"), ("Причина", "мыши")]),
        ("en", {"edited": {"ИНН": None}}, [("Put in its place", '{"ИНН": null}')]),
        ("en", None, []),
    ],
)
def test_values_are_told(language: str, told: dict[str, object] | None, shown: list[tuple[str, str]]) -> None:
    assert tell_values(told, language) == shown


def test_names_of_keys_are_translated() -> None:
    """Not left in English by a catalogue that repeats its text."""
    for title in {*DEEDS.values(), *KEYS.values()}:
        assert translations("ru").gettext(title) != title
