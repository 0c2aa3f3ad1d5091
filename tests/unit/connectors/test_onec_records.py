"""Reading sets of a base that spells things its own way, moves while it is read, or runs out of memory."""

from datetime import UTC, datetime

import pytest

from connectors.base import SourceSet, Window
from connectors.onec_odata import records as module
from core.errors import ConfigError, NotFound, SchemaDrift, TransientError
from tests.unit.connectors.fake_base import Asked, FakeBase, edmx, fake_base, missing_field, odata_error

A, B, C = (f"{letter * 8}-0000-0000-0000-000000000001" for letter in "abc")
PARTY = "1fa1a135-d89b-11e6-8343-40167e2531c3"
SHIPMENT = "Document_РеализацияТоваровУслуг"
SOURCE = SourceSet("shipment", SHIPMENT, posted="Posted", date="Date", counterparty="Контрагент")
PLAIN = {"Ref_Key": "Edm.Guid", "DataVersion": "Edm.String", "DeletionMark": "Edm.Boolean"}
KEYED = PLAIN | {"Posted": "Edm.Boolean", "Date": "Edm.DateTime", "Контрагент_Key": "Edm.Guid"}
COMPOSITE = PLAIN | {"Posted": "Edm.Boolean", "Контрагент": "Edm.String", "Контрагент_Type": "Edm.String"}


def row(key: str, **more: object) -> dict[str, object]:
    return {"Ref_Key": key, "DataVersion": "AAA=", "DeletionMark": False, "Posted": True} | more


def keys(base: FakeBase, source: SourceSet = SOURCE) -> list[str]:
    return [key.external_id for page in base.connector.fetch_keys(source, Window()) for key in page]


# ---------------------------------------------------------------- questions


def test_a_window_is_asked_in_accountings_wall_clock_time() -> None:
    window = Window(datetime(2026, 1, 31, 21, 0, tzinfo=UTC), datetime(2026, 2, 28, 21, 0, tzinfo=UTC))
    with fake_base(metadata=edmx({SHIPMENT: KEYED})) as base:
        base.on(SHIPMENT, [row(A.upper())])
        page = base.connector.fetch_page(SOURCE, window, 40)
    asked = base.asked[-1]
    assert asked.options["$filter"] == (
        "(Date ge datetime'2026-02-01T00:00:00' and Date lt datetime'2026-03-01T00:00:00')"
    )
    assert (asked.options["$orderby"], asked.options["$top"], asked.options["$skip"]) == ("Ref_Key", "20", "40")
    assert "$count" not in asked.raw
    assert "$inlinecount" not in asked.raw
    assert "+" not in asked.raw
    assert [record.external_id for record in page.records] == [A]
    assert page.next_position is None


def test_a_full_page_says_where_the_next_one_starts() -> None:
    with fake_base(metadata=edmx({SHIPMENT: KEYED})) as base:
        base.on(SHIPMENT, [row(f"{n:08x}-0000-0000-0000-000000000000") for n in range(20)])
        assert base.connector.fetch_page(SOURCE, Window(), 100).next_position == 120


def test_a_record_keeps_its_bytes_version_and_marks() -> None:
    raw = f'{{"Ref_Key":"{A}","DataVersion":"V1","DeletionMark":true,"Posted":true,"Сумма":0.10}}'
    with fake_base(metadata=edmx({SHIPMENT: KEYED})) as base:
        base.on(SHIPMENT, (200, f'{{"value":[{raw}]}}'.encode()))
        record = base.connector.fetch_page(SOURCE, Window(), 0).records[0]
    assert (record.raw, record.version, record.deleted) == (raw.encode(), "V1", True)
    assert (record.source, record.entity) == (SHIPMENT, "shipment")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("IsFolder eq false", ""),
        ("(IsFolder eq false)", ""),
        ("IsFolder eq false and Покупатель eq true", "Покупатель eq true"),
        ("Покупатель eq true and IsFolder eq false", "Покупатель eq true"),
        ("a eq 1 and IsFolder eq false and b eq 2", "a eq 1 and b eq 2"),
        ("a eq 1 or IsFolder eq false", "a eq 1 or IsFolder eq false"),
        ("not IsFolder eq false", "not IsFolder eq false"),
        ("a eq 1", "a eq 1"),
    ],
)
def test_the_folder_condition_goes_where_there_are_no_folders(given: str, kept: str) -> None:
    source = SourceSet("counterparty", "Catalog_Контрагенты", filter=given)
    with fake_base(metadata=edmx({"Catalog_Контрагенты": PLAIN})) as base:
        base.on("Catalog_Контрагенты", [])
        base.connector.fetch_page(source, Window(), 0)
    assert base.asked[-1].options.get("$filter", "") == (f"({kept})" if kept else "")


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("condition", ["IsFolder eq true", "IsFolder ne false and a eq 1"])
def test_folders_of_a_set_that_has_none_are_none_not_everything(condition: str, known: bool) -> None:
    source = SourceSet("group", "Catalog_Контрагенты", filter=condition)
    with fake_base(metadata=edmx({"Catalog_Контрагенты": PLAIN}) if known else None) as base:
        base.on("Catalog_Контрагенты", lambda a: missing_field("IsFolder") if "$filter" in a.options else [row(A)])
        assert base.connector.fetch_page(source, Window(), 0).records == []
        assert keys(base, source) == []
        assert base.connector.fetch_records(source, [A]) == []
    assert base.resources().count("Catalog_Контрагенты") == (0 if known else 1)


def test_the_folder_condition_stays_where_there_are_folders() -> None:
    source = SourceSet("counterparty", "Catalog_Контрагенты", filter="IsFolder eq false")
    with fake_base(metadata=edmx({"Catalog_Контрагенты": PLAIN | {"IsFolder": "Edm.Boolean"}})) as base:
        base.on("Catalog_Контрагенты", [])
        base.connector.fetch_page(source, Window(), 0)
    assert base.asked[-1].options["$filter"] == "(IsFolder eq false)"


def test_a_missing_folder_field_is_learnt_once_where_there_is_no_metadata() -> None:
    def answer(asked: Asked) -> object:
        return missing_field("IsFolder") if "IsFolder" in asked.options.get("$filter", "") else [row(A)]

    source = SourceSet("counterparty", "Catalog_Контрагенты", filter="IsFolder eq false")
    with fake_base() as base:
        base.on("Catalog_Контрагенты", answer)
        assert len(base.connector.fetch_page(source, Window(), 0).records) == 1
        assert len(base.connector.fetch_page(source, Window(), 0).records) == 1
    assert base.resources().count("Catalog_Контрагенты") == 3


@pytest.mark.parametrize("known", [True, False])
def test_standard_fields_that_a_base_lacks_are_not_asked_for(known: bool) -> None:
    """AccountingSuite's or a home-made set may have no DataVersion, DeletionMark or Posted."""

    def answer(asked: Asked) -> object:
        chosen = asked.options["$select"].split(",")
        lacking = [name for name in ("DataVersion", "DeletionMark", "Posted") if name in chosen]
        return missing_field(lacking[0]) if lacking else [{"Ref_Key": A}]

    with fake_base(metadata=edmx({SHIPMENT: {"Ref_Key": "Edm.Guid"}}) if known else None) as base:
        base.on(SHIPMENT, answer)
        found = [key for page in base.connector.fetch_keys(SOURCE, Window()) for key in page]
    assert [(key.external_id, key.version, key.deleted, key.posted) for key in found] == [(A, "", False, None)]
    assert base.resources().count(SHIPMENT) == (1 if known else 4)


# ---------------------------------------------------------------- spelling of references


@pytest.mark.parametrize(
    ("fields", "condition"),
    [
        (KEYED, f"Контрагент_Key eq guid'{PARTY}'"),
        (COMPOSITE, f"Контрагент eq cast(guid'{PARTY}','Catalog_Контрагенты')"),
    ],
)
def test_a_counterparty_is_asked_for_as_metadata_spells_it(fields: dict[str, str], condition: str) -> None:
    with fake_base(metadata=edmx({SHIPMENT: fields})) as base:
        base.on(SHIPMENT, [row(A), row(B)])
        found = base.connector.fetch_customer_keys(SOURCE, PARTY.upper(), Window())
    assert [key.external_id for key in found] == [A, B]
    assert base.asked[-1].options["$filter"] == f"({condition})"
    assert base.resources().count(SHIPMENT) == 1


def test_without_metadata_both_spellings_are_tried_and_the_right_one_kept() -> None:
    def answer(asked: Asked) -> object:
        return missing_field("Контрагент_Key") if "_Key eq" in asked.options["$filter"] else [row(A)]

    with fake_base() as base:
        base.on(SHIPMENT, answer)
        for _ in range(2):
            assert len(base.connector.fetch_customer_keys(SOURCE, PARTY, Window())) == 1
    tried = [asked.options["$filter"] for asked in base.asked if asked.resource == SHIPMENT]
    assert sum("_Key eq" in condition for condition in tried) == 1


def test_an_attribute_that_is_nowhere_is_schema_drift() -> None:
    with fake_base(metadata=edmx({SHIPMENT: PLAIN})) as base:
        base.on(SHIPMENT, [])
        with pytest.raises(SchemaDrift, match="Контрагент"):
            base.connector.fetch_customer_keys(SOURCE, PARTY, Window())


def test_a_filter_that_1c_refuses_is_its_own_words_not_a_missing_attribute() -> None:
    with fake_base(metadata=edmx({SHIPMENT: KEYED})) as base:
        base.on(SHIPMENT, odata_error(400, "14", "Ошибка при разборе опции запроса $filter"))
        with pytest.raises(SchemaDrift, match="разборе"):
            base.connector.fetch_customer_keys(SOURCE, PARTY, Window())


# ---------------------------------------------------------------- sweeps


class Moving:
    """A set of rows that changes between pages."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.moves: list[list[str]] = []

    def __call__(self, asked: Asked) -> object:
        skip, top = int(asked.options.get("$skip", 0)), int(asked.options["$top"])
        page = self.names[skip : skip + top]
        if self.moves:
            self.names = self.moves.pop(0)
        return [row(name) for name in page]


def names(*numbers: int) -> list[str]:
    return [f"{number:08x}-0000-0000-0000-000000000000" for number in numbers]


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SWEEP_PAGE", 3)


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 6, 7, 8, 20])
def test_a_sweep_gives_every_key_once(count: int) -> None:
    with fake_base(metadata=edmx({SHIPMENT: KEYED})) as base:
        base.on(SHIPMENT, Moving(names(*range(count))))
        assert keys(base) == names(*range(count))


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("moved", [[0, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6], [0, 100, 1, 2, 3, 4, 5, 6]])
def test_rows_that_shift_between_pages_are_noticed(moved: list[int]) -> None:
    """A row vanished or came before the page's edge: without the overlap one key would be missed."""
    moving = Moving(names(0, 1, 2, 3, 4, 5, 6))
    moving.moves = [names(*moved)]
    with fake_base(metadata=edmx({SHIPMENT: KEYED})) as base:
        base.on(SHIPMENT, moving)
        found = keys(base)
    assert set(found) >= set(names(*moved))
    assert len(found) == len(set(found))


@pytest.mark.usefixtures("small_pages")
def test_a_set_that_never_rests_is_not_complete() -> None:
    moving = Moving(names(*range(10)))
    moving.moves = [names(*range(n, n + 10)) for n in range(1, 50)]
    with fake_base(metadata=edmx({SHIPMENT: KEYED})) as base:
        base.on(SHIPMENT, moving)
        with pytest.raises(TransientError, match="not complete"):
            keys(base)


@pytest.mark.usefixtures("small_pages")
def test_a_sweep_cut_by_an_error_does_not_end_quietly() -> None:
    with fake_base(metadata=edmx({SHIPMENT: KEYED})) as base:
        base.on(SHIPMENT, [row(name) for name in names(0, 1, 2)], (200, "<html>login</html>"))
        with pytest.raises(TransientError, match="web page"):
            keys(base)


# ---------------------------------------------------------------- too much at once


def test_a_page_too_heavy_for_1c_is_asked_for_smaller() -> None:
    def answer(asked: Asked) -> object:
        heavy = int(asked.options["$top"]) > 2
        return odata_error(500, "-1", "Недостаточно памяти на сервере 1С") if heavy else [row(A)]

    with fake_base(metadata=edmx({SHIPMENT: KEYED})) as base:
        base.on(SHIPMENT, answer)
        assert len(base.connector.fetch_page(SOURCE, Window(), 0).records) == 1
    assert [asked.options["$top"] for asked in base.asked if asked.resource == SHIPMENT] == ["20", "5", "1"]


def test_keys_that_are_too_many_at_once_are_asked_for_fewer_and_all_come() -> None:
    moving = Moving(names(*range(300)))

    def answer(asked: Asked) -> object:
        heavy = int(asked.options["$top"]) > 130
        return odata_error(500, "-1", "Недостаточно памяти на сервере 1С") if heavy else moving(asked)

    with fake_base(metadata=edmx({SHIPMENT: KEYED})) as base:
        base.on(SHIPMENT, answer)
        assert keys(base) == names(*range(300))
        figures = [row for page in base.connector.fetch_figures(SOURCE, Window(), ()) for row in page]
        assert [one.key.external_id for one in figures] == names(*range(300))
    tops = [asked.options["$top"] for asked in base.asked if asked.resource == SHIPMENT]
    assert tops == ["2000", "500", *["125"] * 6], "what was too much is not asked for again"


def test_a_sweep_that_is_too_much_however_few_is_an_error() -> None:
    with fake_base(metadata=edmx({SHIPMENT: KEYED})) as base:
        base.on(SHIPMENT, odata_error(500, "-1", "Недостаточно памяти"))
        with pytest.raises(TransientError, match="memory"):
            keys(base)
    tops = [asked.options["$top"] for asked in base.asked if asked.resource == SHIPMENT]
    assert tops == ["2000", "500", "125", "31", "20"]


def test_a_page_over_the_limit_is_asked_for_smaller() -> None:
    def answer(asked: Asked) -> object:
        return [row(A, Комментарий="я" * 4000) for _ in range(int(asked.options["$top"]))]

    with fake_base(metadata=edmx({SHIPMENT: KEYED}), response_bytes=65536, page_bytes=65536) as base:
        base.on(SHIPMENT, answer)
        assert len(base.connector.fetch_page(SOURCE, Window(), 0).records) == 5


def test_one_object_too_heavy_is_an_error() -> None:
    with fake_base(metadata=edmx({SHIPMENT: KEYED})) as base:
        base.on(SHIPMENT, odata_error(500, "-1", "Недостаточно памяти"))
        with pytest.raises(TransientError, match="memory"):
            base.connector.fetch_page(SOURCE, Window(), 0)


# ---------------------------------------------------------------- by key


def test_records_are_asked_for_in_batches_that_iis_takes() -> None:
    wanted = names(*range(45))
    with fake_base(metadata=edmx({SHIPMENT: KEYED})) as base:
        base.on(SHIPMENT, lambda asked: [row(k) for k in wanted if k in asked.options["$filter"]])
        found = base.connector.fetch_records(SOURCE, [*wanted, wanted[0].upper()])
    assert [record.external_id for record in found] == wanted
    asked = [asked for asked in base.asked if asked.resource == SHIPMENT]
    assert len(asked) == 3
    assert max(len(each.raw.partition("?")[2]) for each in asked) < 2048


def test_a_batch_too_long_for_the_web_server_is_halved() -> None:
    def answer(asked: Asked) -> object:
        chosen = [k for k in names(*range(20)) if k in asked.options["$filter"]]
        return (400, "<html>Bad Request - Invalid URL</html>") if len(chosen) > 5 else [row(k) for k in chosen]

    with fake_base(metadata=edmx({SHIPMENT: KEYED})) as base:
        base.on(SHIPMENT, answer)
        assert len(base.connector.fetch_records(SOURCE, names(*range(20)))) == 20


def test_no_keys_ask_nothing() -> None:
    with fake_base() as base:
        assert base.connector.fetch_records(SOURCE, []) == []
    assert base.asked == []


def test_only_1cs_own_word_is_no_such_object() -> None:
    resource = f"{SHIPMENT}(guid'{A}')"
    with fake_base(metadata=edmx({SHIPMENT: KEYED})) as base:
        base.on(resource, odata_error(404, "9"), (404, "<html>Not Found</html>"), odata_error(404, "8"), row(B), row(A))
        for expected in (NotFound, ConfigError, SchemaDrift, TransientError):
            with pytest.raises(expected) as caught:
                base.connector.fetch_record(SOURCE, A)
            assert type(caught.value) is expected
        assert base.connector.fetch_record(SOURCE, A.upper()).external_id == A


def test_a_row_without_its_key_is_no_answer() -> None:
    with fake_base(metadata=edmx({SHIPMENT: KEYED})) as base:
        base.on(SHIPMENT, [{"DataVersion": "A"}])
        with pytest.raises(TransientError, match="Ref_Key"):
            base.connector.fetch_page(SOURCE, Window(), 0)


@pytest.mark.parametrize(
    "bad", [{"DeletionMark": "?"}, {"DeletionMark": None}, {"Posted": 1}, {"DataVersion": 7}, {"DataVersion": None}]
)
def test_a_mark_that_is_gone_or_retyped_does_not_pass_for_none(bad: dict[str, object]) -> None:
    with fake_base(metadata=edmx({SHIPMENT: KEYED})) as base:
        base.on(SHIPMENT, [row(A) | bad])
        with pytest.raises(SchemaDrift, match=next(iter(bad))):
            keys(base)
        with pytest.raises(SchemaDrift):
            base.connector.fetch_page(SOURCE, Window(), 0)


@pytest.mark.parametrize("bad", ["?", "", None, 5, "1fa1a135d89b11e683430000"])
def test_a_key_that_is_none_is_no_answer(bad: object) -> None:
    with fake_base(metadata=edmx({SHIPMENT: KEYED})) as base:
        base.on(SHIPMENT, [row(A) | {"Ref_Key": bad}])
        with pytest.raises(TransientError):
            keys(base)
