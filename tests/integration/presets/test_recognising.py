"""`sverka connect` and `audit` on every configuration: told by what its $metadata and service root say."""

from __future__ import annotations

import pytest

from connectors.onec_odata.config import OnecODataOptions
from core.clock import ManualClock
from core.secrets import read_secret
from core.settings import ConnectionSettings
from sandbox.onec.company import build_company
from sandbox.onec.schema import REGISTER
from sandbox.onec.server import OnecServer
from sync.context import NoProgress
from sync.setup.connecting import Recognised, recognise
from sync.setup.look import look
from tests.integration.presets.world import CONFIGURATIONS, open_preset_world
from tests.integration.sync_balances.world import NAME


def seen(server: OnecServer, named: str | None = None) -> Recognised:
    options = OnecODataOptions(url=server.url, user="Обмен", password=read_secret("secret"), attempts=1)
    settings = ConnectionSettings(name="base", connector="onec_odata", mapping="", options=options)
    return recognise(settings, ManualClock(), named=named)


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_each_configuration_is_recognised_by_what_it_publishes(configuration: str) -> None:
    with build_company(3, 20, 12, configuration=configuration) as base, OnecServer(base) as server:
        found = seen(server)
        assert found.preset == configuration
        assert all(found.published.values()), [name for name, there in found.published.items() if not there]
        assert [finding for finding in found.findings if finding.level == "error"] == []
        assert [row for row in server.requests if row.method != "GET"] == []


def test_a_base_that_publishes_only_what_trade_needs_passes_for_its_sibling() -> None:
    with (
        build_company(3, 20, 12, configuration="erp2") as base,
        OnecServer(base, unpublished=["Catalog_РесурсныеСпецификации", "ChartOfAccounts_Хозрасчетный"]) as server,
    ):
        assert seen(server).preset == "ut11"


def test_a_base_that_publishes_next_to_nothing_is_not_guessed() -> None:
    with build_company(3, 20, 12, configuration="ut11") as base:
        kept = {"Catalog_Валюты", "Catalog_Организации", "Catalog_Контрагенты"}
        with OnecServer(base, unpublished=set(base.schema.sets) - kept) as server:
            found = seen(server)
            assert found.preset is None
            assert not all(found.published.values())
            assert "ut11" in found.likely


FEW = ("Catalog_Контрагенты", "Catalog_ДоговорыКонтрагентов", "Document_СчетНаОплатуПокупателю")


def test_a_base_that_shows_a_few_sets_on_purpose_is_taken_for_what_a_person_says() -> None:
    with build_company(3, 20, 12) as base:
        hidden = {name for name, one in base.schema.sets.items() if not {name, one.parent} & {*FEW}}
        with OnecServer(base, unpublished=hidden | {REGISTER}) as server:
            assert seen(server).likely[0] == "bp30", "БАС has an attribute that is not there"
            found = seen(server, named="bp30")
            assert found.preset == "bp30"
            assert {name for name, there in found.published.items() if there} == {*FEW}
            assert {"shipments", "payments", "balances"} <= {*found.bare}
            assert not {"orders", "counterparties", "contracts"} & {*found.bare}
            assert [finding for finding in found.findings if finding.level == "error"] == []
            assert seen(server, named="bitrix24").preset is None, "nothing of it is there"


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_audit_looks_at_every_configuration(configuration: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("store") / "store.db"
    with open_preset_world(f"sqlite:///{path}", configuration) as world:
        report = look(world.app, NAME, NoProgress())
        assert report.counterparties > 20
        assert report.sections["unreadable cards"] == report.sections["unpublished sets"] == []
        assert report.sections["debts with nobody responsible"], "some customer owes and is nobody's"
        assert [row for row in world.server.requests if row.method != "GET"] == []
