"""Accounting's own register of settlements: asked, compared with what is stored, written (design §5-3, §5-7).

The answer is a complete set: a key that it does not name is zero, but only when the answer is *whole*.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, update

from connectors.base import BalanceRow, BalanceSource
from core.errors import ConfigError, RecordError, SchemaDrift, Where
from core.ids import new_id
from core.money import LIMIT, ZERO
from mapping.model import BalanceSpec, SourceSet
from store.bulk import chunks, upsert
from store.engine import reading
from store.entities import balances
from store.queries.settlements.balance_rows import (
    StoredBalance,
    load_currency_codes,
    load_identities,
    load_known_keys,
    load_stale_identities,
)
from sync.context import RunContext
from sync.pull.dead import Failure, record_failures, resolve
from sync.pull.records import pull_keys
from sync.room.pausing import pausing
from sync.room.writing import writing
from sync.settle.effects import REFERENCES, Identities

ENTITY = "balance"
COMMIT = "balance"
"""The fault point of every commit here."""
POINTS = tuple(f"{name}.{side}" for name in (COMMIT, "fetch-balances") for side in ("before", "after"))
"""Where a run can be killed on purpose while it reads balances."""
NO_CURRENCY = "XXX"
"""ISO 4217's own code for "no currency": accounting names one that it does not have."""
_REGISTER_COLUMNS = ("currency", "receivable", "advance", "amount", "source", "as_of")
"""What an answer overwrites: a row that only documents had moved is the register's from the day that it names it."""
_KEY_COLUMNS = ("connection", "counterparty_key", "contract_key", "organisation_key", "currency_key")


class BalanceKey(NamedTuple):
    """One settlement in the other side's keys; "" where it names none (of currencies: the accounting currency)."""

    counterparty: str
    contract: str
    organisation: str
    currency: str


@dataclass(slots=True)
class Amounts:
    """What one settlement stands at."""

    currency: str
    receivable: Decimal = ZERO
    advance: Decimal = ZERO

    @property
    def amount(self) -> Decimal:
        """Plus: the customer owes us."""
        return self.receivable - self.advance

    @property
    def believable(self) -> bool:
        """Whether both sides are sums that a customer can owe; others are a mistake in accounting."""
        return max(abs(self.receivable), abs(self.advance), abs(self.amount)) < LIMIT


@dataclass(slots=True)
class Reading:
    """One answer of the register."""

    asked_at: datetime
    amounts: dict[BalanceKey, Amounts]
    whole: bool
    reason: str = ""


@dataclass(slots=True)
class Plan:
    """What an answer would change. `missing` are balances that are not zero and that the answer does not name.

    `refused` are sums that nobody can owe: what is stored stays, and a letter says so.
    """

    created: dict[BalanceKey, Amounts] = field(default_factory=dict)
    updated: dict[BalanceKey, Amounts] = field(default_factory=dict)
    missing: dict[BalanceKey, Amounts] = field(default_factory=dict)
    unchanged: int = 0
    held: int = 0
    refused: dict[BalanceKey, Amounts] = field(default_factory=dict)

    def changes(self) -> dict[BalanceKey, Amounts]:
        """All that would be written."""
        return self.created | self.updated | self.missing


def key_of(row: StoredBalance) -> BalanceKey:
    """The key of a stored balance."""
    return BalanceKey(row.counterparty_key, row.contract_key, row.organisation_key, row.currency_key)


def balance_source(ctx: RunContext) -> tuple[BalanceSource, BalanceSpec] | None:
    """Who can be asked for balances, and how; None where the mapping or the connector knows none."""
    if ctx.mapping.balance is None or not isinstance(ctx.connector, BalanceSource):
        return None
    return ctx.connector, ctx.mapping.balance


def fetch_reading(ctx: RunContext, counterparty: str | None = None) -> Reading:
    """Ask the register: all customers, or one. References that we have never met are fetched as well.

    Raises:
        ConfigError: this connection has no balances. Whatever the connector raises.
    """
    source = balance_source(ctx)
    if source is None:
        raise ConfigError(f"The mapping of {ctx.name} names no settlement accounts.", next_step="sverka mapping check")
    connector, spec = source
    line, before = ctx.count(ENTITY), ctx.connector.usage.requests
    asked_at, started = ctx.app.clock.now(), ctx.app.clock.monotonic()
    ctx.fault("fetch-balances.before")
    answer = connector.fetch_balances(spec, counterparty=counterparty)
    ctx.fault("fetch-balances.after")
    line.requests += ctx.connector.usage.requests - before
    line.seconds += ctx.app.clock.monotonic() - started
    codes = fetch_currencies(ctx, {row.currency for row in answer.rows if row.currency})
    return Reading(
        asked_at, fold_rows(answer.rows, codes, ctx.mapping.accounting_currency), answer.whole, answer.reason
    )


def fold_rows(rows: Iterable[BalanceRow], codes: Mapping[str, str], accounting: str) -> dict[BalanceKey, Amounts]:
    """Balances of accounts as settlements: what stands in debit is receivable, what stands in credit is advance."""
    folded: dict[BalanceKey, Amounts] = {}
    for row in rows:
        key, code = place_of(row, codes, accounting)
        amounts = folded.setdefault(key, Amounts(code))
        amounts.receivable += row.debit
        amounts.advance += row.credit
    return folded


def place_of(row: BalanceRow, codes: Mapping[str, str], accounting: str) -> tuple[BalanceKey, str]:
    """The settlement that a row of the register speaks of, and its currency's code."""
    code = codes.get(row.currency, NO_CURRENCY) if row.currency else accounting
    currency_key = row.currency if row.currency and code != accounting else ""
    return BalanceKey(row.counterparty, row.contract or "", row.organisation or "", currency_key), code


def build_plan(stored: Mapping[BalanceKey, StoredBalance], answer: Mapping[BalanceKey, Amounts]) -> Plan:
    """Compare. A key that is zero and was never stored is nothing to know."""
    plan = Plan()
    for key, amounts in answer.items():
        row = stored.get(key)
        if not amounts.believable:
            plan.refused[key] = amounts
        elif row is None:
            if amounts.receivable or amounts.advance:
                plan.created[key] = amounts
        elif _same(row, amounts):
            plan.unchanged += 1
        else:
            plan.updated[key] = amounts
    for key, row in stored.items():
        if key not in answer and (row.receivable or row.advance or row.amount):
            plan.missing[key] = Amounts(row.currency)
    return plan


def _same(row: StoredBalance, amounts: Amounts) -> bool:
    sums = (row.receivable, row.advance, row.amount) == (amounts.receivable, amounts.advance, amounts.amount)
    return sums and row.currency == amounts.currency


def write_plan(ctx: RunContext, plan: Plan, stored: Mapping[BalanceKey, StoredBalance], asked_at: datetime) -> None:
    """Write what has changed, in bulk; count it."""
    _show(ctx, plan, stored)
    line = ctx.count(ENTITY)
    rows = [_row(ctx, stored.get(key), key, amounts, asked_at) for key, amounts in plan.changes().items()]
    for part in chunks(rows):
        with writing(ctx, COMMIT) as conn:
            upsert(conn, balances, part, _KEY_COLUMNS, update=_REGISTER_COLUMNS)
            resolve(conn, ctx.name, ENTITY, [_letter_id(row) for row in part])
    if plan.refused:
        with writing(ctx, COMMIT) as conn:
            record_failures(conn, ctx, [_refusal(key, amounts) for key, amounts in plan.refused.items()])
    for outcome, number in (
        ("created", len(plan.created)),
        ("updated", len(plan.updated)),
        ("deleted", len(plan.missing)),
        ("unchanged", plan.unchanged),
        ("parked", plan.held),
        ("dead", len(plan.refused)),
    ):
        line.read += number
        if number:
            line.add(outcome, number)


def _refusal(key: BalanceKey, amounts: Amounts) -> Failure:
    error = RecordError(
        f"Accounting names a balance of {amounts.amount:.2f} {amounts.currency}, which is not believable.",
        next_step="look at the customer's settlements in 1C, then: sverka sync",
    )
    return Failure(ENTITY, "/".join(key), "map", error)


def _letter_id(row: Mapping[str, Any]) -> str:
    return "/".join(row[f"{name}_key"] for name in BalanceKey._fields)


def _show(ctx: RunContext, plan: Plan, stored: Mapping[BalanceKey, StoredBalance]) -> None:
    """What a dry run would change, field by field."""
    if not ctx.order.dry_run:
        return
    for action, part in (("created", plan.created), ("updated", plan.updated), ("deleted", plan.missing)):
        for key, amounts in part.items():
            before = stored[key].amount if key in stored else None
            change = {"amount": [None if before is None else str(before), str(amounts.amount)]}
            line = {"action": action, "entity": ENTITY, "external_id": key.counterparty, "fields": change}
            ctx.state.add_changes([line])


def _row(
    ctx: RunContext, row: StoredBalance | None, key: BalanceKey, amounts: Amounts, asked_at: datetime
) -> dict[str, Any]:
    return {
        "id": row.id if row else new_id(),
        "connection": ctx.name,
        "counterparty_key": key.counterparty,
        "contract_key": key.contract,
        "organisation_key": key.organisation,
        "currency_key": key.currency,
        "currency": amounts.currency,
        "receivable": amounts.receivable,
        "advance": amounts.advance,
        "amount": amounts.amount,
        "overdue": ZERO,
        "unexplained": ZERO,
        "source": "register",
        "as_of": asked_at,
    }


def update_identities(ctx: RunContext, counterparty: str | None = None) -> None:
    """Give balances, of all customers or of one, the ids of what their keys are bound to by now."""
    with reading(ctx.app.engine) as conn:
        rows = load_stale_identities(conn, ctx.name, counterparty)
    names = [f"{name}_id" for name in REFERENCES]
    statement = update(balances).where(balances.c.id == bindparam("row_id"))
    now = ctx.app.clock.now()
    statement = statement.values({name: bindparam(f"new_{name}") for name in names} | {"settled_at": now})
    for part in chunks(rows):
        with writing(ctx, COMMIT) as conn:
            conn.execute(
                statement, [{"row_id": row["id"], **{f"new_{name}": row[name] for name in names}} for row in part]
            )


def fetch_references(ctx: RunContext, keys: Sequence[BalanceKey]) -> None:
    """Fetch counterparties, contracts and organisations that balances name and that we have never met."""
    for entity, place in (("organisation", 2), ("counterparty", 0), ("contract", 1)):
        _fetch_unknown(ctx, entity, {key[place] for key in keys if key[place]})


def fetch_currencies(ctx: RunContext, keys: set[str]) -> dict[str, str]:
    """Codes of currencies by the other side's keys; one that we have never met is fetched.

    Raises:
        SchemaDrift: one is not known here and currencies cannot be read: nobody can say what the amounts are in.
    """
    if not keys:
        return {}
    _fetch_unknown(ctx, "currency", keys)
    with reading(ctx.app.engine) as conn:
        codes = load_currency_codes(conn, ctx.name, keys)
    line = ctx.counters.get(("currency", "in"))
    if line is not None and line.status == "paused" and not keys <= codes.keys():
        raise SchemaDrift(
            "Balances are in a currency that is not known here, and currencies cannot be read.",
            next_step="let the currencies be read (the run says why they are not), then: sverka sync",
            where=Where(entity=ENTITY),
        )
    return codes


def _fetch_unknown(ctx: RunContext, entity: str, keys: set[str]) -> None:
    if not keys or ctx.order.dry_run:
        return
    with reading(ctx.app.engine) as conn:
        unknown = keys - load_known_keys(conn, ctx.name, entity, keys)
    source = source_of(ctx, entity)
    if unknown and source is not None:
        with pausing(ctx, entity):
            pull_keys(ctx, source, sorted(unknown))


def source_of(ctx: RunContext, entity: str) -> SourceSet | None:
    """The set that the settlement accounts' analytics of this entity come from."""
    spec, mapped = ctx.mapping.balance, ctx.mapping.entities.get(entity)
    if mapped is None or spec is None or not mapped.sources:
        return None
    wanted = {"counterparty": spec.counterparty_set, "contract": spec.contract_set}.get(entity)
    return next((source for source in mapped.sources if source.name == wanted), mapped.sources[0])


def load_known(conn: Connection, ctx: RunContext, keys: Iterable[BalanceKey]) -> Identities:
    """Which of our records stand behind the keys of balances."""
    identities = Identities(ctx.mapping.accounting_currency)
    every = list(keys)
    for place, entity in enumerate(REFERENCES):
        wanted = {key[place] for key in every if key[place]}
        found = load_identities(conn, ctx.name, entity, wanted)
        identities.known.update({(entity, key): entity_id for key, entity_id in found.items()})
    return identities
