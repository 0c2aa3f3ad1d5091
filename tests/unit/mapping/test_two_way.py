"""A field that goes both ways must come back as it was sent; what the other side gives by itself is not written."""

import pytest

from core.errors import ConfigError
from mapping.rules import load_mapping, parse_mapping, preset_names

HEAD = 'extends = "bp30"\n[entities.counterparty.fields]\n'


@pytest.mark.parametrize("preset", preset_names())
def test_presets_do_not_loop(preset: str) -> None:
    load_mapping(preset)


@pytest.mark.parametrize(
    "rule",
    [
        'code = { from = "Code", direction = "both" }',  # nothing writes it
        'okpo = { from = "КодПоОКПО", steps = ["digits"], direction = "both" }',
        'registration_code = { from = "КПП", steps = ["kpp"], direction = "both", owner = "crm" }',
        'legal_name = { from = "НаименованиеПолное", steps = ["trim"], direction = "both" }',
        'kind = { from = "ЮридическоеФизическоеЛицо", table = "legal_form" }',
    ],
)
def test_rules_that_are_each_others_reverse_are_taken(rule: str) -> None:
    parse_mapping(HEAD + rule, "own.toml")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            'legal_name = { from = "НаименованиеПолное", steps = ["upper"], direction = "both" }',
            "own.toml:3:1: entities.counterparty.fields.legal_name: would loop: 'Проба Пера' is sent and comes back as"
            " 'ПРОБА ПЕРА'",
        ),
        (
            'legal_name = { from = "Description", direction = "both" }',
            "would loop: 'Проба Пера' is sent and comes back as nothing",
        ),
        (
            'kind = { from = "ЮридическоеФизическоеЛицо", table = "legal_form", direction = "both" }',
            "would loop: 'sole_trader' is sent and comes back as 'person'",
        ),
        (
            'phones = { from = "КонтактнаяИнформация[Тип=Телефон].НомерТелефона", direction = "both" }',
            "would loop: '+79161234567' is sent and comes back as '79161234567'",
        ),
        (
            'legal_name = { formula = "НаименованиеПолное + 1", direction = "both" }',
            "own.toml:3:1: entities.counterparty.fields.legal_name: goes both ways and cannot be read back: The",
        ),
    ],
)
def test_rules_that_would_loop_are_refused(rule: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_mapping(HEAD + rule, "own.toml")
    assert message in caught.value.message


def test_what_the_other_side_gives_by_itself_cannot_be_written() -> None:
    text = 'extends = "bp30"\n[outbound.counterparty.steps.counterparty.body]\nDataVersion = "name"'
    with pytest.raises(ConfigError, match=r"own.toml:3:1: .*'DataVersion' is given by the other side itself"):
        parse_mapping(text, "own.toml")
