"""Fields that go both ways: what is written must be read back as it was, or each side would answer the other for ever.

Tried with sample values when the rules are compiled: out by the rules of writing, in by those of reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from core.errors import RecordError
from mapping.entity import EntityMapping, SourceProgram
from mapping.files.problems import Loc, Problems
from mapping.grammar.files import EntityRule, FieldRule, RuleFile, SourceRule
from mapping.grammar.out import OutboundRule, StepRule
from mapping.model import FieldSpec
from mapping.outbound import OutboundMapping
from mapping.updates import FieldUpdate
from mapping.values import Env, plain

READ_ONLY = frozenset({"Ref_Key", "DataVersion", "Predefined", "PredefinedDataName"})
"""What the other side gives its objects by itself."""
_KEY = "5f0c2f6e-0000-4000-8000-000000000001"
_UTC = ZoneInfo("UTC")
_SAMPLES: dict[str, tuple[object, ...]] = {
    "tax_id": ("7707083893", "500100732259"),
    "registration_code": ("770701001",),
    "ogrn": ("1027700132195",),
    "okpo": ("00032537",),
    "phones": (["+79161234567"], ["+74951234567;ext=12", "+79161234567"]),
    "emails": (["a.b@example.com"], ["a@example.com", "b@example.com"]),
    "addresses": (["614000, Пермь г, Мира ул, дом 7"],),
}
_OF_KIND: dict[str, tuple[object, ...]] = {
    "text": ("Проба Пера", "aB-12"),
    "texts": (["Проба Пера", "aB-12"],),
    "bool": (True,),
    "int": (14,),
    "money": (Decimal("1234.5"),),
    "quantity": (Decimal("1234.5"),),
    "date": (date(2024, 3, 5),),
}


def check_two_way(
    rules: RuleFile, entities: Mapping[str, EntityMapping], outbound: Mapping[str, OutboundMapping], problems: Problems
) -> None:
    """Note fields of direction both that do not come back as they were sent, and writes to what nobody may write."""
    for name, sent in outbound.items():
        rule = rules.outbound.get(name)
        if isinstance(rule, OutboundRule):
            _check_writes(name, rule, problems)
        mapped = entities.get(name)
        program = mapped.programs.get(sent.match.source.name) if mapped is not None else None
        if mapped is None or program is None or problems.found:
            continue
        for field_name, direction in mapped.directions.items():
            update = sent.updates.get(field_name)
            if direction == "both" and update is not None and field_name in mapped.spec.fields:
                _check_field(rules, mapped, program, update, problems)


def _check_writes(entity: str, rule: OutboundRule, problems: Problems) -> None:
    for role, step in rule.steps.items():
        for attribute, body in step.body.items() if isinstance(step, StepRule) else ():
            if attribute in READ_ONLY and isinstance(body, list):
                loc: Loc = ("outbound", entity, "steps", role, "body", attribute)
                problems.add(loc, f"{attribute!r} is given by the other side itself and cannot be written")


def _check_field(
    rules: RuleFile, mapped: EntityMapping, program: SourceProgram, update: FieldUpdate, problems: Problems
) -> None:
    name = update.name
    loc, own = _rules_of(rules, mapped.entity, program.source.name, name)
    read = dict(program.fields)[name]
    for sample in _samples(name, mapped.spec.fields[name]):
        try:
            back = read(_as_written(update, name, sample), Env(_UTC, _KEY))
        except RecordError as error:
            problems.add(loc, f"goes both ways and cannot be read back: {error.message}")
            return
        if back in (None, []) and any(one.when is not None for one in own):
            continue  # whether it comes back depends on the rest of the record
        if back != sample:
            problems.add(
                loc,
                f"would loop: {_told(sample)} is sent and comes back as {_told(back)}; make the rules of reading and"
                ' writing each other\'s reverse, or take direction = "both" away',
            )
            return


def _samples(name: str, spec: FieldSpec) -> tuple[object, ...]:
    return spec.values or _SAMPLES.get(name) or _OF_KIND.get(spec.kind, ())


def _as_written(update: FieldUpdate, name: str, sample: object) -> dict[str, object]:
    """The object as the other side would keep it after the write."""
    record = {"id": _KEY, "kind": "company", name: sample}
    written: dict[str, object] = {"Ref_Key": _KEY, **update.make(record)}
    for section in update.sections:
        there = written.get(section.section)
        written[section.section] = [*(there if isinstance(there, list) else []), *section.make(record)]
    return written


def _rules_of(rules: RuleFile, entity: str, source: str, name: str) -> tuple[Loc, list[FieldRule]]:
    """Where the rule of a field stands that counts in the end: with its source, its entity, or a part."""
    rule = rules.entities.get(entity)
    if not isinstance(rule, EntityRule):
        return ("entities", entity), []
    own = rule.sources.get(source)
    layers = [(("entities", entity, "sources", source), own)] if isinstance(own, SourceRule) else []
    places: list[tuple[Loc, object]] = [*layers, (("entities", entity), rule)]
    places += [(("parts", part), rules.parts.get(part)) for part in reversed(rule.parts)]
    for loc, layer in places:
        found = getattr(layer, "fields", {}).get(name)
        if isinstance(found, list):
            return (*loc, "fields", name), found
    return ("entities", entity), []


def _told(value: object) -> str:
    if value is None or value == []:
        return "nothing"
    return ", ".join(plain(item) for item in value) if isinstance(value, list) else plain(value)
