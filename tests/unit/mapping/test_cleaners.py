"""Every named cleaner, by what it makes of values, hostile ones included. One without a case fails the first test."""

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import TypeAdapter, ValidationError

from mapping.cleaners.common import CLEANERS, CleanerStep
from mapping.values import Env

KEY = "a348aa8c-d629-11e5-0a9b-000c295e30eb"
_step: TypeAdapter[Any] = TypeAdapter(CleanerStep)

CASES: list[tuple[Any, object, object]] = [
    ("trim", "  a \n b  ", "a b"),
    ("trim", ["a  b", None], ["a b", None]),
    ("digits", "+7 (495) 123-45-67", "74951234567"),
    ("digits", "٣٤5", "5"),
    ("upper", "ромашка", "РОМАШКА"),
    ("lower", "РоМашка", "ромашка"),
    ("title", "ИВАНОВ-ПЕТРОВ иван о'нил", "Иванов-Петров Иван О'Нил"),
    ({"do": "cut", "length": 5}, "abcd efgh", "abcd"),
    ({"do": "replace", "old": "a", "new": "b"}, "aXa", "bXb"),
    ("split", "a; b,,c", ["a", "b", "c"]),
    ({"do": "split", "by": "/"}, ["a/b", 5], ["a", "b", 5]),
    ("join", ["a", None, "", 5], "a 5"),
    ({"do": "join", "by": ", "}, ["a", "b"], "a, b"),
    ("join", [], None),
    ("first", [None, "", "b", "c"], "b"),
    ("first", [], None),
    ("first", "a", "a"),
    ({"do": "default", "value": "x"}, None, "x"),
    ({"do": "default", "value": "x"}, "", "x"),
    ({"do": "default", "value": "x"}, False, False),
    ("phones", "8 (495) 123-45-67 доб. 12", ["+74951234567;ext=12"]),
    ({"do": "phones", "country": "UA"}, "044 234-56-78", ["+380442345678"]),
    ("emails", "A@b.ru; c@d.ru", ["a@b.ru", "c@d.ru"]),
    ("inn", "5024 089920", "5024089920"),
    ("kpp", "5017-01001", "501701001"),
    ("ogrn", "1075024007156", "1075024007156"),
    ("edrpou", "32855961", "32855961"),
    ("date", "31.12.2024", "2024-12-31"),
    ({"do": "date", "format": "%Y/%m/%d"}, "2024/12/31", "2024-12-31"),
    ("date", "yesterday", "yesterday"),
    ("money", "1 234,50 руб.", Decimal("1234.50")),
    ({"do": "money", "factor": "0.01"}, 12345, Decimal("123.45")),
    ({"do": "money", "absolute": True}, Decimal("-5"), Decimal(5)),
    ("money", "много", "много"),
    ({"do": "prefix", "text": "contact:"}, "12", "contact:12"),
    ({"do": "prefix", "text": "contact:"}, "", ""),
    ({"do": "of_length", "lengths": [12], "value": "sole_trader"}, "500100732259", "sole_trader"),
    ({"do": "of_length", "lengths": [12], "value": "sole_trader"}, "7743013901", None),
    ({"do": "of_length", "lengths": [8, 10]}, "32855961", "32855961"),
    ({"do": "person_name", "part": "last"}, "Иванов Иван Иванович", "Иванов"),
    ({"do": "person_name", "part": "first"}, "Иванов Иван Иванович", "Иван"),
    ({"do": "person_name", "part": "middle"}, "Алиев Али Вели оглы", "Вели оглы"),
    ({"do": "person_name", "part": "short"}, "Иванов Иван Иванович", "Иванов И. И."),
    ({"do": "person_name", "part": "first"}, "Иванов", None),
    ("pairs", [{"Свойство_Key": KEY, "Значение": "", "ТекстоваяСтрока": "long"}, "no row", {}], {KEY: "long"}),
    ("pairs", [{"Свойство_Key": KEY, "Значение": ""}], None),
    ("pairs", "no section", None),
    ("not_self", KEY.upper(), None),
    ("not_self", "b" + KEY[1:], "b" + KEY[1:]),
    ("onec_link", KEY, "e1cib/data/Документ.Реализация_Розница?ref=0a9b000c295e30eb11e5d629a348aa8c"),
    ("onec_link", "no key", None),
]


def name_of(case: Any) -> str:
    return str(case["do"] if isinstance(case, dict) else case)


@pytest.fixture
def env() -> Env:
    found = Env(ZoneInfo("Europe/Moscow"), KEY)
    found.field = "field"
    return found


def test_every_cleaner_has_a_case():
    assert {name_of(case) for case, _, _ in CASES} == set(CLEANERS)
    assert len(CLEANERS) == 25


@pytest.mark.parametrize(("case", "value", "wanted"), CASES)
def test_cleaner(case, value, wanted, env):
    run = _step.validate_python(case).build("Document_Реализация_Розница")
    assert run(value, env) == wanted
    assert env.marks == {}


@pytest.mark.parametrize("name", sorted(CLEANERS))
@pytest.mark.parametrize(
    "value",
    [None, "", "я" * 10_000_000, "\x00\ud800\u202e", [None, [], {}, 5], {}, True, 10**5000, Decimal("1E+999999"), -1.5],
    ids=["none", "empty", "10 MB", "poison", "mixed list", "object", "bool", "huge int", "huge decimal", "float"],
)
def test_no_cleaner_breaks_on_hostile_values(name, value, env):
    more: dict[str, dict[str, object]] = {
        "cut": {"length": 9},
        "replace": {"old": "a", "new": "b"},
        "default": {"value": "x"},
        "person_name": {"part": "last"},
        "prefix": {"text": "x"},
        "of_length": {"lengths": [4]},
    }
    run = _step.validate_python({"do": name, **more.get(name, {})}).build("Catalog_X")
    try:
        found = run(value, env)
    except ValueError as error:  # what the field's closure turns into a mark or a letter
        assert len(str(error)) < 300
    else:
        assert (
            not isinstance(found, str)
            or len(found) <= len(value if isinstance(value, str) else "") + 1
            or len(found) < 100
        )


def test_links_of_catalogs():
    run = _step.validate_python("onec_link").build("Catalog_Контрагенты")
    assert (
        run(KEY, Env(ZoneInfo("UTC"), "")) == "e1cib/data/Справочник.Контрагенты?ref=0a9b000c295e30eb11e5d629a348aa8c"
    )


@pytest.mark.parametrize(
    ("name", "value", "kept", "mark"),
    [
        ("inn", "5024089921", "5024089921", "the INN is wrong"),
        ("inn", "0000000000", "0000000000", "the INN is all zeros"),
        ("inn", "000000000000", "000000000000", "the INN is all zeros"),
        ("inn", "12345", "12345", "the INN is wrong"),
        ("inn", "нет", "НЕТ", "characters other than"),
        ("kpp", "000000000", "000000000", "the KPP is all zeros"),
        ("kpp", "12345", "12345", "the KPP does not have 9 digits"),
        ("ogrn", "1075024007157", "1075024007157", "the OGRN is wrong"),
        ("edrpou", "32855960", "32855960", "the EDRPOU is wrong"),
        ("edrpou", "1759013777", "1759013777", "the EDRPOU is wrong"),
        ("phones", "123-45-67", ["123-45-67"], "is not a valid phone number"),
        ("phones", "звонить после обеда", ["звонить после обеда"], "is not a valid phone number"),
        ("emails", "a@b", ["a@b"], "is not a valid e-mail address"),
    ],
)
def test_doubtful_values_are_kept_with_a_mark(name, value, kept, mark, env):
    assert _step.validate_python(name).build("Catalog_X")(value, env) == kept
    assert mark in env.marks["field"]


@pytest.mark.parametrize("value", ["1759013776", "32855961"])
def test_numbers_of_companies_and_persons_in_ukraine(value, env):
    assert _step.validate_python("edrpou").build("X")(value, env) == value
    assert env.marks == {}


@pytest.mark.parametrize(
    ("text", "phones"),
    [
        ("8 (495) 123-45-67, 8-916-123-45-67", ["+74951234567", "+79161234567"]),
        ("+74951234567; +380442345678", ["+74951234567", "+380442345678"]),
        ("тел. 8(812)3334455 Мария, факс 8(812)3334466", ["+78123334455", "+78123334466"]),
        ("74951234567", ["+74951234567"]),
        ("+7 495 123-45-67\n+7 495 123-45-67", ["+74951234567"]),
        ("4951234567", ["+74951234567"]),
    ],
)
def test_several_phones_in_one_text(text, phones, env):
    assert _step.validate_python("phones").build("X")(text, env) == phones
    assert env.marks == {}


def test_good_and_bad_phones_side_by_side(env):
    found = _step.validate_python("phones").build("X")(["+7 495 123-45-67; 123-45"], env)
    assert found == ["+74951234567", "123-45"]
    assert "'123-45' is not a valid phone number" in env.marks["field"]


@pytest.mark.parametrize(
    ("text", "emails"),
    [
        ("Иван <ivan@firma.ru>", ["ivan@firma.ru"]),
        ("почта@пример.рф", ["почта@пример.рф"]),
        ("a@b.ru a@b.ru", ["a@b.ru"]),
    ],
)
def test_emails_in_a_text(text, emails, env):
    found = _step.validate_python("emails").build("X")(text, env)
    assert [item for item in found if "@" in item] == emails


@pytest.mark.parametrize(
    "bad",
    [
        "no_such",
        {"do": "cut"},
        {"do": "cut", "length": 0},
        {"do": "trim", "length": 5},
        {"do": "phones", "country": "Россия"},
        5,
        {},
    ],
)
def test_arguments_are_checked(bad):
    with pytest.raises(ValidationError):
        _step.validate_python(bad)
