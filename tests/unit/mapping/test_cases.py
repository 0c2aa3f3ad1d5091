"""Golden cases: those of every preset are green; a case that expects something else is red, field by field."""

import json
from pathlib import Path

import pytest

from core.errors import ConfigError
from mapping.cases.files import Case, PlacedCase, cases_folder, load_cases, parse_case, write_case
from mapping.cases.trial import build_expected, try_case
from mapping.rules import Mapping, load_mapping, preset_names


def all_cases() -> list[tuple[str, PlacedCase]]:
    return [(name, case) for name in preset_names() for case in load_cases(cases_folder(name))]


@pytest.mark.parametrize(
    ("preset", "placed"), all_cases(), ids=[f"{name}-{Path(case.where).stem}" for name, case in all_cases()]
)
def test_cases_of_the_presets_are_green(preset: str, placed: PlacedCase) -> None:
    differences = try_case(load_mapping(preset), placed.case)
    assert differences == [], "\n".join(f"{one.field}: {one.expected!r} -> {one.found!r}" for one in differences)


@pytest.mark.parametrize("preset", preset_names())
def test_every_preset_has_cases_for_reading_and_writing(preset: str) -> None:
    directions = {placed.case.direction for placed in load_cases(cases_folder(preset))}
    assert directions == {"in", "out"}, f"{cases_folder(preset).name} needs cases of both directions"


def case_of(name: str) -> Case:
    return parse_case((cases_folder("bp30") / f"{name}.json").read_text("utf-8"))


def changed(case: Case, **expected: object) -> Case:
    return case.model_copy(update={"expected": case.expected.model_copy(update=expected)})


@pytest.mark.parametrize(
    ("name", "change", "fields"),
    [
        ("counterparty-company", {"fields": {}}, {"name", "phones", "tax_id"}),
        ("counterparty-company", {"marks": {}}, {"mark of tax_id"}),
        ("counterparty-company", {"marks": {"tax_id": "another reason"}}, {"mark of tax_id"}),
        ("counterparty-company", {"deleted": True}, {"deleted"}),
        ("counterparty-company", {"left_out": True}, {"left_out"}),
        ("counterparty-company", {"error": "cannot"}, {"error"}),
        ("shipment-goods-and-services", {"refs": {}}, {"counterparty", "organisation", "currency"}),
        ("shipment-goods-and-services", {"lines": {}}, {"lines: number of rows"}),
        ("payment-of-a-supplier", {"left_out": False}, {"left_out"}),
        ("order-without-a-date", {"error": "something else"}, {"error"}),
        ("order-without-a-date", {"error": ""}, {"error"}),
        ("out-company", {"steps": []}, {"steps, in order", "counterparty.ИНН", "contract.Owner_Key"}),
        ("out-company", {"missing": ["the name"]}, {"missing"}),
    ],
)
def test_a_case_that_expects_something_else_is_red(
    bp30: Mapping, name: str, change: dict[str, object], fields: set[str]
) -> None:
    case = case_of(name)
    assert try_case(bp30, case) == []
    assert fields <= {one.field for one in try_case(bp30, changed(case, **change))}


def test_a_line_is_compared_field_by_field(bp30: Mapping) -> None:
    case = case_of("shipment-goods-and-services")
    lines = [dict(row) for row in case.expected.lines["lines"]]
    lines[1]["amount"] = "13754.51"
    found = try_case(bp30, changed(case, lines={"lines": lines}))
    assert [(one.field, one.expected, one.found) for one in found] == [("lines[2].amount", "13754.51", "13754.5")]


def test_amounts_and_moments_are_compared_by_value(bp30: Mapping) -> None:
    case = case_of("shipment-goods-and-services")
    fields = case.expected.fields | {"amount": 150129.50, "date": "2024-03-05T14:22:08+03:00"}
    again = parse_case(write_case(changed(case, fields=fields)))
    assert try_case(bp30, again) == []


def test_a_case_is_written_and_read_again_exactly() -> None:
    for _, placed in all_cases():
        assert parse_case(write_case(placed.case)) == placed.case


def test_what_the_mapping_makes_today_is_a_case(bp30: Mapping) -> None:
    case = case_of("payment-by-bank")
    assert build_expected(bp30, case) == case.expected.model_dump(exclude_defaults=True)


CARD_IN = {"title": "x", "entity": "order", "source": "S", "card": "order", "raw": {}, "expected": {}}
ZONELESS = b'{"title": "x", "entity": "order", "source": "S", "timezone": "Mars/X", "raw": {}, "expected": {}}'


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"{", "no JSON"),
        (b"\xff", "not UTF-8 text (byte 1)"),
        (b"[" * 100_000, "nested too deeply"),
        (b" " * (1024 * 1024 + 1), "larger than 1 MB"),
        (b'{"x": NaN}', "holds NaN"),
        (b"{}", "title: is missing"),
        (json.dumps({"titel": "x"}).encode(), "unknown key; did you mean 'title'?"),
        (json.dumps({"title": "x", "entity": "ordr", "raw": {}, "expected": {}}).encode(), "there is no entity 'ordr'"),
        (json.dumps({"title": "x", "entity": "order", "raw": {}, "expected": {}}).encode(), "names its `source`"),
        (json.dumps(CARD_IN).encode(), "is of direction out"),
        (ZONELESS, "there is no time zone 'Mars/X'"),
    ],
)
def test_a_file_that_is_no_case(tmp_path: Path, raw: bytes, message: str) -> None:
    (tmp_path / "one.json").write_bytes(raw)
    (tmp_path / "two.json").write_bytes(b"[]")
    with pytest.raises(ConfigError) as caught:
        load_cases(tmp_path)
    assert message in caught.value.message
    assert "one.json" in caught.value.message
    assert "two.json" in caught.value.message


@pytest.mark.parametrize(
    ("name", "change", "fields"),
    [
        ("card-company", {"card": {}}, {"fields.@sverka_balance", "requisites.RQ_INN", "phones", "made"}),
        ("card-company", {"left_out": True}, {"left_out"}),
        ("card-company", {"error": "cannot"}, {"error"}),
        ("card-contact-of-a-company", {"left_out": False}, {"left_out"}),
        ("card-company-nothing", {"card": {"made": True}}, {"made", "fields.title"}),
    ],
)
def test_a_case_of_a_card_that_expects_something_else_is_red(
    name: str, change: dict[str, object], fields: set[str]
) -> None:
    rules = load_mapping("bitrix24")
    case = parse_case((cases_folder("bitrix24") / f"{name}.json").read_text("utf-8"))
    assert try_case(rules, case) == []
    assert fields <= {one.field for one in try_case(rules, changed(case, **change))}
    assert build_expected(rules, case) == case.expected.model_dump(exclude_defaults=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"card": "lorry"}, "The mapping has no card lorry for counterparty"),
        ({"raw": {"balance": "much"}}, "'much' is not an amount"),
        ({"raw": {"overdue_since": "yesterday"}}, "yesterday"),
    ],
)
def test_what_makes_a_case_of_a_card_impossible_is_said(change: dict[str, object], message: str) -> None:
    case = parse_case((cases_folder("bitrix24") / "card-company.json").read_text("utf-8")).model_copy(update=change)
    told = {one.field: str(one.found) for one in try_case(load_mapping("bitrix24"), case)}
    assert message in told["error"]
