"""Settlement balances from accounting's own register (1c-odata.md §5, §8.3).

Rows and account totals are asked for independently, so that a cut or wrong answer is noticed before a missing customer
is taken for a settled one (design §5, rule 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from connectors.base import BalanceAnswer, BalanceRow, BalanceSpec
from connectors.onec_odata import url
from connectors.onec_odata.accounts import Accounts
from connectors.onec_odata.fields import Book
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
        """Balances of all customers or of one; asked again, up to three times, while rows and totals disagree.

        A posting may come between the two questions; what still disagrees after that is not whole.
        """
        attempt = 1
        while True:
            rows = self._read(spec, at, counterparty, self._columns(spec))
            totals = self._totals(spec, at, counterparty)
            reason = _difference(_by_account(spec, rows), totals)
            if not reason or attempt == _ATTEMPTS:
                break
            attempt += 1
        return BalanceAnswer(
            rows=self._balances(spec, rows, counterparty),
            totals=totals,
            whole=not reason,
            reason=reason,
            unassigned=_by_account(spec, [row for row in rows if subconto(row.data, spec.counterparty_set) is None]),
        )

    def _read(
        self, spec: BalanceSpec, at: datetime | None, counterparty: str | None, columns: Sequence[str]
    ) -> list[AccountRow]:
        """One whole answer a question: virtual tables know no pages (1c-odata.md §5)."""
        options = {"$select": ",".join(columns)} if columns else {}
        customer = self._customer(spec, counterparty)
        period = {"Period": url.moment(local_from_utc(at, self._zone))} if at is not None else {}
        limit = self._wire.options.table_bytes
        found: list[AccountRow] = []
        for question in self._accounts.questions(spec):
            chosen = url.all_of([question.condition, customer])
            asked = options | ({"$filter": chosen} if chosen else {})
            resource = f"{spec.register}/{url.call('Balance', period | question.parameters)}"
            rows = self._accounts.answered(spec, question, self._wire.collection(resource, asked, limit=limit))
            found += [AccountRow(question.code or self._accounts.code(spec, row.data), row.data) for row in rows]
        return found

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
        rows = self._read(spec, at, counterparty, ["Account_Key", *sides])
        return _by_account(spec, rows)

    def _balances(self, spec: BalanceSpec, rows: list[AccountRow], counterparty: str | None) -> list[BalanceRow]:
        """Rows by settlement; those that differ only in the settlement document are summed."""
        sums: dict[Place, Sums] = {}
        for row in rows:
            place = self._place(spec, row, counterparty)
            if place is None:
                continue
            resource = spec.resource if place[4] is None else spec.currency_resource
            debit, credit = _sides(row.data, resource)
            total = sums.setdefault(place, Sums())
            total.debit += debit
            total.credit += credit
        return [BalanceRow(*place, s.debit, s.credit) for place, s in sums.items() if s.debit or s.credit]

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


def _by_account(spec: BalanceSpec, rows: list[AccountRow]) -> dict[str, Decimal]:
    """Net by account in the accounting currency; what is zero is left out."""
    sums: dict[str, Decimal] = {}
    for row in rows:
        debit, credit = _sides(row.data, spec.resource)
        sums[row.account] = sums.get(row.account, ZERO) + debit - credit
    return {account: net for account, net in sums.items() if net}


def _sides(data: dict[str, object], resource: str) -> tuple[Decimal, Decimal]:
    """Debit and credit: given apart, or as one signed number; nothing is zero (1c-odata.md §5)."""
    if f"{resource}BalanceDr" in data or f"{resource}BalanceCr" in data:
        return amount(data.get(f"{resource}BalanceDr")), amount(data.get(f"{resource}BalanceCr"))
    net = amount(data.get(f"{resource}Balance"))
    return max(net, ZERO), max(-net, ZERO)


def _difference(rows: dict[str, Decimal], totals: dict[str, Decimal]) -> str:
    """Where the sum of the rows is not what the account totals say; empty when they agree."""
    differing = [
        f"account {account}: rows {rows.get(account, ZERO)}, total {totals.get(account, ZERO)}"
        for account in sorted(rows.keys() | totals.keys())
        if rows.get(account, ZERO) != totals.get(account, ZERO)
    ]
    return "; ".join(differing)
