"""The one door to a write of a run: fencing token first, fault points around, rolled back when it is a dry run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from sync.context import RunContext


@contextmanager
def writing(ctx: RunContext, point: str) -> Iterator[Connection]:
    """A short transaction of the run: committed at the end, or rolled back by an error or by a dry run.

    Raises:
        LeaseLost: another worker has taken over; nothing of the transaction is kept.
    """
    with ctx.app.engine.connect() as conn, conn.begin() as transaction:
        ctx.fence.check(conn)
        yield conn
        ctx.fault(f"{point}.before")
        if ctx.order.dry_run:
            transaction.rollback()
        else:
            transaction.commit()
    ctx.fault(f"{point}.after")


class NoFence:
    """The fence of a dry run, which writes nothing and therefore takes no lease."""

    def check(self, conn: Connection) -> None:
        """Nothing to hold."""
