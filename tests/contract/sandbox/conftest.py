"""One small company and its server for the tests that only read, a fresh one for those that write."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

import pytest

from sandbox.onec import Base, OnecServer, build_company
from tests.contract.sandbox.onec_client import Client

TODAY = date(2026, 6, 30)


def small_company(documents: int = 400, seed: int = 7) -> Base:
    return build_company(seed, documents, 40, today=TODAY, clock=lambda: datetime.fromisoformat("2026-06-30T18:00:00"))


@pytest.fixture(scope="session")
def onec_shared() -> Iterator[Client]:
    with small_company() as base, OnecServer(base) as server:
        yield Client(server)
        assert server.app.crashes == []


@pytest.fixture
def onec() -> Iterator[Client]:
    with small_company(120) as base, OnecServer(base) as server:
        yield Client(server)
        assert server.app.crashes == []
