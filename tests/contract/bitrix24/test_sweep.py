"""A key sweep keeps a page of keys, however many elements and requisites a portal has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.base import SourceSet, Window
from connectors.bitrix24 import reading
from connectors.bitrix24.connector import Bitrix24Connector
from connectors.registry import open_connector
from core.clock import SystemClock
from sandbox.bitrix24 import BitrixServer, build_portal
from sandbox.bitrix24.build import Customer
from tests.contract.bitrix24.stand import settings

COMPANIES = SourceSet("counterparty", "company", key="id", version="updatedTime")
COUNT = 130


@pytest.fixture
def server() -> Iterator[BitrixServer]:
    customers = [Customer(f"Компания {number}", f"77{number:08}") for number in range(COUNT)]
    with BitrixServer(build_portal(customers=customers)) as made:
        made.portal.limits.drain = made.portal.limits.cap = 10_000
        yield made


def test_requisites_are_asked_for_page_by_page(server: BitrixServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions are those of the records read whole, and no list asks for everybody's requisites."""
    monkeypatch.setattr(reading, "SWEEP_PAGE", 50)
    connector = open_connector(settings(server.webhook), SystemClock())
    assert isinstance(connector, Bitrix24Connector)
    calls = server.shell.rest.calls
    pages = connector.fetch_keys(COMPANIES, Window())
    first = next(pages)
    asked = [params for name, params in calls if name == "crm.requisite.list"]
    assert asked and all("@ENTITY_ID" in params["filter"] for params in asked)
    assert sum(len(params["filter"]["@ENTITY_ID"]) for params in asked) == len(first) < COUNT
    swept = {row.external_id: row.version for page in (first, *pages) for row in page}
    records = {raw.external_id: raw.version for raw in connector.fetch_records(COMPANIES, sorted(swept))}
    assert len(swept) >= COUNT and swept == records
    assert all(" 1/" in version for key, version in swept.items() if key in list(swept)[-10:])
