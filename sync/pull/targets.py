"""What records refer to, by our ids: asked in bulk, and what can no longer change asked once a run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import Connection

from mapping.model import ENTITIES
from store.bulk import select_in
from store.tables import binding
from sync.context import RunContext

Found: TypeAlias = dict[str, UUID | None]
"""Our ids by external id; None where a binding stands without a record. What has no binding is left out."""

MOST_KEPT = 20_000
"""So many ids are kept for a run, some megabytes; beyond, the oldest makes room."""
LASTING = frozenset(spec.name for spec in ENTITIES.values() if not spec.document and spec.name != "counterparty")
"""An id of these stays once it is given. Counterparties may be merged by another connection's run meanwhile; documents
are referred to once or twice, so that keeping them is no use."""


def find_targets(conn: Connection, ctx: RunContext, wanted: dict[str, set[str]]) -> dict[str, Found]:
    """Which of these external ids have a binding, by entity."""
    return {entity: _find(conn, ctx, entity, keys) for entity, keys in wanted.items()}


def _find(conn: Connection, ctx: RunContext, entity: str, keys: Iterable[str]) -> Found:
    kept = ctx.state.targets
    found: Found = {key: kept[entity, key] for key in keys if (entity, key) in kept}
    columns = (binding.c.external_id, binding.c.entity_id)
    left = [key for key in keys if key not in found]
    rows = select_in(conn, binding, columns, binding.c.external_id, left, connection=ctx.name, entity=entity)
    for row in rows:
        found[row.external_id] = row.entity_id
        if row.entity_id is not None and entity in LASTING:
            kept[entity, row.external_id] = row.entity_id
    while len(kept) > MOST_KEPT:
        del kept[next(iter(kept))]
    return found
