"""The audit: who did what to whom, in the transaction of the deed itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert

from core.ids import new_id
from store.tables import audit


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
