"""A mapping against the live base: what the rules read and the base does not have (`sverka mapping check --live`).

Compared with what the base declares now, and with what it declared when the mapping was published: what has gone or
been retyped since is an error for the rules that read it, what is new is a notice.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select, update

from connectors.base import DeclaredSource, Finding, RecordSource
from core.settings import ConnectionSettings
from mapping.compile import Need
from mapping.entity import EntityMapping
from mapping.files.problems import Loc, Problems, nearest
from mapping.files.text import Chain, is_preset, load_chain, put_settings, value_at
from mapping.model import SourceSet
from mapping.paths import Path
from mapping.rules import Mapping
from store.engine import reading
from store.tables import connection as connections
from sync.context import App
from sync.pull.drift import logical
from sync.room.breaker import ensure_row
from sync.room.opening import open_for
from sync.setup.card_check import compare_cards

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


@dataclass(frozen=True, slots=True)
class RuleFinding(Finding):
    """A finding that a rule gives rise to, with the rule's place; line and column are 0 where unknown.

    `own`: the rule stands in a file of the user's. `absent`: a name that a shipped preset offers and the base lacks,
    which is how it should be: presets name what any base of their kind may have.
    """

    file: str = ""
    line: int = 0
    column: int = 0
    own: bool = False
    absent: bool = False

    @property
    def place(self) -> str:
        """File, line and column, as editors take them."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class _Rule:
    """One need of an entity."""

    entity: str
    need: Need

    @property
    def subject(self) -> str:
        return f"{self.entity}.{self.need.target}"

    @property
    def key(self) -> tuple[Loc, str]:
        return self.need.loc, self.need.path.text


@dataclass(slots=True)
class _Check:
    """One comparison: the live side, what was declared before, and where the rules stand.

    `lacking`: rules of the user's own whose only attribute some set lacks; `met`: those that another set has.
    """

    connector: RecordSource
    before: dict[str, dict[str, str]]
    chain: Chain
    found: list[Finding] = field(default_factory=list)
    lacking: list[tuple[tuple[Loc, str], RuleFinding]] = field(default_factory=list)
    met: set[tuple[Loc, str]] = field(default_factory=set)
    seen: dict[str, dict[str, str]] = field(default_factory=dict)
    publish: str = "docs/1c-setup.md, step 2"
    """Where it is written how the other side is made to show more."""

    def kinds(self, name: str, section: str | None = None) -> dict[str, str] | None:
        """What fields hold; without kinds where the other side only names them."""
        if isinstance(self.connector, DeclaredSource):
            kinds = self.connector.declared_kinds(name, section)
            return dict(kinds) if kinds is not None else None
        declared = self.connector.declared_fields(name) if section is None else None
        return {logical(one): "any" for one in declared} if declared is not None else None

    def say_of(self, rule: _Rule, level: Any, message: str, next_step: str = "", *, absent: bool = False) -> None:
        """Note a finding of a rule, once."""
        finding = self.build(rule, level, message, next_step, absent=absent)
        if finding not in self.found:
            self.found.append(finding)

    def build(self, rule: _Rule, level: Any, message: str, next_step: str = "", *, absent: bool = False) -> RuleFinding:
        """A finding with the place of its rule, or of the setting that the rule takes the name from."""
        file, line, column = self.chain.place_of(self.chain.meant(rule.need.loc))
        where = f"{file}:{line}:{column}" if line else file
        own = not is_preset(file)
        return RuleFinding(
            level, f"{where}: {rule.subject}", message, next_step, file, line, column, own, absent and not own
        )

    def of_card(self, loc: Loc, subject: str, level: Any, message: str, next_step: str) -> Finding:
        """A finding of a rule for a card, with its place."""
        file, line, column = self.chain.place_of(self.chain.meant(loc))
        where = f"{file}:{line}:{column}" if line else file
        return RuleFinding(level, f"{where}: {subject}", message, next_step, file, line, column, not is_preset(file))

    def say(self, level: Any, subject: str, message: str, next_step: str = "") -> None:
        """Note a finding, once."""
        finding = Finding(level, subject, message, next_step)
        if finding not in self.found:
            self.found.append(finding)


def compare_live(app: App, settings: ConnectionSettings, mapping: Mapping, origin: str = "") -> list[Finding]:
    """Every set and attribute that the mapping reads and the base lacks or holds otherwise, and what is new there.

    Findings of the user's own rules come first. What the base declares is remembered the first time it is seen, and
    again when a mapping is published.
    Raises what the connector raises.
    """
    chain = load_chain(mapping.text, origin or f"{mapping.name}.toml", None)
    put_settings(chain, Problems(chain.place_of))
    with closing(open_for(app, settings)) as connector:
        if not isinstance(connector, RecordSource):
            return []
        facts = _load_facts(app, settings.name)
        check = _Check(connector, facts.get("declared", {}), chain)
        if mapping.cards:
            check.publish = "give us the right to it in the CRM, then: sverka doctor"
        for entity in mapping.entities.values():
            for source in entity.sources:
                _compare_set(check, entity, source, was_there=bool(facts.get("sets", {}).get(source.name)))
        _tell_lacking(check)
        _tell_news(check)
        check.found += compare_cards(settings.name, connector, mapping, check.of_card)
    _remember(app, settings.name, check)
    return sorted(check.found, key=in_order)


def in_order(finding: Finding) -> tuple[bool, int, str, int, int, str]:
    """What findings are sorted by: the user's own rules first, then the worst, then by the place."""
    level = _WORST.index(finding.level)
    if isinstance(finding, RuleFinding):
        return not finding.own, level, finding.file, finding.line, finding.column, finding.subject
    return True, level, "", 0, 0, finding.subject


def sum_up_absent(findings: list[Finding]) -> list[Finding]:
    """The same findings, with one line for all names of a preset that the base does not have."""
    kept = [one for one in findings if not (isinstance(one, RuleFinding) and one.absent)]
    number = len(findings) - len(kept)
    if not number:
        return kept
    names = "name of the preset is" if number == 1 else "names of the preset are"
    text = f"{number} {names} not in this base, and the rules go on without; --all lists them."
    return [*kept, Finding("notice", "preset", text)]


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
        check.say("error" if needed else "notice", subject, text, check.publish)
        return
    kinds = check.kinds(source.name)
    if kinds is None:
        check.say("notice", subject, "The base does not say which attributes the set has.")
        return
    check.seen[source.name] = kinds
    known = kinds | {join.section: "rows" for join in source.joins}
    for join in source.joins:
        if not check.connector.is_published(join.set):
            check.say("notice", subject, f"This base does not publish {join.set}.", check.publish)
    joined = {join.section for join in source.joins}
    _compare_standard(check, entity.entity, source, known)
    for need in entity.needs(source.name):
        _compare_need(check, entity, source, need, known, joined)


_STANDARD = ("key", "version", "deleted", "posted", "date", "counterparty")


def _compare_standard(check: _Check, entity: str, source: SourceSet, known: dict[str, str]) -> None:
    """What a record is known, dated and marked by, where the user's own file names it: without it nothing is read."""
    for role in _STANDARD:
        name, loc = getattr(source, role), _standard_loc(check.chain, entity, source.name, role)
        if name and loc and logical(name) not in known and not is_preset(check.chain.place_of(loc)[0]):
            rule = _Rule(entity, Need(role, Path(name, name), required=True, loc=loc))
            _missing(check, rule, source.name, name, known)


def _standard_loc(chain: Chain, entity: str, source: str, role: str) -> Loc:
    """Where it is said: with the source, its entity, or a part of it."""
    rules = value_at(chain.tree, ("entities", entity))
    parts = rules.get("parts") if isinstance(rules, dict) else None
    places: list[Loc] = [("entities", entity, "sources", source, role), ("entities", entity, role)]
    places += [("parts", part, role) for part in reversed(parts if isinstance(parts, list) else [])]
    return next((loc for loc in places if value_at(chain.tree, loc) is not None), ())


def _compare_need(
    check: _Check, entity: EntityMapping, source: SourceSet, need: Need, known: dict[str, str], joined: set[str]
) -> None:
    rule = _Rule(entity.entity, need)
    head, leaves = need.path.head, need.path.leaves
    section = need.section or (head if leaves else None)
    if section is None:
        if _is_there(check, rule, source.name, head, known):
            _compare_kind(check, rule, source.name, head, known)
        return
    if not _is_there(check, rule, source.name, section, known, whole=bool(need.section)) or section in joined:
        return
    kind = known[logical(section)]
    rows = check.kinds(source.name, section)
    names = (*leaves, *(test.name for test in need.path.tests)) if need.section is None else (head,)
    if kind not in ("rows", "any"):
        text = f"`{section}` of `{source.name}` is a {kind} and has no fields of its own, so no `{names[0]}`."
        _lack(check, rule, text)
    elif rows is not None and kind == "rows":
        _compare_leaves(check, rule, f"{source.name}.{section}", names, rows)
    else:
        check.met.add(rule.key)


def _compare_leaves(check: _Check, rule: _Rule, where: str, names: tuple[str, ...], rows: dict[str, str]) -> None:
    """Of several attributes of a row one is enough."""
    there = [name for name in names if logical(name) in rows]
    if len(there) == len(names):
        check.met.add(rule.key)
    for name in names:
        if name not in there and not (there and name in rule.need.path.leaves):
            _missing(check, rule, where, name, rows)
    if len(there) == 1 and there == list(names):
        _compare_kind(check, rule, where, there[0], rows)


def _is_there(check: _Check, rule: _Rule, where: str, name: str, known: dict[str, str], *, whole: bool = False) -> bool:
    """Whether a set has the attribute; `whole`: it is the section in which the rule's own attribute stands."""
    if logical(name) in known:
        if not (whole or rule.need.path.leaves):
            check.met.add(rule.key)
        return True
    was = logical(name) in check.before.get(where, {})
    _missing(check, rule, where, name, known, was=was)
    return False


def _missing(check: _Check, rule: _Rule, where: str, name: str, known: dict[str, str], *, was: bool = False) -> None:
    near = nearest(name, sorted(known))
    text = f"`{name}` is not a field of `{where}`"
    text += f"; did you mean `{near}`?" if near is not None else "."
    if was:
        check.say_of(rule, "error", f"{text} It was one when the mapping was published.", CHANGE)
    else:
        _lack(check, rule, text)


def _lack(check: _Check, rule: _Rule, text: str) -> None:
    """A rule finds nothing: an error where nothing else fills the field, else the rule goes on without."""
    if rule.need.required:
        check.say_of(rule, "error", text, CHANGE)
    elif rule.need.sole and (finding := check.build(rule, "error", text, CHANGE)).own:
        check.lacking.append((rule.key, finding))
    else:
        check.say_of(rule, "notice", f"{text} The rule goes on without it.", absent=True)


def _tell_lacking(check: _Check) -> None:
    """An own rule for documents of several kinds is right when one of them has the attribute."""
    for key, found in check.lacking:
        text = f"{found.message} The rule goes on without it."
        finding = replace(found, level="notice", message=text, next_step="") if key in check.met else found
        if finding not in check.found:
            check.found.append(finding)


def _compare_kind(check: _Check, rule: _Rule, where: str, name: str, known: dict[str, str]) -> None:
    need = rule.need
    kind, before = known[logical(name)], check.before.get(where, {}).get(logical(name))
    fitting = _FITTING.get(need.kind)
    fits = kind == "any" or fitting is None or kind in fitting or (need.cleaned and kind in ("text", "rows", "number"))
    if before is not None and before != kind and "any" not in (before, kind):
        text = f"`{name}` of `{where}` was a {before} when the mapping was published and is a {kind} now."
        check.say_of(rule, "notice" if fits else "error", text, CHANGE)
    elif not fits:
        add = f' Put steps = ["{_CLEANER[need.kind]}"] to the rule.' if kind == "text" and need.kind in _CLEANER else ""
        text = f"`{name}` of `{where}` is a {kind}; {need.target} takes a {need.kind}.{add}"
        check.say_of(rule, "error", text, CHANGE)


def _tell_news(check: _Check) -> None:
    """Attributes that the base did not have when the mapping was published: they may be wanted."""
    for name, kinds in check.seen.items():
        if name in check.before:
            for new in sorted(kinds.keys() - check.before[name].keys()):
                check.say(
                    "notice", name, f"`{new}` is a new field of `{name}` ({kinds[new]}).", "sverka mapping preview"
                )
