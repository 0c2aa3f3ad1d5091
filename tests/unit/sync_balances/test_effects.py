"""Offsets: what of a balance no mirrored document stands behind."""

from decimal import Decimal
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from store.queries.settlements.effects import EffectRow
from sync.settle.effects import Identities, SettlementKey, find_moved, find_offsets, sum_effects, unknown_keys

keys = st.builds(SettlementKey, *(st.sampled_from(["", "a", "b"]) for _ in range(3)), st.sampled_from(["RUB", "USD"]))
totals = st.dictionaries(keys, st.decimals(min_value=-1000, max_value=1000, places=2))


@given(totals, totals)
def test_offset_and_documents_make_the_register(
    register: dict[SettlementKey, Decimal], documents: dict[SettlementKey, Decimal]
) -> None:
    offsets = find_offsets(register, documents)
    assert all(offsets[key] + documents.get(key, Decimal(0)) == register.get(key, Decimal(0)) for key in offsets)
    assert find_moved(offsets, offsets) == set()


@given(totals, totals, totals)
def test_what_documents_explain_moves_no_offset(
    register: dict[SettlementKey, Decimal], documents: dict[SettlementKey, Decimal], new: dict[SettlementKey, Decimal]
) -> None:
    def plus(one: dict[SettlementKey, Decimal]) -> dict[SettlementKey, Decimal]:
        return {key: one.get(key, Decimal(0)) + new.get(key, Decimal(0)) for key in {**one, **new}}

    before = find_offsets(register, documents)
    assert find_moved(find_offsets(plus(register), plus(documents)), before) == set()
    unmirrored = find_moved(find_offsets(plus(register), documents), before)
    assert unmirrored == {key.counterparty for key, amount in new.items() if amount}


def effect(counterparty: UUID | None, key: str | None, amount: str) -> EffectRow:
    return EffectRow(counterparty, key, None, None, None, None, None, Decimal(amount))


def test_a_reference_that_stood_open_is_the_same_customer_once_it_is_known() -> None:
    ours = uuid4()
    identities = Identities("RUB")
    rows = [effect(None, "abc", "5"), effect(ours, None, "7")]
    assert unknown_keys(rows, identities)["counterparty"] == {"abc"}
    assert len(sum_effects(rows, identities)) == 2
    identities.known["counterparty", "abc"] = ours
    assert sum_effects(rows, identities) == {SettlementKey(str(ours), "", "", "RUB"): Decimal(12)}
