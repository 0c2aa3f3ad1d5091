"""Field rules apart from any preset: alternatives, defaults, tables, errors, conditions."""

from decimal import Decimal

import pytest

from core.errors import RecordError

KEY = "a348aa8c-d629-11e5-0a9b-000c295e30eb"


def test_the_first_alternative_with_a_value_wins(build_one):
    rule = 'code = [{ from = "A", when = "not Off" }, { from = ["B", "C"] }, { value = "none" }]'
    assert build_one(rule, A="a", B="b").fields["code"] == "a"
    assert build_one(rule, A="a", B="b", Off=True).fields["code"] == "b"
    assert build_one(rule, A="", C="c").fields["code"] == "c"
    assert build_one(rule).fields["code"] == "none"


def test_default_where_there_is_nothing_or_nothing_readable(build_one):
    rule = 'payment_days = { from = "A", default = 7 }'
    assert build_one(rule).fields["payment_days"] == 7
    assert build_one(rule, A="0").fields["payment_days"] == 0
    bad = build_one(rule, A="soon")
    assert bad.fields["payment_days"] == 7
    assert bad.marks == {"payment_days": "a whole number was expected, 'soon' was found"}


@pytest.mark.parametrize(
    ("unknown", "value", "marks"),
    [("keep", "z", {}), ("none", None, {}), ("error", None, {"code": "'z' is not in the value table 't'"})],
)
def test_values_that_are_not_in_a_table(build_one, unknown, value, marks):
    more = f'[tables.t]\nunknown = "{unknown}"\nvalues = {{ a = "1", "Ж" = "2" }}'
    record = build_one('code = { from = "A", table = "t" }', more, A="z")
    assert (record.fields["code"], record.marks) == (value, marks)
    assert build_one('code = { from = "A", table = "t" }', more, A="ж").fields["code"] == "2"
    assert build_one('code = { from = "A", table = "t" }', more, A="a").fields["code"] == "1"


def test_on_error_says_what_becomes_of_an_unreadable_field(build_one):
    with pytest.raises(RecordError, match="The field payment_days cannot be read"):
        build_one('payment_days = { from = "A", on_error = "error" }', A="x")
    silent = build_one('payment_days = { from = "A", on_error = "none" }', A="x")
    assert (silent.fields["payment_days"], silent.marks) == (None, {})
    with pytest.raises(RecordError, match="The field credit_limit cannot be read"):
        build_one('credit_limit = "A"', A="x")
    marked = build_one('credit_limit = { from = "A", on_error = "mark" }', A=Decimal("1E+40"))
    assert marked.marks == {"credit_limit": "'1E+40' is not a believable amount"}


def test_a_value_that_the_field_does_not_take(build_one):
    record = build_one('status = "A"', A="vip")
    assert record.fields["status"] is None
    assert record.marks == {"status": "'vip' is none of client, former, lead, prospect"}
    assert build_one('status = "A"', A="client").fields["status"] == "client"


def test_formula_as_origin(build_one):
    assert build_one("""comment = { formula = "'кв. ' + text(A) if A else None" }""", A=5).fields["comment"] == "кв. 5"
    assert build_one("""comment = { formula = "'кв. ' + text(A) if A else None" }""").fields["comment"] is None
    with pytest.raises(RecordError, match="The formula 'A / 0' cannot be computed") as caught:
        build_one('comment = { formula = "A / 0" }', A=5)
    assert caught.value.where.external_id == KEY


def test_steps_run_in_order_until_nothing_is_left(build_one):
    rule = 'code = { from = "A", steps = [{ do = "split", by = ";" }, "first", "upper", { do = "cut", length = 3 }] }'
    assert build_one(rule, A="; abcdef; x").fields["code"] == "ABC"
    assert build_one(rule, A=";;;").fields["code"] is None


def test_lists_collect_over_paths_and_rows(build_one):
    rule = 'phones = { from = ["A", "Rows.B"] }'
    assert build_one(rule, A="1", Rows=[{"B": "2"}, {"B": "1"}, {"B": ""}]).fields["phones"] == ["1", "2"]
    assert build_one(rule).fields["phones"] == []


def test_reference_by_sets_named_in_the_rule(build_one):
    rule = 'manager = { from = "A", sets = ["Catalog_Users"], when = "not Off" }'
    assert build_one(rule, A=KEY.upper(), A_Type="StandardODATA.Catalog_Users").refs["manager"] == KEY
    assert build_one(rule, A=KEY, A_Type="StandardODATA.Catalog_Other").refs["manager"] is None
    assert build_one(rule, A_Key=KEY, Off=True).refs["manager"] is None


def test_keys_of_other_systems_are_text(build_one):
    record = build_one("", Ref_Key=15)
    assert record.external_id == "15"
    with pytest.raises(RecordError, match="no readable Ref_Key"):
        build_one("", Ref_Key=True)


def test_version_is_text_whatever_it_was(build_one):
    assert build_one("", DataVersion=7).version == "7"
    assert build_one("", DataVersion="v" * 500).version == "v" * 200
    assert build_one("").version == ""


def test_rows_by_condition():
    from zoneinfo import ZoneInfo

    from mapping.rules import parse_mapping

    text = """
[entities.order.sources.X]
[entities.order.fields]
date = "D"
posted = "P"
amount = "S"
[entities.order.lines.lines]
sections = "Rows"
when = "not Cancelled"
[entities.order.lines.lines.fields]
amount = "A"
product = "Item"
"""
    data: dict[str, object] = {
        "Ref_Key": KEY, "D": "2024-01-01", "P": True, "S": 1,
        "Rows": [{"A": 1, "Cancelled": True}, {"A": 2, "Item_Key": KEY}],
    }  # fmt: skip
    record = parse_mapping(text, "own.toml").entities["order"].build("X", data, ZoneInfo("UTC"))
    assert record is not None
    assert [(line.fields, line.refs) for line in record.lines["lines"]] == [({"amount": Decimal(2)}, {"product": KEY})]
