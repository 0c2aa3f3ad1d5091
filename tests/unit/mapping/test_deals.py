"""Which deal an order names, and the grammar of [deals]."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigError
from mapping.deals import DealRules, Moves, compile_deals
from mapping.grammar.deals import DealRule
from mapping.rules import load_mapping


def rules(tmp_path: Path, text: str) -> DealRules:
    path = tmp_path / "own.toml"
    path.write_text(f'extends = "bp30"\n[deals]\n{text}', encoding="utf-8")
    found = load_mapping(str(path)).deals
    assert found is not None
    return found


COMMENT = 'number = ["attributes.deal", { from = "comment", pattern = ["сделка № {number}", "deal {number}"] }]'


@pytest.mark.parametrize(
    ("comment", "named"),
    [
        ("По сделке нет номера", set()),
        ("сделка № 15", {"15"}),
        ("СДЕЛКА №15, срочно", {"15"}),
        ("Срочно!  Сделка   №  15.", {"15"}),
        ("deal D-15/2", {"D-15"}),
        ("сделка № 15 и deal 16", {"15", "16"}),
        ("сделка № 15, сделка №15", {"15"}),
        ("пересделка № 15", set()),
        ("ideal 15", set()),
        ("сделка № без номера", set()),
        ("заказ 15", set()),
    ],
)
def test_pattern_finds_the_number_in_a_comment(tmp_path: Path, comment: str, named: set[str]) -> None:
    assert rules(tmp_path, COMMENT).named({"comment": comment}) == named


def test_first_field_that_says_something_counts(tmp_path: Path) -> None:
    found = rules(tmp_path, COMMENT)
    assert found.named({"comment": "deal 16", "attributes": {"deal": " 15 "}}) == {"15"}
    assert found.named({"comment": "deal 16", "attributes": {"deal": ""}}) == {"16"}
    assert found.named({"comment": None, "attributes": None}) == set()
    assert found.named({"attributes": {"deal": 15}}) == {"15"}


@given(st.text(max_size=200))
def test_any_comment_gives_numbers_that_stand_in_it(text: str) -> None:
    finder = load_mapping_once().finders[0]
    for number in finder.find({"comment": text}):
        assert number in text
        assert any(char.isdigit() for char in number)


def load_mapping_once() -> DealRules:
    found = compile_deals(DealRule.model_validate({"number": {"from": "comment", "pattern": "deal {number}"}}))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('number = "amount"', "is a text of an order"),
        ('number = { from = "comment", pattern = "deal" }', "has {number} in it once"),
        ('owner = "manager"', "deals.owner"),
        ('moves = { "0" = { payed = "WON" } }', "payed"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        rules(tmp_path, text)
    assert said in str(caught.value)


MOVES = """
owner = "accounting"
[deals.moves."*"]
paid = "PREPARATION"
[deals.moves.9]
shipped = "В работе"
paid_and_shipped = "WON"
"""


def test_moves_are_chosen_by_pipeline(tmp_path: Path) -> None:
    found = rules(tmp_path, MOVES)
    assert found.moving and not found.backwards and found.only_open
    assert found.moves_of("0", "Общая") == Moves(paid="PREPARATION")
    own: Any = found.moves_of("9", "Опт")
    assert own.reached(paid=False, shipped=True) == ["В работе"]
    assert own.reached(paid=True, shipped=True) == ["В работе", "WON"]
    assert own.reached(paid=True, shipped=False) == []


def test_without_an_owner_nothing_moves(tmp_path: Path) -> None:
    assert not rules(tmp_path, '[deals.moves."*"]\npaid = "WON"').moving
    assert load_mapping("bp30").deals is None
