"""The doors to a write: fencing token first where it is a run's, fault points around, rolled back when it is a dry run.

And the one to a remote call, which has fault points too: `tests/chaos` kills the process at each of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from sync.context import App, RunContext
from sync.room.faults import fault


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


@contextmanager
def committing(app: App, point: str) -> Iterator[Connection]:
    """A short transaction of the machine room, outside of any run's lease, with its fault points."""
    with app.engine.begin() as conn:
        yield conn
        fault(f"{point}.before")
    fault(f"{point}.after")


@contextmanager
def asking(ctx: RunContext, call: str) -> Iterator[None]:
    """Fault points around one remote call; the second only where an answer came."""
    ctx.fault(f"{call}.before")
    yield
    ctx.fault(f"{call}.after")


class NoFence:
    """The fence of a dry run, which writes nothing and therefore takes no lease."""

    def check(self, conn: Connection) -> None:
        """Nothing to hold."""
