"""Whatever comes in, a record comes out, or None, or a RecordError; equal content has an equal hash."""

import copy
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import RecordError
from mapping.hashing import hash_content
from mapping.rules import load_mapping

ZONE = ZoneInfo("Europe/Moscow")
BP30 = load_mapping("bp30")
SOURCES = [(entity, source.name) for entity in BP30.entities.values() for source in entity.sources]
NAMES = sorted(
    {
        name
        for entity, source in SOURCES
        for need in entity.needs(source)
        for head in (need.path.head, *need.path.leaves)
        for name in (head, f"{head}_Key", f"{head}_Type")
    }
    | {"Ref_Key", "DataVersion", "DeletionMark", "LineNumber", "Товары", "Услуги", "РасшифровкаПлатежа"}
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals()
    | st.floats()
    | st.text(alphabet=st.characters(codec=None), max_size=30)
    | st.sampled_from(
        [
            "0001-01-01T00:00:00",
            "2024-01-31T23:59:59",
            "9999-12-31T23:59:59",
            "StandardODATA.Undefined",
            "ОплатаПокупателя",
            "Телефон",
        ]
    )
    | st.uuids().map(str)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), inner, max_size=5)
    ),
    max_leaves=12,
)
records = st.dictionaries(st.sampled_from(NAMES), values, max_size=25)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(where=st.sampled_from(SOURCES), data=records, good=st.booleans())
def test_nothing_but_a_record_error(where, data, good):
    entity, source = where
    if good:
        data = data | {
            "Ref_Key": "A348AA8C-d629-11e5-0a9b-000c295e30eb",
            "Description": "X",
            "Date": "2024-01-31T23:59:59",
            "Posted": True,
            "СуммаДокумента": Decimal("1.5"),
            "IsFolder": entity.entity == "group",
            "Code": "643",
        }
    before = copy.deepcopy(data)
    try:
        record = entity.build(source, data, ZONE)
    except RecordError as error:
        assert 0 < len(error.message) < 500
        error.message.encode()
        return
    assert repr(before) == repr(data)  # what is landed is not touched
    if record is None:
        return
    assert record.external_id == record.external_id.lower()
    assert record.hash == entity.build(source, dict(reversed(data.items())), ZONE).hash
    assert all(isinstance(key, str | None) for key in record.refs.values())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=5), json_values, max_size=5))
def test_hash_does_not_see_the_order_of_keys(value):
    def turned(item: object) -> object:
        if isinstance(item, dict):
            return {key: turned(item[key]) for key in reversed(item)}
        return [turned(inner) for inner in item] if isinstance(item, list) else item

    assert hash_content(value) == hash_content(turned(value))


def test_hash_sees_content_and_nothing_else():
    build = BP30.entities["counterparty"].build
    data: dict[str, object] = {
        "Ref_Key": "a348aa8c-d629-11e5-0a9b-000c295e30eb",
        "Description": "X",
        "DataVersion": "1",
    }
    base = build("Catalog_Контрагенты", data, ZONE)
    assert base is not None

    def changed(**more: object) -> bool:
        record = build("Catalog_Контрагенты", data | more, ZONE)
        assert record is not None
        return record.hash != base.hash

    assert not changed(DataVersion="2", Неизвестное="поле", Description="X   ")
    assert changed(Description="Y")
    assert changed(DeletionMark=True)
    assert changed(Parent_Key="b348aa8c-d629-11e5-0a9b-000c295e30eb")
    assert changed(КонтактнаяИнформация=[{"Тип": "Телефон", "Представление": "+74951234567"}])
    paper: dict[str, object] = data | {"Date": "2024-01-01", "Posted": True, "СуммаДокумента": Decimal(100)}
    first, second, third = (
        BP30.entities["shipment"].build(
            "Document_РеализацияТоваровУслуг", paper | {"СуммаДокумента": amount, "Товары": [{"Сумма": line}]}, ZONE
        )
        for amount, line in ((Decimal("100"), 1), (Decimal("100.00"), Decimal("1.0")), (100, 2))
    )
    assert first is not None
    assert second is not None
    assert third is not None
    assert first.hash == second.hash != third.hash
