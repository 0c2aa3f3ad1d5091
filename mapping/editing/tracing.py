"""What a rule makes of one record, step by step: what a page shows beside the rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from zoneinfo import ZoneInfo

from core.errors import RecordError
from mapping.compile import Workshop, compile_field, compile_origin, compile_reference, compile_table
from mapping.editing.layers import Target
from mapping.files.problems import Problems
from mapping.grammar.files import EntityRule, FieldRule, LinesRule, RuleFile, SourceRule
from mapping.model import FieldKind, FieldSpec
from mapping.paths import Data, PathError, parse_path, value_getter
from mapping.values import Env

NOTHING: tuple[object, ...] = (None, "", [], {})


@dataclass(frozen=True, slots=True)
class Stage:
    """What stands after one step. `what`: when, source, step, table; `doubt`: what the step had to say against it."""

    what: str
    value: object
    doubt: str = ""


@dataclass(slots=True)
class Trace:
    """What becomes of a record by the rules of one field.

    `stages`: of each rule, as far as it came; `value`: the field, in the end; `doubt`: a mark, or why there is none.
    """

    external_id: str
    stages: list[list[Stage]] = field(default_factory=list)
    value: object = None
    doubt: str = ""

    @property
    def filled(self) -> bool:
        """Whether anything was found in the record, or came of it."""
        sources = (stage.value for stages in self.stages for stage in stages if stage.what == "source")
        return self.value not in NOTHING or any(value not in NOTHING for value in sources)


@dataclass(frozen=True, slots=True)
class Tracer:
    """The rules of a file around one set: its value tables, which sets an entity's references may be of, the clock."""

    rules: RuleFile
    set_name: str
    zone: ZoneInfo

    def sections(self, entity: str, group: str) -> list[str]:
        """The sections in which the rows of a group stand, as the last word about it says."""
        found: list[str] = []
        rule = self.rules.entities.get(entity)
        if isinstance(rule, EntityRule):
            source = rule.sources.get(self.set_name)
            layers = [*(self.rules.parts[name] for name in rule.parts if name in self.rules.parts), rule]
            for layer in [*layers, *([source] if isinstance(source, SourceRule) else [])]:
                lines = layer.lines.get(group)
                found = lines.sections or found if isinstance(lines, LinesRule) else found
        return found

    def trace(
        self, target: Target, rules: Sequence[FieldRule], external_id: str, data: Data, section: str = ""
    ) -> Trace:
        """What these rules make of a record, or of a row of its section. Raises nothing."""
        shop = Workshop(self.set_name, Problems(lambda loc: ("", 0, 0)), self.rules.tables, self._sets_of())
        shop.section = section or None
        found = Trace(external_id)
        for rule in rules:
            found.stages.append(self._stages(shop, target, rule, external_id, data))
        env = Env(self.zone, external_id)
        try:
            found.value = _program(shop, target, list(rules))(data, env)
        except RecordError as error:
            found.doubt = error.message
        found.doubt = found.doubt or next(iter(env.marks.values()), "")
        return found

    def _stages(self, shop: Workshop, target: Target, rule: FieldRule, external_id: str, data: Data) -> list[Stage]:
        when = shop.formula(rule.when, ("when",))
        if when is not None and not when(data):
            return [Stage("when", None)]
        value = _read(shop, target, rule, data)
        stages = [Stage("source", value)]
        for what, work in self._works(shop, rule):
            if value is None or value == []:
                break
            env = Env(self.zone, external_id)
            try:
                value = work(value, env)
            except (ValueError, ArithmeticError) as error:
                stages.append(Stage(what, None, str(error)))
                break
            stages.append(Stage(what, value, next(iter(env.marks.values()), "")))
        return stages

    def _works(self, shop: Workshop, rule: FieldRule) -> list[tuple[str, Callable[[object, Env], object]]]:
        works: list[tuple[str, Callable[[object, Env], object]]] = []
        works += [("step", step.build(self.set_name)) for step in rule.steps]
        return [*works, *([("table", compile_table(shop, rule.table, ("table",)))] if rule.table is not None else [])]

    def _sets_of(self) -> dict[str, frozenset[str]]:
        return {
            name: frozenset(one for one, source in rule.sources.items() if isinstance(source, SourceRule))
            for name, rule in self.rules.entities.items()
            if isinstance(rule, EntityRule)
        }


def _read(shop: Workshop, target: Target, rule: FieldRule, data: Data) -> object:
    if target.kind != "reference":
        return compile_origin(shop, target.name, rule, _spec(target), (), False, True)(data)
    for text in rule.from_ or []:
        try:
            value = value_getter(parse_path(text))(data)
        except PathError:  # told as a mistake of the rule
            continue
        if value is not None:
            return value
    return None


def _program(shop: Workshop, target: Target, rules: list[FieldRule]) -> Callable[[Data, Env], object]:
    if target.kind == "reference":
        return compile_reference(shop, target.name, rules, target.refers, ())
    return compile_field(shop, target.name, rules, _spec(target), ())


def _spec(target: Target) -> FieldSpec:
    return FieldSpec(cast(FieldKind, target.kind or "json"), target.required, target.values)


def rules_at(rules: RuleFile, loc: Sequence[str]) -> list[FieldRule]:
    """The rules at the path where a row's word stands; none where there are none, or they have mistakes."""
    found: Any = rules
    for part in loc:
        found = found.get(part) if isinstance(found, dict) else getattr(found, part, None)
    return found if isinstance(found, list) and all(isinstance(rule, FieldRule) for rule in found) else []
