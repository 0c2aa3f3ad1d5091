"""What a connection remembers of its deals between two cycles: how far they were looked at, and the portal's stages."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from connectors.stages import Stage, StageReader
from core.errors import ConfigError, RecordError, SchemaDrift
from mapping.hashing import hash_text
from sync.context import RunContext
from sync.link.agreed import LINKED_AT
from sync.pull.entities import save_facts
from sync.room.writing import asking

FACT = "deals"
OVERLAP = timedelta(minutes=10)
"""Another connection's run may commit what it wrote this long ago: it is looked at once more."""
STAGES_LAST = timedelta(hours=1)


@dataclass(slots=True)
class Memory:
    """As on the connection's row, under `facts["deals"]`.

    Attributes:
        seen: everything that changed before has been looked at; None: nothing has.
        rules: the rules by which; others now mean that everything is looked at again.
        stages: of all pipelines, in their order.
    """

    seen: datetime | None = None
    rules: str = ""
    stages: list[Stage] = field(default_factory=list)
    stages_at: datetime | None = None

    def pipeline(self, pipeline: str | None) -> list[Stage]:
        """The stages of one pipeline in their order."""
        return [stage for stage in self.stages if stage.pipeline == pipeline]


def load_memory(ctx: RunContext) -> Memory:
    """What the connection's row says."""
    return parse_memory(ctx.state.facts.get(FACT))


def parse_memory(fact: dict[str, Any] | None) -> Memory:
    """The same from the fact itself."""
    given = fact or {}
    stages = [Stage(**one) for one in given.get("stages", [])]
    return Memory(_moment(given.get("seen")), str(given.get("rules", "")), stages, _moment(given.get("stages_at")))


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(str(text)) if text else None


def save_memory(ctx: RunContext, memory: Memory) -> None:
    """Write it at once; what it speaks of has been committed."""
    ctx.state.facts[FACT] = {
        "seen": memory.seen.isoformat() if memory.seen else None,
        "rules": memory.rules,
        "stages": [asdict(stage) for stage in memory.stages],
        "stages_at": memory.stages_at.isoformat() if memory.stages_at else None,
    }
    ctx.state.facts_changed = True
    save_facts(ctx)


def rules_mark(ctx: RunContext) -> str:
    """By which rules orders and deals are looked at now, and whether anything may be moved."""
    return hash_text(repr((ctx.mapping.deals, ctx.settings.write, bool(ctx.state.facts.get(LINKED_AT)))))


def since_of(ctx: RunContext, memory: Memory) -> datetime | None:
    """From when on changes have not been looked at; None: everything is to be, by a person's order or new rules."""
    return None if ctx.order.full or memory.rules != rules_mark(ctx) else memory.seen


def refresh_stages(ctx: RunContext, memory: Memory) -> None:
    """Ask for the stages where they were never asked for, an hour ago, or a person wants all anew.

    A portal that refuses to tell them is read and shown things all the same; the run says so.

    Raises:
        TransientError: the other side does not answer.
    """
    if not isinstance(ctx.connector, StageReader):
        return
    if memory.stages_at is not None and not ctx.order.full and memory.stages_at + STAGES_LAST > ctx.started_at:
        return
    try:
        with asking(ctx, "fetch-stages"):
            memory.stages = ctx.connector.fetch_stages()
    except (RecordError, ConfigError, SchemaDrift) as error:
        ctx.leave(f"{ctx.name} does not tell the stages of its deals: {error.message} Next: sverka doctor")
        return
    memory.stages_at = ctx.started_at
    save_memory(ctx, memory)
