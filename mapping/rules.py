"""A mapping: what a rule file and all that it extends come to, compiled once a version (design §2, §7).

`load_mapping("bp30")` takes a shipped preset, `load_mapping("own.toml")` a file; `parse_mapping` a text of the store.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from core.errors import ConfigError
from mapping.cards.program import CardMapping
from mapping.cards.rules import compile_cards
from mapping.compile import Workshop
from mapping.deals import DealRules, compile_deals
from mapping.entity import EntityMapping, compile_entity
from mapping.files.own_settings import check_settings
from mapping.files.problems import Loc, Mistake, Problems, suggest
from mapping.files.text import (
    PRESETS,
    Chain,
    Tree,
    is_file,
    is_folder,
    join_chain,
    load_chain,
    parse_text,
    preset_names,
    preset_origin,
    put_settings,
    read_file,
)
from mapping.grammar.files import (
    BalanceRule,
    Common,
    EntityRule,
    RecogniseRule,
    RecorderRule,
    RuleFile,
    SourceRule,
    TermsRule,
)
from mapping.grammar.out import OutboundRule
from mapping.hashing import hash_text
from mapping.model import ENTITIES, BalanceSpec, Signature, SourceSet, TermsSpec
from mapping.outbound import MatchRule, OutboundMapping, OutboundStep, compile_outbound
from mapping.two_way import check_two_way
from mapping.updates import compile_updates

__all__ = [
    "EntityMapping",
    "Mapping",
    "MatchRule",
    "OutboundMapping",
    "OutboundStep",
    "load_mapping",
    "parse_mapping",
    "preset_names",
    "read_rules",
]

ShopMaker = Callable[[str], Workshop]


@dataclass(slots=True)
class Mapping:
    """A whole mapping, ready to run. Immutable once built: share it between threads."""

    name: str
    version: str
    text: str
    """Complete: contains what the file extends, so that the very same version can be built again."""
    title: str
    entities: dict[str, EntityMapping]
    balance: BalanceSpec | None
    outbound: dict[str, OutboundMapping]
    accounting_currency: str
    country: str
    recorder_kinds: dict[str, str]
    recorder_titles: dict[str, dict[str, str]]
    settings: dict[str, str | bool | int | list[str]] = field(default_factory=dict)
    signature: Signature = field(default_factory=Signature)
    deals: DealRules | None = None
    taken_away: list[str] = field(default_factory=list)
    """What the file takes away from the preset that it extends, as key paths."""
    remarks: list[Mistake] = field(default_factory=list)
    """What is no mistake and worth knowing: what own files take away, with places."""
    cards: dict[str, CardMapping] = field(default_factory=dict)
    """What a CRM's cards show, in the order of the file; empty for accounting."""

    def entities_of(self, source: str) -> list[tuple[EntityMapping, SourceSet]]:
        """Every entity that is read from this set: a catalog with folders gives groups and items."""
        return [
            (entity, program.source)
            for entity in self.entities.values()
            if (program := entity.programs.get(source)) is not None
        ]


def load_mapping(name_or_path: str, *, folder: Path | None = None) -> Mapping:
    """A shipped preset by its name, or a rule file by its path.

    Args:
        name_or_path: "bp30", or the path of a `.toml` file.
        folder: what relative paths start from; the working folder by default.

    Raises:
        ConfigError: no such preset or file, or mistakes in it: all of them at once.
    """
    if name_or_path in preset_names():
        text = read_file(PRESETS / f"{name_or_path}.toml")
        return _build(load_chain(text, preset_origin(name_or_path), folder), name_or_path)
    path = (folder or Path()) / name_or_path
    if not is_file(path):
        known = ", ".join(preset_names())
        if is_folder(path):
            raise ConfigError(
                f"There is no mapping {name_or_path!r}: that is a directory; a mapping is a file in it.",
                next_step=f"sverka mapping check {name_or_path.rstrip('/')}/NAME.toml",
            )
        raise ConfigError(
            f"There is no mapping {name_or_path!r}{suggest(name_or_path, preset_names())}"
            f" (presets: {known}; or the path of a file).",
            next_step="set `mapping` in the settings, then: sverka doctor",
        )
    return _build(load_chain(read_file(path), str(path), path.parent), path.stem)


def parse_mapping(text: str, origin: str, *, folder: Path | None = None, kept: bool = False) -> Mapping:
    """A mapping from its text, as the store keeps it.

    Args:
        text: the rule file; with what it extends behind it when it comes from `Mapping.text`.
        origin: how messages call it: a path, "presets/bp30.toml", or the mapping's name.
        folder: where files that it extends are looked for.
        kept: the store has kept it: it was checked when it came, and rules as it is.

    Raises:
        ConfigError: mistakes, all of them at once.
    """
    chain = load_chain(text, origin, folder)
    chain.kept = chain.kept or kept
    return _build(chain, Path(origin).stem)


def _build(chain: Chain, name: str) -> Mapping:
    return _built(tuple((file.origin, file.text) for file in chain.files), chain.kept, name)


@lru_cache(maxsize=32)
def _built(files: tuple[tuple[str, str], ...], kept: bool, name: str) -> Mapping:
    """Built once from the same texts: a page, a draft's check and a run ask for the same mapping again and again."""
    chain = join_chain([parse_text(*file) for file in files], kept=kept)
    problems = Problems(chain.place_of, chain.meant, kept=kept)
    check_settings(chain, problems)
    put_settings(chain, problems)
    rules = _validate(chain.tree, problems)
    sets = _sets_of(rules)

    def make_shop(set_name: str) -> Workshop:
        return Workshop(set_name, problems, rules.tables, sets)

    mapping = Mapping(
        name=name,
        version=hash_text(chain.text),
        text=chain.text,
        title=rules.title or name,
        entities=_entities(rules, problems, make_shop),
        balance=_balance(rules.balance),
        outbound=_outbound(rules, problems, make_shop),
        accounting_currency=rules.accounting_currency,
        country=rules.country,
        recorder_kinds={set_: rule.kind for set_, rule in rules.recorders.items() if isinstance(rule, RecorderRule)},
        recorder_titles={
            set_: {str(key): text for key, text in rule.title.items()}
            for set_, rule in rules.recorders.items()
            if isinstance(rule, RecorderRule)
        },
        settings=dict(rules.settings),
        signature=_signature(rules.recognise),
        deals=compile_deals(rules.deals),
        taken_away=[".".join(str(part) for part in loc) for loc in chain.taken_away],
        remarks=chain.tell_taken_away(),
        cards=compile_cards(rules.cards, rules.settings, make_shop("")),
    )
    check_two_way(rules, mapping.entities, mapping.outbound, problems)
    if not (mapping.entities or mapping.outbound or mapping.cards or rules.cards or problems.found):
        problems.add((), 'says nothing of any entity; begin with extends = "bp30"')
    problems.finish(name, mapping)
    return mapping


def read_rules(chain: Chain) -> RuleFile:
    """What a file and all that it extends say, with settings put in; what is wrong in it is left out."""
    problems = Problems(chain.place_of, chain.meant)
    put_settings(chain, problems)
    return _validate(chain.tree, problems)


def _validate(tree: Tree, problems: Problems) -> RuleFile:
    """The rules as models. What is wrong in them is noted and left out, so that the rest is looked at as well."""
    told: list[Loc] = []
    for _ in range(_ROUNDS):
        try:
            return RuleFile.model_validate(tree)
        except ValidationError as error:
            places = problems.add_validation(error, RuleFile, told)
            told += places
            for branch, key in [_deepest(tree, loc) for loc in places]:
                branch.pop(key, None)
    return RuleFile()


_ROUNDS = 5


def _deepest(tree: Tree, loc: Loc) -> tuple[Tree, str]:
    """The deepest key of this path that is there, and the table that it stands in."""
    branch: object = tree
    last: tuple[Tree, str] = (tree, "")
    for part in loc:
        if isinstance(branch, dict) and isinstance(part, str) and part in branch:
            last, branch = (branch, part), branch[part]
        elif isinstance(branch, list) and isinstance(part, int) and part < len(branch):
            branch = branch[part]
    return last


def _sets_of(rules: RuleFile) -> dict[str, frozenset[str]]:
    """Which sets hold which entity: a reference of another type is none of that entity."""
    return {
        entity: frozenset(name for name, source in rule.sources.items() if isinstance(source, SourceRule))
        for entity, rule in rules.entities.items()
        if isinstance(rule, EntityRule)
    }


def _entities(rules: RuleFile, problems: Problems, make_shop: ShopMaker) -> dict[str, EntityMapping]:
    for entity in rules.entities:
        if entity not in ENTITIES:
            problems.add_unknown(("entities", entity), "the entity", entity, ENTITIES)
    found: dict[str, EntityMapping] = {}
    for entity in ENTITIES:
        rule = rules.entities.get(entity)
        if isinstance(rule, EntityRule):
            _check_parts(entity, rule, rules.parts, problems)
            found[entity] = compile_entity(entity, rule, rules.parts, make_shop, {})
    return found


def _check_parts(entity: str, rule: EntityRule, parts: dict[str, Common], problems: Problems) -> None:
    for index, name in enumerate(rule.parts):
        if name not in parts:
            problems.add_unknown(("entities", entity, "parts", index), "the part", name, parts)


def _outbound(rules: RuleFile, problems: Problems, make_shop: ShopMaker) -> dict[str, OutboundMapping]:
    prefix = str(rules.settings.get("marker_prefix") or "sverka")
    found = {}
    for entity, rule in rules.outbound.items():
        if entity not in ENTITIES:
            problems.add_unknown(("outbound", entity), "the entity", entity, ENTITIES)
        elif isinstance(rule, OutboundRule):
            found[entity] = compile_outbound(entity, rule, make_shop(""), prefix)
            found[entity].updates = compile_updates(entity, rule, make_shop(""), prefix)
    return found


def _signature(rule: RecogniseRule) -> Signature:
    attributes = tuple((name, each) for name, wanted in rule.attributes.items() for each in wanted)
    return Signature(tuple(rule.sets), tuple(rule.without), attributes)


def _balance(rule: BalanceRule | None) -> BalanceSpec | None:
    if rule is None:
        return None
    return BalanceSpec(
        register=rule.register_,
        chart=rule.chart or "",
        accounts=tuple(rule.accounts) if rule.chart else (),
        resource=rule.resource,
        currency_resource=rule.currency_resource,
        currency_accounts=tuple(rule.currency_accounts),
        counterparty_set=rule.counterparty_set,
        contract_set=rule.contract_set,
        organisation=rule.organisation,
        currency=rule.currency,
        counterparty=rule.counterparty,
        contract=rule.contract,
        key=rule.key,
        key_set=rule.key_set,
        split=tuple(rule.split),
        contract_currency=rule.contract_currency,
        contract_only=tuple(rule.contract_only.items()),
        terms=TermsSpec(rule.terms.register_, rule.terms.debt, rule.terms.advance, rule.terms.due)
        if isinstance(rule.terms, TermsRule)
        else None,
    )
