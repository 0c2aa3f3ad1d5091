"""What a missing right to one catalogue costs the others, until it is given: nothing that is wrong, and all heals."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.onec.schema import PARTIES
from tests.integration.presets.test_ut11 import BANK_IN, EMPTY, payers
from tests.integration.presets.world import open_preset_world

CURRENCIES, ORDERS = "Catalog_Валюты", "Document_ЗаказКлиента"
PAID_FOR = 3


@pytest.mark.parametrize("configuration", ["ut11", "bp30"])
def test_no_balance_without_knowing_its_currency(sqlite_url: str, configuration: str) -> None:
    with open_preset_world(sqlite_url, configuration) as world:
        world.server.options.no_rights.add(CURRENCIES)
        assert world.cycle().status == "partial"
        assert "XXX" not in {row.currency for row in world.rows()}
        world.server.options.no_rights.clear()
        world.cycle()
        world.cycle()
        assert world.ours() == world.theirs()


@pytest.mark.parametrize("kept", [ORDERS, PARTIES])
def test_whose_a_payment_without_a_head_is_becomes_known_later(tmp_path: Path, kept: str) -> None:
    with open_preset_world(f"sqlite:///{tmp_path / 'known.db'}", "ut11") as world:
        world.cycle()
        truth = payers(world)
    with open_preset_world(f"sqlite:///{tmp_path / 'store.db'}", "ut11") as world:
        headless = [
            str(row["Ref_Key"])
            for row in world.base.truth_documents(BANK_IN)
            if truth.get(row["Ref_Key"]) and any(part.get("ОснованиеПлатежа") for part in row["РасшифровкаПлатежа"])
        ][:PAID_FOR]
        assert len(headless) == PAID_FOR
        for key in headless:
            world.base.change(BANK_IN, key, {"Контрагент_Key": EMPTY})
        world.server.options.no_rights.add(kept)
        world.cycle()
        world.server.options.no_rights.clear()
        for _ in range(3):
            world.cycle()
        found = payers(world)
        assert {key: found[key] for key in headless} == {key: truth[key] for key in headless}
