"""Change registration of an exchange plan (fact sheet §7: measured semantics).

A registration is a set: ten edits are one entry.  ``SelectChanges(M)`` gives what is numbered M or not numbered
and stamps it M; an edit after that loses its number and so survives the confirmation of M.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.onec.errors import instance_not_found
from sandbox.onec.fields import Fields

if TYPE_CHECKING:
    from sandbox.onec.base import Base

Change = tuple[str, str, bool, str]


def load_nodes(base: Base) -> list[str]:
    """Nodes that get registrations: all but ``ThisNode``."""
    plan = base.schema.layout.exchange_plan
    return [row.key for row in base.storage.select(plan) if not row.get("ThisNode", False)]


def register(base: Base, set_name: str, key: str, deleted: bool = False) -> None:
    """Note a write for every node: the number of an earlier message is lost."""
    plan = base.schema.layout.exchange_plan
    if set_name == plan:
        base.nodes = load_nodes(base)
        return
    stamp = base.clock().isoformat(timespec="seconds")[:19]
    number = base.storage.set_id(set_name)
    rows = [(node, number, key, int(deleted), stamp) for node in base.nodes]
    base.storage.db.executemany("INSERT OR REPLACE INTO change VALUES (?, ?, ?, NULL, ?, ?)", rows)


def select_changes(base: Base, node: str, message: int) -> list[Change]:
    """Registrations numbered ``message`` or unnumbered, stamped with it: (set, key, deleted, when)."""
    move_node(base, node, {"SentNo": message})
    where = "node = ? AND (message IS NULL OR message = ?)"
    base.storage.db.execute(f"UPDATE change SET message = ? WHERE {where}", (message, node, message))  # noqa: S608
    sql = "SELECT set_id, key, deleted, stamp FROM change WHERE node = ? AND message = ? ORDER BY set_id, key"
    rows = base.storage.db.execute(sql, (node, message)).fetchall()
    return [(base.storage.names[number], key, bool(deleted), stamp) for number, key, deleted, stamp in rows]


def confirm(base: Base, node: str, message: int) -> None:
    """Drop registrations with a number up to ``message``: irreversible."""
    move_node(base, node, {"ReceivedNo": message})
    base.storage.db.execute("DELETE FROM change WHERE node = ? AND message <= ?", (node, message))


def move_node(base: Base, node: str, numbers: Fields) -> None:
    """Counters of the node; unknown nodes are code 9."""
    row = base.storage.load(base.schema.layout.exchange_plan, node)
    if row is None:
        raise instance_not_found()
    row.fields.update(numbers)
    row.version += 1
    base.storage.save(row)


def pending(base: Base, node: str) -> list[Change]:
    """Registrations of a node as they stand, for tests."""
    sql = "SELECT set_id, key, deleted, coalesce(message, '') FROM change WHERE node = ? ORDER BY set_id, key"
    rows = base.storage.db.execute(sql, (node,)).fetchall()
    return [(base.storage.names[number], key, bool(deleted), str(mark)) for number, key, deleted, mark in rows]
