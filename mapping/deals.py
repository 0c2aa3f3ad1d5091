"""Orders and deals by the mapping's rules: which deal an order names, where a pipeline's deals are moved. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mapping.grammar.deals import PLACE, DealRule, MovesRule, NumberRule

LONGEST = 2000
"""Characters of a text that are looked at."""
ANY = "*"
"""The pipeline of moves that hold for all pipelines that have none of their own."""
_NUMBER = r"([\w-]{0,20}\d[\w-]{0,20})"


@dataclass(frozen=True, slots=True)
class NumberFinder:
    """Finds the deal's number in one text of an order; with no patterns the whole text is the number."""

    attribute: bool
    name: str
    patterns: tuple[re.Pattern[str], ...]

    def find(self, order: Mapping[str, Any]) -> set[str]:
        """The numbers that the text names."""
        holder = (order.get("attributes") or {}) if self.attribute else order
        value = holder.get(self.name)
        text = " ".join(str(value).split())[:LONGEST] if isinstance(value, str | int) else ""
        if not text or not self.patterns:
            return {text} - {""}
        return {number for pattern in self.patterns for number in pattern.findall(text)}


@dataclass(frozen=True, slots=True)
class Moves:
    """Stages by what has become of all the deal's orders; empty for none."""

    paid: str = ""
    shipped: str = ""
    paid_and_shipped: str = ""

    def reached(self, *, paid: bool, shipped: bool) -> list[str]:
        """The stages that a deal has earned."""
        earned = (self.paid if paid else "", self.shipped if shipped else "")
        return [stage for stage in (*earned, self.paid_and_shipped if paid and shipped else "") if stage]

    @property
    def stages(self) -> list[str]:
        """All stages that are named."""
        return [stage for stage in (self.paid, self.shipped, self.paid_and_shipped) if stage]


@dataclass(frozen=True, slots=True)
class DealRules:
    """`[deals]` of a mapping.

    Attributes:
        finders: where an order names its deal; the first that finds something counts.
        only_open: an order that names none belongs to the customer's only open deal.
        owner: who decides about a deal's stage; only where it is accounting, deals are moved.
        backwards: a deal that we have moved goes back when what moved it no longer holds.
        moves: by a pipeline's id or name, or `ANY`.
    """

    finders: tuple[NumberFinder, ...] = ()
    only_open: bool = True
    owner: Literal["accounting", "crm"] = "crm"
    backwards: bool = False
    moves: Mapping[str, Moves] | None = None

    def named(self, order: Mapping[str, Any]) -> set[str]:
        """The numbers of deals that an order names: none, one, or several where it cannot be told which is meant."""
        return next((found for finder in self.finders if (found := finder.find(order))), set())

    def moves_of(self, *pipeline: str) -> Moves | None:
        """Where deals of a pipeline (its id, its name) are moved; None where the mapping says nothing of it."""
        known = self.moves or {}
        return next((known[name] for name in (*pipeline, ANY) if name in known), None)

    @property
    def moving(self) -> bool:
        """Whether deals are moved at all."""
        return self.owner == "accounting" and bool(self.moves)


def compile_deals(rule: DealRule | None) -> DealRules | None:
    """The rules ready to run; None where the mapping has none."""
    if rule is None:
        return None
    moves = {
        name: Moves(one.paid, one.shipped, one.paid_and_shipped)
        for name, one in rule.moves.items()
        if isinstance(one, MovesRule)
    }
    finders = tuple(_finder(one) for one in rule.number)
    return DealRules(finders, rule.only_open, rule.owner, rule.backwards, moves)


def _finder(rule: NumberRule) -> NumberFinder:
    attribute = rule.from_.startswith("attributes.")
    name = rule.from_.removeprefix("attributes.")
    return NumberFinder(attribute, name, tuple(_pattern(text) for text in rule.pattern))


def _pattern(text: str) -> re.Pattern[str]:
    """Plain text around the place of the number; spaces may be many or missing, a word begins where it begins."""
    before, _, after = text.partition(PLACE)
    parts = [r"\s*".join(re.escape(word) for word in part.split()) for part in (before, after)]
    end = r"\s*" + parts[1] if parts[1] else r"(?!\w)"
    start = r"(?<!\w)" + parts[0] + r"\s*" if parts[0] else r"(?<![\w-])"
    return re.compile(start + _NUMBER + end, re.IGNORECASE)
