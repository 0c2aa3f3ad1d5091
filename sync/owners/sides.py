"""The sides that write customers: every connection whose mapping speaks of them, with what it says of each field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select, update

from core.errors import ConfigError
from core.settings import ConnectionSettings
from mapping.rules import Mapping as Rules
from store.bulk import select_in, upsert
from store.tables import binding, lease
from sync.context import App, RunContext
from sync.owners.rules import ENTITY, Ownership, build_ownerships
from sync.versions import load_ruling

Bound = Mapping[str, Any]
"""A living binding: connection, external_id, entity_id, seen."""
_COLUMNS = [binding.c[name] for name in ("connection", "external_id", "entity_id", "seen")]


MANY = 2
"""From so many connections on a customer may be known to more than one."""


@dataclass(frozen=True, slots=True)
class Side:
    """One connection as an owner of fields.

    `rank` is its place in the settings: of several accountings with the same customer the first one leads.
    """

    settings: ConnectionSettings
    rank: int
    rules: Mapping[str, Ownership] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The connection's name."""
        return self.settings.name

    @property
    def role(self) -> str:
        """Accounting, or a CRM."""
        return self.settings.role


def load_sides(app: App) -> dict[str, Side]:
    """All sides by name. Not inside a transaction.

    One whose mapping cannot be read just now keeps its place and has no rules: who leads must not change hands, and
    values with it, because a file is missing for an hour.
    """
    found = {}
    for rank, settings in enumerate(app.settings.connections.values()):
        try:
            mapping = load_ruling(app, settings, publish=False) if settings.mapping else None
        except ConfigError:
            mapping = None
        if mapping is None:
            found[settings.name] = Side(settings, rank)
        elif ENTITY in mapping.entities:
            found[settings.name] = build_side(app, settings, mapping)
    return found


def build_side(app: App, settings: ConnectionSettings, mapping: Rules) -> Side:
    """One connection as a side."""
    outbound = mapping.outbound.get(ENTITY)
    rank = list(app.settings.connections).index(settings.name)
    return Side(settings, rank, build_ownerships(mapping.entities.get(ENTITY), outbound.updates if outbound else ()))


def sides_of(ctx: RunContext) -> dict[str, Side]:
    """All sides, looked up once a run; this run's own by the mapping that it works with."""
    if ctx.state.sides is None:
        alone = len(ctx.app.settings.connections) == 1
        ctx.state.sides = {} if alone else load_sides(ctx.app)
    return ctx.state.sides | {ctx.name: build_side(ctx.app, ctx.settings, ctx.mapping)}


def load_bound(conn: Connection, ids: list[UUID]) -> dict[UUID, list[Bound]]:
    """The living cards of these customers, in every connection."""
    rows = select_in(conn, binding, _COLUMNS, binding.c.entity_id, ids, entity=ENTITY, deleted=False, state="bound")
    found: dict[UUID, list[Bound]] = {}
    for row in rows:
        found.setdefault(row.entity_id, []).append(dict(row._mapping))
    return found


def load_bound_one(conn: Connection, connection: str, entity_id: UUID) -> Bound | None:
    """The living card of a customer in one connection, with its version and content as last seen."""
    where = (binding.c.connection == connection, binding.c.entity == ENTITY, binding.c.entity_id == entity_id)
    query = select(binding).where(*where, binding.c.deleted.is_(False), binding.c.state == "bound")
    row = conn.execute(query.order_by(binding.c.external_id).limit(1)).mappings().first()
    return dict(row) if row else None


def take_turns(conn: Connection) -> None:
    """Nobody else adds, joins or settles customers of several systems until this transaction ends.

    Two systems that are read at once would not see each other's new customers, and would wait for each other's rows.
    """
    upsert(conn, lease, [{"name": "contacts", "fence": 0}], ["name"], update=())
    conn.execute(update(lease).where(lease.c.name == "contacts").values(fence=lease.c.fence + 1))


def leads(side: Side, sides: Mapping[str, Side], cards: list[Bound]) -> bool:
    """Whether no connection of the same role that comes earlier in the settings has this customer too."""
    others = (sides[card["connection"]] for card in cards if card["connection"] in sides)
    return not any(other.role == side.role and other.rank < side.rank for other in others)
