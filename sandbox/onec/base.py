"""The infobase: objects, posting, change registration, with the habits of 1C (fact sheet §2.3, §6, §7)."""

from __future__ import annotations

import base64
import struct
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from random import Random
from types import TracebackType

from sandbox.onec import exchange, truth
from sandbox.onec.errors import OdataError, instance_not_found, set_not_found
from sandbox.onec.fields import EMPTY_GUID, Fields
from sandbox.onec.schema import ACCOUNTS, CONTRACTS, CURRENCIES, REGISTER, EntitySet, Schema
from sandbox.onec.storage import Row, Storage
from sandbox.onec.values import apply_fields, natural_record

Refusal = Callable[[str, Fields], str | None]


class Base:
    """One infobase. Every method is atomic and thread-safe; keys are lower-case GUID text."""

    def __init__(
        self, schema: Schema | None = None, path: str | Path = ":memory:", clock: Callable[[], datetime] | None = None
    ) -> None:
        self.schema = schema or Schema()
        self.configuration = self.schema.configuration
        self.storage = Storage(str(path))
        self.storage.set_state("configuration", self.configuration.name)
        self.lock = self.storage.lock
        self.clock = clock or datetime.now
        self.random = Random(self.storage.state("seed", "1"))
        self.table_versions = False  # DataVersion counts the whole table instead of the object (§2.3)
        self.exchange_registers = False  # record sets of the register belong to the exchange plan too
        self.ignores_ref_key = False  # POST takes a key of its own instead of the client's (§6 rule 4)
        self.refusals: list[Refusal] = []  # (set, fields) -> text of a business refusal, or None
        self.unfilled: list[tuple[str, str, str]] = []  # (set, key, field): 1C's form would have refused this write
        self.on_close: Callable[[], None] | None = None
        self.reload()

    def reload(self) -> None:
        """Read what the base keeps in memory: accounts, rouble, nodes, numbering."""
        chart = self.configuration.chart
        codes = {row.key: str(row.get("Code")) for row in self.storage.select(ACCOUNTS)}
        self.codes = {key: chart.get(code, code) for key, code in codes.items()}
        self.accounts = {code: key for key, code in self.codes.items()}
        found = list(self.storage.select(CURRENCIES, "number = ?", (self.configuration.home_currency,)))
        self.rouble = found[0].key if found else ""
        self.nodes = exchange.load_nodes(self)
        self.numbers: dict[str, int] = {}

    def close(self) -> None:
        """Close the storage."""
        self.storage.close()
        if self.on_close:
            self.on_close()

    def __enter__(self) -> Base:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ------------------------------------------------------------------ reading

    def entity(self, set_name: str) -> EntitySet:
        """Model of a set, published or not."""
        found = self.schema.sets.get(set_name)
        if found is None:
            raise set_not_found(set_name)
        return found

    def row(self, set_name: str, key: str) -> Row:
        """Stored object or code 9."""
        found = self.storage.load(set_name, folded(key))
        if found is None:
            raise instance_not_found()
        return found

    def record(self, row: Row) -> Fields:
        """Flat stored values, columns included: what filters and rendering work on."""
        full = {
            **row.fields,
            "Ref_Key": row.key,
            "DataVersion": self.version_text(row.version),
            "DeletionMark": row.deleted,
        }
        if row.set_name.startswith("Document_"):
            full["Posted"] = row.posted
        for section in self.schema.sets[row.set_name].sections:
            if section in full:
                full[section] = number_rows(row.key, full[section])
        return full

    def version_text(self, version: int) -> str:
        """``DataVersion``: base64 of eight bytes, a counter of the object or of the table (§2.3)."""
        raw = struct.pack(">Q", version) if self.table_versions else struct.pack(">II", version & 0xFFFFFFFF, 0)
        return base64.b64encode(raw).decode()

    def get(self, set_name: str, key: str) -> Fields:
        """Whole object: wire names, Decimal amounts, empty values filled in."""
        with self.lock:
            return natural_record(self.entity(set_name), self.record(self.row(set_name, key)))

    def keys(self, set_name: str) -> list[str]:
        """All keys of a set."""
        with self.lock:
            return self.storage.keys(set_name)

    def exists(self, set_name: str, key: str) -> bool:
        """Whether the object is there."""
        with self.lock:
            return self.storage.load(set_name, folded(key)) is not None

    def truth_balances(self, at: datetime | None = None) -> list[Fields]:
        """Who owes what, summed from the movements: see ``truth.balances``."""
        with self.lock:
            return truth.balances(self, at)

    def truth_documents(self, set_name: str) -> list[Fields]:
        """Every object of a set with its posted and deleted flags."""
        with self.lock:
            return [natural_record(self.entity(set_name), self.record(row)) for row in self.storage.select(set_name)]

    def truth_movements(self, at: datetime | None = None) -> list[Fields]:
        """Signed customer movements by recorder: see ``truth.movements``."""
        with self.lock:
            return truth.movements(self, at)

    # ------------------------------------------------------------------ writing

    def create(self, set_name: str, fields: Fields, lenient: bool = False) -> str:
        """New object, not posted; ``Code``/``Number`` and ``Date`` are the base's when missing. Returns its key.

        ``lenient`` is the way of HTTP: strings in Int64 fields are ignored, rows must be numbered.
        """
        with self.storage.transaction():
            entity = self.entity(set_name)
            row = Row(set_name, self.new_key(set_name, fields), 0, bool(fields.get("DeletionMark", False)), False, {})
            apply_fields(entity, row.fields, fields, lenient)
            self.fill_standard(entity, row)
            self.note_unfilled(row)
            self.write(row)
            return row.key

    def note_unfilled(self, row: Row) -> None:
        """Fill checks do not run through OData (§6 rule 3): what they would have said is kept for the tests."""
        for name in self.configuration.needed.get(row.set_name, ()):
            if row.get(name) in ("", EMPTY_GUID, None):
                self.unfilled.append((row.set_name, row.key, name))

    def new_key(self, set_name: str, fields: Fields) -> str:
        """Client's key when the base takes it; a taken one is code 15 (§6 rule 4)."""
        wanted = str(fields.get("Ref_Key") or "").lower()
        if not wanted or wanted == EMPTY_GUID or self.ignores_ref_key:
            return str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        if self.storage.load(set_name, wanted):
            raise OdataError(400, 15, "Сущность с таким ключом уже существует")
        return wanted

    def fill_standard(self, entity: EntitySet, row: Row) -> None:
        """Number or code by the base's own numbering, date by its clock."""
        if entity.kind == "document":
            row.fields.setdefault("Date", self.clock().isoformat(timespec="seconds")[:19])
            if not row.get("Number"):
                row.fields["Number"] = self.next_number(entity, row.fields["Date"][:4])
        elif entity.code_length and not row.get("Code") and entity.kind == "catalog":
            row.fields["Code"] = self.next_number(entity, "")

    def next_number(self, entity: EntitySet, year: str) -> str:
        """``00-000123``; document numbers start again every year (§8.2)."""
        slot = f"{entity.name}/{year}"
        used = self.numbers.get(slot) or int(self.storage.state(f"number/{slot}", "0"))
        self.numbers[slot] = used + 1
        self.storage.set_state(f"number/{slot}", str(used + 1))
        width = entity.code_length - len(entity.code_prefix)
        return f"{entity.code_prefix}{used + 1:0{width}d}"

    def change(self, set_name: str, key: str, fields: Fields, lenient: bool = False, repost: bool = True) -> None:
        """Edit an object; a posted document is posted anew, as a user does it in the form.

        Through OData (``repost=False``) a document is only written: its movements stay as they were [I].
        """
        with self.storage.transaction():
            row = self.row(set_name, key)
            apply_fields(self.entity(set_name), row.fields, fields, lenient)
            if "DeletionMark" in fields:
                row.deleted = bool(fields["DeletionMark"])
            if row.deleted and row.posted:
                row.posted = False
            self.write(row)
            if repost or row.deleted:
                self.settle(row)

    def touch(self, set_name: str, key: str) -> None:
        """A write that changes nothing but ``DataVersion`` (§2.3)."""
        with self.storage.transaction():
            self.write(self.row(set_name, key))

    def write(self, row: Row) -> None:
        """Refusals of the configuration, new version, registration in every node."""
        for refusal in self.refusals:
            text = refusal(row.set_name, row.fields)
            if text:
                raise OdataError(500, -1, text)
        row.version = self.next_version() if self.table_versions else row.version + 1
        self.storage.save(row)
        exchange.register(self, row.set_name, row.key)

    def next_version(self) -> int:
        """Counter of the whole base."""
        number = int(self.storage.state("version", "4535")) + 1
        self.storage.set_state("version", str(number))
        return number

    def post(self, set_name: str, key: str) -> None:
        """Post a document; a marked one refuses."""
        with self.storage.transaction():
            row = self.row(set_name, key)
            if row.deleted:
                raise OdataError(500, -1, "Не удалось провести: документ помечен на удаление!")
            row.posted = True
            self.write(row)
            self.settle(row)

    def unpost(self, set_name: str, key: str) -> None:
        """Take a document out of the books; it stays as an object."""
        with self.storage.transaction():
            row = self.row(set_name, key)
            row.posted = False
            self.write(row)
            self.settle(row)

    def mark(self, set_name: str, key: str, deleted: bool = True) -> None:
        """Deletion mark; marking unposts."""
        self.change(set_name, key, {"DeletionMark": deleted})

    def delete(self, set_name: str, key: str) -> None:
        """Physical deletion without reference control; a tombstone for the nodes (§6, §7)."""
        with self.storage.transaction():
            row = self.row(set_name, key)
            self.drop_legs(row)
            self.storage.remove(set_name, row.key)
            exchange.register(self, set_name, row.key, deleted=True)

    def settle(self, row: Row) -> None:
        """Make the movements what the document says now."""
        had = self.drop_legs(row)
        if row.posted:
            posted = self.configuration.post(self, row)
            for item in posted.support:
                if self.storage.load(item.set_name, item.key) is None:
                    self.write(item)
            self.storage.add_legs(row.set_name, row.key, posted.legs)
            had = had or bool(posted.legs)
        if had and self.exchange_registers and self.configuration.accounting:
            exchange.register(self, REGISTER, f"{row.set_name}|{row.key}")

    def drop_legs(self, row: Row) -> bool:
        """Remove movements, tell whether there were any."""
        had = self.storage.db.execute("SELECT 1 FROM leg WHERE recorder = ? LIMIT 1", (row.key,)).fetchone() is not None
        if had:
            self.storage.drop_legs(row.key)
        return had

    def currency_of(self, contract: str) -> str:
        """Settlement currency of a contract, empty when it is not known."""
        found = self.storage.load(CONTRACTS, contract) if contract else None
        return str(found.get("ВалютаВзаиморасчетов_Key")) if found else ""

    def random_edits(self, n: int, seed: int = 1) -> list[Fields]:
        """``n`` edits anywhere in two years: see ``edits.random_edits``."""
        from sandbox.onec.edits import random_edits  # noqa: PLC0415 - edits builds documents with the company's tools

        with self.storage.transaction():
            return random_edits(self, n, seed)


def number_rows(key: str, rows: Iterable[Fields]) -> list[Fields]:
    """Rows with their owner and number."""
    return [{**row, "Ref_Key": key, "LineNumber": index} for index, row in enumerate(rows, 1)]


def folded(key: str) -> str:
    """A GUID in lower case; the key of a register's row is made of words as well and stays as it is."""
    return key if "|" in key else key.lower()
