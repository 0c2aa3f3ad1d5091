"""An application's tokens in the store: renewed by one process at a time, kept before they are used (bitrix24.md §1).

A refresh token works once. Two that renew at the same moment would leave one of them, and soon both, outside; so the
right to renew is a claim on the row, with an end in case its holder dies.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import or_, select, update

from connectors.vault import Tokens
from core.errors import TransientError
from core.secrets import remember
from store.bulk import upsert
from store.engine import reading
from store.tables import token
from sync.context import App
from sync.room.writing import committing

HELD = timedelta(seconds=60)
"""How long a renewal may take; whoever died in the middle of one keeps the others out no longer."""
BELIEVABLE = 3
"""A claim that ends later than so many lengths from now was written by a clock that has since been put back."""
PATIENCE = 75.0
STEP = 0.2


class StoredVault:
    """The tokens of one connection. Any number of threads and processes may use it at once."""

    def __init__(self, app: App, connection: str) -> None:
        self._app, self._name = app, connection
        self._mine = (token.c.connection == connection,)

    def load(self) -> Tokens | None:
        """The tokens as they stand; None where none were ever kept."""
        with reading(self._app.engine) as conn:
            row = conn.execute(select(token).where(*self._mine)).first()
        if row is None or not row.refresh:
            return None
        return _known(Tokens(row.access, row.refresh, row.expires_at, row.endpoint))

    @contextmanager
    def exclusive(self) -> Iterator[Tokens | None]:
        """Be the only one to renew them; gives them as they stand now.

        Raises:
            TransientError: somebody else has been renewing for longer than a renewal can take.
        """
        holder = f"{self._app.owner}/{uuid4().hex[:12]}"[-80:]
        self._claim(holder)
        try:
            yield self.load()
        finally:
            with committing(self._app, "token-release") as conn:
                free = update(token).where(*self._mine, token.c.holder == holder)
                conn.execute(free.values(holder=None, held_until=None))

    def _claim(self, holder: str) -> None:
        clock = self._app.clock
        deadline = clock.monotonic() + PATIENCE
        while not self._try_claim(holder):
            if clock.monotonic() > deadline:
                raise TransientError(f"The tokens of {self._name} are being renewed by another process for too long.")
            clock.sleep(STEP)

    def _try_claim(self, holder: str) -> bool:
        now = self._app.clock.now()
        with committing(self._app, "token-claim") as conn:
            upsert(conn, token, [{"connection": self._name}], ["connection"], update=())
            free = or_(token.c.holder.is_(None), token.c.held_until < now, token.c.held_until > now + HELD * BELIEVABLE)
            taken = update(token).where(*self._mine, free).values(holder=holder, held_until=now + HELD)
            return conn.execute(taken).rowcount == 1

    def save(self, tokens: Tokens) -> None:
        """Keep a new pair, for good, before it is used."""
        _known(tokens)
        values = {
            "connection": self._name,
            "access": tokens.access,
            "refresh": tokens.refresh,
            "endpoint": tokens.endpoint,
            "expires_at": tokens.expires_at,
        }
        with committing(self._app, "token-save") as conn:
            upsert(conn, token, [values], ["connection"])


def _known(tokens: Tokens) -> Tokens:
    """They are secrets that no settings hold: from now on they are cut out of every text like those."""
    for value in (tokens.access, tokens.refresh):
        remember(value or "")
    return tokens
