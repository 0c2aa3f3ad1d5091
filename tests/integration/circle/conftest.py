"""An accounting and a portal, both behind real HTTP, that know three customers each; linked and shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.bitrix24.build import Customer
from tests.integration.outbox.start import Start, Stores
from tests.integration.outbox.world import Circle, from_start
from tests.integration.owners.systems import TAX_IDS

COMPANIES = tuple(Customer(f"Покупатель {number}", inn, "770701001") for number, inn in enumerate(TAX_IDS))


@pytest.fixture
def circle(stores: Stores, starts: dict[str, Start], empty_store: str, tmp_path: Path) -> Iterator[Circle]:
    with from_start("circle", starts, stores, empty_store, tmp_path, _link_and_show, companies=COMPANIES) as made:
        yield made


def _link_and_show(made: Circle) -> None:
    made.sync("accounting")
    made.set_up()
    made.sync("crm", "accounting", "crm", status=("ok", "partial"))
