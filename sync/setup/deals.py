"""What doctor says of orders and deals: whether the stages that deals are moved to are there."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.base import Connector, Finding
from connectors.stages import StageReader
from core.errors import SverkaError
from mapping.rules import Mapping
from sync.deals.forward import unknown_names


def examine_deals(name: str, connector: Connector, mapping: Mapping) -> Iterator[Finding]:
    """Findings of `[deals.moves]`, asked live; none where no deals are moved."""
    rules = mapping.deals
    if rules is None or not rules.moving:
        return
    if not isinstance(connector, StageReader):
        yield Finding("error", "deals", f"{name} has no stages: its deals cannot be moved.", "take out [deals.moves]")
        return
    try:
        wrong = unknown_names(rules, connector.fetch_stages(), name)
    except SverkaError as error:
        yield Finding("error", "deals", error.message, error.next_step)
        return
    for sentence in wrong:
        yield Finding("error", "deals", sentence, "sverka deals stages, then mend the mapping")
    if not wrong:
        yield Finding("ok", "deals", "every stage that deals are moved to is there")
