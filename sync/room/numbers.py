"""Short numbers for people ("dead show 12"): given once, in the transaction that uses them."""

from __future__ import annotations

from sqlalchemy import Connection, Table, func, select, update

from store.bulk import upsert
from store.tables import lease


def next_numbers(conn: Connection, table: Table, count: int) -> range:
    """The next `count` numbers of a table that has a unique `number` column.

    A counter row (kept beside the leases, with no owner) is raised first; it stays locked until the caller's
    transaction ends, so two connections that write letters at once never get the same number.
    """
    name = f"number:{table.name}"
    upsert(conn, lease, [{"name": name, "fence": 0}], ["name"], update=())
    conn.execute(update(lease).where(lease.c.name == name).values(fence=lease.c.fence + count))
    highest = conn.execute(select(func.max(table.c.number))).scalar_one() or 0
    last = max(conn.execute(select(lease.c.fence).where(lease.c.name == name)).scalar_one(), highest + count)
    conn.execute(update(lease).where(lease.c.name == name).values(fence=last))
    return range(last - count + 1, last + 1)
