"""The generator's workbench: keys, numbers, bulk writing and the running balances."""

from __future__ import annotations

import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from random import Random

from sandbox.onec.base import Base
from sandbox.onec.fields import Fields
from sandbox.onec.posting import Book, Slot
from sandbox.onec.posting_money import build_legs
from sandbox.onec.schema import ACCOUNTS, Layout, Schema
from sandbox.onec.storage import Leg, Row
from sandbox.onec.values import put

BATCH = 2000


@dataclass(slots=True)
class Contract:
    """A contract as the document makers need it; ``invoices`` and ``sales`` are the last few."""

    key: str
    party: str
    org: str
    currency: str
    account: str
    supplier: bool = False
    rate: str = "643"
    invoices: list[tuple[str, int]] = field(default_factory=list)
    sales: list[tuple[str, int, list[Fields], bool]] = field(default_factory=list)


@dataclass(slots=True)
class Workbench:
    """Everything the generator shares; deterministic by its seed."""

    base: Base
    random: Random
    start: date
    today: date
    keys: dict[str, str] = field(default_factory=dict)
    parties: list[str] = field(default_factory=list)
    contracts: list[Contract] = field(default_factory=list)
    suppliers: list[Contract] = field(default_factory=list)
    orgs: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    banks: dict[str, str] = field(default_factory=dict)
    products: list[tuple[str, int]] = field(default_factory=list)
    services: list[tuple[str, int]] = field(default_factory=list)
    rates: dict[tuple[str, str], int] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    legs: list[tuple[str, str, list[Leg]]] = field(default_factory=list)
    balances: dict[Slot, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    numbers: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    contract_currency: dict[str, str] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    supported: set[str] = field(default_factory=set)
    books: Schema = field(init=False)

    def __post_init__(self) -> None:
        self.books = Schema(self.layout) if self.translated else self.base.schema

    @property
    def translated(self) -> bool:
        """Whether the base is of another configuration than the books are made in."""
        return self.base.configuration.translate is not None

    @property
    def layout(self) -> Layout:
        """Shape of the base."""
        return self.base.schema.layout

    def guid(self) -> str:
        """Next key."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def chance(self, share: float) -> bool:
        """True in this share of cases."""
        return self.random.random() < share

    def number(self, set_name: str, prefix: str, width: int, year: str = "") -> str:
        """Next code or number; the base goes on from here."""
        slot = f"{set_name}/{year}"
        self.numbers[slot] += 1
        return f"{prefix}{self.numbers[slot]:0{width - len(prefix)}d}"

    def account(self, code: str) -> str:
        """Key of an account."""
        return self.keys[f"account/{code}"]

    def add(self, set_name: str, fields: Fields, key: str = "", deleted: bool = False) -> str:
        """Queue a catalog item given in stored values; empty values are dropped."""
        entity = self.books.sets[set_name]
        defaults = {item.name: item.default for item in entity.fields}
        kept: Fields = {}
        for name, value in fields.items():
            put(kept, name, value, defaults.get(name, []))
        row = Row(set_name, key or self.guid(), self.random.randrange(1, 6), deleted, False, kept)
        if set_name == ACCOUNTS:
            self.codes[row.key] = str(kept.get("Code"))
        for item in self.in_words(row):
            self.queue(item)
        return row.key

    def in_words(self, row: Row) -> list[Row]:
        """The objects of this base that stand for one of БП's."""
        translate = self.base.configuration.translate
        return [row] if translate is None else list(translate(self, row))

    def queue(self, row: Row) -> None:
        """Write in batches: memory stays flat at a million documents."""
        self.rows.append(row)
        if len(self.rows) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """One transaction a batch."""
        storage = self.base.storage
        storage.db.execute("BEGIN")
        storage.insert_many(self.rows)
        for set_name, recorder, legs in self.legs:
            storage.add_legs(set_name, recorder, legs)
        storage.db.execute("COMMIT")
        self.rows.clear()
        self.legs.clear()

    def document(self, set_name: str, fields: Fields, posted: bool = True, deleted: bool = False) -> str:
        """Queue a document in stored values, with its movements when it is posted."""
        kept = {name: value for name, value in fields.items() if value not in ("", 0, False, None)}
        row = Row(set_name, self.guid(), self.random.randrange(1, 6), deleted, posted and not deleted, kept)
        if row.posted:
            legs = build_legs(row, self.book())
            self.count(legs)
            if not self.translated:
                self.legs.append((set_name, row.key, legs))
        for item in self.in_words(row):
            self.post(item)
            self.queue(item)
        return row.key

    def post(self, row: Row) -> None:
        """Movements of a document in another configuration, and the objects that they need."""
        if not self.translated or not row.posted:
            return
        posted = self.base.configuration.post(self.base, row)
        self.legs.append((row.set_name, row.key, posted.legs))
        for item in posted.support:
            if item.key not in self.supported:
                self.supported.add(item.key)
                self.queue(item)

    def book(self) -> Book:
        """Posting asks the running balances here instead of the storage."""
        currency = self.contract_currency
        rouble = self.keys["currency/643"]
        return Book(self.balance, self.codes, rouble, lambda key: currency.get(key, ""), self.layout.by_documents)

    def balance(self, slot: Slot) -> tuple[int, int]:
        """Running balance of a contract on an account."""
        found = self.balances.get(slot)
        return (found[0], found[1]) if found else (0, 0)

    def count(self, legs: list[Leg]) -> None:
        """Move the running balances of settlement accounts."""
        for leg in legs:
            if leg.account[0] == "6" and len(leg.subs) > 1:
                slot = (leg.subs[1][0], leg.account, leg.subs[0][0], leg.org, leg.currency)
                amount, foreign, _ = leg.signed()
                found = self.balances[slot]
                found[0] += amount
                found[1] += foreign

    def party_fields(self, party: str) -> Fields:
        """Counterparty of a payment: composite in БП, one type elsewhere (§2.3)."""
        if self.layout.single_party:
            return {"Контрагент_Key": party}
        return {"Контрагент": party, "Контрагент_Type": "StandardODATA.Catalog_Контрагенты"}

    def moment(self, day: date, share: float) -> str:
        """Working-hours moment of a day; some documents stand at midnight, noon or the last second."""
        odd = self.random.random()
        if odd < 0.06:
            return f"{day.isoformat()}T{self.random.choice(('00:00:00', '12:00:00', '23:59:59'))}"
        seconds = int(8 * 3600 + share * 11 * 3600)
        return f"{day.isoformat()}T{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"

    def rate(self, code: str, moment: str) -> int:
        """Rate scaled by 10**4."""
        return self.rates.get((code, moment[:7]), 10**4)

    def finish(self) -> None:
        """Write the rest and hand the numbering over to the base."""
        self.flush()
        for slot, used in self.numbers.items():
            self.base.storage.set_state(f"number/{slot}", str(used))
        self.base.reload()
