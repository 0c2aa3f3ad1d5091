"""The registry: every kind can be named in the settings, and nothing is loaded before it is used."""

import subprocess
import sys
from pathlib import Path

import pytest

from connectors.base import BalanceSource, ChangeSource, RecordSource, RecordTarget
from connectors.registry import KINDS, open_connector, option_models
from core.clock import ManualClock
from core.errors import ConfigError
from core.settings import ConnectionSettings, load_settings

SETTINGS = """
[connections.accounting]
connector = "onec_odata"
url       = "http://1c.example/base/odata/standard.odata"
user      = "Обмен"
password  = { env = "ACCOUNTING_PASSWORD" }
timezone  = "Europe/Moscow"
write     = "review"
"""


def test_the_settings_of_the_design_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCOUNTING_PASSWORD", "canary-77")
    path = tmp_path / "settings.toml"
    path.write_text(SETTINGS, encoding="utf-8")
    loaded = load_settings(path, environ={}, connectors=option_models())
    assert "canary-77" not in repr(loaded)
    connector = open_connector(loaded.connection("accounting"), ManualClock(), cache_dir=tmp_path)
    for ability in (RecordSource, RecordTarget, BalanceSource, ChangeSource):
        assert isinstance(connector, ability)
    connector.close()


def test_all_mistakes_are_shown_without_values(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    wrong = SETTINGS.replace("http://1c.example", "1c-canary") + 'pasword = "canary-88"\nattempts = 0\n'
    path.write_text(wrong, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(path, environ={}, connectors=option_models())
    for part in ("connections.accounting.url", "connections.accounting.pasword", "connections.accounting.attempts"):
        assert part in caught.value.message
    assert "canary" not in caught.value.message


@pytest.mark.parametrize("place", ['{ env = "NOT_SET_77" }', '{ file = "/nonexistent/password" }'])
def test_a_password_that_is_not_there_is_a_matter_of_settings(tmp_path: Path, place: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(SETTINGS.replace('{ env = "ACCOUNTING_PASSWORD" }', place), encoding="utf-8")
    loaded = load_settings(path, environ={}, connectors=option_models())
    with pytest.raises(ConfigError, match=r"NOT_SET_77|/nonexistent/password"):
        open_connector(loaded.connection("accounting"), ManualClock())


def test_an_unknown_kind_names_the_known() -> None:
    with pytest.raises(ConfigError, match="onec_odata"):
        open_connector(ConnectionSettings(name="a", connector="nope"), ManualClock())


def test_options_of_another_kind_are_refused() -> None:
    with pytest.raises(ConfigError):
        open_connector(ConnectionSettings(name="a", connector="onec_odata"), ManualClock())


def test_every_kind_has_options() -> None:
    assert set(option_models()) == set(KINDS)


def test_nothing_is_loaded_before_it_is_used() -> None:
    code = "import sys, connectors.registry; print([m for m in sys.modules if m in ('requests', 'lxml', 'zeep')])"
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
