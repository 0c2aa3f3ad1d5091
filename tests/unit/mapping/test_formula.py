"""Conditions and computed text: what they can do, and that nothing built to eat time or memory gets in."""

import threading
import time
from decimal import Decimal

import pytest

from core.errors import RecordError
from mapping.formula import FUNCTIONS, LONGEST_SOURCE, Formula, FormulaError

DATA: dict[str, object] = {
    "ВидОперации": "ОплатаПокупателя",
    "Сумма": Decimal("10.50"),
    "Количество": 2,
    "Пусто": "",
    "Флаг": True,
    "Контрагент": "guid",
    "Контрагент_Type": "StandardODATA.Catalog_Контрагенты",
    "Товары": [{"a": 1}],
}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("contains(ВидОперации, 'покупател')", True),
        ("contains(Нет, 'x')", False),
        ("starts(ВидОперации, 'оплата') and not ends(ВидОперации, 'x')", True),
        ("one_of(Контрагент_Type, None, 'Catalog_Контрагенты')", True),
        ("one_of(ВидОперации, 'a', 'b')", False),
        ("empty(Пусто) and empty(Нет) and filled(Флаг)", True),
        ("Сумма * Количество", Decimal("21.00")),
        ("Сумма * 1.2 - 1", Decimal("11.600")),
        ("Сумма / 2 + number('1,5')", Decimal("6.75")),
        ("number(Нет)", 0),
        ("-Количество < 0 <= Количество", True),
        ("'a' + text(Количество)", "a2"),
        ("left(ВидОперации, 6) + '/' + right(ВидОперации, 10)", "Оплата/Покупателя"),
        ("left('abc', -1) + right('abc', 0)", ""),
        ("upper('a') + lower('B')", "Ab"),
        ("length(ВидОперации) == 16", True),
        ("'да' if Флаг else 'нет'", "да"),
        ("'a' in 'abc' and 'z' not in 'abc'", True),
        ("Сумма != 10.5 or Сумма >= 11 or Сумма > 12", False),
        ("Товары", 1),
    ],
)
def test_values(source, value):
    assert Formula(source)(DATA) == value


def test_every_function_is_tried_above():
    sources = "".join(str(mark.args[1]) for mark in test_values.pytestmark)
    assert [name for name in FUNCTIONS if f"{name}(" not in sources] == []


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("().__class__.__bases__", "Attribute is not allowed"),
        ("ВидОперации.lower()", "no function"),
        ("__import__('os').system('id')", r"no function \"__import__\('os'\)\.system\""),
        ("open('/etc/passwd')", "no function 'open'"),
        ("9**9**9", "Pow is not allowed"),
        ("'%1000000000d' % 1", "Mod is not allowed"),
        ("1 << 99999", "LShift is not allowed"),
        ("8 // 3", "FloorDiv is not allowed"),
        ("[0] * 99", "List is not allowed"),
        ("{'a': 1}", "Dict is not allowed"),
        ("[x for x in 'abc']", "is not allowed"),
        ("f'{Сумма}'", "JoinedStr is not allowed"),
        ("'abc'[0]", "Subscript is not allowed"),
        ("lambda: 1", "Lambda is not allowed"),
        ("(a := 1)", "NamedExpr is not allowed"),
        ("b'bytes'", "bytes is not allowed"),
        ("...", "ellipsis is not allowed"),
        ("1j", "complex is not allowed"),
        ("one_of(a=1)", "no function"),
        ("a = 1", "is not an expression"),
        ("", "is not an expression"),
        ("1 +", "is not an expression"),
        ("x" * (LONGEST_SOURCE + 1), "longer than 500"),
        ("-" * 400 + "1", "nested deeper"),
        ("(" * 240 + "1" + ")" * 240, "is not an expression"),
        ("\x00", "is not an expression"),
        ("1/0", "^can never be computed: it divides by zero$"),
        ("Сумма if Флаг else 1 / (2 - 2)", "^can never be computed: it divides by zero$"),
        ("'a' * 99999999", "^can never be computed: both sides must be numbers$"),
        ("number('x') + Сумма", r"^can never be computed: number\(\) was given a text that is no number$"),
        ("Сумма + left('abc', 'b')", "^can never be computed: "),
        ("5 in 'a'", "^can never be computed: `in` looks for a text in a text$"),
        ("one_of(text())", "^can never be computed: "),
    ],
)
def test_what_is_refused(source, reason):
    with pytest.raises(FormulaError, match=reason):
        Formula(source)


def test_columns_count_characters_not_bytes():
    with pytest.raises(FormulaError) as caught:
        Formula("ВидОперации == 'ж' and lft(ВидОперации)")
    assert caught.value.column == 24


@pytest.mark.parametrize(
    "source",
    [
        "Сумма / 0",
        "Пусто > 5",
        "ВидОперации * 1000000000",
        "ВидОперации + 5",
        "number(ВидОперации)",
        "left('a', ВидОперации)",
        "Сумма in 'a'",
        "-ВидОперации",
    ],
)
def test_what_does_not_fit_a_record_is_a_record_error(source):
    with pytest.raises(RecordError, match="cannot be computed") as caught:
        Formula(source)(DATA)
    assert "sverka mapping check" in str(caught.value)


@pytest.mark.parametrize("source", ["Сумма / 0", "number(ВидОперации)", "Сумма * Много"])
def test_reasons_are_plain_words(source):
    with pytest.raises(RecordError, match="cannot be computed") as caught:
        Formula(source)(DATA | {"Много": Decimal("1e999999")})
    assert "<" not in str(caught.value)
    assert "decimal" not in str(caught.value)


def test_a_constant_part_that_can_be_computed_stays():
    assert Formula("Сумма * (1 + 1) + number('1,5') - 0")(DATA) == Decimal("22.50")
    assert Formula("-1 < 0 and one_of('a', 'a', None)")({}) is True


def test_texts_do_not_grow_without_end():
    data: dict[str, object] = {"a": "x" * 10_000_000}
    assert Formula("length(a)")(data) == 10_000
    with pytest.raises(RecordError, match="longer than 10000"):
        Formula("a + a")(data)
    started = time.process_time()
    Formula(" and ".join(["contains(a, 'y')"] * 10))(data)
    assert time.process_time() - started < 5


def test_threads_do_not_mix_their_records():
    formula = Formula("a == b")
    wrong: list[int] = []

    def work(number: int) -> None:
        wrong.extend(number for _ in range(500) if not formula({"a": number, "b": number}))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_names_of_a_formula_are_known():
    assert Formula("contains(ВидОперации, 'x') and Флаг").names == {"ВидОперации", "Флаг"}
