"""onecdc with SQLite for a target, and its tables read back in the words of 1C.

onecdc is made for PostgreSQL, but dbmerge, which writes for it, knows SQLite as well. Two types are all that is
missing: an array column in a table that stays empty here, and keys bound as text.
"""

import sqlite3
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from onecdc import Replicator  # type: ignore[import-not-found]
from sqlalchemy import ARRAY, create_engine, event, text
from sqlalchemy.ext.compiler import compiles

from tests.peers.stand_in import PASSWORD, Record, StandIn

REGISTER = "AccountingRegister_Хозрасчетный"
EMPTY_KEY = "00000000000000000000000000000000"


@compiles(ARRAY, "sqlite")
def array_as_text(_type: Any, _compiler: Any, **_options: Any) -> str:
    """`onecdc_handlers.update_on`."""
    return "TEXT"


sqlite3.register_adapter(uuid.UUID, lambda value: value.hex)  # as SQLAlchemy itself keeps a key in CHAR(32)


class Replica:
    """A replicator and the database that it fills."""

    def __init__(self, onec: StandIn, folder: Path) -> None:
        self.onec = onec
        self.engine = create_engine(f"sqlite:///{folder / 'replica.db'}")
        event.listen(self.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
        self.replicator = Replicator(
            onec.url,
            ("odata", PASSWORD),
            self.engine,
            exchange_name="СверкаОбмен",
            queue_guid=onec.node()["Ref_Key"],
            request_timeout=30,
            automatic_full_load=False,
        )
        self.objects: list[str] = self.replicator.list_objects()

    def close(self) -> None:
        """End its threads and connections."""
        self.replicator.close()
        self.engine.dispose()

    def rows(self, name: str, live: bool = False) -> Iterator[Record]:
        """Rows of the table of an object or a section, under the names of 1C; `live`: without those marked as gone."""
        mapper, types = self.replicator.name_mapper, self.types(name)
        columns = {field: mapper.map_field_name(field, name) for field in (*types, "is_deleted_or_empty")}
        where = " WHERE NOT is_deleted_or_empty" if live else ""
        with self.engine.connect() as connection:
            if self.engine.dialect.has_table(connection, table := mapper.map_object_name(name)):
                for row in connection.execute(text(f'SELECT * FROM "{table}"{where}')).mappings():
                    yield {field: plain(row.get(column), types.get(field)) for field, column in columns.items()}

    def types(self, name: str) -> dict[str, str]:
        """Fields of an object as onecdc has read them from `$metadata`."""
        found: dict[str, str] = dict(self.replicator.metadata[name])
        return found

    def truth(self, name: str) -> Iterator[Record]:
        """Objects of a set as they really are, in the form of `rows`; sections apart."""
        for record in self.onec.truth(name):
            yield self.in_plain(name, record)

    def truth_rows(self, name: str, section: str) -> Iterator[Record]:
        """Rows of a section of all objects that are not marked for deletion."""
        for record in self.onec.truth(name):
            for row in () if record["DeletionMark"] else record[section]:
                yield self.in_plain(f"{name}_{section}", row)

    def in_plain(self, name: str, record: Record) -> Record:
        """Every scalar field; one that onecdc has not found in `$metadata` is a KeyError."""
        types = self.types(name)
        return {key: plain(value, types[key]) for key, value in record.items() if not isinstance(value, list)}


def plain(value: Any, kind: str | None) -> Any:
    """One form for both sides: what 1C calls empty is None."""
    if value is None or value == "":
        return None
    if kind == "Guid":
        key = str(value).replace("-", "").lower()
        return None if key == EMPTY_KEY else key
    if kind == "DateTime":
        return str(value).replace("T", " ")[:19]
    if kind in ("Double", "Int64", "Int32", "Int16"):
        return Decimal(str(value))
    if kind == "String":
        return str(value).strip().removeprefix("StandardODATA.").removeprefix("Edm.")
    return bool(value)
