"""Scenario 24: the webhook is a password, and so are 1C's; neither is anywhere but in the settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from connectors.registry import option_models
from core.errors import SverkaError
from core.settings import load_settings
from sandbox.bitrix24.server import SECRET
from store.tables import metadata
from sync.context import Order
from sync.cycle import run_cycle
from sync.room.opening import open_for
from tests.integration.circle.clients import add_client, turn
from tests.integration.outbox.world import CRM, Circle

# What is looked for is looked for in every table, whatever the database. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql("test_nor_in_an_error_or_in_the_settings_as_they_are_shown")

FAULTS = (
    {"action": "error", "error": "INTERNAL_SERVER_ERROR"},
    {"action": "error", "error": "INVALID_CREDENTIALS"},
    {"action": "login_page"},
    {"action": "cut"},
    {"action": "drop_after"},
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: "-".join(fault.values()))
def test_the_webhook_is_nowhere(
    circle: Circle, fault: dict[str, str], caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    add_client(circle)
    turn(circle)
    circle.portal.faults.add(**fault)
    circle.clock.sleep(600)
    result = run_cycle(circle.app, CRM, Order())
    assert result.status != "ok"
    texts = [result.message, *result.notices, caplog.text, *capsys.readouterr()]
    with circle.engine.connect() as conn:
        texts += [str(tuple(row)) for table in metadata.sorted_tables for row in conn.execute(select(table))]
    assert not [text for text in texts if SECRET in text]


def test_nor_in_an_error_or_in_the_settings_as_they_are_shown(circle: Circle) -> None:
    circle.portal.faults.add("error", error="INVALID_CREDENTIALS")
    connector = open_for(circle.app, circle.settings.connection(CRM))
    with pytest.raises(SverkaError) as caught:
        connector.find_cards("company", "key", ["x"])  # type: ignore[attr-defined]
    connector.close()
    findings = connector.check([])
    shown = f"{caught.value!r} {caught.value} {caught.value.detail} {findings} {circle.settings!r} {circle.settings}"
    assert SECRET not in shown


def test_a_mistake_in_the_webhook_does_not_show_it(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(f'[connections.crm]\nconnector = "bitrix24"\nwebhook = "http://x/{SECRET}/"\nportal = 5\n', "utf-8")
    with pytest.raises(SverkaError) as caught:
        load_settings(path, environ={}, connectors=option_models())
    assert SECRET not in str(caught.value)
