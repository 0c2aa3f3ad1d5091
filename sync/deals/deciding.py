"""What people do with orders and deals: see which order waits for a deal, give it one, take it away.

A person's decision is remembered with his name, audited, and never overwritten by a cycle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, delete, or_, select

from core.errors import UsageError
from mapping.deals import DealRules
from store.bulk import upsert
from store.entities import counterparties
from store.queries.deals.asked import (
    AT_ONCE,
    DEAL,
    ORDER,
    iter_unassigned,
    load_deals,
    load_orders,
)
from store.tables import binding, deal_order, match_decision
from sync.context import App
from sync.deals.asking import ENTITY, close_questions
from sync.deals.assigning import PERSON, touch_deals, touch_orders
from sync.deals.choosing import Choice, Deal
from sync.deals.seeing import load_scene
from sync.push.merge import add_audit
from sync.versions import load_ruling

_UNASSIGNED = "sverka deals unassigned"
_LIST = "sverka deals list"


@dataclass(frozen=True, slots=True)
class Waiting:
    """An order without a deal: why, and the deals that could be meant."""

    connection: str
    order: dict[str, Any]
    why: str
    candidates: tuple[Deal, ...]


def rules_by_connection(app: App) -> dict[str, DealRules]:
    """The CRMs whose mapping says how orders and deals belong together.

    Raises:
        ConfigError: a mapping has mistakes.
    """
    found = {}
    for name, settings in app.settings.connections.items():
        if settings.role == "crm" and settings.mapping:
            rules = load_ruling(app, settings, publish=False).deals
            if rules is not None:
                found[name] = rules
    return found


def iter_waiting(
    app: App, conn: Connection, *, everything: bool = False, since: datetime | None = None
) -> Iterator[Waiting]:
    """Orders that wait for a person: several deals could be meant, or the order names one that it cannot belong to.

    With `everything` also those of customers who had no open deal then: nobody need do anything about them.
    """
    for name, rules in rules_by_connection(app).items():
        for ids in iter_unassigned(conn, name, since):
            scene = load_scene(conn, name, rules, app.zone, ids)
            for order in sorted(scene.orders, key=lambda one: (one["date"], one["number"] or "")):
                choice = scene.choose(order)
                if choice.deal is None and (everything or choice.candidates or scene.named(order)):
                    yield _waiting(name, order, choice, scene.customers.get(order["counterparty_id"], []))


def _waiting(connection: str, order: dict[str, Any], choice: Choice, theirs: Sequence[Deal]) -> Waiting:
    return Waiting(connection, order, choice.why, choice.candidates or tuple(theirs))


def assign_order(
    app: App, order: str, deal: str, *, connection: str | None = None, who: str, force: bool = False
) -> dict[str, Any]:
    """A person says which deal an order belongs to. Never asked again, never overwritten.

    Args:
        app: the application.
        order: number, id, or id in accounting.
        deal: number, id, or id in the CRM.
        connection: the CRM, where a number means deals of two.
        who: the person.
        force: he knows that the deal is another customer's (a head office pays for a branch).

    Returns:
        What is decided now, and what was before.

    Raises:
        UsageError: no such order or deal, or more than one; without `force` also a deal of another customer.
    """
    now = app.clock.now()
    names = [connection] if connection else sorted(rules_by_connection(app)) or sorted(app.settings.connections)
    with app.engine.begin() as conn:
        chosen, target = _find_order(conn, order), _find_deal(conn, deal, names)
        if not force:
            _refuse_strangers(conn, chosen, target)
        before = {"deal": str(chosen["deal_id"]), "rule": chosen["rule"]} if chosen["deal_id"] else None
        row = {"order_id": chosen["id"], "deal_id": target.id, "rule": PERSON, "decided_at": now, "decided_by": who}
        upsert(conn, deal_order, [row], ["order_id"])
        pair = (match_decision.c.entity == ENTITY, match_decision.c.entity_id == chosen["id"])
        conn.execute(delete(match_decision).where(*pair, match_decision.c.external_id == target.external_id))
        after = {"deal": str(target.id), "rule": PERSON}
        close_questions(conn, now, [chosen["id"]], who, {"action": "assign"} | after)
        touch_deals(conn, now, [chosen["deal_id"]])
        add_audit(conn, now, who, "deal.assign", f"order {chosen['id']}", before=before, after=after)
    return {"order": str(chosen["id"]), "number": chosen["number"], "deal": target.external_id, "name": target.name,
            "rule": PERSON, "before": before}  # fmt: skip


def unassign_order(app: App, order: str, *, who: str) -> dict[str, Any]:
    """A person says that an order does not belong to the deal that it was given: no cycle gives it that one again.

    Raises:
        UsageError: no such order, or it has no deal.
    """
    now = app.clock.now()
    with app.engine.begin() as conn:
        chosen = _find_order(conn, order)
        if chosen["deal_id"] is None:
            raise UsageError(f"Order {chosen['number']} has no deal.", next_step=_UNASSIGNED)
        before = {"deal": str(chosen["deal_id"]), "rule": chosen["rule"]}
        conn.execute(delete(deal_order).where(deal_order.c.order_id == chosen["id"]))
        _refuse(conn, now, chosen, who)
        close_questions(conn, now, [chosen["id"]], who)
        touch_deals(conn, now, [chosen["deal_id"]])
        touch_orders(conn, now, [chosen["id"]])
        add_audit(conn, now, who, "deal.unassign", f"order {chosen['id']}", before=before, after={"deal": None})
    return {"order": str(chosen["id"]), "number": chosen["number"], "deal": None, "rule": None, "before": before}


def _refuse(conn: Connection, now: datetime, order: dict[str, Any], who: str) -> None:
    query = select(binding.c.connection, binding.c.external_id).where(
        binding.c.entity == "deal", binding.c.entity_id == order["deal_id"]
    )
    decided = {"entity": ENTITY, "entity_id": order["id"], "verdict": "different", "decided_at": now, "decided_by": who}
    rows = [dict(row._mapping) | decided for row in conn.execute(query)]
    upsert(conn, match_decision, rows, ["connection", "entity", "entity_id", "external_id"])


def _refuse_strangers(conn: Connection, order: dict[str, Any], deal: Row[Any]) -> None:
    """A slip of a digit would put one customer's order on another's deal, where no cycle touches it any more."""
    customers = (order["counterparty_id"], deal.counterparty_id)
    if None in customers or customers[0] == customers[1]:
        return
    query = select(counterparties.c.id, counterparties.c.name).where(counterparties.c.id.in_(customers))
    names = {row.id: row.name for row in conn.execute(query)}
    ours, theirs = (names.get(key, str(key)) for key in customers)
    why = f"Order {order['number']} is of {ours}, and deal {deal.external_id} ({deal.name}) is of {theirs}."
    step = f"if that is meant: sverka deals assign {order['id']} {deal.external_id} --force"
    raise UsageError(why, next_step=step)


def _find_order(conn: Connection, text: str) -> dict[str, Any]:
    bound = select(binding.c.entity_id).where(
        binding.c.entity == "order", binding.c.external_id == text.strip().lower()
    )
    meant = or_(ORDER.c.number == text.strip(), ORDER.c.id.in_(bound), *_by_id(ORDER.c.id, text))
    found = list(conn.execute(select(ORDER.c.id).where(meant, ORDER.c.deleted.is_(False)).limit(AT_ONCE)).scalars())
    if not found:
        raise UsageError(f"There is no order {text!r}.", next_step=_UNASSIGNED)
    if len(found) > 1:
        rows = sorted(load_orders(conn, found), key=lambda row: row["date"], reverse=True)
        told = ", ".join(f"{row['id']} ({row['date'].date()})" for row in rows[:5])
        why = f"{len(found)} orders have the number {text!r}: {told}."
        raise UsageError(why, next_step=f"sverka deals assign {rows[0]['id']} DEAL")
    return load_orders(conn, found)[0]


def _find_deal(conn: Connection, text: str, connections: Sequence[str]) -> Row[Any]:
    word = text.strip()
    found: dict[tuple[str, UUID], Row[Any]] = {}
    for name in connections:
        rows = load_deals(conn, name, DEAL.c.number, [word]) + load_deals(
            conn, name, binding.c.external_id, [word.lower()]
        )
        for column, value in ((DEAL.c.id, one) for one in _uuid(word)):
            rows += load_deals(conn, name, column, [value])
        found |= {(name, row.id): row for row in rows if not row.deleted}
    if not found:
        raise UsageError(f"There is no deal {text!r}.", next_step=_LIST)
    if len(found) > 1:
        told = ", ".join(f"{row.id} ({name})" for (name, _), row in list(found.items())[:5])
        raise UsageError(f"{len(found)} deals are known by {text!r}: {told}.", next_step="name one by its id")
    return next(iter(found.values()))


def _by_id(column: ColumnElement[Any], text: str) -> list[ColumnElement[bool]]:
    return [column == value for value in _uuid(text)]


def _uuid(text: str) -> list[UUID]:
    try:
        return [UUID(text.strip())]
    except ValueError:
        return []
