"""Cleaning, names, standings: the pure parts of the push."""

from __future__ import annotations

import pytest

from sync.push.clean import clean_fields, guess_kind
from sync.push.names import ALIKE, likeness, normalise_name, rarest_word
from sync.push.standing import build_overall, build_standing


def test_values_are_cleaned_and_doubts_are_marked_not_dropped() -> None:
    given = {
        "name": "  ООО   «Ромашка»\n",
        "tax_id": " 7707 083 893 ",
        "registration_code": "7707",
        "phones": ["8 (495) 123-45-67", "12"],
        "emails": ["Info@Romashka.RU", "nonsense"],
        "kind": None,
    }
    cleaned = clean_fields(given)
    assert cleaned.values == {
        "name": "ООО «Ромашка»",
        "tax_id": "7707083893",
        "registration_code": "7707",
        "phones": ["+74951234567", "12"],
        "emails": ["info@romashka.ru", "nonsense"],
    }
    assert set(cleaned.marks) == {"registration_code", "phones", "emails"}
    assert "12" in cleaned.marks["phones"]


def test_a_wrong_inn_is_kept_with_the_reason() -> None:
    cleaned = clean_fields({"tax_id": "7707083890"})
    assert cleaned.values["tax_id"] == "7707083890"
    assert "7707083890" in cleaned.marks["tax_id"]
    assert clean_fields({"tax_id": " "}).values == {"tax_id": None}


@pytest.mark.parametrize(
    ("inn", "kind"), [("7707083893", "company"), ("500100732259", "sole_trader"), ("123", None), (None, None)]
)
def test_kind_is_guessed_from_the_length_only(inn: str | None, kind: str | None) -> None:
    assert guess_kind(inn) == kind


@pytest.mark.parametrize(
    ("number", "kind"), [("14360570", "company"), ("1759013776", "sole_trader"), ("143605704021", None)]
)
def test_length_of_a_ukrainian_number_tells_the_kind(number: str, kind: str | None) -> None:
    assert guess_kind(number, clean_fields({"tax_id": number}, "UA").country) == kind


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ООО «Ромашка»", 'Общество с ограниченной ответственностью "РОМАШКА"'),
        ("ИП Королёв Пётр", "Королев Петр, ИП"),
        ("АО Заря-Свет", "Заря Свет"),
    ],
)
def test_the_same_name_in_other_clothes(one: str, other: str) -> None:
    assert likeness(normalise_name(one), normalise_name(other)) >= ALIKE


@pytest.mark.parametrize(("one", "other"), [("ООО Ромашка", "ООО Рома"), ("ООО", "АО"), ("", "ООО Ромашка")])
def test_other_names_are_other(one: str, other: str) -> None:
    assert likeness(normalise_name(one), normalise_name(other)) < ALIKE


def test_the_rarest_word_is_looked_for() -> None:
    assert rarest_word(normalise_name("ООО Торговый дом Ромашка")) == "торговый"
    assert rarest_word("") == ""


@pytest.mark.parametrize(
    ("intent", "bound", "status", "code", "words"),
    [
        (None, {"code": "000123"}, "client", "in_accounting", "in accounting, code 000123"),
        ({"state": "done", "reason": None}, {"code": None}, "client", "in_accounting", "in accounting"),
        ({"state": "waiting", "reason": "waits for the INN"}, None, "client", "waiting", "waits for the INN"),
        ({"state": "review", "reason": "in review 3: two"}, None, "client", "review", "in review 3: two"),
        ({"state": "due", "reason": None}, None, "client", "due", "due: goes to accounting with the next run"),
        ({"state": "uncertain", "reason": None}, None, "client", "uncertain", "uncertain: asking accounting"),
        ({"state": "dead", "reason": "нет"}, None, "client", "refused", "refused: нет"),
        (None, None, "lead", "lead", "lead"),
        (None, None, None, "lead", "lead"),
        (None, None, "client", "client", "client, in no accounting yet"),
    ],
)
def test_where_a_contact_stands(
    intent: dict[str, object] | None, bound: dict[str, object] | None, status: str | None, code: str, words: str
) -> None:
    assert build_standing(intent, bound, status) == {"code": code, "text": words}


def test_with_several_accountings_the_worst_speaks_and_each_is_named() -> None:
    each = {
        "trade": build_standing(None, {"code": "1"}, "client"),
        "retail": build_standing({"state": "dead", "reason": "нет"}, None, "client"),
    }
    overall = build_overall(each, "client")
    assert overall == {"code": "refused", "text": "trade: in accounting, code 1; retail: refused: нет"}
