"""Rules into closures: compiled once a version, run on every record (reference/dependencies.md §4).

A field's closure takes a record and its `Env` and gives the canonical value. Doubts become marks; what cannot be read
in a field that money depends on becomes a RecordError in plain words; other fields are left empty with a mark.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from core.errors import RecordError
from mapping.cleaners.base import Cleaner
from mapping.files.problems import Loc, Problems
from mapping.formula import Formula, FormulaError
from mapping.grammar.files import FieldRule, TableRule
from mapping.model import EntitySpec, FieldSpec
from mapping.paths import Data, Path, PathError, RefGetter, all_getter, parse_path, reference_getter, value_getter
from mapping.values import CONVERTERS, Converter, Env, plain, to_text

FieldProgram = Callable[[Data, Env], object]
RefProgram = Callable[[Data, Env], str | None]
_STRICT = frozenset({"money", "quantity", "datetime"})
"""Kinds whose value must be right or stop the record: an empty amount would be a wrong balance."""
_MANY = frozenset({"texts", "json"})


@dataclass(slots=True)
class Need:
    """One attribute that the rules read. `required`: no other origin gives a value to a required target.

    `sole`: nothing else would give the target a value, so the rule is for nothing in a base without the attribute.
    `kind` is what the target holds ("reference" for one, empty where anything will do), `cleaned`: steps or a table
    stand between. `loc` is where the rule stands.
    """

    target: str
    path: Path
    section: str | None = None
    required: bool = False
    kind: str = ""
    cleaned: bool = False
    loc: Loc = ()
    sole: bool = False


@dataclass(slots=True)
class Workshop:
    """What compiling one source needs: where mistakes go, the tables, which sets an entity's references may be of."""

    set_name: str
    problems: Problems
    tables: dict[str, TableRule]
    sets_of: dict[str, frozenset[str]]
    needs: list[Need] = field(default_factory=list)
    section: str | None = None

    def formula(self, source: str | None, loc: Loc) -> Formula | None:
        """A checked formula, or None where there is none or it is refused."""
        if source is None:
            return None
        try:
            formula = Formula(source)
        except FormulaError as error:
            self.problems.add(loc, f"{str(error)[:300]} (column {error.column} of the formula)")
            return None
        for name in sorted(formula.names):
            self.needs.append(Need(str(loc[-1]), Path(name, name), self.section, loc=loc))
        return formula

    def steps(self, steps: Sequence[Cleaner], loc: Loc) -> list[Converter]:
        """The cleaners of a rule as functions; arguments that can do nothing are noted."""
        for index, step in enumerate(steps):
            if doubt := step.doubt():
                self.problems.add_to_new((*loc, "steps", index), doubt)
        return [step.build(self.set_name) for step in steps]

    def paths(
        self, rule: FieldRule, loc: Loc, target: str, kind: str, required: bool = False, alone: bool = False
    ) -> list[Path]:
        """Paths of a rule taken apart; bad ones are noted. `alone`: the target has no other rule."""
        texts, cleaned = rule.from_ or [], bool(rule.steps or rule.table)
        sole = alone and len(texts) == 1 and rule.default is None and rule.optional is not True
        paths = []
        for text in texts:
            try:
                path = parse_path(text)
            except PathError as error:
                self.problems.add(loc, str(error))
                continue
            paths.append(path)
            needed = required and len(texts) == 1
            self.needs.append(Need(target, path, self.section, needed, kind, cleaned, loc, sole))
        return paths


def compile_field(shop: Workshop, name: str, rules: list[FieldRule], spec: FieldSpec, loc: Loc) -> FieldProgram:
    """The closure of one target field: the first rule that gives a value wins."""
    origins = [
        _compile_rule(shop, name, rule, spec, (*loc, index), last=len(rules) == 1) for index, rule in enumerate(rules)
    ]
    if len(origins) == 1:
        return _finish(name, origins[0], spec)

    def first(data: Data, env: Env) -> object:
        for origin in origins:
            value = origin(data, env)
            if value is not None and value != []:
                return value
        return None

    return _finish(name, first, spec)


def _finish(name: str, origin: FieldProgram, spec: FieldSpec) -> FieldProgram:
    if spec.required:
        return lambda data, env: _required(origin(data, env), name)
    if spec.kind == "texts":
        return lambda data, env: origin(data, env) or []
    return origin


def _required(value: object, name: str) -> object:
    if value is None:
        raise RecordError(f"The record has no {name}, which every record of its kind must have.")
    return value


def _compile_rule(shop: Workshop, name: str, rule: FieldRule, spec: FieldSpec, loc: Loc, last: bool) -> FieldProgram:
    required = spec.required and last and rule.default is None and rule.optional is not True and rule.when is None
    read = compile_origin(shop, name, rule, spec, loc, required, last)
    work = _chain(shop, rule, spec, loc)
    when = shop.formula(rule.when, (*loc, "when"))
    strict = rule.on_error == "error" or (rule.on_error is None and (spec.required or spec.kind in _STRICT))
    default = _compile_default(shop, rule, spec, (*loc, "default"))
    quiet = rule.on_error == "none"
    if rule.value is not None and not quiet and not (spec.values and rule.table is None):  # those have been looked at
        _try_constant(shop, work, rule.value, (*loc, "value"))

    def program(data: Data, env: Env) -> object:
        if when is not None and not when(data):
            return None
        value = read(data)
        if value is None or value == []:
            return default and default(env)
        env.field = name
        try:
            value = work(value, env)
        except (ValueError, ArithmeticError) as error:
            if strict:
                raise RecordError(f"The field {name} cannot be read: {str(error)[:300]}.") from error
            if not quiet:
                env.mark(str(error)[:300])
            return default and default(env)
        return default and default(env) if value is None else value

    return program


_UTC = ZoneInfo("UTC")


def _compile_default(shop: Workshop, rule: FieldRule, spec: FieldSpec, loc: Loc) -> Callable[[Env], object] | None:
    """What stands in for a missing value, None where nothing does; a time of day is that of the connection's zone."""
    constant, convert = rule.default, CONVERTERS[spec.kind]
    if constant is None or not _try_constant(shop, convert, constant, loc, always=True):
        return None
    if rule.table is not None and spec.values and constant not in spec.values:
        shop.problems.add_to_new(loc, f"{plain(constant)} is none of {', '.join(spec.values)}")
    if spec.kind in ("date", "datetime"):
        return lambda env: convert(constant, env)
    value = convert(constant, Env(_UTC, ""))
    return lambda env: value


def _try_constant(shop: Workshop, work: Converter, constant: object, loc: Loc, *, always: bool = False) -> bool:
    """Whether a value that the rules themselves say can be kept: what cannot would fail on every record."""
    env = Env(_UTC, "")
    try:
        work(constant, env)
        doubt = next(iter(env.marks.values()), "")
    except (ValueError, ArithmeticError) as error:
        doubt = str(error)[:300]
    if doubt:
        (shop.problems.add if always else shop.problems.add_to_new)(loc, doubt)
    return not doubt


def compile_origin(
    shop: Workshop, name: str, rule: FieldRule, spec: FieldSpec, loc: Loc, required: bool, alone: bool
) -> Callable[[Data], object]:
    """What reads the value that the steps of a rule begin with."""
    if rule.value is not None:
        constant = rule.value
        return lambda data: constant
    if rule.formula is not None:
        return shop.formula(rule.formula, (*loc, "formula")) or _nothing
    if rule.from_ == ["$section"]:
        section = shop.section
        return lambda data: section
    paths = shop.paths(rule, (*loc, "from"), name, spec.kind, required, alone)
    if spec.kind in _MANY:
        return _collect([all_getter(path) for path in paths], whole=spec.kind == "json")
    getters = [value_getter(path) for path in paths]
    if len(getters) == 1:
        return getters[0]

    def first(data: Data) -> object:
        return next((value for get in getters if (value := get(data)) is not None), None)

    return first


def _nothing(data: Data) -> None:
    return None


def _collect(getters: list[Callable[[Data], list[object]]], whole: bool) -> Callable[[Data], object]:
    def read(data: Data) -> object:
        values = [value for get in getters for value in get(data)]
        return values[0] if whole and len(values) == 1 and not isinstance(values[0], dict) else values

    return read


def _chain(shop: Workshop, rule: FieldRule, spec: FieldSpec, loc: Loc) -> Converter:
    steps = shop.steps(rule.steps, loc)
    if rule.table is not None:
        steps.append(compile_table(shop, rule.table, (*loc, "table"), spec, quiet=rule.on_error == "none"))
    convert = CONVERTERS[spec.kind]
    if spec.values and rule.table is None:
        _check_constant(shop, rule, spec, loc)
    steps.append(_within(convert, frozenset(spec.values)) if spec.values else convert)
    if len(steps) == 1:
        return steps[0]

    def run(value: object, env: Env) -> object:
        for step in steps:
            value = step(value, env)
            if value is None:
                return None
        return value

    return run


def _check_constant(shop: Workshop, rule: FieldRule, spec: FieldSpec, loc: Loc) -> None:
    for key, constant in (("value", rule.value), ("default", rule.default)):
        if constant is not None and constant not in spec.values:
            shop.problems.add_unknown((*loc, key), "the value", str(constant), spec.values)


def _within(convert: Converter, values: frozenset[str]) -> Converter:
    allowed = ", ".join(sorted(values))

    def check(value: object, env: Env) -> object:
        word = convert(value, env)
        if word is not None and word not in values:
            raise ValueError(f"{plain(word)} is none of {allowed}")
        return word

    return check


def compile_table(
    shop: Workshop, name: str, loc: Loc, spec: FieldSpec | None = None, *, quiet: bool = False
) -> Converter:
    """The closure of a value table; unknown names and targets that the field does not take are noted.

    `quiet`: the rule leaves out on purpose what does not fit.
    """
    table = shop.tables.get(name)
    if table is None:
        shop.problems.add_unknown(loc, "the value table", name, shop.tables)
        return lambda value, env: value
    for target in dict.fromkeys(table.values.values()) if spec is not None else ():
        if spec is not None and spec.values and target not in spec.values:
            shop.problems.add_unknown(loc, f"in the value table {name!r} the value", target, spec.values)
        elif spec is not None and target and not quiet:
            _try_target(shop, name, target, spec, loc)
    return build_table(name, table)


def _try_target(shop: Workshop, name: str, target: str, spec: FieldSpec, loc: Loc) -> None:
    try:
        CONVERTERS[spec.kind](target, Env(_UTC, ""))
    except (ValueError, ArithmeticError) as error:
        told = f"in the value table {name!r} the value {plain(target)} does not fit ({str(error)[:200]})"
        shop.problems.add_to_new(loc, told)


def build_table(name: str, table: TableRule) -> Converter:
    """Looks a value up, exactly first, then without regard to case."""
    exact, folded = table.values, {key.lower(): value for key, value in table.values.items()}

    def look(value: object, env: Env) -> object:
        text = to_text(value, env)
        if text is None:
            return None
        found = exact.get(text) or folded.get(text.lower())
        if found is None and table.unknown == "error":
            raise ValueError(f"{plain(text)} is not in the value table {name!r}")
        return text if found is None and table.unknown == "keep" else found

    return look


def compile_reference(shop: Workshop, name: str, rules: list[FieldRule], entity: str, loc: Loc) -> RefProgram:
    """The closure of a reference: the first external id of an accepted type."""
    origins: list[tuple[Formula | None, list[RefGetter], list[Converter]]] = []
    for index, rule in enumerate(rules):
        place = (*loc, index)
        if rule.from_ is None:
            shop.problems.add(place, "a reference is read `from` a path")
            continue
        accepted = frozenset(rule.sets) if rule.sets is not None else shop.sets_of.get(entity, frozenset())
        paths = shop.paths(rule, (*place, "from"), name, "reference", alone=len(rules) == 1)
        getters = [reference_getter(path, accepted) for path in paths]
        steps = shop.steps(rule.steps, place)
        origins.append((shop.formula(rule.when, (*place, "when")), getters, steps))

    def read(data: Data, env: Env) -> str | None:
        for when, getters, steps in origins:
            if when is not None and not when(data):
                continue
            for get in getters:
                value: object = get(data)
                for step in steps:
                    value = step(value, env) if value is not None else None
                if isinstance(value, str):
                    return value
        return None

    return read


def check_targets(shop: Workshop, spec: EntitySpec, names: dict[str, Loc]) -> None:
    """Note targets that the entity does not have, and required ones that nothing fills."""
    known = spec.fields.keys() | spec.refs.keys()
    for name, loc in names.items():
        if name not in known:
            shop.problems.add_unknown(loc, f"the field of {spec.name}", name, known)
