"""How a card of ours becomes objects in accounting: what it must have, where the same one is looked for, what is sent.

Bodies are plain JSON with four placeholders, which the push fills when it sends:
    {"$step": 0}                                        external id of an earlier step
    {"$ref": {"entity": "manager", "id": "..."}}        our record; its binding gives the external id
    {"$lookup": {"set", "where", "otherwise", "take", "missing"}}   asked live: `where`, else each of `otherwise`, else
                                                        the text `instead`, where the rule gives one
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from core.errors import RecordError
from mapping.compile import Workshop, build_table
from mapping.files.problems import Loc
from mapping.formula import Formula
from mapping.grammar.out import BodyRule, MatchSpec, OutboundRule, RequiredRule, RowsRule, StepRule
from mapping.model import ENTITIES, SourceSet
from mapping.values import Converter, Env

if TYPE_CHECKING:
    from mapping.updates import FieldUpdate

Record = Mapping[str, object]
Language = Literal["en", "ru", "uk"]
_OMIT = object()
_NOT_DIGITS = re.compile(r"\D")
_STEPS = "$steps"
"""Under this name the data of a body says which write is the first of each role."""
_EXTRA = frozenset({"id", "item", "item_number", "group_id", "manager_id", "head_id"})
_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class OutboundStep:
    """One write, in plain JSON; `role` is its name in the rule file."""

    set: str
    body: dict[str, object]
    role: str
    optional: frozenset[str] = frozenset()
    """Fields that some bases do not know: dropped there, and that is no mistake."""
    known_by: tuple[str, ...] = ()
    """Attributes by which an object without a key of its own is known; empty: it takes the key that we choose."""


@dataclass(frozen=True, slots=True)
class MatchRule:
    """Where the same record is looked for: the set and its logical attribute names."""

    source: SourceSet
    tax_id: str
    registration_code: str | None
    names: tuple[str, ...]
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    marker: str | None = None
    """The attribute that keeps our marker; too long a text to be filtered by, so read it from rows found otherwise."""


@dataclass(slots=True)
class OutboundMapping:
    """One entity on its way out."""

    entity: str
    match: MatchRule
    rule: OutboundRule
    marker_prefix: str
    programs: list[_Program] = field(default_factory=list)
    updates: dict[str, FieldUpdate] = field(default_factory=dict)
    """Fields whose change can be sent into a card that is there already (`mapping.updates`)."""

    def missing(self, record: Record, language: Language = "en") -> list[str]:
        """What the card must get before it can be sent, in words for a person: ["the INN (10 digits)"]."""
        kind = str(record.get("kind") or "company")
        required = self.rule.required.get(kind, self.rule.required.get("company", []))
        return [rule.say.get(language) or rule.say["en"] for rule in required if not _is_there(rule, record)]

    def steps(self, record: Record) -> list[OutboundStep]:
        """What is sent, in order.

        Raises:
            RecordError: a formula of the rules does not fit the record.
        """
        first: dict[str, int] = {}
        found: list[OutboundStep] = []
        for program in self.programs:
            for data in _items(program.each, as_data(record) | {_STEPS: first}):
                if program.when is None or program.when(data):
                    first.setdefault(program.role, len(found))
                    body = program.build(data)
                    found.append(OutboundStep(program.set, body, program.role, program.optional, program.known_by))
        return found

    def marker(self, record: Record) -> str:
        """The text that tells our own objects when the answer to their creation was lost."""
        return f"[{self.marker_prefix}:{record.get('id')}]"


def _is_there(rule: RequiredRule, record: Record) -> bool:
    for name in rule.any:
        value = record.get(name)
        text = (
            value if isinstance(value, str) else "".join(str(item) for item in value) if isinstance(value, list) else ""
        )
        if text.strip() and (not rule.digits or len(_NOT_DIGITS.sub("", text)) in rule.digits):
            return True
    return False


def as_data(record: Record) -> dict[str, object]:
    """A record as formulas and rules take it: ids as text."""
    return {key: str(value) if isinstance(value, UUID) else value for key, value in record.items()}


_Value = Callable[[dict[str, object]], object]
_Body = Callable[[dict[str, object]], dict[str, object]]


@dataclass(frozen=True, slots=True)
class _Program:
    role: str
    set: str
    when: Formula | None
    build: _Body
    optional: frozenset[str]
    each: str | None = None
    known_by: tuple[str, ...] = ()


@dataclass(slots=True)
class BodyCompiler:
    """Turns body rules into closures."""

    shop: Workshop
    marker_prefix: str
    known: frozenset[str]
    roles: list[str] = field(default_factory=list)

    def body(self, fields: Mapping[str, list[BodyRule] | Literal[False]], loc: Loc) -> _Body:
        """The fields of one object or row."""
        values = {
            name: self.alternatives(rules, (*loc, name)) for name, rules in fields.items() if isinstance(rules, list)
        }

        def build(data: dict[str, object]) -> dict[str, object]:
            found = {name: value(data) for name, value in values.items()}
            return {name: value for name, value in found.items() if value is not _OMIT}

        return build

    def alternatives(self, rules: list[BodyRule], loc: Loc) -> _Value:
        """One field: the first rule that gives a value."""
        values = [self.one(rule, (*loc, index)) for index, rule in enumerate(rules)]

        def first(data: dict[str, object]) -> object:
            return next((found for value in values if (found := value(data)) is not _OMIT), _OMIT)

        return first

    def one(self, rule: BodyRule, loc: Loc) -> _Value:
        """One rule: its origin, its steps, its table."""
        origin, when = self.origin(rule, loc), self.shop.formula(rule.when, (*loc, "when"))
        steps = self.shop.steps(rule.steps, loc)
        if rule.table is not None:
            steps.append(self.table(rule.table, (*loc, "table")))

        def value(data: dict[str, object]) -> object:
            if when is not None and not when(data):
                return _OMIT
            found = origin(data)
            env = Env(_UTC, "")
            for step in steps:
                found = step(found, env) if found is not _OMIT and found is not None else _OMIT
            if rule.marker:
                return " ".join(str(part) for part in (found, self.marker(data)) if part not in (None, "", _OMIT))
            return _OMIT if found is None or found in ("", []) else _sendable(found)

        return value

    def marker(self, data: dict[str, object]) -> str:
        """Our marker for a record."""
        return f"[{self.marker_prefix}:{data.get('id')}]"

    def table(self, name: str, loc: Loc) -> Converter:
        """A value table by its name."""
        if name not in self.shop.tables:
            self.shop.problems.add_unknown(loc, "the value table", name, self.shop.tables)
            return lambda value, env: value
        return build_table(name, self.shop.tables[name])

    def origin(self, rule: BodyRule, loc: Loc) -> _Value:
        """Where a value comes from."""
        if rule.from_ is not None:
            return self.fields(rule.from_, (*loc, "from"))
        if rule.formula is not None:
            return self.shop.formula(rule.formula, (*loc, "formula")) or (lambda data: None)
        if rule.ref is not None:
            return self.reference(rule.ref, (*loc, "ref"))
        if rule.lookup is not None:
            body = {"$lookup": rule.lookup.model_dump(exclude_none=True)}
            return lambda data: body
        if rule.step is not None:
            if rule.step not in self.roles:
                self.shop.problems.add_unknown((*loc, "step"), "the earlier step", rule.step, self.roles)
                return lambda data: None
            return _step_place(rule.step)
        return lambda data: rule.value

    def fields(self, names: list[str], loc: Loc) -> _Value:
        """The first of our fields that is filled."""
        for name in names:
            if name not in self.known:
                self.shop.problems.add_unknown(loc, "our field", name, self.known)
        return lambda data: next((data[name] for name in names if data.get(name) not in (None, "", [])), None)

    def reference(self, entity: str, loc: Loc) -> _Value:
        """A record of ours, by its id."""
        if entity not in ENTITIES:
            self.shop.problems.add_unknown(loc, "the entity", entity, ENTITIES)
        key = f"{entity}_id"
        return lambda data: {"$ref": {"entity": entity, "id": str(data[key])}} if data.get(key) else None


def _sendable(value: object) -> object:
    return str(value) if isinstance(value, Decimal) else value


def body_compiler(entity: str, shop: Workshop, marker_prefix: str) -> BodyCompiler:
    """What turns the bodies of one entity into closures."""
    return BodyCompiler(shop, marker_prefix, frozenset(ENTITIES[entity].fields) | _EXTRA)


def compile_outbound(entity: str, rule: OutboundRule, shop: Workshop, marker_prefix: str) -> OutboundMapping:
    """The compiled outbound rules of one entity; mistakes go to the workshop's collection."""
    loc: Loc = ("outbound", entity)
    known = frozenset(ENTITIES[entity].fields) | _EXTRA if entity in ENTITIES else _EXTRA
    compiler = BodyCompiler(shop, marker_prefix, known)
    mapping = OutboundMapping(entity, _match(entity, rule.match), rule, marker_prefix)
    for kind, required in rule.required.items():
        for index, item in enumerate(required):
            compiler.fields(item.any, (*loc, "required", kind, index, "any"))
            if "en" not in item.say:
                shop.problems.add((*loc, "required", kind, index, "say"), 'needs a text in English: { en = "..." }')
    for role, step in _in_order(rule, shop, loc):
        if step.when is not False:
            place = (*loc, "steps", role)
            when = shop.formula(step.when, (*place, "when")) if isinstance(step.when, str) else None
            optional = frozenset(
                name
                for name, rules in step.body.items()
                if isinstance(rules, list) and any(rule.optional for rule in rules)
            )
            if step.each is not None:
                compiler.fields([step.each], (*place, "each"))
            body, known_by = _step_body(compiler, step, place), tuple(step.known_by)
            mapping.programs.append(_Program(role, step.set, when, body, optional, step.each, known_by))
            for name in known_by:
                if name not in step.body:
                    shop.problems.add_unknown((*place, "known_by"), "the field of the body", name, step.body)
            compiler.roles.append(role)
    return mapping


def _in_order(rule: OutboundRule, shop: Workshop, loc: Loc) -> list[tuple[str, StepRule]]:
    """The steps in which something is sent, in the order of the file but for those that say `before` which they go."""
    roles = [role for role, step in rule.steps.items() if isinstance(step, StepRule)]
    steps = {role: step for role, step in rule.steps.items() if isinstance(step, StepRule)}
    for role, step in steps.items():
        if step.before in steps and step.before != role:
            roles.remove(role)
            roles.insert(roles.index(step.before), role)
        elif step.before is not None:
            others = [name for name in steps if name != role]
            shop.problems.add_unknown((*loc, "steps", role, "before"), "the step", step.before, others)
    return [(role, steps[role]) for role in roles]


def _match(entity: str, spec: MatchSpec) -> MatchRule:
    return MatchRule(
        SourceSet(entity=entity, name=spec.set),
        spec.tax_id,
        spec.registration_code or None,
        tuple(spec.names),
        tuple(spec.phones),
        tuple(spec.emails),
        spec.marker,
    )


def _step_body(compiler: BodyCompiler, step: StepRule, loc: Loc) -> _Body:
    head = compiler.body(step.body, (*loc, "body"))
    sections = {
        section: [
            (rule, compiler.shop.formula(rule.when, (*loc, "rows", section, name, "when")),
             compiler.body(rule.fields, (*loc, "rows", section, name, "fields")))
            for name, rule in groups.items() if isinstance(rule, RowsRule)
        ]
        for section, groups in step.rows.items()
    }  # fmt: skip

    def build(data: dict[str, object]) -> dict[str, object]:
        body = head(data)
        for section, groups in sections.items():
            rows = [row for rule, when, make in groups for row in sending_rows(rule, when, make, data)]
            if rows:
                body[section] = [{"LineNumber": number, **row} for number, row in enumerate(rows, 1)]
        return body

    return build


def sending_rows(rule: RowsRule, when: Formula | None, make: _Body, data: dict[str, object]) -> list[dict[str, object]]:
    """The rows of one group: one for each value, or one in all; none where its condition does not hold."""
    if when is not None and not when(data):
        return []
    if rule.each is None:
        return [make(data)]
    return [make(each) for each in _items(rule.each, data)]


def _items(name: str | None, data: dict[str, object]) -> list[dict[str, object]]:
    """The data once, or once for each value of a list, with the value and its number."""
    if name is None:
        return [data]
    values = data.get(name)
    filled = [value for value in values if value] if isinstance(values, list) else []
    return [data | {"item": value, "item_number": number} for number, value in enumerate(filled, 1)]


def _step_place(role: str) -> _Value:
    """The place of the earlier write; nothing where its condition has left it out."""

    def place(data: dict[str, object]) -> object:
        first = data.get(_STEPS)
        return {"$step": first[role]} if isinstance(first, dict) and role in first else None

    return place


def check_sendable(steps: list[OutboundStep]) -> None:
    """A guard for the push: a step without a body is a mistake of the rules, not a thing to send.

    Raises:
        RecordError: which step it is.
    """
    for step in steps:
        if not step.body:
            raise RecordError(f"The step {step.role!r} has nothing to send.", next_step="sverka mapping check")
