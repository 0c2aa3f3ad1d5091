"""Every example of docs/mapping.md does what the page says, in both languages alike."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mapping.cleaners.common import CLEANERS
from mapping.rules import Mapping, parse_mapping

PAGE = Path(__file__).parents[3] / "docs" / "mapping.md"
EXAMPLE = re.compile(r"```toml\n(.*?)```\n<!-- case: (.*?) -->", re.DOTALL)
RAW: dict[str, Any] = {
    "Ref_Key": "7b0e3a52-5a4c-11e9-8f5d-00155d000001", "DataVersion": "AAAAAgAAAAA=", "DeletionMark": False,
    "IsFolder": False, "Code": "00-000017", "Description": "Ромашка ООО ", "НаименованиеПолное": "ООО «Ромашка»",
    "ИНН": "7707083893", "КПП": "770701001", "ЮридическоеФизическоеЛицо": "ЮридическоеЛицо",
    "Комментарий": "опт; Москва", "Parent_Key": "00000000-0000-0000-0000-000000000000",
    "ДополнительныеРеквизиты": [
        {"LineNumber": 1, "Свойство_Key": "aaaaaaaa-0000-4000-8000-000000000001", "Значение": "вторник",
         "Значение_Type": "Edm.String"},
    ],
    "КонтактнаяИнформация": [
        {"LineNumber": 1, "Тип": "Телефон", "Представление": "8 (495) 111-22-33"},
        {"LineNumber": 2, "Тип": "Адрес", "Представление": "127000, Москва", "Регион": "Москва г"},
    ],
}  # fmt: skip


def examples() -> list[tuple[str, str, dict[str, Any]]]:
    russian, english = PAGE.read_text("utf-8").split("## In English")
    found = []
    for language, text in (("ru", russian), ("en", english)):
        for toml, case in EXAMPLE.findall(text):
            told = json.loads(case)
            found.append((f"{language}-{told['name']}", toml, told))
    return found


EXAMPLES = examples()


def build(mapping: Mapping) -> Any:
    return mapping.entities["counterparty"].build("Catalog_Контрагенты", RAW, ZoneInfo("Europe/Moscow"))


@pytest.mark.parametrize(("toml", "case"), [one[1:] for one in EXAMPLES], ids=[one[0] for one in EXAMPLES])
def test_an_example_does_what_the_page_says(toml: str, case: dict[str, Any]) -> None:
    mapping, plain = parse_mapping(toml, "own.toml"), parse_mapping('extends = "bp30"', "own.toml")
    if case.get("left_out"):
        assert build(mapping) is None
        return
    made, before = build(mapping).fields, build(plain).fields
    assert {name: made.get(name) for name in case.get("expect", {})} == case.get("expect", {})
    changed = {name for name in made.keys() | before.keys() if made.get(name) != before.get(name)}
    assert changed <= case.get("expect", {}).keys()
    check_the_rest(mapping, case)


def check_the_rest(mapping: Mapping, case: dict[str, Any]) -> None:
    if "balance" in case:
        assert mapping.balance is not None
        assert list(mapping.balance.accounts) == case["balance"]
    if "sent" in case:
        record = {"id": "x", "kind": "company", "name": "Ромашка", "tax_id": "7707083893"}
        body = mapping.outbound["counterparty"].steps(record)[0].body
        assert {name: body.get(name) for name in case["sent"]} == case["sent"]
    for name, owner in case.get("owner", {}).items():
        rules = tomllib.loads(mapping.text.split("\n# ", 1)[0])["entities"]["counterparty"]["fields"][name]
        assert rules["owner"] == owner


def test_each_example_changes_something() -> None:
    """An example that the preset does already would teach nothing."""
    for name, toml, case in EXAMPLES:
        if "expect" in case and name[3:] != "first":
            before = build(parse_mapping('extends = "bp30"', "own.toml")).fields
            assert any(before.get(field) != value for field, value in case["expect"].items()), toml


def test_both_languages_have_the_same_examples() -> None:
    russian = [(toml, case) for name, toml, case in EXAMPLES if name.startswith("ru-")]
    english = [(toml, case) for name, toml, case in EXAMPLES if name.startswith("en-")]
    assert russian == english
    assert len(russian) >= 12


def test_the_tables_of_steps_name_every_step() -> None:
    for half in PAGE.read_text("utf-8").split("## In English"):
        table = "\n".join(line for line in half.splitlines() if line.startswith("| `"))
        named = set(re.findall(r'do = "(\w+)"|`(\w+)`', table))
        assert {one or other for one, other in named} == set(CLEANERS)


def test_steps_with_settings_are_written_as_they_are_taken() -> None:
    for name, settings in re.findall(r'\{ do = "(\w+)", (.*?) \}', PAGE.read_text("utf-8")):
        given = tomllib.loads(f"step = {{ {settings} }}")["step"]
        CLEANERS[name].model_validate({"do": name, **given})
