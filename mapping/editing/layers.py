"""Which rule fills each field of an entity, and where it stands: own file or what it extends, part, entity or set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from mapping.editing.text import Keys
from mapping.files.text import Chain, Tree, merge_files
from mapping.grammar.manners import as_rules
from mapping.model import ENTITIES, EntitySpec, FieldSpec

Level = Literal["part", "entity", "set", "card"]
Rules = list[dict[str, Any]]
CARD_GROUPS = ("own", "fields", "new", "requisites")


@dataclass(frozen=True, slots=True)
class Target:
    """One field that a rule can fill.

    `group`: fields, attributes, `lines.NAME`; of a card own, fields, new, requisites. `kind`: what it holds,
    "reference" with the entity in `refers`, empty where the other side decides.
    """

    group: str
    name: str
    kind: str
    required: bool = False
    values: tuple[str, ...] = ()
    refers: str = ""

    @property
    def key(self) -> str:
        """How pages name it."""
        return f"{self.group}.{self.name}"


@dataclass(frozen=True, slots=True)
class Row:
    """A target, the rules that fill it as they are written, and where they stand.

    `rules` None: nothing fills it. `loc`: where the ruling word stands, empty where there is none. `own`: it stands in
    the own file. `beneath`: what would fill it without the own word. `taken`: it is taken away.
    """

    target: Target
    rules: Rules | None
    loc: Keys = ()
    level: Level = "entity"
    own: bool = False
    taken: bool = False
    beneath: Rules | None = None


def list_sets(tree: Tree, entity: str) -> dict[str, bool]:
    """The sets that an entity is read from, and whether each is: a set that is taken away stays to be seen."""
    return {name: isinstance(rule, dict) for name, rule in _table(tree, "entities", entity, "sources").items()}


def list_rows(chain: Chain, entity: str, set_name: str) -> list[Row]:
    """Every field of an entity as it is read from one set, in the order of the model, then attributes of one's own."""
    spec, beneath = ENTITIES[entity], merge_files(chain.files[1:])
    ruling, below = _find_rules(chain.tree, entity, set_name), _find_rules(beneath, entity, set_name)
    targets = {target.key: target for target in _targets(spec)}
    for key in [*ruling, *below]:
        group, _, name = key.rpartition(".")
        targets.setdefault(key, Target(group, name, "json" if group == "attributes" else ""))
    return [_row(chain, target, ruling.get(key), below.get(key)) for key, target in targets.items()]


def list_card_rows(chain: Chain, card: str) -> list[Row]:
    """Every field of a CRM's card that a rule speaks of."""
    beneath, rows = merge_files(chain.files[1:]), []
    for group in CARD_GROUPS:
        loc = ("cards", card, group)
        below: dict[str, Placed] = {
            name: ((*loc, name), value, "card") for name, value in _table(beneath, *loc).items()
        }
        for name, value in _table(chain.tree, *loc).items():
            kind = str(value.get("kind", "")) if isinstance(value, dict) else ""
            found: Placed = ((*loc, name), value, "card")
            rows.append(_row(chain, Target(group, name, kind), found, below.get(name)))
    return rows


def place_for(entity: str, target: Target, set_name: str = "") -> Keys:
    """Where an own word about a field stands: for one set, or for all sets of the entity."""
    above: Keys = ("sources", set_name) if set_name else ()
    group = target.group.split(".")
    inner = ("lines", group[1], "fields") if group[0] == "lines" else (target.group,)
    return ("entities", entity, *above, *inner, target.name)


def _targets(spec: EntitySpec) -> Iterator[Target]:
    yield from _of(spec.fields, "fields")
    for name, ref in spec.refs.items():
        yield Target("fields", name, "reference", ref.required, (), ref.entity)
    for group, lines in spec.lines.items():
        yield from _of(lines.fields, f"lines.{group}")
        for name, ref in lines.refs.items():
            yield Target(f"lines.{group}", name, "reference", ref.required, (), ref.entity)


def _of(fields: dict[str, FieldSpec], group: str) -> Iterator[Target]:
    for name, field in fields.items():
        yield Target(group, name, field.kind, field.required, field.values)


Placed = tuple[Keys, Any, Level]


def _find_rules(tree: Tree, entity: str, set_name: str) -> dict[str, Placed]:
    """By target: where the last word stands, and what it is; `False` takes away what stood before."""
    found: dict[str, Placed] = {}
    for level, loc in _layers(tree, entity, set_name):
        for group in ("fields", "attributes"):
            for name, value in _table(tree, *loc, group).items():
                found[f"{group}.{name}"] = ((*loc, group, name), value, level)
        for group, lines in _table(tree, *loc, "lines").items():
            place = (*loc, "lines", group)
            if lines is False:
                for key in [key for key in found if key.startswith(f"lines.{group}.")]:
                    found[key] = (place, False, level)
            for name, value in _table(tree, *place, "fields").items():
                found[f"lines.{group}.{name}"] = ((*place, "fields", name), value, level)
    return found


def _layers(tree: Tree, entity: str, set_name: str) -> Iterator[tuple[Level, Keys]]:
    parts = _table(tree, "entities", entity).get("parts")
    for part in parts if isinstance(parts, list) else []:
        yield "part", ("parts", str(part))
    yield "entity", ("entities", entity)
    yield "set", ("entities", entity, "sources", set_name)


def _table(tree: object, *loc: str) -> dict[str, Any]:
    """The section at a path; empty where there is none, or something else stands there."""
    for part in loc:
        tree = tree.get(part) if isinstance(tree, dict) else None
    return tree if isinstance(tree, dict) else {}


def _row(chain: Chain, target: Target, ruling: Placed | None, below: Placed | None) -> Row:
    beneath = _as_written(below[1]) if below is not None else None
    if ruling is None:
        return Row(target, None, beneath=beneath)
    loc, value, level = ruling
    own = _is_there(chain.files[0].tree, loc)
    return Row(target, _as_written(value), loc, level, own, value is False, beneath if own else None)


def _is_there(tree: object, loc: Keys) -> bool:
    for part in loc:
        if not isinstance(tree, dict) or part not in tree:
            return False
        tree = tree[part]
    return True


def _as_written(value: object) -> Rules | None:
    """A short form as the rules that it is short for; None for what is taken away, or is no rule at all."""
    rules = as_rules(value)
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        return None
    return rules
