"""What doctor says of orders and deals: whether the stages that deals are moved to are there."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from connectors.base import Connector, Finding
from connectors.stages import StageReader
from core.errors import SverkaError
from mapping.rules import Mapping
from store.engine import reading
from store.tables import connection
from sync.context import App
from sync.deals.forward import unknown_names
from sync.deals.memory import FACT, parse_memory

_NEXT = "sverka deals stages, then mend the mapping"


def compare_kept_stages(app: App, name: str, mapping: Mapping) -> list[Finding]:
    """The same by the stages that the last cycle of this CRM has kept, without asking it; none where none are kept."""
    if mapping.deals is None or not mapping.deals.moving:
        return []
    with reading(app.engine) as conn:
        facts = conn.execute(select(connection.c.facts).where(connection.c.name == name)).scalar()
    stages = parse_memory((facts or {}).get(FACT)).stages
    return [Finding("error", "deals", one, _NEXT) for one in unknown_names(mapping.deals, stages, name) if stages]


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
        yield Finding("error", "deals", sentence, _NEXT)
    if not wrong:
        yield Finding("ok", "deals", "every stage that deals are moved to is there")
