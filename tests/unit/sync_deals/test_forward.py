"""Where a deal is moved: forward, once, and never out of one that people have ended."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.stages import Outcome, Stage
from mapping.deals import Moves
from sync.deals.forward import OrderSum, find_stage, is_paid, is_shipped, next_stage

NAMES: tuple[tuple[str, str, Outcome], ...] = (
    ("NEW", "Новая", "open"),
    ("WORK", "В работе", "open"),
    ("PAID", "Оплачена", "open"),
    ("WON", "Успех", "won"),
    ("LOSE", "Провал", "lost"),
)
PIPELINE = [Stage("9", "Опт", f"C9:{code}", name, outcome) for code, name, outcome in NAMES]
MOVES = Moves(paid="PAID", shipped="В работе", paid_and_shipped="C9:WON")


def one(amount: int = 100, shipped: int = 0, paid: int = 0) -> OrderSum:
    return OrderSum(Decimal(amount), Decimal(shipped), Decimal(paid))


@pytest.mark.parametrize(
    ("orders", "paid", "shipped"),
    [
        ([], False, False),
        ([one(0)], False, False),
        ([one(paid=100)], True, False),
        ([one(paid=99)], False, False),
        ([one(paid=150, shipped=100)], True, True),
        ([one(paid=100), one(paid=50)], False, False),
        ([one(paid=200), one(paid=0)], False, False),
        ([one(paid=100, shipped=100), one(0)], True, True),
    ],
)
def test_all_orders_are_paid_or_the_deal_is_not(orders: list[OrderSum], paid: bool, shipped: bool) -> None:
    assert (is_paid(orders), is_shipped(orders)) == (paid, shipped)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("C9:PAID", "C9:PAID"),
        ("PAID", "C9:PAID"),
        ("оплачена", "C9:PAID"),
        ("paid", None),
        ("C1:PAID", None),
        ("", None),
    ],
)
def test_stage_is_found_by_id_or_name(wanted: str, found: str | None) -> None:
    stage = find_stage(PIPELINE, wanted)
    assert (stage.id if stage else None) == found


@pytest.mark.parametrize(
    ("current", "order", "moved_to", "backwards", "target"),
    [
        ("NEW", one(), "", False, None),
        ("NEW", one(shipped=100), "", False, "WORK"),
        ("NEW", one(paid=100), "", False, "PAID"),
        ("NEW", one(paid=100, shipped=100), "", False, "WON"),
        ("PAID", one(shipped=100), "", False, None),
        ("PAID", one(paid=100), "", False, None),
        ("NEW", one(paid=100), "PAID", False, None),  # a person has moved it back
        ("NEW", one(paid=100, shipped=100), "PAID", False, "WON"),
        ("WON", one(shipped=100), "WON", False, None),
        ("WON", one(shipped=100), "WON", True, "WORK"),
        ("WON", one(shipped=100), "PAID", True, None),  # a person has ended it
        ("WON", one(), "WON", True, None),
        ("LOSE", one(paid=100, shipped=100), "", True, None),
        ("GONE", one(paid=100), "", True, None),
    ],
)
def test_where_a_deal_goes(current: str, order: OrderSum, moved_to: str, backwards: bool, target: str | None) -> None:
    given_stages = (f"C9:{current}", f"C9:{moved_to}" if moved_to else "")
    stage = next_stage(PIPELINE, given_stages[0], MOVES, [order], moved_to=given_stages[1], backwards=backwards)
    assert (stage.id if stage else None) == (f"C9:{target}" if target else None)


def test_nothing_is_earned_by_losing() -> None:
    assert next_stage(PIPELINE, "C9:NEW", Moves(paid="LOSE"), [one(paid=100)]) is None


stages = st.sampled_from([stage.id for stage in PIPELINE])
amounts = st.sampled_from([0, 50, 100, 150])
some_orders = st.lists(st.builds(one, st.sampled_from([0, 100]), amounts, amounts), max_size=4)
some_moves = st.builds(Moves, *[st.sampled_from(["", *[stage.id for stage in PIPELINE]])] * 3)


@given(stages, some_moves, some_orders, st.sampled_from(["", *[stage.id for stage in PIPELINE]]))
def test_never_backwards_and_never_out_of_an_end(
    current: str, moves: Moves, orders: list[OrderSum], moved_to: str
) -> None:
    places = [stage.id for stage in PIPELINE]
    stage = next_stage(PIPELINE, current, moves, orders, moved_to=moved_to)
    if stage is not None:
        assert places.index(stage.id) > places.index(current)
        assert PIPELINE[places.index(current)].outcome == "open"
        assert stage.outcome != "lost"
        assert stage.id != moved_to
        again = next_stage(PIPELINE, stage.id, moves, orders, moved_to=stage.id)
        assert again is None, "a move is made once"


@given(stages, some_moves, some_orders, st.sampled_from(["", *[stage.id for stage in PIPELINE]]))
def test_backwards_only_where_we_have_put_it(current: str, moves: Moves, orders: list[OrderSum], moved_to: str) -> None:
    places = [stage.id for stage in PIPELINE]
    stage = next_stage(PIPELINE, current, moves, orders, moved_to=moved_to, backwards=True)
    if stage is not None and places.index(stage.id) < places.index(current):
        assert current == moved_to
