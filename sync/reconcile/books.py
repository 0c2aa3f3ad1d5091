"""Both answers of the register on disk, in the order of our customers: opening and now, settlement by settlement.

The register answers as it likes and with everybody at once; here its rows are added up and sorted without ever being in
memory together, so that 100,000 customers cost no more of it than a hundred.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select

from connectors.base import BalanceRow
from core.errors import RecordError
from core.money import LIMIT, ZERO, from_minor, to_minor
from store.bulk import chunks
from store.engine import reading
from store.entities import balances
from store.queries.settlements.balance_rows import load_identities
from store.scratch import Scratch
from sync.context import RunContext
from sync.settle.register import Amounts, BalanceKey, fetch_currencies, place_of

AT_ONCE = 500
_SETTLEMENT = (
    "settlement(counterparty, contract, organisation, currency_key, code, now INTEGER, opening INTEGER, named INTEGER, "
    "PRIMARY KEY (counterparty, contract, organisation, currency_key)) WITHOUT ROWID"
)
_CUSTOMER = "customer(who, key, PRIMARY KEY (who, key)) WITHOUT ROWID"
_ADD = (
    "INSERT INTO settlement VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
    "now = now + excluded.now, opening = opening + excluded.opening, named = named | excluded.named"
)
_NOW, _OPENING = 1, 2


@dataclass(slots=True)
class Books:
    """What accounting says of some customers: the register now, and as it stood when the mirrored documents begin."""

    now: dict[BalanceKey, Amounts]
    opening: dict[BalanceKey, Amounts]
    start: datetime | None


@dataclass(slots=True)
class LargeBooks:
    """The same of everybody."""

    ctx: RunContext
    start: datetime | None
    scratch: Scratch = field(default_factory=lambda: Scratch(_SETTLEMENT, _CUSTOMER, "part(key)"))

    def close(self) -> None:
        """Give the disk back."""
        self.scratch.__exit__(None, None, None)

    def add(self, rows: Iterable[BalanceRow], *, opening: bool) -> None:
        """Take in one answer of the register.

        Raises:
            RecordError: it names a sum that nobody can owe.
        """
        codes: dict[str, str] = {}
        for part in chunks(rows):
            wanted = {row.currency for row in part if row.currency} - codes.keys()
            codes |= fetch_currencies(self.ctx, wanted)
            self.scratch.put(_ADD, [self._values(row, codes, opening=opening) for row in part])

    def _values(self, row: BalanceRow, codes: dict[str, str], *, opening: bool) -> tuple[str | int, ...]:
        net = row.debit - row.credit
        if abs(net) >= LIMIT:
            raise RecordError(
                f"Accounting names a balance of {net:.2f} for {row.counterparty}, which is not believable.",
                next_step="look at the customer's settlements in 1C, then: sverka reconcile",
            )
        key, code = place_of(row, codes, self.ctx.mapping.accounting_currency)
        minor = to_minor(net)
        return (*key, code, 0, minor, _OPENING) if opening else (*key, code, minor, 0, _NOW)

    def order_customers(self) -> None:
        """Everybody whom the register or the store has a balance of, by whom they are to us: twins stand together."""
        named = (str(row[0]) for row in self.scratch.read("SELECT DISTINCT counterparty FROM settlement"))
        self._add_customers(named)
        statement = select(balances.c.counterparty_key).where(balances.c.connection == self.ctx.name).distinct()
        with reading(self.ctx.app.engine) as conn:
            stored = conn.execute(statement, execution_options={"yield_per": AT_ONCE * 10})
            self._add_customers(stored.scalars())

    def _add_customers(self, keys: Iterable[str]) -> None:
        for part in chunks(keys, AT_ONCE * 10):
            with reading(self.ctx.app.engine) as conn:
                known = load_identities(conn, self.ctx.name, "counterparty", part)
            rows = [(str(known[key]) if key in known else key, key) for key in part]
            self.scratch.put("INSERT OR IGNORE INTO customer VALUES (?, ?)", rows)

    def portions(self) -> Iterator[tuple[list[str], Books]]:
        """Some customers at a time, never one of two twins without the other, with what the register says of them."""
        part: list[str] = []
        last = ""
        for who, key in self.scratch.read("SELECT who, key FROM customer ORDER BY who, key"):
            if len(part) >= AT_ONCE and who != last:
                yield part, self._books(part)
                part = []
            part.append(str(key))
            last = str(who)
        if part:
            yield part, self._books(part)

    def _books(self, keys: list[str]) -> Books:
        books = Books({}, {}, self.start)
        self.scratch.empty("part")
        self.scratch.put("INSERT INTO part VALUES (?)", [(key,) for key in keys])
        query = "SELECT s.* FROM part p JOIN settlement s ON s.counterparty = p.key"
        for *place, code, now, opening, named in self.scratch.read(query):
            key = BalanceKey(*place)
            if named & _NOW:
                books.now[key] = _amounts(code, now)
            if named & _OPENING:
                books.opening[key] = _amounts(code, opening)
        return books


def _amounts(code: str, minor: int) -> Amounts:
    net = from_minor(minor)
    return Amounts(code, max(net, ZERO), max(-net, ZERO))
