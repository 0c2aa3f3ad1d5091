"""Settlements in an accumulation register: balances and movements (1c-odata.md §5, §8.3).

Who a line is about stands in its dimensions, or behind an analytics key that a catalog explains; its currency in a
dimension, or in the contract. Which is which, and what everything is called, says the mapping.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from zoneinfo import ZoneInfo

from connectors.base import (
    BalanceAnswer,
    BalanceRow,
    BalanceSpec,
    BalanceStream,
    MovementRow,
    TermRow,
    TermsWithheld,
)  # fmt: skip
from connectors.onec_odata import url
from connectors.onec_odata.balances import StreamedRows, difference, filled_only, summed
from connectors.onec_odata.directory import Directory
from connectors.onec_odata.errors import Verdict
from connectors.onec_odata.fields import Book, Spelling
from connectors.onec_odata.table import Table
from connectors.onec_odata.values import amount, key, moment, reference, type_name
from connectors.onec_odata.wire import Wire
from core.clock import local_from_utc
from core.errors import SchemaDrift, SverkaError, Where
from core.money import ZERO
from mapping.model import TermsSpec

_ATTEMPTS = 3
_NAMED = 3
"""So many keys are named one by one."""
_AT_ONCE = 15
"""References in one question: the query must stay within 2,048 characters (1c-odata.md §1.1)."""


@dataclass(frozen=True, slots=True)
class Party:
    """Whose settlement it is. No `counterparty`: nobody's of ours (a settlement between own organisations)."""

    counterparty: str | None
    contract: str | None
    organisation: str | None
    currency: str | None
    wanted: bool = True
    unexplained: str = ""
    """The analytics key behind which there is no object: nobody can say whose it is, which is not nobody's."""


class RegisterReader:
    """Reads one accumulation register. Raises the errors of `core.errors` only."""

    def __init__(self, wire: Wire, book: Book, zone: ZoneInfo) -> None:
        self._wire = wire
        self._book = book
        self._zone = zone
        self._directory = Directory(wire, book)

    def fetch_balances(
        self, spec: BalanceSpec, *, at: datetime | None = None, counterparty: str | None = None
    ) -> BalanceAnswer:
        """Balances of all customers or of one; debt and advance as the settlement objects' signs tell them apart."""
        with closing(self.open_balances(spec, at=at, counterparty=counterparty)) as found:
            return BalanceAnswer(summed(found.rows), found.totals, found.whole, found.reason, found.unassigned)

    def open_balances(
        self, spec: BalanceSpec, *, at: datetime | None = None, counterparty: str | None = None
    ) -> BalanceStream:
        """The same row by row from files; asked again, up to three times, while rows and totals disagree."""
        attempt = 1
        while True:
            tables = self._tables(spec, at, self._wanted(spec), counterparty)
            try:
                sums, unassigned, unexplained = self._add_up(spec, tables)
                totals = self._totals(spec, at, counterparty)
            except BaseException:
                _close(tables)
                raise
            reason = difference(sums, totals) or unexplained
            if not reason or attempt == _ATTEMPTS:
                rows = self._streamed(spec, tables, counterparty)
                return BalanceStream(rows, totals, not reason, reason, unassigned, partial(_close, tables))
            _close(tables)
            self._directory.forget_missing()
            attempt += 1

    def fetch_movements_of(
        self, spec: BalanceSpec, counterparties: Sequence[str], *, start: datetime | None, end: datetime | None = None
    ) -> list[MovementRow]:
        """Net movements of [start, end) by recorder and settlement; what nets to zero is left out."""
        wanted = {each.lower() for each in counterparties}
        sums: dict[tuple[str, str, datetime | None, Party], Decimal] = {}
        for condition in self._about(spec, sorted(wanted)):
            options = {"$filter": url.all_of([condition, *self._period(start, end)])}
            with closing(self._ask(spec, f"{spec.register}_RecordType", options)) as table:
                for data in table.rows():
                    party = self._party(spec, data)
                    if party.counterparty in wanted and party.wanted and data.get("Active") is not False:
                        place = (*self._recorder(spec, data), party)
                        sums[place] = sums.get(place, ZERO) + _signed(spec, data)
        return [
            MovementRow(
                recorder_set, recorder, date, _account(spec), str(party.counterparty), party.contract,
                party.organisation, party.currency, net,
            )
            for (recorder_set, recorder, date, party), net in sums.items() if net
        ]  # fmt: skip

    def fetch_terms(self, spec: BalanceSpec, counterparties: Sequence[str] | None = None) -> Iterator[TermRow]:
        """What is owed by planned date, where accounting keeps terms itself; nothing where this base does not."""
        if spec.terms is None or self._book.published(spec.terms.register) is False:
            return
        asked = [""] if counterparties is None else self._about(spec, [each.lower() for each in counterparties])
        for condition in asked:
            options = {"$filter": condition} if condition else {}
            resource = f"{spec.terms.register}/Balance()"
            outcome = self._wire.table(resource, options, limit=self._wire.options.table_bytes)
            if isinstance(outcome, Verdict):
                if outcome.rule.name == "not_published":
                    return
                raise _no_terms(spec.terms, outcome)
            with closing(outcome) as table:
                for data in table.rows():
                    party = self._party(spec, data)
                    if party.counterparty is not None and party.wanted:
                        yield self._term(spec.terms, party, data)

    # ------------------------------------------------------------------ asking

    def _tables(
        self, spec: BalanceSpec, at: datetime | None, columns: Sequence[str], counterparty: str | None
    ) -> list[Table]:
        period = {"Period": url.moment(local_from_utc(at, self._zone))} if at is not None else {}
        resource = f"{spec.register}/{url.call('Balance', period)}"
        conditions = [""] if counterparty is None else self._about(spec, [counterparty.lower()])
        found: list[Table] = []
        try:
            for condition in conditions:
                options = {"$select": ",".join(columns)} if columns else {}
                found.append(self._ask(spec, resource, options | ({"$filter": condition} if condition else {})))
        except BaseException:
            _close(found)
            raise
        return found

    def _ask(self, spec: BalanceSpec, resource: str, options: dict[str, str]) -> Table:
        outcome = self._wire.table(resource, options, limit=self._wire.options.table_bytes)
        if isinstance(outcome, Verdict):
            raise self._wire.refusal(outcome, spec.register, Where(entity="balance"))
        return outcome

    def _about(self, spec: BalanceSpec, counterparties: Sequence[str]) -> list[str]:
        """Conditions that cover these customers, each short enough for one question; none where nothing is kept."""
        if spec.key:
            keys = self._directory.find(spec.key_set, spec.counterparty, spec.counterparty_set, counterparties)
            spelt = [f"{spec.key}_Key eq {url.guid(each)}" for each in keys]
        else:
            spelling = self._spelling(spec)
            spelt = [spelling.equals(each, spec.counterparty_set) for each in counterparties]
        return [url.any_of(spelt[start : start + _AT_ONCE]) for start in range(0, len(spelt), _AT_ONCE)]

    def _spelling(self, spec: BalanceSpec) -> Spelling:
        """How lines name their counterparty: declared, or found out by one question that nothing answers to."""
        rows = f"{spec.register}_RecordType"

        def probe(spelling: Spelling) -> Spelling | Verdict:
            options = {"$filter": spelling.equals(url.EMPTY_GUID, spec.counterparty_set), "$top": "1"}
            outcome = self._wire.collection(rows, options)
            return outcome if isinstance(outcome, Verdict) else spelling

        known = self._book.spellings(rows, spec.counterparty)
        found = known[0] if len(known) == 1 else self._book.by_spelling(rows, spec.counterparty, probe)
        if isinstance(found, Verdict):
            raise self._wire.refusal(found, spec.register, Where(entity="balance"))
        return found

    def _period(self, start: datetime | None, end: datetime | None) -> list[str]:
        first = [f"Period ge {url.moment(local_from_utc(start, self._zone))}"] if start is not None else []
        return first + ([f"Period lt {url.moment(local_from_utc(end, self._zone))}"] if end is not None else [])

    def _wanted(self, spec: BalanceSpec) -> list[str]:
        """The columns that we use of those that the base declares; none means all of them."""
        shape = self._book.shape(f"{spec.register}_Balance")
        if shape is None:
            return []
        names = [spec.key] if spec.key else [spec.counterparty, spec.contract, spec.organisation]
        spelt = [f"{name}{end}" for name in (*names, spec.currency, *spec.split) for end in ("_Key", "", "_Type")]
        wanted = [*spelt, f"{spec.resource}Balance"]
        found = [name for name in dict.fromkeys(wanted) if name in shape.properties]
        if f"{spec.resource}Balance" not in found:
            raise _lost(spec, f"{spec.resource}Balance")
        return found

    def _totals(self, spec: BalanceSpec, at: datetime | None, counterparty: str | None) -> dict[str, Decimal]:
        """Net by currency from a question of its own: summed by nothing else where the server groups."""
        shape = self._book.shape(f"{spec.register}_Balance")
        columns = [f"{spec.currency}_Key", f"{spec.resource}Balance"]
        known = [name for name in columns if shape is not None and name in shape.properties]
        tables = self._tables(spec, at, known, counterparty)
        try:
            rows = (data for table in tables for data in table.rows())
            return filled_only(_by_currency(spec, rows))
        finally:
            _close(tables)

    # ------------------------------------------------------------------ rows

    def _streamed(self, spec: BalanceSpec, tables: Sequence[Table], counterparty: str | None) -> StreamedRows:
        return StreamedRows(lambda: self._balances(spec, tables, counterparty))

    def _add_up(self, spec: BalanceSpec, tables: Sequence[Table]) -> tuple[dict[str, Decimal], dict[str, Decimal], str]:
        """Net by currency: of all rows, and of those that name no counterparty; and keys that nothing explains."""
        unexplained: dict[str, None] = {}
        sums: dict[str, Decimal] = {}
        unassigned: dict[str, Decimal] = {}
        for table in tables:
            for data in table.rows():
                place, net = _place(spec, data), amount(data.get(f"{spec.resource}Balance"))
                sums[place] = sums.get(place, ZERO) + net
                party = self._party(spec, data)
                if party.unexplained and net:
                    unexplained[party.unexplained] = None
                elif party.counterparty is None:
                    unassigned[place] = unassigned.get(place, ZERO) + net
        return filled_only(sums), filled_only(unassigned), _nobody_knows(spec, list(unexplained))

    def _balances(self, spec: BalanceSpec, tables: Sequence[Table], asked: str | None) -> Iterator[BalanceRow]:
        for table in tables:
            for data in table.rows():
                party, net = self._party(spec, data), amount(data.get(f"{spec.resource}Balance"))
                ours = party.counterparty is not None and (asked is None or party.counterparty == asked.lower())
                if ours and party.wanted and net:
                    yield BalanceRow(
                        _account(spec), str(party.counterparty), party.contract, party.organisation, party.currency,
                        max(net, ZERO), max(-net, ZERO),
                    )  # fmt: skip

    def _party(self, spec: BalanceSpec, data: Mapping[str, object]) -> Party:
        """Whose line it is: told by the line, or by the object that its analytics key stands for."""
        told = data if not spec.key else self._explained(spec, data)
        if told is None:
            return Party(None, None, None, reference(data, spec.currency), unexplained=reference(data, spec.key) or "")
        kind = type_name(told.get(f"{spec.counterparty}_Type")) or spec.counterparty_set
        counterparty = reference(told, spec.counterparty) if kind == spec.counterparty_set else None
        kind = type_name(told.get(f"{spec.contract}_Type")) or spec.contract_set
        contract = reference(told, spec.contract) if kind == spec.contract_set else None
        facts = self._contract(spec, contract)
        currency = reference(facts, spec.contract_currency) if spec.contract_currency else None
        return Party(
            counterparty, contract, reference(told, spec.organisation),
            currency or reference(data, spec.currency),
            all(facts.get(name) == value for name, value in spec.contract_only),
        )  # fmt: skip

    def _explained(self, spec: BalanceSpec, data: Mapping[str, object]) -> Mapping[str, object] | None:
        """The object behind a line's analytics key; None where there is none.

        Raises:
            SchemaDrift: lines name no such key, or the set that explains them is not published.
        """
        found = reference(data, spec.key)
        if found is None:
            if f"{spec.key}_Key" in data or spec.key in data:
                return {}
            raise _lost(spec, spec.key)
        return self._directory.load(spec.key_set, found, (spec.counterparty, spec.contract, spec.organisation))

    def _contract(self, spec: BalanceSpec, contract: str | None) -> Mapping[str, object]:
        names = tuple(name for name, _ in spec.contract_only) + (
            (spec.contract_currency,) * bool(spec.contract_currency)
        )
        return (self._directory.load(spec.contract_set, contract, names) or {}) if names and contract else {}

    def _recorder(self, spec: BalanceSpec, data: Mapping[str, object]) -> tuple[str, str, datetime | None]:
        recorder = key(data.get("Recorder")) or key(data.get("Recorder_Key"))
        if recorder is None:
            raise _lost(spec, "Recorder")
        return type_name(data.get("Recorder_Type")), recorder, moment(data.get("Period"), self._zone)

    def _term(self, terms: TermsSpec, party: Party, data: Mapping[str, object]) -> TermRow:
        due = moment(data.get(terms.due), self._zone)
        return TermRow(
            str(party.counterparty), party.contract, party.organisation, party.currency,
            due.astimezone(self._zone).date() if due is not None else None,
            amount(data.get(f"{terms.debt}Balance")), amount(data.get(f"{terms.advance}Balance")),
        )  # fmt: skip


def _signed(spec: BalanceSpec, data: Mapping[str, object]) -> Decimal:
    """What comes in makes the customer owe more (1c-odata.md §2.3: `RecordType`)."""
    net = amount(data.get(spec.resource))
    return -net if data.get("RecordType") == "Expense" else net


def _by_currency(spec: BalanceSpec, rows: Iterable[Mapping[str, object]]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for data in rows:
        place = _place(spec, data)
        sums[place] = sums.get(place, ZERO) + amount(data.get(f"{spec.resource}Balance"))
    return sums


def _place(spec: BalanceSpec, data: Mapping[str, object]) -> str:
    """What totals are compared by: the currency, where lines have one."""
    return f"{_account(spec)}/{reference(data, spec.currency) or ''}".rstrip("/")


def _no_terms(terms: TermsSpec, answer: Verdict) -> SverkaError:
    """A right that is missing here takes nothing but the terms from us."""
    error = answer.error(where=Where(entity="balance"))
    if answer.rule.name != "no_right":
        return error
    return TermsWithheld(f"{terms.register}: {error.message}", next_step=error.next_step, where=error.where)


def _nobody_knows(spec: BalanceSpec, keys: Sequence[str]) -> str:
    """What is wrong with a register whose lines have keys that no object explains."""
    if not keys:
        return ""
    named = ", ".join(keys[:_NAMED]) + (f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else "")
    return f"{spec.key_set} has no object for {spec.key} {named}: nobody can say whose that balance is"


def _account(spec: BalanceSpec) -> str:
    return spec.register.partition("_")[2]


def _close(tables: Iterable[Table]) -> None:
    for table in tables:
        table.close()


def _lost(spec: BalanceSpec, name: str) -> SchemaDrift:
    return SchemaDrift(
        f"{spec.register} has no {name} in this base.", next_step="sverka mapping check", where=Where(entity="balance")
    )
