"""A mapping against the live base: what the rules read and the base does not have (`sverka mapping check --live`).

Compared with what the base declares now, and with what it declared when the mapping was published: what has gone or
been retyped since is an error for the rules that read it, what is new is a notice.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, update

from connectors.base import DeclaredSource, Finding, RecordSource
from core.settings import ConnectionSettings
from mapping.compile import Need
from mapping.entity import EntityMapping
from mapping.model import SourceSet
from mapping.problems import nearest
from mapping.rules import Mapping
from mapping.text import Chain, load_chain
from store.engine import reading
from store.tables import connection as connections
from sync.context import App
from sync.pull.drift import logical
from sync.room.breaker import ensure_row
from sync.room.opening import open_for

CHANGE = "change this rule in a mapping of yours, then: sverka mapping check"
_FITTING: dict[str, frozenset[str]] = {
    "money": frozenset({"number"}),
    "quantity": frozenset({"number"}),
    "int": frozenset({"number", "text"}),
    "bool": frozenset({"bool"}),
    "date": frozenset({"datetime"}),
    "datetime": frozenset({"datetime"}),
    "text": frozenset({"text", "number", "bool", "datetime", "reference"}),
    "texts": frozenset({"text", "number", "reference"}),
    "reference": frozenset({"reference", "text"}),
}
"""Kinds of the base that a kind of target takes as they are. A cleaner or a value table may make more of them fit."""
_WORST = ("error", "warning", "notice", "ok")
_CLEANER = {"money": "money", "quantity": "money", "date": "date", "datetime": "date"}


@dataclass(slots=True)
class _Check:
    """One comparison: the live side, what was declared before, and where the rules stand."""

    connector: RecordSource
    before: dict[str, dict[str, str]]
    chain: Chain
    found: list[Finding] = field(default_factory=list)
    seen: dict[str, dict[str, str]] = field(default_factory=dict)

    def kinds(self, name: str, section: str | None = None) -> dict[str, str] | None:
        """What fields hold; without kinds where the other side only names them."""
        if isinstance(self.connector, DeclaredSource):
            kinds = self.connector.declared_kinds(name, section)
            return dict(kinds) if kinds is not None else None
        declared = self.connector.declared_fields(name) if section is None else None
        return {logical(one): "any" for one in declared} if declared is not None else None

    def place(self, need: Need) -> str:
        """File, line and column of a rule."""
        file, line, column = self.chain.place_of(need.loc)
        return f"{file}:{line}:{column}" if line else file

    def say(self, level: Any, subject: str, message: str, next_step: str = "") -> None:
        """Note a finding, once."""
        finding = Finding(level, subject, message, next_step)
        if finding not in self.found:
            self.found.append(finding)


def compare_live(app: App, settings: ConnectionSettings, mapping: Mapping, origin: str = "") -> list[Finding]:
    """Every set and attribute that the mapping reads and the base lacks or holds otherwise, and what is new there.

    What the base declares is remembered the first time it is seen, and again when a mapping is published.
    Raises what the connector raises.
    """
    chain = load_chain(mapping.text, origin or f"{mapping.name}.toml", None)
    with closing(open_for(app, settings)) as connector:
        if not isinstance(connector, RecordSource):
            return []
        facts = _load_facts(app, settings.name)
        check = _Check(connector, facts.get("declared", {}), chain)
        for entity in mapping.entities.values():
            for source in entity.sources:
                _compare_set(check, entity, source, was_there=bool(facts.get("sets", {}).get(source.name)))
        _tell_news(check)
    _remember(app, settings.name, check)
    return sorted(check.found, key=lambda one: (_WORST.index(one.level), one.subject))


def _load_facts(app: App, name: str) -> dict[str, Any]:
    with reading(app.engine) as conn:
        return dict(conn.scalar(select(connections.c.facts).where(connections.c.name == name)) or {})


def _remember(app: App, name: str, check: _Check) -> None:
    """Sets and fields seen for the first time; what is known of a field stays until a mapping is published."""
    merged = {one: kinds | check.before.get(one, {}) for one, kinds in check.seen.items()}
    if any(merged[one] != check.before.get(one) for one in merged):
        with app.engine.begin() as conn:
            ensure_row(conn, name)
            facts = dict(conn.scalar(select(connections.c.facts).where(connections.c.name == name)) or {})
            facts["declared"] = check.before | merged
            conn.execute(update(connections).where(connections.c.name == name).values(facts=facts))


def forget_declared(app: App, name: str) -> None:
    """A mapping was published for the base as it is: what was declared before counts no more."""
    with app.engine.begin() as conn:
        facts = dict(conn.scalar(select(connections.c.facts).where(connections.c.name == name)) or {})
        if facts.pop("declared", None) is not None:
            conn.execute(update(connections).where(connections.c.name == name).values(facts=facts))


def _compare_set(check: _Check, entity: EntityMapping, source: SourceSet, *, was_there: bool) -> None:
    subject = f"{entity.entity}: {source.name}"
    if not check.connector.is_published(source.name):
        needed = was_there or source.name in check.before or not entity.is_optional(source.name)
        gone = "was published before and is not any more" if was_there or source.name in check.before else ""
        text = f"This base does not publish the set{': it ' + gone if gone else ''}."
        check.say("error" if needed else "notice", subject, text, "docs/1c-setup.md, step 2")
        return
    kinds = check.kinds(source.name)
    if kinds is None:
        check.say("notice", subject, "The base does not say which attributes the set has.")
        return
    check.seen[source.name] = kinds
    known = kinds | {join.section: "rows" for join in source.joins}
    for join in source.joins:
        if not check.connector.is_published(join.set):
            check.say("notice", subject, f"This base does not publish {join.set}.", "docs/1c-setup.md, step 2")
    joined = {join.section for join in source.joins}
    for need in entity.needs(source.name):
        _compare_need(check, entity, source, need, known, joined)


def _compare_need(
    check: _Check, entity: EntityMapping, source: SourceSet, need: Need, known: dict[str, str], joined: set[str]
) -> None:
    subject = f"{check.place(need)}: {entity.entity}.{need.target}"
    head, leaves = need.path.head, need.path.leaves
    section = need.section or (head if leaves else None)
    if section is not None:
        if _is_there(check, subject, source.name, section, known, need.required) and section not in joined:
            rows = check.kinds(source.name, section)
            names = (*leaves, *(test.name for test in need.path.tests)) if need.section is None else (head,)
            if rows is not None and known.get(logical(section)) == "rows":
                _compare_leaves(check, subject, f"{source.name}.{section}", names, rows, need)
        return
    if _is_there(check, subject, source.name, head, known, need.required):
        _compare_kind(check, subject, source.name, head, known, need)


def _compare_leaves(
    check: _Check, subject: str, where: str, names: tuple[str, ...], rows: dict[str, str], need: Need
) -> None:
    """Of several attributes of a row one is enough."""
    there = [name for name in names if logical(name) in rows]
    for name in names:
        if name not in there and not (there and name in need.path.leaves):
            _missing(check, subject, where, name, rows, required=need.required)
    if len(there) == 1 and there == list(names):
        _compare_kind(check, subject, where, there[0], rows, need)


def _is_there(check: _Check, subject: str, where: str, name: str, known: dict[str, str], required: bool) -> bool:
    if logical(name) in known:
        return True
    was = logical(name) in check.before.get(where, {})
    _missing(check, subject, where, name, known, required=required, was=was)
    return False


def _missing(
    check: _Check, subject: str, where: str, name: str, known: dict[str, str], *, required: bool, was: bool = False
) -> None:
    near = nearest(name, sorted(known))
    text = f"`{name}` is not a field of `{where}`"
    text += f"; did you mean `{near}`?" if near is not None else "."
    if was:
        check.say("error", subject, f"{text} It was one when the mapping was published.", CHANGE)
    elif required:
        check.say("error", subject, text, CHANGE)
    else:
        check.say("notice", subject, f"{text} The rule goes on without it.")


def _compare_kind(check: _Check, subject: str, where: str, name: str, known: dict[str, str], need: Need) -> None:
    kind, before = known[logical(name)], check.before.get(where, {}).get(logical(name))
    fitting = _FITTING.get(need.kind)
    fits = kind == "any" or fitting is None or kind in fitting or (need.cleaned and kind in ("text", "rows", "number"))
    if before is not None and before != kind and "any" not in (before, kind):
        text = f"`{name}` of `{where}` was a {before} when the mapping was published and is a {kind} now."
        check.say("notice" if fits else "error", subject, text, CHANGE)
    elif not fits:
        add = f' Put steps = ["{_CLEANER[need.kind]}"] to the rule.' if kind == "text" and need.kind in _CLEANER else ""
        text = f"`{name}` of `{where}` is a {kind}; {need.target} takes a {need.kind}.{add}"
        check.say("error", subject, text, CHANGE)


def _tell_news(check: _Check) -> None:
    """Attributes that the base did not have when the mapping was published: they may be wanted."""
    for name, kinds in check.seen.items():
        if name in check.before:
            for new in sorted(kinds.keys() - check.before[name].keys()):
                check.say(
                    "notice", name, f"`{new}` is a new field of `{name}` ({kinds[new]}).", "sverka mapping preview"
                )
