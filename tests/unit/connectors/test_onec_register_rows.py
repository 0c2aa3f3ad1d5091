"""Rows of a register, which have no key of their own: how they are written, found again and told apart."""

from typing import Any

import pytest

from connectors.base import Reference, Write
from core.errors import ConflictError, SchemaDrift, UncertainOutcome
from mapping.model import SourceSet
from tests.unit.connectors.fake_base import FakeBase, edmx, fake_base, odata_error

PARTIES, KINDS, SET = "Catalog_Контрагенты", "Catalog_Виды", "InformationRegister_Контакты"
A = "aaaaaaaa-0000-4000-8000-000000000001"
K = "bbbbbbbb-0000-4000-8000-000000000001"
COMPOSITE = {
    SET: {
        "Объект": "Edm.String", "Объект_Type": "Edm.String", "Тип": "Edm.String", "Вид": "Edm.String",
        "Вид_Type": "Edm.String", "Представление": "Edm.String",
    }
}  # fmt: skip
KEYED = {SET: {"Объект_Key": "Edm.Guid", "Тип": "Edm.String", "Вид_Key": "Edm.Guid", "Представление": "Edm.String"}}
KEPT = {
    "Объект": A, "Объект_Type": f"StandardODATA.{PARTIES}", "Тип": "Телефон", "Вид": "Телефон 2",
    "Вид_Type": "Edm.String", "Представление": "+7 1",
}  # fmt: skip


def write(kind: object = "Телефон 2") -> Write:
    body: dict[str, object] = {"Объект": Reference(PARTIES, A), "Тип": "Телефон", "Вид": kind, "Представление": "+7 1"}
    return Write("create", SET, "", body, known_by=("Объект", "Тип", "Вид"))


def sent(base: FakeBase) -> Any:
    (asked,) = [one for one in base.asked if one.method == "POST"]
    return asked.body


def test_a_row_is_sent_with_types_and_without_a_key() -> None:
    with fake_base(metadata=edmx(COMPOSITE)) as base:
        base.on(SET, KEPT, method="POST")
        result = base.connector.write_record(write())
    assert sent(base) == KEPT
    assert (result.record.external_id, result.differences) == (A, {})


def test_a_kind_that_is_an_object_is_sent_as_one() -> None:
    kept = KEPT | {"Вид": K, "Вид_Type": f"StandardODATA.{KINDS}"}
    with fake_base(metadata=edmx(COMPOSITE)) as base:
        base.on(SET, kept, method="POST")
        base.connector.write_record(write(Reference(KINDS, K)))
    assert sent(base) == kept


def test_a_base_of_other_spelling_is_written_in_its_own() -> None:
    kept = {"Объект_Key": A, "Тип": "Телефон", "Вид_Key": K, "Представление": "+7 1"}
    with fake_base(metadata=edmx(KEYED)) as base:
        base.on(SET, kept, method="POST")
        result = base.connector.write_record(write(Reference(KINDS, K)))
    assert sent(base) == kept
    assert (result.record.external_id, result.differences) == (A, {})


def test_an_empty_answer_is_read_back_by_what_the_row_is_known_by() -> None:
    with fake_base(metadata=edmx(COMPOSITE)) as base:
        base.on(SET, (200, b""), method="POST")
        base.on(SET, [KEPT])
        assert base.connector.write_record(write()).record.external_id == A
    assert base.asked[-1].options["$filter"] == (
        f"((Объект eq cast(guid'{A}','{PARTIES}')) and (Тип eq 'Телефон') and (Вид eq 'Телефон 2'))"
    )


def test_a_row_that_is_not_there_after_an_empty_answer_is_uncertain() -> None:
    with fake_base(metadata=edmx(COMPOSITE)) as base:
        base.on(SET, (200, b""), method="POST")
        base.on(SET, [])
        with pytest.raises(UncertainOutcome):
            base.connector.write_record(write())


def test_a_row_that_is_there_already_is_a_conflict() -> None:
    with fake_base(metadata=edmx(COMPOSITE)) as base:
        base.on(SET, odata_error(400, "15", "уже существует"), method="POST")
        with pytest.raises(ConflictError):
            base.connector.write_record(write())


@pytest.mark.parametrize(
    ("shapes", "condition"),
    [(COMPOSITE, f"Вид eq cast(guid'{K}','{KINDS}')"), (KEYED, f"Вид_Key eq guid'{K}'")],
    ids=["composite", "keyed"],
)
def test_rows_are_found_by_a_reference_to_any_set(shapes: dict[str, dict[str, str]], condition: str) -> None:
    found = {"Объект": A} if shapes is COMPOSITE else {"Объект_Key": A}
    with fake_base(metadata=edmx(shapes)) as base:
        base.on(SET, [found])
        source = SourceSet(entity="", name=SET, key="Объект")
        (record,) = base.connector.find_records(source, {"Вид": Reference(KINDS, K)})
    assert base.asked[-1].options["$filter"] == f"(({condition}))"
    assert base.asked[-1].options["$orderby"] in found
    assert record.external_id == A


def test_a_reference_that_the_base_does_not_have_is_drift() -> None:
    with fake_base(metadata=edmx(COMPOSITE)) as base, pytest.raises(SchemaDrift, match="Владелец"):
        base.connector.find_records(SourceSet(entity="", name=SET, key="Объект"), {"Владелец": Reference(KINDS, K)})
