"""Room on disk for what must not grow in memory: a private SQLite file that nobody else sees.

Both sides of a large comparison are put here, sorted and laid side by side. The file has no name: it goes with the
process, also with one that is killed, and never touches the store.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any

ROWS_AT_ONCE = 2000
_CACHE_KIB = 8 * 1024
"""So much is kept in memory, whatever the size."""


class Scratch:
    """Tables for the length of one piece of work. Values are text, whole numbers and None."""

    def __init__(self, *tables: str) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        for setting in (f"cache_size = -{_CACHE_KIB}", "journal_mode = OFF", "synchronous = OFF", "temp_store = FILE"):
            self._db.execute(f"PRAGMA {setting}")
        for table in tables:
            self._db.execute(f"CREATE TABLE {table}")

    def __enter__(self) -> Scratch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def put(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement for each of the rows, in one go."""
        self._db.execute("BEGIN")
        self._db.executemany(statement, rows)
        self._db.execute("COMMIT")

    def run(self, statement: str, values: Sequence[Any] = ()) -> None:
        """Run a statement once."""
        self._db.execute(statement, values)

    def empty(self, table: str) -> None:
        """Forget all rows of a table."""
        self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - a name of ours

    def read(self, query: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, one after the other; other tables may be written meanwhile."""
        cursor = self._db.execute(query, values)
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            yield from rows
