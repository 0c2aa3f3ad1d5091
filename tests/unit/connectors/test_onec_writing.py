"""Writing: what is sent, what is made of the answer, and what is made of no answer."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import requests

from connectors.base import Reference, SourceSet, Write
from connectors.onec_odata.compare import differences
from core.errors import ConflictError, RecordError, SchemaDrift, SverkaError, TransientError, UncertainOutcome
from tests.unit.connectors.fake_base import Asked, edmx, fake_base, odata_error

KEY, OTHER = "1fa1a135-d89b-11e6-8343-40167e2531c3", "2fa1a135-d89b-11e6-8343-40167e2531c3"
PARTIES = "Catalog_Контрагенты"
SOURCE = SourceSet("counterparty", PARTIES, filter="IsFolder eq false")
FIELDS = {
    "Ref_Key": "Edm.Guid",
    "Description": "Edm.String",
    "ИНН": "Edm.String",
    "IsFolder": "Edm.Boolean",
    "Группа_Key": "Edm.Guid",
    "Объект": "Edm.String",
    "Объект_Type": "Edm.String",
    "Дата": "Edm.DateTime",
    "Сумма": "Edm.Double",
    "Срок": "Edm.Int64",
    "КонтактнаяИнформация": "Collection(X)",
}
META = edmx({PARTIES: FIELDS, f"{PARTIES}_КонтактнаяИнформация_RowType": {"Вид_Key": "Edm.Guid"}})


def kept(asked: Asked) -> tuple[int, object]:
    assert isinstance(asked.body, dict)
    return 201, {name: value for name, value in asked.body.items() if "@" not in name} | {"DataVersion": "V1"}


def create(**body: object) -> Write:
    return Write("create", PARTIES, KEY, body)


def sent(**body: object) -> dict[str, object]:
    with fake_base(metadata=META) as base:
        base.on(PARTIES, kept, method="POST")
        result = base.connector.write_record(create(**body))
        assert base.connector.usage.writes == 1
    assert result.differences == {}
    found = base.asked[-1].body
    assert isinstance(found, dict)
    return found


def test_a_create_carries_the_key_that_we_chose() -> None:
    with fake_base(metadata=META) as base:
        base.on(PARTIES, kept, method="POST")
        result = base.connector.write_record(create(Description="Ромашка"))
    asked = base.asked[-1]
    assert asked.body == {"Ref_Key": KEY, "Description": "Ромашка"}
    assert asked.options == {"$format": "application/json;odata=nometadata"}
    assert asked.headers["Content-Type"].startswith("application/json")
    assert (result.record.external_id, result.record.version) == (KEY, "V1")


def test_rows_are_numbered_and_typed() -> None:
    body = sent(КонтактнаяИнформация=[{"Тип": "Телефон", "LineNumber": 7}, {"Тип": "Адрес", "Вид": OTHER}])
    assert body["КонтактнаяИнформация@odata.type"] == (
        "Collection(StandardODATA.Catalog_Контрагенты_КонтактнаяИнформация_RowType)"
    )
    assert body["КонтактнаяИнформация"] == [
        {"LineNumber": "1", "Тип": "Телефон"},
        {"LineNumber": "2", "Тип": "Адрес", "Вид_Key": OTHER},
    ]


def test_references_are_spelt_as_the_base_does() -> None:
    reference = Reference(PARTIES, OTHER)
    assert sent(Группа=reference)["Группа_Key"] == OTHER
    assert sent(Группа=OTHER)["Группа_Key"] == OTHER
    composite = sent(Объект=reference)
    assert (composite["Объект"], composite["Объект_Type"]) == (OTHER, "StandardODATA.Catalog_Контрагенты")


@pytest.mark.parametrize(
    ("value", "kind"),
    [("текст", "Edm.String"), (5, "Edm.Double"), (True, "Edm.Boolean"), (None, "StandardODATA.Undefined")],
)
def test_a_plain_value_of_a_composite_field_brings_its_type(value: object, kind: str) -> None:
    assert sent(Объект=value)["Объект_Type"] == kind


def test_values_are_written_as_1c_writes_them() -> None:
    body = sent(Дата=datetime(2026, 1, 31, 21, 0, tzinfo=UTC), Сумма=Decimal("0.10"), Группа_Key=None, Description=None)
    assert body["Дата"] == "2026-02-01T00:00:00"
    assert body["Группа_Key"] == "00000000-0000-0000-0000-000000000000"
    assert body["Description"] == ""
    assert sent(Дата=date(2026, 2, 1))["Дата"] == "2026-02-01T00:00:00"
    assert sent(Дата=None)["Дата"] == "0001-01-01T00:00:00"


@pytest.mark.parametrize("body", [{"Сумма": 0.1}, {"Объект": OTHER}, {"Сумма": b"1"}, {"Товары": ["a"]}])
def test_what_1c_would_misunderstand_is_not_sent(body: dict[str, object]) -> None:
    with fake_base(metadata=META) as base, pytest.raises(RecordError):
        base.connector.write_record(create(**body))
    assert all(asked.method == "GET" for asked in base.asked)


def test_what_1c_did_not_keep_is_told() -> None:
    answer = {"Ref_Key": OTHER, "DataVersion": "V", "Description": "Рома", "Срок": "30", "Телефоны": [{"a": "1 "}]}
    with fake_base(metadata=META) as base:
        base.on(PARTIES, (201, answer), method="POST")
        result = base.connector.write_record(create(Description="Ромашка", Срок=30, Нет="x", Телефоны=[{"a": "1"}]))
    assert result.record.external_id == OTHER  # a base that takes no chosen key: the engine must bind this one
    assert result.differences == {
        "Ref_Key": (KEY, OTHER),
        "Description": ("Ромашка", "Рома"),
        "Нет": ("x", None),
        "Телефоны[1].LineNumber": ("1", None),
    }


@pytest.mark.parametrize(
    ("mine", "theirs", "same"),
    [
        (100, "100", True),
        (Decimal("100.00"), 100, True),
        ("1", "1      ", True),
        (KEY, KEY.upper(), True),
        (1, "x", False),
        (True, 1, True),
        (True, "true", False),
        ("a", None, False),
        ("", "", True),
        ("A", "a", False),
        ([{"x": 1}], [{"x": "1", "y": 2}], True),
        ([{"x": 1}], [], False),
        ([], None, False),
    ],
)
def test_notations_of_one_value_are_no_difference(mine: object, theirs: object, same: bool) -> None:
    assert (differences({"f": mine}, {"f": theirs}) == {}) is same


def test_a_change_sends_only_its_fields_to_the_object() -> None:
    resource = f"{PARTIES}(guid'{KEY}')"
    with fake_base(metadata=META) as base:
        base.on(resource, {"Ref_Key": KEY, "DataVersion": "V2", "ИНН": "7707083893"}, method="PATCH")
        result = base.connector.write_record(Write("change", PARTIES, KEY, {"ИНН": "7707083893"}))
    assert base.asked[-1].body == {"ИНН": "7707083893"}
    assert (result.differences, result.record.version) == ({}, "V2")


def test_a_change_decided_on_an_older_version_is_a_conflict_and_is_not_sent() -> None:
    resource = f"{PARTIES}(guid'{KEY}')"
    with fake_base(metadata=META) as base:
        base.on(resource, {"Ref_Key": KEY, "DataVersion": "V2"})
        with pytest.raises(ConflictError):
            base.connector.write_record(Write("change", PARTIES, KEY, {"ИНН": "1"}, version="V1"))
        base.on(resource, odata_error(404, "9"))
        with pytest.raises(RecordError):
            base.connector.write_record(Write("change", PARTIES, KEY, {"ИНН": "1"}, version="V1"))
    assert all(asked.method == "GET" for asked in base.asked)


def test_an_empty_answer_is_read_back() -> None:
    resource = f"{PARTIES}(guid'{KEY}')"
    with fake_base(metadata=META) as base:
        base.on(resource, (204, b""), method="PATCH")
        base.on(resource, {"Ref_Key": KEY, "DataVersion": "V2", "ИНН": "1"})
        assert base.connector.write_record(Write("change", PARTIES, KEY, {"ИНН": "1"})).record.version == "V2"
        base.on(resource, (503, "<html></html>"))
        with pytest.raises(UncertainOutcome):
            base.connector.write_record(Write("change", PARTIES, KEY, {"ИНН": "1"}))


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (odata_error(400, "15"), ConflictError),
        (odata_error(412, "0"), ConflictError),
        (odata_error(500, "-1", "Не удалось записать: ИНН занят"), RecordError),
        (odata_error(500, "-1", "Конфликт блокировок при выполнении транзакции"), TransientError),
        (odata_error(400, "4"), RecordError),
        ((403, {"exception": {"descr": "Начало сеанса с информационной базой запрещено."}}), TransientError),
        ((429, "<html></html>"), TransientError),
        ((500, "<html>1C:Enterprise 8 application error</html>"), UncertainOutcome),
        ((502, "<html></html>"), UncertainOutcome),
        ((504, b""), UncertainOutcome),
        ((201, b'{"Ref_Key":"1'), UncertainOutcome),
        ((200, "<html>login</html>"), UncertainOutcome),
        ((201, {"value": []}), UncertainOutcome),
        (requests.exceptions.ReadTimeout("slow"), UncertainOutcome),
        (requests.exceptions.ConnectTimeout("no way"), TransientError),
    ],
)
def test_what_became_of_a_write(reply: object, expected: type[SverkaError]) -> None:
    def answer(_: Asked) -> object:
        if isinstance(reply, Exception):
            raise reply
        return reply

    with fake_base(metadata=META) as base:
        base.on(PARTIES, answer, method="POST")
        with pytest.raises(SverkaError) as caught:
            base.connector.write_record(create(Description="x"))
    assert type(caught.value) is expected
    assert caught.value.where.external_id == KEY
    assert sum(asked.method == "POST" for asked in base.asked) == 1


def test_a_write_without_metadata_goes_as_the_mapping_spells_it() -> None:
    with fake_base() as base:
        base.on(PARTIES, kept, method="POST")
        base.connector.write_record(create(ИНН="7707083893", Группа=Reference("Catalog_Х", OTHER)))
    assert base.asked[-1].body == {"Ref_Key": KEY, "ИНН": "7707083893", "Группа_Key": OTHER}


# ---------------------------------------------------------------- looking for what is there


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"ИНН": "7707083893"}, "(ИНН eq '7707083893')"),
        ({"ИНН": "1", "КПП": "2"}, "(ИНН eq '1') and (КПП eq '2')"),
        ({"Description": "О'Хара"}, "(Description eq 'О''Хара')"),
        ({"Группа": KEY}, f"(Группа_Key eq guid'{KEY}')"),
        ({"Группа_Key": KEY}, f"(Группа_Key eq guid'{KEY}')"),
        ({"Объект": KEY}, f"(Объект eq cast(guid'{KEY}','Catalog_Контрагенты'))"),
        ({"Срок": "30"}, "(Срок eq 30)"),
        ({"IsFolder": "true"}, "(IsFolder eq true)"),
    ],
)
def test_conditions_are_spelt_by_type(conditions: dict[str, str], expected: str) -> None:
    with fake_base(metadata=META) as base:
        base.on(PARTIES, [{"Ref_Key": KEY, "ИНН": "1"}])
        found = base.connector.find_records(SOURCE, conditions)
    assert [record.external_id for record in found] == [KEY]
    assert base.asked[-1].options["$filter"] == f"(IsFolder eq false) and ({expected})"


def test_a_number_or_flag_cannot_smuggle_a_condition_in() -> None:
    with fake_base(metadata=META) as base:
        base.on(PARTIES, [])
        with pytest.raises(RecordError):
            base.connector.find_records(SOURCE, {"Срок": "1 or true"})


def test_a_search_that_fails_is_no_empty_answer() -> None:
    with fake_base(metadata=META) as base:
        base.on(PARTIES, odata_error(400, "6", "Сегмент пути ИНН не найден!"))
        with pytest.raises(SchemaDrift):
            base.connector.find_records(SOURCE, {"ИНН": "1"})


def test_the_fake_keeps_what_it_is_sent() -> None:
    """The tests above compare with the body as JSON; a Decimal must not have become text on the way."""
    body = sent(Сумма=Decimal("10.50"))
    assert json.loads(json.dumps(body))["Сумма"] == 10.5
