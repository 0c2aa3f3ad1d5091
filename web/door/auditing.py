"""The audit: who did what to whom, in the transaction of the deed itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Connection, insert

from core.ids import new_id
from store.tables import audit

if TYPE_CHECKING:
    from web.here import Here

LOOKED = "call.look"
"""In the audit: who is on call has seen what a colleague's customer owes."""


def write_audit(
    conn: Connection,
    at: datetime,
    who: str,
    what: str,
    subject: str,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Note a deed in the caller's transaction: it is there when the deed is, and not when it is not.

    Args:
        conn: the transaction of the deed.
        at: the present moment.
        who: the log-in name of the person, or the account at the terminal.
        what: the deed in a word or two, like "user.role".
        subject: whom or what it was done to.
        before: what was so before, never a secret.
        after: what is so now, never a secret.
    """
    row = {"id": new_id(), "at": at, "who": who[:100], "what": what[:60], "subject": subject[:200]}
    conn.execute(insert(audit).values(**row, before=before, after=after))


def audit_looks(here: Here, customers: Sequence[UUID], phone: str, way: str) -> None:
    """Note that the asker has learned by being on call what these customers owe; before he is told.

    `phone` is the number that was asked for, `way` how: "page" or "api".
    """
    if not customers:
        return
    with here.writing() as conn:
        for key in customers:
            after = {"phone": phone[:100], "by": way}
            write_audit(conn, here.now, here.me.login, LOOKED, str(key), after=after)
