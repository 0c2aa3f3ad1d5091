"""Whose a payment is that names nobody in its head: what it pays for tells (1c-odata.md §8.2, УТ 11 and others).

Its rows name contracts, orders and shipments, and each of these has a customer. Nobody is guessed (design §5-8): where
they belong to several customers, or one of them is not here, the payment stays without one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import Connection

from store.bulk import select_in
from store.entities import entity_tables
from sync.pull.prepare import Item

WHOM = "counterparty"
NAMED_BY = ("contract", "order", "shipment")
"""What a payment pays for, in its head or in its rows."""
Paid: TypeAlias = tuple[str, UUID]
"""Entity and our id of what is paid for."""
Owner: TypeAlias = UUID | str | None


def name_payers(conn: Connection, items: Iterable[Item]) -> None:
    """Give resolved payments that name no customer the one of all that they pay for, if that is one and the same."""
    nameless = [item for item in items if _names_nobody(item)]
    paid = [(item, list(_paid_for(item))) for item in nameless if not _knows_only_a_part(item)]
    owners = _load_owners(conn, {one for _, several in paid for one in several})
    for item, several in paid:
        found = {owners.get(one) for one in several}
        if len(found) == 1:
            owner = found.pop()
            item.refs[WHOM] = owner if isinstance(owner, UUID) else None
            if isinstance(owner, str):  # he is not here yet; `sync.pull.relink` binds him when he comes
                item.unresolved[WHOM] = owner


def _names_nobody(item: Item) -> bool:
    record = item.record
    if record is None or record.entity != "payment":
        return False
    return WHOM in record.refs and not record.refs[WHOM]


def _knows_only_a_part(item: Item) -> bool:
    rows = item.lines.get("allocations", [])
    unresolved = [item.unresolved, *(row["unresolved"] or {} for row in rows)]
    return any(name in lost for lost in unresolved for name in NAMED_BY)


def _paid_for(item: Item) -> Iterator[Paid]:
    rows = item.lines.get("allocations", [])
    for name in NAMED_BY:
        for found in (item.refs.get(name), *(row.get(f"{name}_id") for row in rows)):
            if found is not None:
                yield name, found


def _load_owners(conn: Connection, paid: Iterable[Paid]) -> dict[Paid, Owner]:
    """Our id of whose each is; his external id where he is not here yet."""
    by_entity: dict[str, list[UUID]] = {}
    for entity, key in paid:
        by_entity.setdefault(entity, []).append(key)
    owners: dict[Paid, Owner] = {}
    for entity, keys in by_entity.items():
        table = entity_tables[entity]
        columns = (table.c.id, table.c.counterparty_id, table.c.unresolved)
        for row in select_in(conn, table, columns, table.c.id, keys):
            owners[entity, row.id] = row.counterparty_id or (row.unresolved or {}).get(WHOM)
    return owners
