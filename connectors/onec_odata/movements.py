"""What moved customers' settlement accounts (1c-odata.md §5).

`RecordsWithExtDimensions` gives every entry with its subconto, of several customers in one answer where the base takes
such a question; where a base does not declare it or it fails, `Turnovers` gives the same sums by recorder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from connectors.base import BalanceSpec, MovementRow
from connectors.onec_odata import url
from connectors.onec_odata.accounts import Accounts
from connectors.onec_odata.errors import Verdict
from connectors.onec_odata.fields import Book
from connectors.onec_odata.values import amount, filled, key, moment, reference, subconto, type_name
from connectors.onec_odata.wire import Wire
from core.clock import local_from_utc
from core.errors import SchemaDrift, Where
from core.money import ZERO

_RECORDS = "RecordsWithExtDimensions"
_TURNOVERS = "Turnovers"
_FALL_BACK = {
    "field_missing",
    "question_refused",
    "no_such_member",
    "not_comparable",
    "not_published",
    "not_implemented",
    "url_too_long",
    "refused",
    "refused_by_rules",
    "unknown",
}
"""Refusals of the finer table that do not speak of the base as a whole: the coarser one is asked."""
_TOO_MUCH = {"answer_too_large", "timed_out", "gateway_timeout", "out_of_memory"}
"""Failures that fewer customers at once may get over."""
_AT_ONCE = 10
"""Customers in one question at most: a condition for each side of each, and lists of `or` stay at 20 (§1.1)."""
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Entry:
    """One side of one entry, or one line of turnovers, on a settlement account of the customer."""

    recorder_set: str
    recorder: str
    date: datetime | None
    account: str
    contract: str | None
    organisation: str | None
    currency: str | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Period:
    """A half-open period in accounting's naive local time."""

    start: datetime | None
    end: datetime | None

    def parameters(self) -> dict[str, str]:
        """As parameters of a virtual table, whose end is inclusive to the second (1c-odata.md §5)."""
        found = {}
        if self.start is not None:
            found["StartPeriod"] = url.moment(self.start)
        if self.end is not None:
            found["EndPeriod"] = url.moment(self.end - _SECOND)
        return found


class MovementReader:
    """Reads the movements behind a customer's balances. Raises the errors of `core.errors` only."""

    def __init__(self, wire: Wire, book: Book, accounts: Accounts, zone: ZoneInfo) -> None:
        self._wire = wire
        self._book = book
        self._accounts = accounts
        self._zone = zone
        self._at_once = _AT_ONCE

    def fetch_movements(
        self, spec: BalanceSpec, counterparty: str, *, start: datetime | None, end: datetime | None = None
    ) -> list[MovementRow]:
        """Net movements of [start, end) by recorder, account group, contract, organisation and currency.

        Entries inside one group (an advance set off against a debt) cancel out; what nets to zero is left out.
        """
        period = self._period(start, end)
        entries = self._from_records(spec, counterparty, period)
        if entries is None:
            entries = list(self._from_turnovers(spec, counterparty, period))
        inside = [entry for entry in entries if _within(entry.date, start, end)]
        return _summed(inside, counterparty.lower())

    def fetch_movements_of(
        self, spec: BalanceSpec, counterparties: Sequence[str], *, start: datetime | None, end: datetime | None = None
    ) -> list[MovementRow]:
        """The same of several customers, both sides of each in one question, as many as fit into an address.

        A base that refuses such a question is asked for half as many, at last one by one, and not tempted again.
        """
        period = self._period(start, end)
        left = list(dict.fromkeys(each.lower() for each in counterparties))
        found: list[MovementRow] = []
        while left:
            part = left[: self._fitting(spec, period)]
            together = self._together(spec, part, period) if len(part) > 1 else {}
            if together is None:
                self._at_once = len(part) // 2
                continue
            for whose, entries in together.items():
                found += _summed([entry for entry in entries if _within(entry.date, start, end)], whose)
            if len(part) == 1:
                found += self.fetch_movements(spec, part[0], start=start, end=end)
            left = left[len(part) :]
        return found

    def _period(self, start: datetime | None, end: datetime | None) -> Period:
        return Period(
            local_from_utc(start, self._zone) if start is not None else None,
            local_from_utc(end, self._zone) if end is not None else None,
        )

    def _fitting(self, spec: BalanceSpec, period: Period) -> int:
        """How many customers one question may name: the query stays within `url.QUERY_LIMIT`."""
        if self._at_once <= 1 or not self._offers_records(spec):
            return 1
        one, two = (
            len(url.query(_about(spec, [url.EMPTY_GUID] * count, period) | {"$format": url.JSON_FORMAT}))
            for count in (1, 2)
        )
        return max(1, min(self._at_once, 1 + (url.QUERY_LIMIT - one) // (two - one)))

    def _together(self, spec: BalanceSpec, keys: Sequence[str], period: Period) -> dict[str, list[Entry]] | None:
        """Entries by customer; None where the base does not take or does not bear such a question."""
        limit = self._wire.options.table_bytes
        outcome = self._wire.collection(f"{spec.register}/{_RECORDS}", _about(spec, keys, period), limit=limit)
        if isinstance(outcome, Verdict):
            if outcome.rule.name in _FALL_BACK | _TOO_MUCH:
                return None
            raise self._wire.refusal(outcome, spec.register, Where(entity="movement"))
        found: dict[str, list[Entry]] = {key: [] for key in keys}
        for row in outcome.rows:
            for side in ("Dr", "Cr"):
                named = side if filled(row.data.get(f"Account{side}_Key")) else ""
                whose = subconto(row.data, spec.counterparty_set, named)
                if whose in found:
                    found[whose] += self._entry(spec, row.data, side, whose)
        return found

    def _offers_records(self, spec: BalanceSpec) -> bool:
        """Whether entries can be asked for, and told by the chart of accounts."""
        metadata = self._book.metadata()
        declared = metadata is not None and metadata.function(spec.register, _RECORDS) is not None
        return declared and self._accounts.is_published(spec)

    def _from_records(self, spec: BalanceSpec, counterparty: str, period: Period) -> list[Entry] | None:
        """Entries with their subconto; None where the base cannot serve them.

        Each side is asked for by itself: one condition for both would pass the 260 characters that IIS takes for a
        part of a path (1c-odata.md §1.1). An entry between two accounts of one customer is in both answers, and of
        each answer only its own side is taken.
        """
        if not self._offers_records(spec):
            return None
        entries: list[Entry] = []
        for side in ("Dr", "Cr"):
            condition = url.text(_of_customer(spec, counterparty, side))
            rows = self._ask_records(spec, period.parameters() | {"Condition": condition})
            if rows is None:
                return None
            entries += [entry for data in rows for entry in self._entry(spec, data, side, counterparty)]
        return entries

    def _ask_records(self, spec: BalanceSpec, parameters: dict[str, str]) -> list[dict[str, object]] | None:
        """Parameters in the path, or as query options where the path would be too long (1c-odata.md §5)."""
        call = url.call(_RECORDS, parameters)
        limit = self._wire.options.table_bytes
        if len(call) <= url.SEGMENT_LIMIT:
            outcome = self._wire.collection(f"{spec.register}/{call}", {}, limit=limit)
        else:
            outcome = self._wire.collection(f"{spec.register}/{_RECORDS}", parameters, limit=limit)
        if not isinstance(outcome, Verdict):
            return [row.data for row in outcome.rows]
        if outcome.rule.name in _FALL_BACK:
            return None
        raise self._wire.refusal(outcome, spec.register, Where(entity="movement"))

    def _entry(self, spec: BalanceSpec, data: dict[str, object], side: str, counterparty: str) -> Iterator[Entry]:
        """The wanted side of an entry, when it is an active one on a settlement account of this customer."""
        if data.get("Active") is False:
            return
        if not filled(data.get(f"Account{side}_Key")):
            yield from self._one_sided(spec, data, side, counterparty)
            return
        account = self._accounts.known_code(spec, data, side)
        if account is not None and subconto(data, spec.counterparty_set, side) == counterparty.lower():
            found = self._place(spec, data, side, account)
            sign = 1 if side == "Dr" else -1
            yield self._built(data, found, sign * _own_amount(spec, data, side, found.currency))

    def _one_sided(self, spec: BalanceSpec, data: dict[str, object], side: str, counterparty: str) -> Iterator[Entry]:
        """A register without correspondence: one account a row, its side in `RecordType` (1c-odata.md §2.3)."""
        kind = str(data.get("RecordType") or "")
        wanted = "Debit" if side == "Dr" else "Credit"
        account = self._accounts.known_code(spec, data)
        if kind == wanted and account is not None and subconto(data, spec.counterparty_set) == counterparty.lower():
            found = self._place(spec, data, "", account)
            sign = 1 if kind == "Debit" else -1
            yield self._built(data, found, sign * _own_amount(spec, data, "", found.currency))

    def _from_turnovers(self, spec: BalanceSpec, counterparty: str, period: Period) -> Iterator[Entry]:
        customer = f"ExtDimension1 eq {url.cast(counterparty, spec.counterparty_set)}"
        columns = self._turnover_columns(spec)
        options = {"$select": ",".join(columns)} if columns else {}
        for question in self._accounts.questions(spec):
            asked = options | {"$filter": url.all_of([question.condition, customer])}
            resource = f"{spec.register}/{url.call(_TURNOVERS, period.parameters() | question.parameters)}"
            outcome = self._wire.collection(resource, asked, limit=self._wire.options.table_bytes)
            for row in self._accounts.answered(spec, question, outcome).rows:
                if subconto(row.data, spec.counterparty_set) == counterparty.lower():
                    account = question.code or self._accounts.code(spec, row.data)
                    found = self._place(spec, row.data, "", account)
                    yield self._built(row.data, found, _turnover(spec, row.data, found.currency))

    def _turnover_columns(self, spec: BalanceSpec) -> list[str]:
        shape = self._book.shape(f"{spec.register}_Turnover")
        if shape is None:
            return []
        wanted = ["Recorder", "Recorder_Type", "Recorder_Key", "Period", "Account_Key"]
        wanted += [f"{spec.organisation}_Key", f"{spec.currency}_Key"]
        wanted += [f"ExtDimension{i}{part}" for i in (1, 2, 3) for part in ("", "_Type")]
        resources = (spec.resource, spec.currency_resource)
        wanted += [f"{name}Turnover{part}" for name in resources for part in ("", "Dr", "Cr")]
        return [name for name in wanted if name in shape.properties]

    def _place(self, spec: BalanceSpec, data: dict[str, object], side: str, account: str) -> _Place:
        currency = reference(data, f"{spec.currency}{side}")
        if spec.currency_accounts and account not in {code.strip() for code in spec.currency_accounts}:
            currency = None
        if currency is not None and not _has_currency_amount(spec, data, side):
            currency = None
        contract = subconto(data, spec.contract_set, side)
        return _Place(account.partition(".")[0], contract, reference(data, spec.organisation), currency)

    def _built(self, data: dict[str, object], place: _Place, net: Decimal) -> Entry:
        recorder = key(data.get("Recorder")) or key(data.get("Recorder_Key"))
        if recorder is None:
            raise SchemaDrift(
                "This base does not tell which documents moved a settlement.",
                next_step="sverka mapping check",
                where=Where(entity="movement"),
            )
        return Entry(
            recorder_set=type_name(data.get("Recorder_Type")),
            recorder=recorder,
            date=moment(data.get("Period"), self._zone),
            account=place.group,
            contract=place.contract,
            organisation=place.organisation,
            currency=place.currency,
            amount=net,
        )


@dataclass(frozen=True, slots=True)
class _Place:
    group: str
    contract: str | None
    organisation: str | None
    currency: str | None


def _of_customer(spec: BalanceSpec, counterparty: str, side: str) -> str:
    return f"ExtDimension{side}1 eq {url.cast(counterparty, spec.counterparty_set)}"


def _about(spec: BalanceSpec, counterparties: Sequence[str], period: Period) -> dict[str, str]:
    """The question about both sides of several customers, as query options: a path would be too long (§1.1)."""
    sides = [_of_customer(spec, key, side) for key in counterparties for side in ("Dr", "Cr")]
    return period.parameters() | {"Condition": url.text(url.any_of(sides))}


def _has_currency_amount(spec: BalanceSpec, data: dict[str, object], side: str) -> bool:
    parts = (f"{spec.currency_resource}{side}",) if side else ("", "Turnover", "TurnoverDr", "TurnoverCr")
    names = parts if side else tuple(f"{spec.currency_resource}{part}" for part in parts)
    return any(filled(data.get(name)) for name in names)


def _own_amount(spec: BalanceSpec, data: dict[str, object], side: str, currency: str | None) -> Decimal:
    if currency is None:
        return amount(data.get(spec.resource))
    return amount(data.get(f"{spec.currency_resource}{side}"))


def _turnover(spec: BalanceSpec, data: dict[str, object], currency: str | None) -> Decimal:
    """Debit less credit, or the signed turnover where the register has no correspondence."""
    name = f"{spec.resource if currency is None else spec.currency_resource}Turnover"
    if f"{name}Dr" in data or f"{name}Cr" in data:
        return amount(data.get(f"{name}Dr")) - amount(data.get(f"{name}Cr"))
    return amount(data.get(name))


def _within(date: datetime | None, start: datetime | None, end: datetime | None) -> bool:
    """Whether a movement belongs to the half-open period; one without a date is taken at the server's word."""
    if date is None:
        return True
    return (start is None or date >= start.replace(microsecond=0)) and (end is None or date < end)


def _summed(entries: list[Entry], counterparty: str) -> list[MovementRow]:
    sums: dict[tuple[str, str, str, str | None, str | None, str | None], Decimal] = {}
    dates: dict[tuple[str, str], datetime | None] = {}
    for entry in entries:
        place = (entry.recorder_set, entry.recorder, entry.account, entry.contract, entry.organisation, entry.currency)
        sums[place] = sums.get(place, ZERO) + entry.amount
        dates.setdefault(place[:2], entry.date)
    return [
        MovementRow(kind, recorder, dates[kind, recorder], account, counterparty, contract, organisation, currency, net)
        for (kind, recorder, account, contract, organisation, currency), net in sums.items()
        if net
    ]
