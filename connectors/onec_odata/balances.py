"""Settlement balances from accounting's own register (1c-odata.md §5, §8.3).

Rows and account totals are asked for independently, so that a cut or wrong answer is noticed before a missing customer
is taken for a settled one (design §5, rule 7).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial
from zoneinfo import ZoneInfo

from connectors.base import BalanceAnswer, BalanceRow, BalanceSpec, BalanceStream
from connectors.onec_odata import url
from connectors.onec_odata.accounts import AccountQuestion, Accounts
from connectors.onec_odata.fields import Book
from connectors.onec_odata.table import Table
from connectors.onec_odata.values import amount, filled, reference, subconto
from connectors.onec_odata.wire import Wire
from core.clock import local_from_utc
from core.money import ZERO

_ATTEMPTS = 3
Place = tuple[str, str, str | None, str | None, str | None]


@dataclass(slots=True)
class Sums:
    """Debit and credit in the settlement's currency."""

    debit: Decimal = ZERO
    credit: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class AccountRow:
    """A row of the virtual table and the code of its account."""

    account: str
    data: dict[str, object]


@dataclass(slots=True)
class Tables:
    """The answers to one question, which may be several where accounts are asked for in batches."""

    parts: list[tuple[AccountQuestion, Table]] = field(default_factory=list)

    def close(self) -> None:
        """Remove their files. Safe to call twice."""
        for _, table in self.parts:
            table.close()


@dataclass(frozen=True, slots=True)
class StreamedRows:
    """Rows that can be gone through as often as wanted."""

    read: Callable[[], Iterator[BalanceRow]]

    def __iter__(self) -> Iterator[BalanceRow]:
        return self.read()


class BalanceReader:
    """Reads `Balance` of one accounting register. Raises the errors of `core.errors` only."""

    def __init__(self, wire: Wire, book: Book, accounts: Accounts, zone: ZoneInfo) -> None:
        self._wire = wire
        self._book = book
        self._accounts = accounts
        self._zone = zone

    def fetch_balances(
        self, spec: BalanceSpec, *, at: datetime | None = None, counterparty: str | None = None
    ) -> BalanceAnswer:
        """Balances of all customers or of one; rows that differ only in the settlement document are summed."""
        with closing(self.open_balances(spec, at=at, counterparty=counterparty)) as found:
            rows = summed(found.rows)
            return BalanceAnswer(rows, found.totals, found.whole, found.reason, found.unassigned)

    def open_balances(
        self, spec: BalanceSpec, *, at: datetime | None = None, counterparty: str | None = None
    ) -> BalanceStream:
        """The same row by row from a file; asked again, up to three times, while rows and totals disagree.

        A posting may come between the two questions; what still disagrees after that is not whole.
        """
        attempt = 1
        while True:
            tables = self._read(spec, at, counterparty, self._columns(spec))
            try:
                sums, unassigned = self._add_up(spec, tables)
                totals = self._totals(spec, at, counterparty)
            except BaseException:
                tables.close()
                raise
            reason = difference(sums, totals)
            if not reason or attempt == _ATTEMPTS:
                rows = StreamedRows(partial(self._balances, spec, tables, counterparty))
                return BalanceStream(rows, totals, not reason, reason, unassigned, tables.close)
            tables.close()
            attempt += 1

    def _read(self, spec: BalanceSpec, at: datetime | None, counterparty: str | None, columns: Sequence[str]) -> Tables:
        """One whole answer a question: virtual tables know no pages (1c-odata.md §5)."""
        options = {"$select": ",".join(columns)} if columns else {}
        customer = self._customer(spec, counterparty)
        period = {"Period": url.moment(local_from_utc(at, self._zone))} if at is not None else {}
        limit = self._wire.options.table_bytes
        found = Tables()
        try:
            for question in self._accounts.questions(spec):
                chosen = url.all_of([question.condition, customer])
                asked = options | ({"$filter": chosen} if chosen else {})
                resource = f"{spec.register}/{url.call('Balance', period | question.parameters)}"
                outcome = self._wire.table(resource, asked, limit=limit)
                found.parts.append((question, self._accounts.answered(spec, question, outcome)))
        except BaseException:
            found.close()
            raise
        return found

    def _rows(self, spec: BalanceSpec, tables: Tables) -> Iterator[AccountRow]:
        for question, table in tables.parts:
            for data in table.rows():
                yield AccountRow(question.code or self._accounts.code(spec, data), data)

    def _add_up(self, spec: BalanceSpec, tables: Tables) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
        """Net by account in the accounting currency: of all rows, and of those that name no counterparty."""
        sums: dict[str, Decimal] = {}
        unassigned: dict[str, Decimal] = {}
        for row in self._rows(spec, tables):
            debit, credit = _sides(row.data, spec.resource)
            sums[row.account] = sums.get(row.account, ZERO) + debit - credit
            if subconto(row.data, spec.counterparty_set) is None:
                unassigned[row.account] = unassigned.get(row.account, ZERO) + debit - credit
        return filled_only(sums), filled_only(unassigned)

    def _customer(self, spec: BalanceSpec, counterparty: str | None) -> str:
        if counterparty is None:
            return ""
        return f"ExtDimension1 eq {url.cast(counterparty, spec.counterparty_set)}"

    def _columns(self, spec: BalanceSpec) -> list[str]:
        """The columns that we use of those that the base declares; none means all of them."""
        shape = self._book.shape(f"{spec.register}_Balance")
        if shape is None:
            return []
        wanted = ["Account_Key", f"{spec.organisation}_Key", f"{spec.currency}_Key"]
        wanted += [f"ExtDimension{i}{part}" for i in (1, 2, 3) for part in ("", "_Type")]
        for resource in (spec.resource, spec.currency_resource):
            sides = [f"{resource}BalanceDr", f"{resource}BalanceCr"]
            both_sides = all(side in shape.properties for side in sides)
            wanted += sides if both_sides else [f"{resource}Balance"]
        return [name for name in wanted if name in shape.properties]

    def _totals(self, spec: BalanceSpec, at: datetime | None, counterparty: str | None) -> dict[str, Decimal]:
        """Net by account in the accounting currency, from a question of its own.

        Whether the server groups by what is selected or not, the sum is the same.
        """
        shape = self._book.shape(f"{spec.register}_Balance")
        sides = [f"{spec.resource}BalanceDr", f"{spec.resource}BalanceCr"]
        if shape is not None and not all(side in shape.properties for side in sides):
            sides = [f"{spec.resource}Balance"]
        with closing(self._read(spec, at, counterparty, ["Account_Key", *sides])) as tables:
            return self._add_up(spec, tables)[0]

    def _balances(self, spec: BalanceSpec, tables: Tables, counterparty: str | None) -> Iterator[BalanceRow]:
        for row in self._rows(spec, tables):
            place = self._place(spec, row, counterparty)
            if place is not None:
                debit, credit = _sides(row.data, spec.resource if place[4] is None else spec.currency_resource)
                if debit or credit:
                    yield BalanceRow(*place, debit, credit)

    def _place(self, spec: BalanceSpec, row: AccountRow, asked: str | None) -> Place | None:
        counterparty = subconto(row.data, spec.counterparty_set)
        if counterparty is None or (asked is not None and counterparty != asked.lower()):
            return None
        return (
            row.account,
            counterparty,
            subconto(row.data, spec.contract_set),
            reference(row.data, spec.organisation),
            self._currency(spec, row.account, row.data),
        )

    def _currency(self, spec: BalanceSpec, account: str, data: dict[str, object]) -> str | None:
        """The settlement's own currency where the account is kept in one; None is the accounting currency."""
        if spec.currency_accounts and account not in {code.strip() for code in spec.currency_accounts}:
            return None
        names = (f"{spec.currency_resource}{part}" for part in ("BalanceDr", "BalanceCr", "Balance"))
        return reference(data, spec.currency) if any(filled(data.get(name)) for name in names) else None


def filled_only(sums: dict[str, Decimal]) -> dict[str, Decimal]:
    """Sums without those that are zero."""
    return {account: net for account, net in sums.items() if net}


def summed(rows: Iterable[BalanceRow]) -> list[BalanceRow]:
    """Rows of one settlement added up."""
    sums: dict[Place, Sums] = {}
    for row in rows:
        place = (row.account, row.counterparty, row.contract, row.organisation, row.currency)
        total = sums.setdefault(place, Sums())
        total.debit += row.debit
        total.credit += row.credit
    return [BalanceRow(*place, s.debit, s.credit) for place, s in sums.items() if s.debit or s.credit]


def _sides(data: dict[str, object], resource: str) -> tuple[Decimal, Decimal]:
    """Debit and credit: given apart, or as one signed number; nothing is zero (1c-odata.md §5)."""
    if f"{resource}BalanceDr" in data or f"{resource}BalanceCr" in data:
        return amount(data.get(f"{resource}BalanceDr")), amount(data.get(f"{resource}BalanceCr"))
    net = amount(data.get(f"{resource}Balance"))
    return max(net, ZERO), max(-net, ZERO)


def difference(rows: dict[str, Decimal], totals: dict[str, Decimal]) -> str:
    """Where the sum of the rows is not what the account totals say; empty when they agree."""
    differing = [
        f"account {account}: rows {rows.get(account, ZERO)}, total {totals.get(account, ZERO)}"
        for account in sorted(rows.keys() | totals.keys())
        if rows.get(account, ZERO) != totals.get(account, ZERO)
    ]
    return "; ".join(differing)
