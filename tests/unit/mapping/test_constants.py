"""What the rules themselves say is looked at when they are read: constants, defaults, tables, formats, names."""

# ruff: noqa: E501 - a message is best read on one line

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.errors import ConfigError
from mapping.cleaners.common import CLEANERS
from mapping.rules import load_mapping, parse_mapping
from mapping.values import Env

HEAD = 'extends = "bp30"\n'
OWN = HEAD + "[entities.counterparty.fields]\n"
ORDER = HEAD + "[entities.order.fields]\n"
KEY = "5f0c2f6e-0000-4000-8000-000000000001"
MOSCOW = ZoneInfo("Europe/Moscow")


def told_of(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_mapping(text, "own.toml")
    return [line.strip() for line in caught.value.message.splitlines() if line.startswith("  - ")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (OWN + 'credit_limit = { from = "X", default = "abc" }', "credit_limit.0.default: 'abc' is not an amount"),
        (OWN + 'payment_days = { from = "X", default = "abc" }', "0.default: a whole number was expected, 'abc'"),
        (ORDER + 'date = { from = "Date", default = "yesterday" }', "0.default: a date was expected, 'yesterday'"),
        (ORDER + 'pay_until = { from = "X", default = "0209-01-01" }', "0.default: the year 209 is not believable"),
        (OWN + f'code = {{ from = "X", default = "{"x" * 10_001}" }}', "0.default: the text was cut"),
        (HEAD + '[entities.order.lines.lines.fields]\nprice = { from = "X", default = "abc" }', "'abc' is not an amount"),
        (HEAD + '[tables.t]\nvalues = { a = "open" }\n[entities.order.fields]\n'
         'status = { from = "X", table = "t", default = "opn" }', "default: 'opn' is none of open, part"),
        (OWN + 'credit_limit = { value = "abc" }', "own.toml:3:18: entities.counterparty.fields.credit_limit.0.value: "),
        (ORDER + "posted = { value = \"perhaps\" }", "0.value: yes or no was expected, 'perhaps' was found"),
        (OWN + 'credit_limit = { value = "1 x", steps = ["trim"] }', "'1 x' is not an amount"),
        (HEAD + '[tables.t]\nvalues = { a = "much" }\n[entities.counterparty.fields]\n'
         'credit_limit = { from = "X", table = "t" }', "in the value table 't' the value 'much' does not fit ('much' is not an amount)"),
        (OWN + 'code = { from = "X", steps = [{ do = "date", format = "%d%d" }] }', "steps.0: '%d%d' says no day"),
        (OWN + 'code = { from = "X", steps = ["trim", { do = "date", format = "%Q" }] }', "steps.1: '%Q' says no day"),
        (OWN + 'code = { from = "X", steps = [{ do = "date", format = "dd.mm.yyyy" }] }', '"31.12.2024", or "%d.%m.%Y"'),
        (OWN + 'group = { from = "X", steps = [{ do = "date", format = "%" }] }', "steps.0: '%' says no day"),
        (HEAD + '[outbound.counterparty.steps.counterparty.body]\n'
         'X = { from = "name", steps = [{ do = "date", format = "%" }] }', "steps.0: '%' says no day"),
        (HEAD + '[entities.contract.attributes]\nx = "Code"', "a contract keeps no attributes of your own (kept by product"),
        (HEAD + '[entities.product.attributes]\n"" = "Code"', "'' is no name"),
        (HEAD + '[entities.product.attributes]\n"a\\u0000b" = "Code"', "'ab' is no name"),
        (HEAD + '[entities.counterparty]\nkey = ""', "own.toml:3:1: entities.counterparty.key: names no attribute"),
        (f'extends = "{"a" * 5000}.toml"', "extends: the preset or file 'aaaa"),
    ],
)  # fmt: skip
def test_what_can_never_be_right_is_told_when_it_is_read(text: str, told: str) -> None:
    found = told_of(text)
    assert len(found) == 1
    assert told in found[0]


def test_required_fields_taken_away_are_told_all_at_once_where_they_were() -> None:
    found = told_of(OWN + "name = false\n[entities.order.fields]\ndate = false\nnumbr = 'X'\namount = false")
    assert [line.split(" ")[1] for line in found] == [f"own.toml:{number}:1:" for number in (3, 5, 6, 7)]


def test_a_required_field_with_no_rule_at_all_is_as_one_taken_away() -> None:
    (found,) = told_of(OWN + "name = []")
    assert "own.toml:3:1: entities.counterparty.fields.name: nothing fills 'name', which every counterparty" in found


def test_a_name_too_long_for_a_file_is_no_mapping() -> None:
    with pytest.raises(ConfigError, match="There is no mapping"):
        load_mapping("a" * 5000 + ".toml")


def test_a_text_that_the_store_has_kept_rules_on() -> None:
    kept = load_mapping("bp30").text
    own = OWN + 'credit_limit = { value = "a" }\n[entities.contract.attributes]\nx = "Code"\n'
    mapping = parse_mapping(f"{own}\n#@@ file: presets/bp30.toml\n{kept}", "own")
    assert "counterparty" in mapping.entities


def test_a_kept_text_that_extends_nothing_rules_on_too() -> None:
    kept = load_mapping("bp30").text
    own = f'{kept}\n[entities.contract.attributes]\nx = "Code"\n'
    assert "a contract keeps no attributes" in told_of(own)[0]
    assert "counterparty" in parse_mapping(own, "own", kept=True).entities


@pytest.mark.parametrize("how", ["%Y-%m-%dT%H:%M:%S%z", "%m.%Y", "%Y"])
def test_forms_of_dates_that_say_less_or_more_than_a_day(how: str) -> None:
    assert not CLEANERS["date"].model_validate({"do": "date", "format": how}).doubt()


@pytest.mark.parametrize(
    "rule",
    [
        'credit_limit = { from = "X", table = "t", on_error = "none" }',
        'credit_limit = { value = "", on_error = "none" }',
    ],
)
def test_what_is_left_out_on_purpose_is_no_mistake(rule: str) -> None:
    parse_mapping(f'{HEAD}[tables.t]\nvalues = {{ a = "-" }}\n[entities.counterparty.fields]\n{rule}', "own.toml")


def order(**data: object) -> Any:
    payload = {"Ref_Key": KEY, "DataVersion": "A", "Number": "1", "Posted": True, "СуммаДокумента": 10, **data}
    text = ORDER + 'date = { from = "Date", default = "2024-03-05T10:00:00" }\n'
    text += 'pay_until = { from = "Срок", default = "2024-04-01" }'
    program = parse_mapping(text, "own.toml").entities["order"]
    found = program.build("Document_СчетНаОплатуПокупателю", payload, MOSCOW)
    assert found is not None
    return found.fields


def test_a_default_is_of_the_kind_of_its_field_and_of_the_connections_zone() -> None:
    assert order()["date"] == datetime(2024, 3, 5, 7, 0, tzinfo=UTC)
    assert order()["pay_until"] == date(2024, 4, 1)
    assert order(Date="2024-01-01T00:00:00")["date"] == datetime(2023, 12, 31, 21, 0, tzinfo=UTC)
    assert order()["amount"] == Decimal(10)


def test_an_empty_list_of_rules_takes_the_field_away() -> None:
    program = parse_mapping(OWN + "comment = []", "own.toml").entities["counterparty"]
    payload: dict[str, object] = {"Ref_Key": KEY, "DataVersion": "A", "Description": "Проба", "Комментарий": "опт"}
    found = program.build("Catalog_Контрагенты", payload, MOSCOW)
    assert found is not None
    assert found.fields.get("comment") is None


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ("31.12.2024", "05.03.2024"),
        ("31/12/24", "05/03/24"),
        ("2024-12-31", "2024-03-05"),
        ("12/31/2024", "03/05/2024"),
        ("%d.%m.%Y %H:%M", "05.03.2024 10:00"),
    ],
)
def test_the_format_of_dates_is_shown_by_the_last_day_of_2024(how: str, text: str) -> None:
    cleaner = CLEANERS["date"].model_validate({"do": "date", "format": how})
    assert not cleaner.doubt()
    assert cleaner.build("")(text, Env(MOSCOW, KEY)) == "2024-03-05"


@pytest.mark.parametrize("text", [OWN + "segment = [", OWN + "segment = [\n\n", OWN + "segment = \n"])
def test_what_is_nowhere_ended_is_told_with_its_line(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^own\.toml:3:1\d: not valid TOML: "):
        parse_mapping(text, "own.toml")
