"""The cards of a mapping against the live CRM: names that it does not have, and what is not set up yet.

A CRM passes over names that it does not know in silence, so they are looked for before anything is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from connectors.base import Connector, Finding, RecordSource
from connectors.cards import CardTarget
from mapping.cards.program import CardMapping
from mapping.cards.rules import OWN
from mapping.files.problems import Loc, suggest
from mapping.rules import Mapping
from sync.setup.cards import examine_cards

Build = Callable[[Loc, str, str, str, str], Finding]
"""A finding of a rule: its place, the subject, the level, the sentence, the next step."""
_NEXT = "change this rule in a mapping of yours, then: sverka mapping check"


def compare_cards(name: str, connector: Connector, mapping: Mapping, build: Build) -> Iterator[Finding]:
    """Everything about cards that is not as the mapping says. Raises what the connector raises."""
    if not mapping.cards or not isinstance(connector, CardTarget) or not isinstance(connector, RecordSource):
        return
    for card in mapping.cards.values():
        if connector.is_published(card.name):
            yield from _compare(card, connector.declared_fields(card.name) or frozenset(), build)
        elif not card.own:
            text = f"The CRM has no type of elements {card.name!r}."
            yield build(("cards", card.name), f"card {card.name}", "error", text, _NEXT)
    yield from (one for one in examine_cards(name, connector, mapping) if one.level != "ok")


def _compare(card: CardMapping, known: frozenset[str], build: Build) -> Iterator[Finding]:
    """Names of the CRM's own fields; fields of ours are looked at by what sets them up."""
    for loc, field in _names(card):
        if not field.startswith(OWN) and field not in known:
            text = f"`{field}` is not a field of `{card.name}`{suggest(field, known) or '.'}"
            yield build(loc, f"card {card.name}", "error", text, _NEXT)


def _names(card: CardMapping) -> Iterator[tuple[Loc, str]]:
    loc: Loc = ("cards", card.name)
    for group in ("fields", "new"):
        yield from (((*loc, group, field), field) for field, _ in card.programs.get(group, ()))
    yield from (((*loc, "parent", other), field) for other, field in card.parents.items())
    if card.deal_field:
        yield (*loc, "deal_field"), card.deal_field
