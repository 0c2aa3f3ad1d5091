"""Landing: what was received comes back byte for byte."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select

from store import landing
from store.landing import Landed
from store.tables import landing as table
from tests.integration.store.filling import NOW


def landed(number: int, entity: str = "order", source: str = "Document_A", raw: bytes | None = None) -> Landed:
    text = raw if raw is not None else f'{{"имя": "{number}", "сумма": 1500.10}}'.encode()
    return Landed("accounting", entity, f"{number:05}", source, f"v{number}", text, f"h{number}", NOW)


@pytest.mark.parametrize("number", [3, 1500])
def test_saved_and_loaded(engine: Engine, number: int) -> None:
    records = [landed(n) for n in range(number)]
    with engine.begin() as conn:
        landing.save(conn, records)
        landing.save(conn, [landed(1, "payment", raw=b"")])
    with engine.connect() as conn:
        assert landing.load(conn, "accounting", "order", [f"{n:05}" for n in range(number + 5)]) == {
            record.external_id: record for record in records
        }
        assert landing.load(conn, "accounting", "payment", ["00001"])["00001"].raw == b""
        assert landing.load(conn, "other", "order", ["00001"]) == {}


def test_a_later_version_replaces(engine: Engine) -> None:
    later = Landed("accounting", "order", "00001", "Document_B", "v2", b"{}", "h2", NOW + timedelta(hours=1))
    with engine.begin() as conn:
        landing.save(conn, [landed(1)])
        landing.save(conn, [later])
        assert landing.load(conn, "accounting", "order", ["00001"]) == {"00001": later}


def test_kept_compressed(engine: Engine) -> None:
    with engine.begin() as conn:
        landing.save(conn, [landed(1, raw=b"a" * 100_000)])
        assert (conn.scalar(select(func.length(table.c.raw))) or 0) < 1000


def test_streamed_once_each_while_the_caller_writes(engine: Engine) -> None:
    with engine.begin() as conn:
        landing.save(conn, [landed(n, source=f"Document_{'AB'[n % 2]}") for n in range(25)])
        landing.save(conn, [landed(n, "payment") for n in range(5)])
    with engine.begin() as conn:
        seen = []
        for part in landing.stream(conn, "accounting", "order", size=10):
            assert len(part) <= 10
            seen += [record.external_id for record in part]
            landing.save(conn, part)
        assert seen == [f"{n:05}" for n in range(25)]
        of_one = landing.stream(conn, "accounting", "order", source="Document_B")
        assert [record.external_id for part in of_one for record in part] == [f"{n:05}" for n in range(1, 25, 2)]


def test_deleted(engine: Engine) -> None:
    with engine.begin() as conn:
        landing.save(conn, [landed(n) for n in range(3)])
        assert landing.delete(conn, "accounting", "order", ["00001", "00009"]) == 1
        assert sorted(landing.load(conn, "accounting", "order", ["00000", "00001", "00002"])) == ["00000", "00002"]
