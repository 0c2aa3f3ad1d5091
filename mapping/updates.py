"""How a change of one field of ours is written into a card that accounting has already (design §5-9).

Mostly nothing has to be said: a field is sent as the first step creates it, since that names its attribute or its rows.
`[outbound.ENTITY.update.FIELD]` says it where the step does not, or otherwise; `false` sends it not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mapping.compile import Workshop
from mapping.files.problems import Loc, Problems
from mapping.grammar.manners import Off
from mapping.grammar.out import BodyRule, OutboundRule, RowsRule, StepRule, UpdateRule
from mapping.model import ENTITIES
from mapping.outbound import BodyCompiler, Record, as_data, body_compiler, sending_rows

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SectionUpdate:
    """Rows of a section that hold one field: which of them (`owns`: attribute -> value), and one for each value."""

    section: str
    owns: Mapping[str, object]
    make: Callable[[Record], list[Row]]

    def is_mine(self, row: Mapping[str, object]) -> bool:
        """Whether a row of the card holds this field."""
        return all(row.get(name) == value for name, value in self.owns.items())


@dataclass(frozen=True, slots=True)
class FieldUpdate:
    """One field on its way into a card: plain attributes, and rows of sections, which are replaced as a whole."""

    name: str
    make: Callable[[Record], Row]
    sections: tuple[SectionUpdate, ...] = ()


def compile_updates(entity: str, rule: OutboundRule, shop: Workshop, marker_prefix: str) -> dict[str, FieldUpdate]:
    """What can be sent of a card that is there; mistakes go to the workshop's collection.

    A field that nothing here sends is not sent, whatever its direction: who takes its rows out of the step has said so.
    """
    loc: Loc = ("outbound", entity, "update")
    known = ENTITIES[entity].fields.keys() | ENTITIES[entity].refs.keys()
    said = body_compiler(entity, shop, marker_prefix)
    # mistakes of the steps have been told where they stand
    derived = body_compiler(entity, replace(shop, problems=Problems(lambda place: ("", 0, 0))), marker_prefix)
    found: dict[str, FieldUpdate] = {}
    for name in sorted(known):
        own = rule.update.get(name)
        if isinstance(own, UpdateRule):
            found[name] = _compile(name, own, said, (*loc, name))
        elif own is None:
            parts = _as_created(entity, name, rule)
            if parts is not None and (parts.body or parts.rows):
                found[name] = _compile(name, parts, derived, (*loc, name))
    for name in sorted(rule.update.keys() - known):
        shop.problems.add_unknown((*loc, name), f"the field of {entity}", name, known)
    return found


def _compile(name: str, parts: UpdateRule, compiler: BodyCompiler, loc: Loc) -> FieldUpdate:
    body = compiler.body(parts.body, (*loc, "body"))
    sections = tuple(
        SectionUpdate(section, _owns(group), _rows_maker(group, compiler, (*loc, "rows", section, key)))
        for section, groups in parts.rows.items()
        for key, group in groups.items()
        if isinstance(group, RowsRule)
    )
    return FieldUpdate(name, lambda record: body(as_data(record)), sections)


def _rows_maker(group: RowsRule, compiler: BodyCompiler, loc: Loc) -> Callable[[Record], list[Row]]:
    when = compiler.shop.formula(group.when, (*loc, "when"))
    make = compiler.body(group.fields, (*loc, "fields"))
    return lambda record: sending_rows(group, when, make, as_data(record))


def _owns(group: RowsRule) -> dict[str, object]:
    """The attributes that are the same in every row of the group tell its rows from others of the section."""
    return {
        name: rules[0].value
        for name, rules in group.fields.items()
        if isinstance(rules, list) and len(rules) == 1 and rules[0].value is not None and rules[0].when is None
    }


def _as_created(entity: str, name: str, rule: OutboundRule) -> UpdateRule | None:
    """The part of the step that creates the card which a field fills: its first attributes, or the rows it makes."""
    step = next((one for one in rule.steps.values() if isinstance(one, StepRule) and one.set == rule.match.set), None)
    if step is None:
        return None
    target = ENTITIES[entity].refs.get(name)
    body: dict[str, list[BodyRule] | Off] = {
        attribute: rules
        for attribute, rules in step.body.items()
        if isinstance(rules, list) and any(_fills(one, name, target.entity if target else None) for one in rules)
    }
    rows: dict[str, Any] = {}
    for section, groups in step.rows.items():
        mine = {key: group for key, group in groups.items() if isinstance(group, RowsRule) and group.each == name}
        if mine:
            rows[section] = mine
    return UpdateRule(body=body, rows=rows)


def _fills(rule: BodyRule, name: str, refers_to: str | None) -> bool:
    """Whether an attribute is this field's own. One that also carries our marker is set at creation only."""
    if rule.marker:
        return False
    return (rule.from_ is not None and rule.from_[0] == name) or (rule.ref is not None and rule.ref == refers_to)
