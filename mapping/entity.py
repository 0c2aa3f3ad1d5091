"""One canonical entity of a mapping: its sources, and the program that builds a record of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from zoneinfo import ZoneInfo

from core.errors import RecordError, Where
from mapping.compile import FieldProgram, Need, RefProgram, Workshop, check_targets, compile_field, compile_reference
from mapping.files.problems import Loc
from mapping.formula import Formula
from mapping.given import Given
from mapping.grammar.files import Common, EntityRule, FieldRule, JoinRule, LinesRule, SourceRule
from mapping.grammar.manners import Off
from mapping.hashing import hash_record
from mapping.model import ENTITIES, EntitySpec, FieldSpec, JoinedRows, LineSpec, MappedLine, MappedRecord, SourceSet
from mapping.paths import Data, clean_value
from mapping.values import MARKER, Env, clean_text, plain

Layer = tuple[Loc, Common]
Placed = tuple[Loc, list[FieldRule]]
_LONGEST_ID = 200
_LARGEST_KEY = 10**30
_JSON = FieldSpec("json")


@dataclass(frozen=True, slots=True)
class LinesProgram:
    """The compiled rules of one group of rows, a program a section."""

    name: str
    sections: tuple[tuple[str, Formula | None, dict[str, FieldProgram], dict[str, RefProgram]], ...]


@dataclass(frozen=True, slots=True)
class SourceProgram:
    """The compiled rules of one source of an entity."""

    source: SourceSet
    optional: bool
    when: tuple[Formula, ...]
    fields: tuple[tuple[str, FieldProgram], ...]
    refs: tuple[tuple[str, RefProgram], ...]
    attributes: tuple[tuple[str, FieldProgram], ...]
    lines: tuple[LinesProgram, ...]
    needs: tuple[Need, ...]


@dataclass(slots=True)
class EntityMapping:
    """One entity: where it is read from and how a raw record becomes a canonical one."""

    entity: str
    spec: EntitySpec
    programs: dict[str, SourceProgram] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    """Which side a field belongs to, where it is not accounting (design §5-9)."""
    directions: dict[str, str] = field(default_factory=dict)
    """Which way the changes of a field travel, where it is not only inwards."""

    @property
    def sources(self) -> list[SourceSet]:
        """The sets to read, in the order of the rule file."""
        return [program.source for program in self.programs.values()]

    def is_optional(self, source: str) -> bool:
        """Whether a base without this set is a notice and not a mistake."""
        return self.programs[source].optional

    def needs(self, source: str) -> tuple[Need, ...]:
        """The attributes that the rules read from a set, for comparing with `$metadata`."""
        return self.programs[source].needs

    def build(
        self, source: str, data: dict[str, object], zone: ZoneInfo, given: Given | None = None
    ) -> MappedRecord | None:
        """The canonical record, or None when a condition of the rules leaves it out.

        What a person has `given` stands in the place of what the rules would make of it, and is marked on the record.

        Raises:
            RecordError: the record cannot be read; the sentence says which field and why. Nothing else is ever raised.
        """
        program = self.programs.get(source)
        if program is None:
            raise RecordError(
                f"The mapping has no rules for {self.entity} from {source}.", next_step="sverka mapping check"
            )
        external_id = _external_id(data, program.source)
        try:
            return _build(program, self.spec, data, Env(zone, external_id), given or Given())
        except RecordError as error:
            where = Where(entity=self.entity, external_id=external_id)
            raise RecordError(error.message, next_step=error.next_step, where=where) from error


def _external_id(data: Data, source: SourceSet) -> str:
    key = data.get(source.key)
    cleaned = clean_value(str(key) if _is_short(key) else key)
    if not isinstance(cleaned, str) or len(cleaned) > _LONGEST_ID or clean_text(cleaned) != cleaned:
        raise RecordError(f"The record of {source.name} has no readable {source.key}, by which it is known.")
    return cleaned.lower()


def _without_marker(comment: str) -> str | None:
    """What a person has written: our own marker is kept there for us alone."""
    return MARKER.sub("", comment).strip() or None if MARKER.search(comment) else comment


def _build(program: SourceProgram, spec: EntitySpec, data: Data, env: Env, given: Given) -> MappedRecord | None:
    for when in program.when:
        if not when(data):
            return None
    source = program.source
    fields = {name: run(data, env) for name, run in program.fields if name not in given.fields} | given.fields
    if isinstance(comment := fields.get("comment"), str):
        fields["comment"] = _without_marker(comment)
    refs = {name: run(data, env) for name, run in program.refs if name not in given.refs} | given.refs
    if program.attributes:
        _add_attributes(program.attributes, fields, data, env)
    lines = {group.name: _build_lines(group, data, env) for group in program.lines if group.name not in given.lines}
    lines |= given.lines
    if given.mark:
        env.marks["edited"] = given.mark
    version = data.get(source.version)
    record = MappedRecord(
        entity=spec.name,
        external_id=env.external_id,
        fields=fields,
        refs=refs,
        lines=lines,
        version=clean_text(str(version), _LONGEST_ID) if _is_short(version) else "",
        source=source.name,
        deleted=data.get(source.deleted) is True if source.deleted else False,
        marks=env.marks,
    )
    record.hash = hash_record(record)
    return record


def _is_short(value: object) -> bool:
    """Whether this can be a version or a key as text."""
    return isinstance(value, str) or (
        isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST_KEY
    )


def _add_attributes(
    programs: tuple[tuple[str, FieldProgram], ...], fields: dict[str, object], data: Data, env: Env
) -> None:
    values = {name: value for name, run in programs if (value := run(data, env)) is not None and value != []}
    present = fields.get("attributes")
    fields["attributes"] = ((present if isinstance(present, dict) else {}) | values) or None


def _build_lines(group: LinesProgram, data: Data, env: Env) -> list[MappedLine]:
    lines: list[MappedLine] = []
    for section, when, fields, refs in group.sections:
        rows = data.get(section)
        if rows is None or rows == "":
            continue
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise RecordError(f"The section {section} is not a list of rows.")
        for row in sorted(rows, key=_line_number) if len(rows) > 1 else rows:
            if when is None or when(row):
                lines.append(
                    MappedLine(
                        {name: run(row, env) for name, run in fields.items()},
                        {name: run(row, env) for name, run in refs.items()},
                    )
                )
    return lines


def _line_number(row: Data) -> int:
    number = row.get("LineNumber")
    return (
        int(number) if isinstance(number, (str, int)) and len(str(number)[:12]) < 12 and str(number).isdecimal() else 0
    )


def compile_entity(
    entity: str,
    rule: EntityRule,
    parts: Mapping[str, Common],
    make_shop: Callable[[str], Workshop],
    owners: dict[str, str],
) -> EntityMapping:
    """The compiled entity. Mistakes go to the workshop's collection, never out as exceptions."""
    mapping = EntityMapping(entity, ENTITIES[entity], owners=owners)
    loc: Loc = ("entities", entity)
    for set_name, source in rule.sources.items():
        if isinstance(source, SourceRule):
            shop = make_shop(set_name)
            layers: list[Layer] = [(("parts", name), parts[name]) for name in rule.parts if name in parts]
            layers += [(loc, rule), ((*loc, "sources", set_name), source)]
            broken = bool(shop.problems.found) or not all(name in parts for name in rule.parts)
            mapping.programs[set_name] = _compile_source(shop, mapping, layers, source.optional, broken=broken)
    return mapping


def _compile_source(
    shop: Workshop, mapping: EntityMapping, layers: list[Layer], optional: bool, *, broken: bool
) -> SourceProgram:
    spec, fields = mapping.spec, _merged(layers, "fields")
    for loc, layer in layers:
        if layer.key is not None and not layer.key.strip():
            shop.problems.add_to_new((*loc, "key"), "names no attribute, and a record is known by one")
    check_targets(shop, spec, {name: loc for name, (loc, _) in fields.items()})
    plain = {name: item for name, item in fields.items() if name in spec.fields}
    for name in [name for name, target in spec.fields.items() if target.required and name not in plain]:
        away = [(*loc, "fields", name) for loc, layer in layers if name in layer.fields]
        if away or not broken:
            loc = away[-1] if away else layers[-1][0]
            shop.problems.add(loc, f"nothing fills {name!r}, which every {spec.name} must have")
    for name, (loc, rules) in plain.items():
        if spec.fields[name].required and not rules:
            shop.problems.add_to_new(loc, f"nothing fills {name!r}, which every {spec.name} must have")
    for name, (_, rules) in fields.items():
        if not rules:
            continue
        if rules[0].owner != "accounting":
            mapping.owners[name] = rules[0].owner
        if rules[0].direction != "in":
            mapping.directions[name] = rules[0].direction
    compiled = tuple(
        (name, compile_field(shop, name, rules, spec.fields[name], loc)) for name, (loc, rules) in plain.items()
    )
    refs = tuple(
        (name, compile_reference(shop, name, rules, spec.refs[name].entity, loc))
        for name, (loc, rules) in fields.items()
        if name in spec.refs
    )
    attributes = _compile_attributes(shop, spec, _merged(layers, "attributes"))
    lines = _compile_lines(shop, spec, layers)
    return SourceProgram(
        source=_source_set(spec.name, shop.set_name, layers),
        optional=optional,
        when=_conditions(shop, layers),
        fields=compiled,
        refs=refs,
        attributes=attributes,
        lines=lines,
        needs=tuple(shop.needs),
    )


def _compile_attributes(
    shop: Workshop, spec: EntitySpec, merged: dict[str, Placed]
) -> tuple[tuple[str, FieldProgram], ...]:
    if "attributes" not in spec.fields:
        keep = ", ".join(name for name, one in ENTITIES.items() if "attributes" in one.fields)
        for loc, _ in merged.values():
            shop.problems.add_to_new(loc, f"a {spec.name} keeps no attributes of your own (kept by {keep})")
    for name, (loc, _) in merged.items():
        if not name or clean_text(name, _LONGEST_ID) != name:
            shop.problems.add_to_new(loc, f"{plain(name)} is no name: up to {_LONGEST_ID} letters, digits and signs")
    return tuple((name, compile_field(shop, name, rules, _JSON, loc)) for name, (loc, rules) in merged.items())


def _merged(layers: list[Layer], kind: Literal["fields", "attributes"]) -> dict[str, Placed]:
    """The rules of all layers, the later over the earlier; `false` takes a rule away."""
    merged: dict[str, Placed] = {}
    for loc, layer in layers:
        _lay_over(merged, (*loc, kind), getattr(layer, kind))
    return merged


def _lay_over(merged: dict[str, Placed], loc: Loc, rules: dict[str, list[FieldRule] | Off]) -> None:
    for name, rule in rules.items():
        if isinstance(rule, list):
            merged[name] = ((*loc, name), rule)
        else:
            merged.pop(name, None)


def _conditions(shop: Workshop, layers: list[Layer]) -> tuple[Formula, ...]:
    """Conditions of all layers must hold; a source's own goes over that of its entity."""
    texts: dict[str, Loc] = {}
    for loc, layer in layers:
        if layer.when is not None:
            texts = {layer.when: (*loc, "when")}
    formulas = (shop.formula(text, loc) for text, loc in texts.items())
    return tuple(formula for formula in formulas if formula is not None)


def _source_set(entity: str, name: str, layers: list[Layer]) -> SourceSet:
    chosen: dict[str, Any] = {}
    for _, layer in layers:
        for key in ("key", "version", "deleted", "posted", "date", "counterparty", "filter"):
            value = getattr(layer, key)
            if value is not None:
                chosen[key] = None if value is False else value
    return SourceSet(entity=entity, name=name, joins=_joins(layers), **chosen)


def _joins(layers: list[Layer]) -> tuple[JoinedRows, ...]:
    """Rows kept elsewhere, by the section they are read as; `false` takes one away."""
    rules: dict[str, JoinRule | Off] = {}
    for _, layer in layers:
        rules |= layer.joins
    return tuple(
        JoinedRows(section, rule.set, rule.owner, tuple(rule.fields), rule.filter, rule.by, rule.rows)
        for section, rule in rules.items()
        if isinstance(rule, JoinRule)
    )


def _compile_lines(shop: Workshop, spec: EntitySpec, layers: list[Layer]) -> tuple[LinesProgram, ...]:
    groups: dict[str, list[tuple[Loc, LinesRule]]] = {}
    for loc, layer in layers:
        for name, rule in layer.lines.items():
            place = (*loc, "lines", name)
            if name not in spec.lines:
                shop.problems.add_unknown(place, f"the group of rows of {spec.name}", name, spec.lines)
            elif isinstance(rule, LinesRule):
                groups.setdefault(name, []).append((place, rule))
            else:
                groups.pop(name, None)
    return tuple(_compile_group(shop, name, spec.lines[name], layered) for name, layered in groups.items())


def _compile_group(shop: Workshop, name: str, spec: LineSpec, layered: list[tuple[Loc, LinesRule]]) -> LinesProgram:
    sections: list[str] = []
    when: tuple[str | None, Loc] = (None, ())
    merged: dict[str, Placed] = {}
    for loc, rule in layered:
        sections = rule.sections or sections
        when = (rule.when, (*loc, "when")) if rule.when is not None else when
        _lay_over(merged, (*loc, "fields"), rule.fields)
    for target, (loc, _) in merged.items():
        if target not in spec.fields and target not in spec.refs:
            shop.problems.add_unknown(loc, f"the field of {name}", target, spec.fields.keys() | spec.refs.keys())
    programs = []
    for section in sections:
        shop.section = section
        fields = {
            target: compile_field(shop, f"{name}.{target}", rules, spec.fields[target], loc)
            for target, (loc, rules) in merged.items()
            if target in spec.fields
        }
        refs = {
            target: compile_reference(shop, target, rules, spec.refs[target].entity, loc)
            for target, (loc, rules) in merged.items()
            if target in spec.refs
        }
        programs.append((section, shop.formula(*when), fields, refs))
    shop.section = None
    return LinesProgram(name, tuple(programs))
