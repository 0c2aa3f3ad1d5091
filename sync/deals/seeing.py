"""What is known of some orders and of the deals that they could belong to, loaded in a few questions for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from mapping.deals import DealRules
from store.queries.deals.asked import DEAL, load_deals, load_deals_named, load_orders, load_rejected
from sync.deals.choosing import Choice, Deal, OrderSeen, choose


@dataclass(slots=True)
class Scene:
    """Orders as they are, the deals by everything that an order may know them by."""

    connection: str
    rules: DealRules
    zone: tzinfo
    orders: list[dict[str, Any]] = field(default_factory=list)
    by_id: dict[UUID, Deal] = field(default_factory=dict)
    by_number: dict[str, list[Deal]] = field(default_factory=dict)
    customers: dict[UUID, list[Deal]] = field(default_factory=dict)
    rejected: dict[UUID, set[str]] = field(default_factory=dict)

    def named(self, order: dict[str, Any]) -> frozenset[str]:
        """The numbers of deals that an order names."""
        return frozenset(self.rules.named(order))

    def choose(self, order: dict[str, Any]) -> Choice:
        """The deal that the rules give an order."""
        refused = self.rejected.get(order["id"], set())
        ids = frozenset(deal.id for deal in self.by_id.values() if deal.external_id in refused) if refused else None
        seen = OrderSeen(order["id"], order["counterparty_id"], order["date"], self.named(order), ids or frozenset())
        return choose(seen, self.by_number, self.customers, self.zone, only_open=self.rules.only_open)


def load_scene(conn: Connection, connection: str, rules: DealRules, zone: tzinfo, ids: Sequence[UUID]) -> Scene:
    """Everything that decides about these orders; five questions a page of them, whatever there is."""
    scene = Scene(connection, rules, zone, load_orders(conn, ids))
    numbers = {number for order in scene.orders for number in scene.named(order)}
    named = load_deals_named(conn, connection, numbers)
    customers = {order["counterparty_id"] for order in scene.orders} - {None}
    theirs = [row for row in load_deals(conn, connection, DEAL.c.counterparty_id, customers) if not row.deleted]
    assigned = {order["deal_id"] for order in scene.orders} - {None}
    for row in (*named, *theirs, *load_deals(conn, connection, DEAL.c.id, assigned)):
        scene.by_id[row.id] = build_deal(row)
    for number in numbers:
        found = {row.id for row in named if number in (row.number, row.external_id)}
        scene.by_number[number] = [scene.by_id[one] for one in found]
    for row in theirs:
        scene.customers.setdefault(row.counterparty_id, []).append(scene.by_id[row.id])
    scene.rejected = load_rejected(conn, connection, [order["id"] for order in scene.orders])
    return scene


def build_deal(row: Row[Any]) -> Deal:
    """A deal of the store as the rules see it."""
    closed = row.stage_since if row.outcome in ("won", "lost") else None
    customer, gone = row.counterparty_id, bool(row.deleted)
    return Deal(row.id, row.external_id, row.number, customer, row.date, closed, row.outcome, gone)
