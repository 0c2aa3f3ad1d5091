"""Several writes of one rule, rows without a key, and places of earlier writes that may not be there."""

from typing import Any

import pytest

from core.errors import ConfigError
from mapping.outbound import OutboundStep
from mapping.rules import parse_mapping

CARD: dict[str, Any] = {"id": "1", "kind": "company", "name": "Ромашка", "phones": ["+7 1", "", "+7 2"], "emails": []}
HEAD = """
[outbound.counterparty.match]
set = "Catalog_X"
tax_id = "ИНН"
[outbound.counterparty.steps.card]
set = "Catalog_X"
body = { "Имя" = "name" }
"""
ROW = """
[outbound.counterparty.steps.phone]
set = "InformationRegister_X"
each = "phones"
known_by = ["Объект", "Вид"]
[outbound.counterparty.steps.phone.body]
"Объект" = { step = "card" }
"Вид" = [{ value = "первый", when = "item_number == 1" }, { formula = "'Телефон ' + text(item_number)" }]
"Текст" = "item"
"""


def steps(text: str, **changed: object) -> list[OutboundStep]:
    return parse_mapping(HEAD + text, "own.toml").outbound["counterparty"].steps(CARD | changed)


def test_one_write_for_each_value_with_its_number() -> None:
    assert [step.body for step in steps(ROW)[1:]] == [
        {"Объект": {"$step": 0}, "Вид": "первый", "Текст": "+7 1"},
        {"Объект": {"$step": 0}, "Вид": "Телефон 2", "Текст": "+7 2"},
    ]
    assert [step.role for step in steps(ROW)] == ["card", "phone", "phone"]
    assert [step.known_by for step in steps(ROW)] == [(), ("Объект", "Вид"), ("Объект", "Вид")]


@pytest.mark.parametrize("none", [[], None, ["", ""]])
def test_no_value_no_write(none: object) -> None:
    assert [step.role for step in steps(ROW, phones=none)] == ["card"]


def test_a_place_counts_writes_as_they_are_sent_not_as_they_are_written_down() -> None:
    last = '[outbound.counterparty.steps.last]\nset = "Catalog_Z"\nbody = { "К" = { step = "phone" }, "И" = "name" }'
    assert steps(ROW + last)[-1].body == {"К": {"$step": 1}, "И": "Ромашка"}
    assert steps(ROW + last, phones=["+7 1", "+7 2", "+7 3"])[-1].body["К"] == {"$step": 1}
    middle = '[outbound.counterparty.steps.extra]\nset = "Catalog_Y"\nwhen = "empty(name)"\nbody = { "Имя" = "name" }'
    assert [step.role for step in steps(middle + ROW + last)] == ["card", "phone", "phone", "last"]
    assert steps(middle + ROW + last)[-1].body["К"] == {"$step": 1}


def test_a_write_that_was_left_out_has_no_place() -> None:
    last = '[outbound.counterparty.steps.last]\nset = "Catalog_Z"\nbody = { "К" = { step = "phone" }, "И" = "name" }'
    assert steps(ROW + last, phones=[])[-1].body == {"И": "Ромашка"}


def test_a_text_in_place_of_what_a_lookup_does_not_find() -> None:
    row = """
[outbound.counterparty.steps.phone]
set = "InformationRegister_X"
body = { "Вид" = { lookup = { set = "Catalog_Y", where = { "А" = "1" }, instead = "Телефон" } } }
"""
    assert steps(row)[1].body["Вид"]["$lookup"]["instead"] == "Телефон"  # type: ignore[index]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('each = "phones"', 'each = "phone"', "there is no our field|did you mean"),
        ('known_by = ["Объект", "Вид"]', 'known_by = ["Обект"]', "Объект"),
    ],
)
def test_mistakes_are_told_with_the_nearest_name(old: str, new: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        steps(ROW.replace(old, new))


def test_a_match_may_do_without_a_registration_code() -> None:
    text = HEAD.replace('tax_id = "ИНН"', 'tax_id = "ИНН"\nregistration_code = false')
    assert parse_mapping(text, "own.toml").outbound["counterparty"].match.registration_code is None


def test_a_sections_name_in_a_formula_is_its_number_of_rows() -> None:
    text = """
[entities.counterparty.sources.Catalog_X]
[entities.counterparty.fields]
name = [{ value = "много", when = "Строки > 1" }, { value = "одна", when = "number(Строки) == 1" }, { value = "нет" }]
"""
    build = parse_mapping(text, "own.toml").entities["counterparty"].build
    from tests.unit.mapping.conftest import GUID, ZONE

    def name(rows: object) -> object:
        record = build("Catalog_X", {"Ref_Key": GUID, "Строки": rows}, ZONE)
        return record.fields["name"] if record else None

    assert [name([{}, {}]), name([{}]), name([])] == ["много", "одна", "нет"]
