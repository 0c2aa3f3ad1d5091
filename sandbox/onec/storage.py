"""SQLite behind the stand-in: objects, register legs, totals and registrations of changes."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sandbox.onec.fields import Fields

SCHEMA = """
CREATE TABLE IF NOT EXISTS sets (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS object (
    set_id INTEGER, key TEXT, version INTEGER, deleted INTEGER, posted INTEGER, folder INTEGER,
    date TEXT, party TEXT, tax TEXT, number TEXT, title TEXT, data TEXT);
CREATE TABLE IF NOT EXISTS leg (
    set_id INTEGER, recorder TEXT, line INTEGER, side INTEGER, period TEXT, account TEXT,
    sub1 TEXT, type1 TEXT, sub2 TEXT, type2 TEXT, sub3 TEXT, type3 TEXT, org TEXT, currency TEXT,
    amount INTEGER, foreign_amount INTEGER, quantity INTEGER, content TEXT);
CREATE TABLE IF NOT EXISTS total (
    account TEXT, sub1 TEXT, type1 TEXT, sub2 TEXT, type2 TEXT, sub3 TEXT, type3 TEXT, org TEXT, currency TEXT,
    amount INTEGER, foreign_amount INTEGER, quantity INTEGER,
    PRIMARY KEY (sub1, account, sub2, sub3, org, currency, type1, type2, type3)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS change (
    node TEXT, set_id INTEGER, key TEXT, message INTEGER, deleted INTEGER, stamp TEXT,
    PRIMARY KEY (node, set_id, key)) WITHOUT ROWID;
"""
INDEXES = """
CREATE UNIQUE INDEX IF NOT EXISTS object_key ON object (set_id, key);
CREATE INDEX IF NOT EXISTS object_date ON object (set_id, date, key);
CREATE INDEX IF NOT EXISTS object_party ON object (party, set_id);
CREATE INDEX IF NOT EXISTS object_number ON object (set_id, number);
CREATE INDEX IF NOT EXISTS object_tax ON object (tax) WHERE tax <> '';
CREATE INDEX IF NOT EXISTS leg_recorder ON leg (recorder, line, side);
CREATE INDEX IF NOT EXISTS leg_period ON leg (period);
CREATE INDEX IF NOT EXISTS leg_contract ON leg (sub2, account);
CREATE INDEX IF NOT EXISTS leg_party ON leg (sub1, recorder);
"""
DIMENSIONS = "account, sub1, type1, sub2, type2, sub3, type3, org, currency"
ADD_TOTAL = f"""
INSERT INTO total ({DIMENSIONS}, amount, foreign_amount, quantity) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)
ON CONFLICT DO UPDATE SET amount = amount + excluded.amount,
    foreign_amount = foreign_amount + excluded.foreign_amount, quantity = quantity + excluded.quantity
"""  # noqa: S608
PARTY = ("Контрагент_Key", "Контрагент", "Owner_Key", "Owner")
SIGNED = "(side*2-1)*amount, (side*2-1)*foreign_amount, (side*2-1)*quantity"  # the opposite sign: taken off a total


@dataclass(slots=True)
class Row:
    """One object as stored: columns that change or are searched, and the rest in ``fields``."""

    set_name: str
    key: str
    version: int
    deleted: bool
    posted: bool
    fields: Fields

    def get(self, name: str, default: Any = "") -> Any:
        """Stored value of a field."""
        return self.fields.get(name, default)


@dataclass(frozen=True, slots=True)
class Leg:
    """One side of a register record: side 0 is debit, 1 is credit; amounts in kopecks."""

    line: int
    side: int
    period: str
    account: str
    org: str
    amount: int
    subs: tuple[tuple[str, str], ...] = ()
    currency: str = ""
    foreign_amount: int = 0
    quantity: int = 0
    content: str = ""

    def flat(self) -> tuple[str, str, str, str, str, str]:
        """Three subconto as value, type pairs."""
        padded = (*self.subs, ("", ""), ("", ""), ("", ""))[:3]
        (a, b), (c, d), (e, f) = padded
        return (a, b, c, d, e, f)

    def dimensions(self) -> tuple[str, ...]:
        """Key of the totals row."""
        return (self.account, *self.flat(), self.org, self.currency)

    def signed(self, sign: int = 1) -> tuple[int, int, int]:
        """Contribution to the balance: debit plus, credit minus."""
        factor = sign if self.side == 0 else -sign
        return (factor * self.amount, factor * self.foreign_amount, factor * self.quantity)


class Storage:
    """All SQL of objects and legs; callers hold ``lock`` for anything of more than one call."""

    def __init__(self, path: str = ":memory:") -> None:
        self.path = path
        self.lock = threading.RLock()
        self.db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        journal = "MEMORY" if self.path == ":memory:" else "WAL"  # a killed process leaves a whole file
        for pragma in (f"journal_mode={journal}", "synchronous=OFF", "temp_store=MEMORY", "cache_size=-65536"):
            self.db.execute(f"PRAGMA {pragma}")
        self.db.executescript(SCHEMA + INDEXES)
        self.ids: dict[str, int] = {name: number for number, name in self.db.execute("SELECT id, name FROM sets")}
        self.names = {number: name for name, number in self.ids.items()}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, one at a time; inside another one it is a part of that."""
        with self.lock:
            if self.db.in_transaction:
                yield
                return
            self.db.execute("BEGIN")
            try:
                yield
            except BaseException:
                self.db.execute("ROLLBACK")
                raise
            self.db.execute("COMMIT")

    def drop_indexes(self) -> None:
        """Before a bulk load: random keys make every insert a walk."""
        for (name,) in self.db.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql <> ''").fetchall():
            self.db.execute(f"DROP INDEX {name}")

    def create_indexes(self) -> None:
        """After a bulk load."""
        self.db.executescript(INDEXES)

    def close(self) -> None:
        """Close the file; an in-memory base is gone."""
        with self.lock:
            self.db.close()

    def set_id(self, name: str) -> int:
        """Small number of a set, given at first use."""
        if name not in self.ids:
            number = len(self.ids) + 1
            self.db.execute("INSERT INTO sets VALUES (?, ?)", (number, name))
            self.ids[name], self.names[number] = number, name
        return self.ids[name]

    def state(self, name: str, default: str = "") -> str:
        """A named scalar kept with the base."""
        found = self.db.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
        return str(found[0]) if found else default

    def set_state(self, name: str, value: str) -> None:
        """Keep a named scalar."""
        self.db.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, value))

    # ------------------------------------------------------------------ objects

    def insert_many(self, rows: Iterable[Row]) -> None:
        """Write new objects, as they come."""
        marks = ",".join("?" * 12)
        self.db.executemany(f"INSERT OR REPLACE INTO object VALUES ({marks})", (self.record(row) for row in rows))  # noqa: S608

    def save(self, row: Row) -> None:
        """Write one object, new or changed."""
        self.insert_many([row])

    def record(self, row: Row) -> tuple[Any, ...]:
        """Column values of an object."""
        fields = row.fields
        party = next((fields[name] for name in PARTY if fields.get(name)), "")
        number = fields.get("Number") or fields.get("Code") or ""
        title = fields.get("Description") or f"{row.set_name} {number} от {fields.get('Date', '')}"
        return (
            self.set_id(row.set_name), row.key, row.version, int(row.deleted), int(row.posted),
            int(fields.get("IsFolder", False)),
            fields.get("Date", ""), party, fields.get("ИНН", ""), number, title, json.dumps(fields, ensure_ascii=False),
        )  # fmt: skip

    def load(self, set_name: str, key: str) -> Row | None:
        """One object by key, or None."""
        return next(self.select(set_name, "key = ?", (key,)), None)

    def select(self, set_name: str, where: str = "1", params: tuple[Any, ...] = (), tail: str = "") -> Iterator[Row]:
        """Objects of a set; ``where`` and ``tail`` are our own SQL, never the client's text."""
        sql = f"SELECT key, version, deleted, posted, data FROM object WHERE set_id = ? AND ({where}) {tail}"  # noqa: S608
        for key, version, deleted, posted, data in self.db.execute(sql, (self.set_id(set_name), *params)):
            yield Row(set_name, key, version, bool(deleted), bool(posted), json.loads(data))

    def columns(
        self, set_name: str, names: str, where: str, params: tuple[Any, ...], tail: str
    ) -> list[tuple[Any, ...]]:
        """Bare columns of a set, for the cheap sweep (§3.2 rule 6)."""
        sql = f"SELECT {names} FROM object WHERE set_id = ? AND ({where}) {tail}"  # noqa: S608
        return self.db.execute(sql, (self.set_id(set_name), *params)).fetchall()

    def keys(self, set_name: str) -> list[str]:
        """All keys of a set in order."""
        return [row[0] for row in self.columns(set_name, "key", "1", (), "ORDER BY key")]

    def count(self, set_name: str, where: str = "1", params: tuple[Any, ...] = ()) -> int:
        """Number of objects."""
        return int(self.columns(set_name, "count(*)", where, params, "")[0][0])

    def remove(self, set_name: str, key: str) -> None:
        """Physical deletion, no reference control (§6)."""
        self.db.execute("DELETE FROM object WHERE set_id = ? AND key = ?", (self.set_id(set_name), key))

    # ------------------------------------------------------------------ register

    def add_legs(self, set_name: str, recorder: str, legs: Iterable[Leg]) -> None:
        """Write the movements of one document and move the totals."""
        found = list(legs)
        number = self.set_id(set_name)
        rows = [
            (number, recorder, leg.line, leg.side, leg.period, leg.account, *leg.flat(), leg.org, leg.currency,
             leg.amount, leg.foreign_amount, leg.quantity, leg.content)
            for leg in found
        ]  # fmt: skip
        self.db.executemany(f"INSERT INTO leg VALUES ({','.join('?' * 18)})", rows)  # noqa: S608
        self.db.executemany(ADD_TOTAL, [(*leg.dimensions(), *leg.signed()) for leg in found])

    def leg_count(self) -> int:
        """Roughly how many legs there are."""
        return int(self.db.execute("SELECT coalesce(max(rowid), 0) FROM leg").fetchone()[0])

    def drop_legs(self, recorder: str) -> None:
        """Take the movements of a document out of register and totals."""
        sql = f"SELECT {DIMENSIONS}, {SIGNED} FROM leg WHERE recorder = ?"  # noqa: S608
        self.db.executemany(ADD_TOTAL, self.db.execute(sql, (recorder,)).fetchall())
        self.db.execute("DELETE FROM leg WHERE recorder = ?", (recorder,))

    def balance_rows(self, at: str | None) -> Iterator[tuple[Any, ...]]:
        """Dimensions and signed balance of every total, exclusive of what moves at ``at`` and later (§5)."""
        if at is None:
            sql = f"SELECT {DIMENSIONS}, amount, foreign_amount, quantity FROM total"  # noqa: S608
            return iter(self.db.execute(sql))
        later = f"SELECT {DIMENSIONS}, {SIGNED} FROM leg WHERE period >= ?"  # noqa: S608
        both = f"SELECT {DIMENSIONS}, amount, foreign_amount, quantity FROM total UNION ALL {later}"  # noqa: S608
        sums = "sum(amount), sum(foreign_amount), sum(quantity)"
        sql = f"SELECT {DIMENSIONS}, {sums} FROM ({both}) GROUP BY {DIMENSIONS}"  # noqa: S608
        return iter(self.db.execute(sql, (at,)))

    def contract_balance(self, slot: tuple[str, str, str, str, str], before: str) -> tuple[int, int]:
        """Balance of (contract, account, party, organisation, currency) before a moment: (kopecks, foreign)."""
        sql = """SELECT coalesce(sum((1-side*2)*amount),0), coalesce(sum((1-side*2)*foreign_amount),0) FROM leg
                 WHERE sub2 = ? AND account = ? AND sub1 = ? AND org = ? AND currency = ? AND period < ?"""
        found = self.db.execute(sql, (*slot, before)).fetchone()
        return int(found[0]), int(found[1])
