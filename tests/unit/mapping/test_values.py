"""From what was sent to canonical values, hostile input included (acceptance 25)."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from mapping.values import (
    ITEM_LIMIT,
    LIST_LIMIT,
    TEXT_LIMIT,
    Env,
    clean_text,
    plain,
    to_bool,
    to_date,
    to_int,
    to_json,
    to_moment,
    to_money,
    to_text,
    to_texts,
)


@pytest.fixture
def env() -> Env:
    return Env(ZoneInfo("Europe/Moscow"), "id")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("ООО «Ромашка»", "ООО «Ромашка»"),
        ("a\x00b\x02c\x7f", "abc"),
        ("a\r\nb\rc\td", "a\nb\nc\td"),
        ("lone \ud800 surrogate", "lone \ufffd surrogate"),
        ("right\u202eleft\u2066\ufeff", "rightleft"),
        ("1\xa0234\u202f5", "1 234 5"),
        ("  padded   ", "padded"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("😀 ok", "😀 ok"),
    ],
)
def test_texts_lose_their_poison_and_nothing_else(text, clean):
    assert clean_text(text) == clean
    clean_text(text).encode()


def test_ten_megabytes_are_cut_and_marked(env):
    env.field = "comment"
    assert to_text("я" * 10_000_000, env) == "я" * TEXT_LIMIT
    assert env.marks == {"comment": f"the text was cut: it has 10000000 characters, {TEXT_LIMIT} are kept"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "x"),
        ("\x00", None),
        (True, "true"),
        (False, "false"),
        (7, "7"),
        (Decimal("1.50"), "1.50"),
        (Decimal("1E+3"), "1000"),
    ],
)
def test_text(value, text, env):
    assert to_text(value, env) == text


@pytest.mark.parametrize("value", [{}, [], 10**30, Decimal("1E+999999"), Decimal("NaN"), 1.5, None])
def test_what_is_no_text(value, env):
    with pytest.raises(ValueError, match="a text was expected"):
        to_text(value, env)


@pytest.mark.parametrize(("value", "answer"), [(True, True), ("false", False), ("Да", True), ("0", False), (1, True)])
def test_yes_and_no(value, answer, env):
    assert to_bool(value, env) is answer


@pytest.mark.parametrize("value", ["maybe", 5, [], "x" * 100_000, Decimal(1)])
def test_neither_yes_nor_no(value, env):
    with pytest.raises(ValueError, match="yes or no was expected"):
        to_bool(value, env)


@pytest.mark.parametrize(
    ("value", "number"), [("0", 0), ("14", 14), (5, 5), (Decimal("3.0"), 3), (str(2**53 + 1), 2**53 + 1)]
)
def test_whole_numbers_even_as_text(value, number, env):
    assert to_int(value, env) == number


@pytest.mark.parametrize("value", ["x", "1.5", True, [], 2**63, "9" * 5000, Decimal("Infinity"), 1.0])
def test_no_whole_number(value, env):
    with pytest.raises(ValueError, match="a whole number was expected"):
        to_int(value, env)


def test_amounts_are_exact(env):
    assert to_money(Decimal("22729.17"), env) == Decimal("22729.17")
    assert to_money(99999999999999, env) == Decimal(99999999999999)
    assert to_money("-0.1", env) == Decimal("-0.1")


@pytest.mark.parametrize(
    "value", [Decimal("1E+30"), 10**14, "x", "9" * 100_000, {}, [1], 0.1, True, "NaN", Decimal("sNaN")]
)
def test_absurd_amounts_are_refused(value, env):
    with pytest.raises(ValueError, match=r"amount"):
        to_money(value, env)


def test_wall_clock_becomes_utc(env):
    assert to_moment("2021-12-22T17:22:08", env) == datetime(2021, 12, 22, 14, 22, 8, tzinfo=UTC)
    assert to_moment("2021-12-22T17:22:08+00:00", env) == datetime(2021, 12, 22, 17, 22, 8, tzinfo=UTC)
    assert to_moment("0001-01-01T00:00:00", env) is None


def test_days_keep_the_wall_clock(env):
    assert to_date("2024-01-01T00:00:00", env) == date(2024, 1, 1)
    assert to_date("2024-01-01T22:00:00+00:00", env) == date(2024, 1, 2)
    assert to_date(date(2024, 1, 1), env) == date(2024, 1, 1)
    assert to_date("0001-01-01", env) is None


@pytest.mark.parametrize("value", ["22.12.2021", "x" * 1_000_000, 5, [], "2021-13-01"])
def test_no_days(value, env):
    with pytest.raises(ValueError, match="a date was expected"):
        to_date(value, env)


@pytest.mark.parametrize(("value", "year"), [("0209-05-05T00:00:00", 209), ("1899-12-31", 1899)])
def test_years_nobody_can_mean_are_kept_and_marked(value, year, env):
    env.field = "date"
    day, moment = to_date(value, env), to_moment(value, env)
    assert day is not None
    assert moment is not None
    assert day.year == moment.year == year
    assert "not believable" in env.marks["date"]


def test_the_last_year_does_not_overflow():
    env = Env(ZoneInfo("America/New_York"), "id")
    with pytest.raises(ValueError, match="9999 is not believable"):
        to_moment("9999-12-31T23:59:59", env)


def test_lists_keep_each_text_once_and_have_an_end(env):
    env.field = "phones"
    assert to_texts(["a", "b ", "a", None, "", 5], env) == ["a", "b", "5"]
    assert to_texts("a", env) == ["a"]
    assert len(to_texts([str(number) for number in range(1000)], env)) == LIST_LIMIT
    assert env.marks["phones"] == f"1000 values were found, {LIST_LIMIT} are kept"
    assert to_texts(["x" * 5000], env) == ["x" * ITEM_LIMIT]


def test_json_is_plain(env):
    value = {"a\x00": Decimal("5.0"), "b": [Decimal("1.5"), True, None], "c": date(2024, 1, 2), "d": "x\ud800"}
    assert to_json(value, env) == {"a": 5, "b": ["1.5", True, None], "c": "2024-01-02", "d": "x\ufffd"}


def test_json_has_a_floor(env):
    deep: object = "x"
    for _ in range(50):
        deep = [deep]
    with pytest.raises(ValueError, match="nested deeper"):
        to_json(deep, env)


def test_values_in_messages_are_short():
    assert len(plain("x" * 10_000)) < 70
    assert plain(10**100) == "int"
    assert plain(Decimal("1.5")) == "1.5"
    assert plain([1]) == "list"
