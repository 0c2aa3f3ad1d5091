"""What a base publishes: by `$metadata`, by its copy on disk, or by trying."""

from pathlib import Path

import pytest

from connectors.base import SourceSet, Window
from core.errors import ConfigError, SchemaDrift, TransientError
from tests.unit.connectors.fake_base import FakeBase, edmx, fake_base

A = "aaaaaaaa-0000-0000-0000-000000000001"
SHIPMENT = "Document_РеализацияТоваровУслуг"
SOURCE = SourceSet("shipment", SHIPMENT, posted="Posted", date="Date", counterparty="Контрагент")
PLAIN = {"Ref_Key": "Edm.Guid", "DataVersion": "Edm.String", "DeletionMark": "Edm.Boolean"}
KEYED = PLAIN | {"Posted": "Edm.Boolean", "Date": "Edm.DateTime", "Контрагент_Key": "Edm.Guid"}


def row(key: str) -> dict[str, object]:
    return {"Ref_Key": key, "DataVersion": "AAA=", "DeletionMark": False, "Posted": True}


def keys(base: FakeBase) -> list[str]:
    return [key.external_id for page in base.connector.fetch_keys(SOURCE, Window()) for key in page]


def test_metadata_tells_what_is_published_and_is_read_again_for_the_unknown() -> None:
    with fake_base() as base:
        base.on("$metadata", edmx({SHIPMENT: KEYED}), edmx({SHIPMENT: KEYED, "Catalog_Новый": PLAIN}))
        assert base.connector.is_published(SHIPMENT)
        base.clock.sleep(601)
        assert base.connector.is_published("Catalog_Новый")
        assert not base.connector.is_published("Catalog_Нет")
        assert not base.connector.is_published("Catalog_Нет2")
    assert base.resources().count("$metadata") == 2


def test_without_metadata_the_set_itself_is_asked() -> None:
    with fake_base() as base:
        base.on(SHIPMENT, [])
        assert base.connector.is_published(SHIPMENT)
        assert not base.connector.is_published("Catalog_Нет")
    assert base.resources().count("$metadata") == 1


@pytest.mark.parametrize(
    "unreadable",
    [
        (403, "<html>no</html>"),
        (404, "<html>no</html>"),
        (200, "<html>login</html>"),
        (200, "<edmx:Edmx cut"),
        (504, "<html>slow</html>"),
        (501, {"odata.error": {"code": "0", "message": "x"}}),
        (200, f"<edmx:x>{'x' * 70000}"),
    ],
)
def test_records_are_read_without_metadata(unreadable: object) -> None:
    with fake_base(metadata=unreadable, metadata_bytes=65536) as base:
        base.on(SHIPMENT, [row(A)])
        assert keys(base) == [A]


@pytest.mark.parametrize(("status", "error"), [(401, ConfigError), (500, TransientError), (503, TransientError)])
def test_a_base_that_does_not_answer_is_not_taken_for_one_without_metadata(status: int, error: type) -> None:
    with fake_base(metadata=(status, "<html>no</html>"), retry_seconds=0.0) as base, pytest.raises(error):
        keys(base)


def test_metadata_is_kept_on_disk_for_a_day(tmp_path: Path) -> None:
    for expected in (1, 0):
        with fake_base(metadata=edmx({SHIPMENT: KEYED}), cache_dir=tmp_path) as base:
            base.on(SHIPMENT, [row(A)])
            assert keys(base) == [A]
        assert base.resources().count("$metadata") == expected
    with fake_base(metadata=edmx({SHIPMENT: KEYED}), cache_dir=tmp_path) as base:
        base.clock.sleep(25 * 3600)
        base.on(SHIPMENT, [row(A)])
        keys(base)
    assert base.resources().count("$metadata") == 1


def test_a_broken_copy_on_disk_is_no_copy(tmp_path: Path) -> None:
    with fake_base(metadata=edmx({SHIPMENT: KEYED}), cache_dir=tmp_path) as base:
        assert base.connector.is_published(SHIPMENT)
    (copy,) = tmp_path.iterdir()
    copy.write_bytes(b"\xc1 no msgpack")
    with fake_base(metadata=edmx({SHIPMENT: KEYED}), cache_dir=tmp_path) as base:
        assert base.connector.is_published(SHIPMENT)
    assert base.resources() == ["$metadata"]


def test_a_copy_that_the_base_contradicts_is_dropped(tmp_path: Path) -> None:
    with fake_base(metadata=edmx({SHIPMENT: KEYED}), cache_dir=tmp_path) as base:
        with pytest.raises(SchemaDrift):
            keys(base)  # the set is in $metadata, and 404 with code 8 when asked
        assert list(tmp_path.iterdir()) == []
