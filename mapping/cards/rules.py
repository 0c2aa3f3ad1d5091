"""`[cards.NAME]` into closures; what is wrong is noted with its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

from core.sections import parse_duration
from mapping.cards.program import EMPTY, HOUR, OMITTED, CardMapping, OwnField, Showing
from mapping.cards.shown import ATTRIBUTES, Data, ask, convert, known_names, read_word
from mapping.compile import Workshop, build_table
from mapping.files.problems import Loc
from mapping.formula import Formula
from mapping.grammar.cards import CODE, CardRule, OwnRule, ShownKind, ShownValue, ShowRule
from mapping.grammar.manners import Off
from mapping.values import Converter, Env

OWN = "@"
"""Before the code of a field of ours, where a rule names it."""
AS_OF_EVERY = "as_of_every"
"""The setting that says how often a card is told that nothing but the age of its figures has changed."""
_GROUPS = ("fields", "new", "requisites")
_Origin = Callable[[Data, ZoneInfo], object]


@dataclass(slots=True)
class CardCompiler:
    """Turns the rules of one card into closures."""

    shop: Workshop
    entity: str
    known: frozenset[str] = frozenset()
    kinds: dict[str, ShownKind] = field(default_factory=dict)
    """What a name of the CRM holds, for fields of ours: "@balance" -> "money"."""

    def __post_init__(self) -> None:
        self.known = known_names(self.entity)

    def condition(self, source: str | bool, loc: Loc) -> Formula | bool:
        """`when` and `create`: a formula over known names, or always, or never."""
        if isinstance(source, bool):
            return source
        formula = self.formula(source, loc)
        return formula if formula is not None else True

    def formula(self, source: str | None, loc: Loc) -> Formula | None:
        """A checked formula, whose names are what the store tells of the record."""
        formula = self.shop.formula(source, loc)
        for name in sorted(formula.names) if formula is not None else ():
            self.check_name(name, loc)
        return formula

    def check_name(self, name: str, loc: Loc) -> None:
        """Note a name that nothing tells of the record."""
        if name not in self.known and not (self.entity == "counterparty" and name.startswith(ATTRIBUTES)):
            self.shop.problems.add_unknown(loc, f"what is told of a {self.entity}", name, self.known)

    def alternatives(self, name: str, rules: list[ShowRule], loc: Loc) -> Showing:
        """One field: the first rule that gives a value; else it is emptied where a rule says so, or left alone."""
        values = [self.one(name, rule, (*loc, index)) for index, rule in enumerate(rules)]
        clears = any(self.clears(name, rule) for rule in rules)

        def show(data: Data, zone: ZoneInfo) -> object:
            found = next((one for value in values if (one := value(data, zone)) not in EMPTY), None)
            return None if found is None and clears else OMITTED if found is None else found

        return show

    def clears(self, name: str, rule: ShownValue) -> bool:
        """Whether nothing to show empties the field: of our own fields yes, if the rule does not say otherwise."""
        return (rule.empty or ("clear" if name.startswith(OWN) else "keep")) == "clear"

    def one(self, name: str, rule: ShownValue, loc: Loc) -> Showing:
        """One rule: its condition, its origin, its steps and table, what the field holds."""
        origin, when = self.origin(rule, loc), self.formula(rule.when, (*loc, "when"))
        work = self.shop.steps(rule.steps, loc)
        if rule.table is not None:
            work.append(self.table(rule.table, (*loc, "table")))
        kind = rule.kind or self.kinds.get(name)

        def value(data: Data, zone: ZoneInfo) -> object:
            if when is not None and not ask(when, data, zone):
                return None
            found, env = origin(data, zone), Env(zone, "")
            for step in work:
                found = step(found, env) if found not in EMPTY else None
            return None if found in EMPTY else convert(found, kind, data, zone)

        return value

    def table(self, name: str, loc: Loc) -> Converter:
        """A value table by its name."""
        if name not in self.shop.tables:
            self.shop.problems.add_unknown(loc, "the value table", name, self.shop.tables)
            return lambda value, env: value
        return build_table(name, self.shop.tables[name])

    def origin(self, rule: ShownValue, loc: Loc) -> _Origin:
        """Where a value comes from."""
        if rule.from_ is not None:
            names = self.names(rule.from_, (*loc, "from"))
            return lambda data, zone: next((data[name] for name in names if data.get(name) not in EMPTY), None)
        if rule.formula is not None:
            formula = self.formula(rule.formula, (*loc, "formula"))
            return lambda data, zone: ask(formula, data, zone) if formula is not None else None
        if rule.words is not None:
            names, by = self.names(rule.words, (*loc, "words")), rule.by
            return lambda data, zone: by.join(word for name in names if (word := read_word(data.get(name), zone)))
        return lambda data, zone: rule.value

    def names(self, names: Iterable[str], loc: Loc) -> tuple[str, ...]:
        """Names of what is told of the record, checked."""
        for name in names:
            self.check_name(name, loc)
        return tuple(names)


def compile_card(name: str, rule: CardRule, shop: Workshop, as_of_every: timedelta) -> CardMapping:
    """One compiled card; mistakes go to the workshop's collection."""
    loc: Loc = ("cards", name)
    compiler = CardCompiler(shop, rule.entity)
    own = {code: one for code, one in rule.own.items() if isinstance(one, OwnRule)}
    compiler.kinds = {f"{OWN}{code}": one.kind for code, one in own.items()}
    _check_names(name, rule, shop, loc)
    contacts = {"phones": rule.phones or [], "emails": rule.emails or []}
    return CardMapping(
        name=name,
        entity=rule.entity,
        titles={str(key): text for key, text in rule.title.items()} if rule.title else {},
        own_fields=tuple(
            OwnField(code, one.kind, {str(key): text for key, text in one.labels.items()}) for code, one in own.items()
        ),
        parents=dict(rule.parent),
        deal_field=rule.deal_field or "",
        as_of_every=as_of_every,
        wanted=compiler.condition(rule.when, (*loc, "when")),
        made=compiler.condition(rule.create, (*loc, "create")),
        programs=_programs(compiler, rule, own, loc),
        contacts={key: compiler.names(names, (*loc, key)) for key, names in contacts.items() if names},
    )


def _programs(
    compiler: CardCompiler, rule: CardRule, own: Mapping[str, OwnRule], loc: Loc
) -> dict[str, tuple[tuple[str, Showing], ...]]:
    """What fills each field. What a rule says of "@code" goes over the origin that the own field brings itself."""
    found: dict[str, dict[str, Showing]] = {group: {} for group in _GROUPS}
    for code, one in own.items():
        if one.origins:
            found["fields"][f"{OWN}{code}"] = _own_value(compiler, code, one, (*loc, "own", code))
    for group in _GROUPS:
        said: Mapping[str, list[ShowRule] | Off] = getattr(rule, group)
        for name, rules in said.items():
            place = (*loc, group, name)
            if name.startswith(OWN) and name not in compiler.kinds:
                compiler.shop.problems.add_unknown(place, "the field of ours", name, compiler.kinds)
            if isinstance(rules, list):
                if group == "new":
                    found["fields"].pop(name, None)
                found[group][name] = compiler.alternatives(name, rules, place)
    for code in own:
        if not any(f"{OWN}{code}" in filled for filled in found.values()):
            compiler.shop.problems.add((*loc, "own", code), f"nothing fills {code!r}: say from, formula or words")
    return {group: tuple(filled.items()) for group, filled in found.items() if filled}


def _own_value(compiler: CardCompiler, code: str, rule: OwnRule, loc: Loc) -> Showing:
    name = f"{OWN}{code}"
    value, clears = compiler.one(name, rule, loc), compiler.clears(name, rule)

    def show(data: Data, zone: ZoneInfo) -> object:
        found = value(data, zone)
        return found if found not in EMPTY else None if clears else OMITTED

    return show


def _check_names(name: str, rule: CardRule, shop: Workshop, loc: Loc) -> None:
    """Codes as CRMs take them, and a text in English for everything that people are shown."""
    hint = "is written in small Latin letters, digits and _, at most 30 of them, and begins with a letter"
    if not re.fullmatch(CODE, name):
        shop.problems.add(loc, f"the name of a card {hint}")
    if rule.title and "en" not in rule.title:
        shop.problems.add((*loc, "title"), 'needs a text in English: { en = "..." }')
    for code, one in rule.own.items():
        if not re.fullmatch(CODE, code):
            shop.problems.add((*loc, "own", code), f"the code of a field {hint}")
        if isinstance(one, OwnRule) and "en" not in one.labels:
            shop.problems.add((*loc, "own", code, "labels"), 'needs a text in English: { en = "..." }')


def compile_cards(
    rules: Mapping[str, CardRule | Off], settings: Mapping[str, object], shop: Workshop
) -> dict[str, CardMapping]:
    """All cards of a rule file, in its order; mistakes go to the workshop's collection."""
    wanted = {name: rule for name, rule in rules.items() if isinstance(rule, CardRule)}
    for name, rule in wanted.items():
        if rule.own_like and rule.own_like not in wanted:
            shop.problems.add_unknown(("cards", name, "own_like"), "the card", rule.own_like, wanted)
        for parent in rule.parent:
            if parent not in wanted or parent == name:
                others = [one for one in wanted if one != name]
                shop.problems.add_unknown(("cards", name, "parent", parent), "the card", parent, others)
    every = _as_of_every(settings, shop)
    return {name: compile_card(name, _with_own(rule, wanted), shop, every) for name, rule in wanted.items()}


def _with_own(rule: CardRule, others: Mapping[str, CardRule]) -> CardRule:
    """The rule with the fields of ours of the card that it is like, its own over them."""
    like = others.get(rule.own_like) if rule.own_like else None
    return rule if like is None else rule.model_copy(update={"own": like.own | rule.own})


def _as_of_every(settings: Mapping[str, object], shop: Workshop) -> timedelta:
    said = settings.get(AS_OF_EVERY)
    if said is None:
        return HOUR
    try:
        return parse_duration(said)
    except ValueError as error:
        shop.problems.add(("settings", AS_OF_EVERY), str(error))
        return HOUR
