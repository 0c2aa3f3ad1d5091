"""Rows of a register read as a section of their record: what is asked, how changes of them are seen."""

from collections.abc import Sequence

import pytest

from connectors.base import KeyRow, RawRecord, Window
from connectors.onec_odata import joins
from core.errors import SchemaDrift
from mapping.model import JoinedRows, SourceSet
from tests.unit.connectors.fake_base import Asked, Reply, edmx, fake_base

PARTIES, CONTACTS = "Catalog_Контрагенты", "InformationRegister_КонтактнаяИнформация"
A, B, C = (f"{letter * 8}-0000-4000-8000-000000000001" for letter in "abc")
JOIN = JoinedRows("КонтактнаяИнформация", CONTACTS, "Объект", ("Тип", "Вид", "Представление"))
SOURCE = SourceSet("counterparty", PARTIES, joins=(JOIN,))
SHAPES = {
    PARTIES: {"Ref_Key": "Edm.Guid", "DataVersion": "Edm.String", "DeletionMark": "Edm.Boolean"},
    CONTACTS: {
        "Объект": "Edm.String",
        "Объект_Type": "Edm.String",
        "Тип": "Edm.String",
        "Вид": "Edm.String",
        "Вид_Type": "Edm.String",
        "Представление": "Edm.String",
        "Комментарий": "Edm.String",
    },
}


def party(key: str, version: str = "V=") -> dict[str, object]:
    return {"Ref_Key": key, "DataVersion": version, "DeletionMark": False}


def contact(owner: str, text: str, kind: str = "Телефон", of: str = PARTIES) -> dict[str, object]:
    return {
        "Объект": owner,
        "Объект_Type": f"StandardODATA.{of}",
        "Тип": kind,
        "Вид": "рабочий",
        "Вид_Type": "Edm.String",
        "Представление": text,
    }


def versions(parties: list[dict[str, object]], contacts: list[dict[str, object]], way: str) -> dict[str, str]:
    """The versions that a sweep, a page or a direct question gives."""
    with fake_base(metadata=edmx(SHAPES)) as base:
        base.on(PARTIES, parties)
        base.on(CONTACTS, contacts)
        for one in parties:
            base.on(f"{PARTIES}(guid'{one['Ref_Key']}')", one)
        found: Sequence[KeyRow | RawRecord]
        if way == "sweep":
            found = [row for page in base.connector.fetch_keys(SOURCE, Window()) for row in page]
        elif way == "page":
            found = base.connector.fetch_page(SOURCE, Window(), 0).records
        else:
            found = [base.connector.fetch_record(SOURCE, str(one["Ref_Key"])) for one in parties]
        return {row.external_id: row.version for row in found}


def joined(record: RawRecord) -> list[dict[str, object]]:
    rows = record.data["КонтактнаяИнформация"]
    assert isinstance(rows, list)
    return rows


def test_the_rows_stand_in_the_record_as_its_section() -> None:
    with fake_base(metadata=edmx(SHAPES)) as base:
        base.on(PARTIES, [party(A), party(B)])
        base.on(CONTACTS, [contact(A, "+7 1"), contact(A.upper(), "a@b.ru", "АдресЭлектроннойПочты"), contact(C, "x")])
        first, second = base.connector.fetch_page(SOURCE, Window(), 0).records
    assert [row["Представление"] for row in joined(first)] == ["a@b.ru", "+7 1"]
    assert second.data["КонтактнаяИнформация"] == []
    assert "Объект" not in joined(first)[0]
    assert b"+7 1" in first.raw


def test_the_register_is_asked_by_its_owner_with_the_columns_that_are_read() -> None:
    with fake_base(metadata=edmx(SHAPES)) as base:
        base.on(PARTIES, [party(A), party(B)])
        base.on(CONTACTS, [])
        base.connector.fetch_page(SOURCE, Window(), 0)
    asked = base.asked[-1].options
    assert asked["$filter"] == (f"(Объект eq cast(guid'{A}','{PARTIES}') or Объект eq cast(guid'{B}','{PARTIES}'))")
    assert asked["$select"] == "Объект,Объект_Type,Тип,Вид,Вид_Type,Представление"


def test_no_question_is_longer_than_web_servers_take() -> None:
    keys = [f"{number:08x}-0000-4000-8000-000000000001" for number in range(12)]
    with fake_base(metadata=edmx(SHAPES)) as base:
        base.on(PARTIES, [party(key) for key in keys])
        base.on(CONTACTS, [])
        base.connector.fetch_page(SOURCE, Window(), 0)
    asked = [one for one in base.asked if one.resource == CONTACTS]
    assert all(len(one.raw.partition("?")[2]) <= 2048 for one in asked)
    assert 2 <= len(asked) < 6
    assert all(any(key in one.options["$filter"] for one in asked) for key in keys)


@pytest.mark.parametrize("way", ["sweep", "page", "direct"])
def test_every_way_of_reading_gives_the_same_version(way: str) -> None:
    parties = [party(A), party(B)]
    contacts = [contact(A, "+7 1"), contact(A, "+7 2"), contact(B, "+7 3"), contact(A, "x", of="Catalog_Организации")]
    expected = versions(parties, contacts, "sweep")
    assert versions(parties, list(reversed(contacts)), way) == expected
    assert all(version.startswith("V=~") for version in expected.values())
    assert joins.own_version(expected[A]) == "V="


@pytest.mark.parametrize(
    "after",
    [
        [],
        [contact(A, "+7 1"), contact(A, "+7 1")],
        [contact(A, "+7 2")],
        [contact(A, "+7 1", "Факс")],
        [contact(B, "+7 1")],
    ],
    ids=["gone", "twice", "edited", "another kind", "moved"],
)
def test_a_change_of_the_rows_is_a_change_of_the_record(after: list[dict[str, object]]) -> None:
    before = versions([party(A)], [contact(A, "+7 1")], "sweep")
    assert versions([party(A)], after, "sweep") != before


def test_what_the_mapping_does_not_read_is_no_change() -> None:
    before = versions([party(A)], [contact(A, "+7 1")], "page")
    assert versions([party(A)], [contact(A, "+7 1 ") | {"Комментарий": "позвонить"}], "page") == before


def test_the_register_is_read_whole_once_a_cycle_and_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joins, "PAGE", 2)

    def pages(asked: Asked) -> Reply:
        rows = [contact(A, "1"), contact(A, "2"), contact(B, "3")]
        skip = int(asked.options.get("$skip", "0"))
        return 200, {"value": rows[skip : skip + int(asked.options["$top"])]}

    with fake_base(metadata=edmx(SHAPES)) as base:
        base.on(PARTIES, [party(A), party(B)])
        base.on(CONTACTS, pages)
        first = list(base.connector.fetch_keys(SOURCE, Window()))
        assert list(base.connector.fetch_keys(SOURCE, Window())) == first
        assert base.resources().count(CONTACTS) == 2
        base.clock.sleep(joins.FRESH_SECONDS + 1)
        list(base.connector.fetch_keys(SOURCE, Window()))
        assert base.resources().count(CONTACTS) == 4


def test_a_base_without_the_register_is_read_as_it_is() -> None:
    shapes = {PARTIES: SHAPES[PARTIES]}
    with fake_base(metadata=edmx(shapes)) as base:
        base.on(PARTIES, [party(A)])
        record = base.connector.fetch_page(SOURCE, Window(), 0).records[0]
        keys = list(base.connector.fetch_keys(SOURCE, Window()))
    assert (record.version, "КонтактнаяИнформация" in record.data) == ("V=", False)
    assert keys[0][0].version == "V="


def test_without_metadata_the_register_is_tried_and_its_owner_may_be_spelt_either_way() -> None:
    def by_key(asked: Asked) -> Reply | None:
        if "Объект_Key" in asked.options.get("$filter", ""):
            return 400, {"odata.error": {"code": "6", "message": {"lang": "ru", "value": "Сегмент пути Объект_Key"}}}
        return None

    with fake_base() as base:
        base.on(PARTIES, [party(A)])
        base.on(CONTACTS, [contact(A, "+7 1")])
        base.routes.append(lambda asked: by_key(asked) if asked.resource == CONTACTS else None)
        record = base.connector.fetch_page(SOURCE, Window(), 0).records[0]
    assert [row["Представление"] for row in joined(record)] == ["+7 1"]


def test_rows_without_any_of_the_fields_are_drift() -> None:
    with fake_base(metadata=edmx(SHAPES)) as base:
        base.on(PARTIES, [party(A)])
        base.on(CONTACTS, [{"Объект": A, "Объект_Type": f"StandardODATA.{PARTIES}"}])
        with pytest.raises(SchemaDrift, match="none of Тип, Вид, Представление"):
            base.connector.fetch_page(SOURCE, Window(), 0)


def test_many_records_are_not_asked_for_by_name_but_the_register_is_read_once() -> None:
    keys = [f"{number:08x}-0000-4000-8000-000000000001" for number in range(60)]
    rows = [contact(key, f"+7 {key[:8]}") for key in keys] + [contact(A, "nobody's here")]
    parties = [party(key) for key in keys]
    with fake_base(metadata=edmx(SHAPES)) as base:
        base.on(PARTIES, parties)
        base.on(CONTACTS, [*rows, rows[0]])  # the first is met twice: rows have shifted
        records = base.connector.fetch_page(SOURCE, Window(), 0).records
    (asked,) = [one for one in base.asked if one.resource == CONTACTS]
    assert "$filter" not in asked.options
    assert [joined(record)[0]["Представление"] for record in records] == [f"+7 {key[:8]}" for key in keys]
    assert all(len(joined(record)) == 1 for record in records)
    assert {record.external_id: record.version for record in records} == versions(parties, rows, "sweep")


def test_a_register_known_to_be_large_is_asked_by_name_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joins, "PAGE", 2)
    keys = [f"{number:08x}-0000-4000-8000-000000000001" for number in range(60)]

    def some(asked: Asked) -> Reply:
        rows = [contact(key, "1") for key in keys] if "$filter" not in asked.options else []
        skip = int(asked.options.get("$skip", "0"))
        return 200, {"value": rows[skip : skip + int(asked.options.get("$top", "100"))]}

    with fake_base(metadata=edmx(SHAPES)) as base:
        base.on(PARTIES, [party(key) for key in keys])
        base.on(CONTACTS, some)
        list(base.connector.fetch_keys(SOURCE, Window()))
        asked = len(base.asked)
        base.connector.fetch_records(SOURCE, keys)
    later = [one for one in base.asked[asked:] if one.resource == CONTACTS]
    assert later and all("$filter" in one.options for one in later)
