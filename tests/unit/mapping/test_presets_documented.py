"""docs/presets.md: every preset has its row, and what to tick names every set that it reads, looks up or writes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mapping.rules import Mapping, load_mapping, preset_names

PAGE = (Path(__file__).parents[3] / "docs" / "presets.md").read_text("utf-8")
CARD = {"id": "1", "name": "x", "phones": ["+74951234567"], "emails": ["a@b.ru"], "tax_id": "7707083893"}


def looked_up(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        lookup = value.get("$lookup")
        yield from [str(lookup["set"])] if isinstance(lookup, dict) else []
        for part in value.values():
            yield from looked_up(part)
    elif isinstance(value, list):
        for part in value:
            yield from looked_up(part)


def sets_of(mapping: Mapping) -> set[str]:
    sources = [source for entity in mapping.entities.values() for source in entity.sources]
    found = {source.name for source in sources} | {join.set for source in sources for join in source.joins}
    if mapping.balance is not None:
        terms = mapping.balance.terms
        found |= {mapping.balance.register, mapping.balance.chart, mapping.balance.key_set}
        found |= {terms.register} if terms is not None else set()
    for kind in ("company", "person", "sole_trader") if mapping.outbound else ():
        for step in mapping.outbound["counterparty"].steps(CARD | {"kind": kind}):
            found |= {step.set, *looked_up(step.body)}
    return found - {""}


def part_of(name: str) -> str:
    """The table of what to tick for a preset."""
    parts = PAGE.split("\n### ")[1:]
    return next(part.partition("\n## ")[0] for part in parts if f"`{name}`" in part.splitlines()[0])


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_has_its_row_and_all_that_must_be_ticked(name: str) -> None:
    assert f"| `{name}` |" in PAGE
    ticked = {word.strip() for line in part_of(name).splitlines()[3:] for word in re.split("[|,]", line)}
    for set_name in sorted(sets_of(load_mapping(name))):
        kind, _, title = set_name.partition("_")
        assert title in ticked or title.partition("_")[0] in ticked, f"{kind} {title} of {name}"


def test_what_is_not_covered_is_said_in_both_languages() -> None:
    assert "ЗУП" in PAGE.partition("## УТ 11")[0]
    assert "Документы сотрудников (ЗУП" in PAGE
