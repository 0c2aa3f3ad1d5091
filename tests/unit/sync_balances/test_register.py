"""The register's answer: accounts folded into settlements, and what it would change."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

from connectors.base import BalanceRow
from store.queries.settlements.balance_rows import StoredBalance
from sync.settle.register import Amounts, BalanceKey, build_plan, fold_rows

D = Decimal


def row(
    account: str, debit: str, credit: str, *, contract: str | None = "k", currency: str | None = None
) -> BalanceRow:
    return BalanceRow(account, "c", contract, "o", currency, D(debit), D(credit))


def stored(key: BalanceKey, receivable: str, advance: str = "0") -> StoredBalance:
    amount = D(receivable) - D(advance)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return StoredBalance(
        uuid4(), *key, None, None, None, "RUB", D(receivable), D(advance), amount, D(0), None, None, D(0), now
    )  # fmt: skip


def test_debit_is_receivable_and_credit_is_advance() -> None:
    folded = fold_rows([row("62.01", "100", "0"), row("62.02", "0", "30")], {}, "RUB")
    assert folded == {BalanceKey("c", "k", "o", ""): Amounts("RUB", D(100), D(30))}
    assert folded[BalanceKey("c", "k", "o", "")].amount == 70


def test_currencies_stand_apart_and_the_accounting_one_has_no_key() -> None:
    rows = [row("62.21", "5", "0", currency="usd"), row("62.01", "7", "0"), row("62.31", "2", "0", currency="rub")]
    folded = fold_rows(rows, {"usd": "USD", "rub": "RUB"}, "RUB")
    assert {key.currency: (item.currency, item.amount) for key, item in folded.items()} == {
        "usd": ("USD", D(5)),
        "": ("RUB", D(9)),
    }


def test_a_currency_that_nobody_knows_is_said_to_be_none() -> None:
    folded = fold_rows([row("62.21", "5", "0", currency="x")], {}, "RUB")
    assert folded == {BalanceKey("c", "k", "o", "x"): Amounts("XXX", D(5))}


def test_a_plan_names_every_change() -> None:
    same, other, gone, fresh, zero = (BalanceKey(name, "", "", "") for name in ("same", "other", "gone", "new", "zero"))
    held = {same: stored(same, "5"), other: stored(other, "5"), gone: stored(gone, "5"), zero: stored(zero, "0")}
    answer = {same: Amounts("RUB", D(5)), other: Amounts("RUB", D(6)), fresh: Amounts("RUB", D(1), D(1))}
    plan = build_plan(held, answer)
    assert (set(plan.created), set(plan.updated), set(plan.missing), plan.unchanged) == ({fresh}, {other}, {gone}, 1)
    assert plan.missing[gone].amount == 0


def test_a_zero_that_was_never_stored_is_nothing_to_know() -> None:
    plan = build_plan({}, {BalanceKey("c", "", "", ""): Amounts("RUB")})
    assert (plan.changes(), plan.unchanged) == ({}, 0)


def test_a_balance_that_somebody_changed_by_hand_is_missing_too() -> None:
    key = BalanceKey("c", "", "", "")
    planted = stored(key, "0")
    planted.amount = D("0.01")
    assert set(build_plan({key: planted}, {}).missing) == {key}
