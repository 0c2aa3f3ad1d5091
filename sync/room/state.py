"""What a run keeps in memory while it lasts: cursors, and what it has found out once and need not ask again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from core.errors import NoRight
from sync.pull.cursor import EntityCursor
from sync.pull.edited import Edit

MOST_CHANGES = 1000


@dataclass(slots=True)
class RunState:
    """Small on purpose: nothing here grows with the number of records.

    Attributes:
        cursors: by entity, as loaded or as last saved.
        facts: what is known of the base (fields seen, sets published), as on the connection's row.
        facts_changed: whether they have to be written at the end.
        asked: direct questions asked for references in this run, against a limit.
        changes: what a dry run would change, field by field, the first thousand.
        told: notices that are said once a run.
        refused: entities that the other side keeps from us, and its refusal; they are asked for nothing more.
        held: entities whose deletions the guard has stopped, for the rest of the run.
        gone: how many records of an entity were marked as gone in this run.
        targets: our ids of what records refer to, by entity and external id, up to a limit (`sync.pull.targets`).
        sides: who else writes customers, by connection, looked up once a run (`sync.owners.sides`).
        targets_of_clients: accountings that are told of a CRM's clients, looked up once a run (`sync.push.arrivals`).
        edits: records mended by hand, by entity and external id; None until asked for (`sync.pull.edits`).
        lookups: what new cards refer to by description, as (set, key), asked once a run.
    """

    cursors: dict[str, EntityCursor] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    facts_changed: bool = False
    asked: int = 0
    changes: list[dict[str, Any]] = field(default_factory=list)
    told: set[str] = field(default_factory=set)
    refused: dict[str, NoRight] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    gone: Counter[str] = field(default_factory=Counter)
    targets: dict[tuple[str, str], UUID] = field(default_factory=dict)
    lookups: dict[str, tuple[str, str] | None] = field(default_factory=dict)
    edits: dict[str, dict[str, Edit]] | None = None
    sides: dict[str, Any] | None = None
    targets_of_clients: list[Any] | None = None

    def add_changes(self, changes: Sequence[dict[str, Any]]) -> None:
        """Keep what a dry run would change, up to a limit: it is for people to look at."""
        self.changes += changes[: MOST_CHANGES - len(self.changes)]
