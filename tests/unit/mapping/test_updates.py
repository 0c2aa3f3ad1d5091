"""Golden cases: what is sent of one field that has changed, into a card that is there."""

from __future__ import annotations

from typing import Any

import pytest

from mapping.rules import parse_mapping
from tests.unit.mapping.test_outbound import CARD, PHONE_KIND


def made(text: str, field: str, **changed: Any) -> tuple[dict[str, Any], list[tuple[str, dict[str, Any], list[Any]]]]:
    update = parse_mapping(text, "own.toml").outbound["counterparty"].updates[field]
    record = {**CARD, **changed}
    return update.make(record), [(one.section, dict(one.owns), one.make(record)) for one in update.sections]


BP30 = 'extends = "bp30"\n'


@pytest.mark.parametrize(
    ("field", "value", "sent"),
    [
        ("name", "Новое имя", {"Description": "Новое имя"}),
        ("legal_name", "ООО «Новое»", {"НаименованиеПолное": "ООО «Новое»"}),
        ("tax_id", "7707083893", {"ИНН": "7707083893"}),
        ("registration_code", "770701001", {"КПП": "770701001"}),
        ("ogrn", "1", {"РегистрационныйНомер": "1"}),
        ("name", None, {}),
    ],
)
def test_one_attribute(field: str, value: object, sent: dict[str, Any]) -> None:
    assert made(BP30, field, **{field: value}) == (sent, [])


def test_phones_are_rows_of_their_kind() -> None:
    body, ((section, owns, rows),) = made(BP30, "phones", phones=["+74951234567;ext=12"])
    assert (body, section, owns) == ({}, "КонтактнаяИнформация", {"Тип": "Телефон"})
    assert rows == [
        {
            "Тип": "Телефон",
            "Вид_Key": PHONE_KIND,
            "Представление": "+74951234567 доб. 12",
            "НомерТелефона": "74951234567",
        }
    ]


def test_a_reference() -> None:
    body, _ = made(BP30, "manager")
    assert body == {"Ответственный_Key": {"$ref": {"entity": "manager", "id": str(CARD["manager_id"])}}}


def test_what_carries_our_marker_is_set_at_creation_only() -> None:
    assert "comment" not in parse_mapping(BP30, "own.toml").outbound["counterparty"].updates


def test_a_field_can_be_sent_otherwise_or_not_at_all() -> None:
    text = f"""{BP30}
[outbound.counterparty.update]
name = false
[outbound.counterparty.update.category.body]
"Категория" = "category"
"""
    updates = parse_mapping(text, "own.toml").outbound["counterparty"].updates
    assert "name" not in updates
    assert updates["category"].make({**CARD, "category": "A"}) == {"Категория": "A"}


def test_an_unknown_field_is_a_mistake() -> None:
    with pytest.raises(Exception, match="did you mean 'phones'"):
        parse_mapping(BP30 + '[outbound.counterparty.update.phone.body]\n"Т" = "phones"\n', "own.toml")
