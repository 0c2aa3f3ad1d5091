"""An accounting and a portal, both behind real HTTP, that know three customers each; linked and shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.bitrix24.build import Customer
from tests.integration.outbox.world import Circle, make_circle
from tests.integration.owners.systems import TAX_IDS

COMPANIES = tuple(Customer(f"Покупатель {number}", inn, "770701001") for number, inn in enumerate(TAX_IDS))


@pytest.fixture
def circle(store_url: str, tmp_path: Path) -> Iterator[Circle]:
    with make_circle(store_url, tmp_path, companies=COMPANIES) as made:
        made.sync("accounting")
        made.set_up()
        made.sync("crm", "accounting", "crm", status=("ok", "partial"))
        yield made
