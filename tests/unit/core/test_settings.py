"""Settings: file, environment, secrets; all mistakes at once and never a value in the text."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import BaseModel, ConfigDict

from core.errors import ConfigError
from core.secrets import MASK, Secret, read_secret, redact
from core.sections import Section
from core.settings import WebSettings, load_settings, parse_duration, parse_listen


class Options(BaseModel):
    """Options of a connector that tests know."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    url: str
    password: Secret


MODELS = {"known": Options}
GOOD = """
[connections.Main]
connector = "known"
url = "http://x"
password = { env = "P" }
since = 2024-01-01
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "settings.toml"
    path.write_text(text, "utf-8")
    return path


def test_defaults_need_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = load_settings(environ={})
    assert loaded.store.url == "sqlite:///var/sverka.db"
    assert loaded.broker.url == ""
    assert loaded.schedule.every == timedelta(minutes=5)


def test_connection_with_its_own_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("P", "canary-99")
    main = load_settings(write(tmp_path, GOOD), environ={}, connectors=MODELS).connection("Main")
    assert (main.write, main.since, main.options.url) == ("review", date(2024, 1, 1), "http://x")
    assert main.options.password.reveal() == "canary-99"
    assert "canary-99" not in repr(main)


def test_environment_overrides_whatever_the_case(tmp_path: Path) -> None:
    environ = {
        "SVERKA_CONNECTIONS__MAIN__WRITE": "on",
        "SVERKA_STORE__URL": "sqlite:///other.db",
        "SVERKA_SCHEDULE__EVERY": "7s",
    }
    loaded = load_settings(write(tmp_path, GOOD), environ=environ, connectors=MODELS)
    assert loaded.connection("Main").write == "on"
    assert loaded.store.url == "sqlite:///other.db"
    assert loaded.schedule.every == timedelta(seconds=7)


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    sections = '[schedule]\nevery = "soon"\n[nonsense]\na = 1\n[connections.b]\nconnector = "what"\n'
    text = GOOD + 'write = "yes"\nunknown = 1\n' + sections
    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, text), environ={}, connectors=MODELS)
    main = ("connections.Main.write", "connections.Main.unknown")
    for part in (*main, "schedule.every", "nonsense", "connections.b.connector", "known"):
        assert part in str(caught.value)


def test_mistakes_never_show_values(tmp_path: Path) -> None:
    text = '[connections.a]\nconnector = "known"\nurl = 5\npassword = ["canary-31"]\n'
    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, text), environ={}, connectors=MODELS)
    assert "password" in str(caught.value)
    assert "canary-31" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SVERKA_NONSENSE", "1"),
        ("SVERKA_STORE__NONSENSE", "1"),
        ("SVERKA_STORE__URL__DEEPER", "1"),
        ("SVERKA_NO__SUCH", "1"),
    ],
)
def test_unknown_environment_is_an_error(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ConfigError):
        load_settings(write(tmp_path, '[store]\nurl = "sqlite:///x.db"\n'), environ={name: value})


@pytest.mark.parametrize("content", [b"[store", b"\xff\xfe", b"a = 1\na = 2"])
def test_file_that_is_no_settings_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"settings\.toml"):
        load_settings(path, environ={})


def test_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        load_settings(environ={"SVERKA_SETTINGS": str(tmp_path / "nowhere.toml")})


def test_unknown_connection_names_those_there_are(tmp_path: Path) -> None:
    loaded = load_settings(write(tmp_path, GOOD), environ={}, connectors=MODELS)
    with pytest.raises(ConfigError, match="Main"):
        loaded.connection("other")


@pytest.mark.parametrize(("text", "seconds"), [("1s", 1), ("5m", 300), ("2h", 7200), ("1d", 86400), (90, 90)])
def test_durations(text: object, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["0s", "-5m", "5", "1.5h", "", "m", "five"])
def test_bad_durations(text: str) -> None:
    if text == "5":
        assert parse_duration(text) == timedelta(seconds=5)
        return
    with pytest.raises(ValueError, match="whole number"):
        parse_duration(text)


def test_secrets_by_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "s").write_text("canary-from-file\n", "utf-8")
    monkeypatch.setenv("SOME", "canary-from-env")
    for given, value in (
        ({"file": str(tmp_path / "s")}, "canary-from-file"),
        ({"env": "SOME"}, "canary-from-env"),
        ("canary-plain", "canary-plain"),
    ):
        secret = read_secret(given)
        assert (str(secret), repr(secret)) == (MASK, MASK)
        assert secret.reveal() == value
        assert redact(f"say {value}!") == f"say {MASK}!"


@pytest.mark.parametrize("given", [{"env": "SVERKA_NOT_SET_ANYWHERE"}, {"file": "/nowhere/at/all"}])
def test_secret_that_is_not_there(given: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"not set|cannot be read"):
        read_secret(given).reveal()


@pytest.mark.parametrize("section", ["store", "broker"])
def test_addresses_with_passwords_may_be_kept_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, section: str
) -> None:
    address = f"amqp://sverka:canary%2F{section}@example/one"
    (tmp_path / "address").write_text(address + "\n", "utf-8")
    monkeypatch.setenv("ADDRESS", address)
    for given in ('{ env = "ADDRESS" }', f'{{ file = "{tmp_path / "address"}" }}', f'"{address}"'):
        loaded = load_settings(write(tmp_path, f"[{section}]\nurl = {given}\n"), environ={})
        assert getattr(loaded, section).url == address
        assert "canary" not in repr(loaded)
    assert redact(f"{address} canary/{section} at example") == f"amqp://sverka:{MASK}@example/one {MASK} at example"


def test_an_address_that_is_nowhere_is_a_mistake_of_the_settings(tmp_path: Path) -> None:
    loaded = load_settings(write(tmp_path, '[store]\nurl = { env = "NOWHERE_AT_ALL" }\n'), environ={})
    with pytest.raises(ConfigError, match="NOWHERE_AT_ALL"):
        _ = loaded.store.url


def test_an_address_without_a_password_stays_readable() -> None:
    assert read_secret("sqlite:///var/plain.db").reveal_address() == "sqlite:///var/plain.db"
    assert read_secret("postgresql://u@h/d?password=canary-64").reveal_address()
    assert redact("sqlite:///var/plain.db canary-64") == f"sqlite:///var/plain.db {MASK}"


@pytest.mark.parametrize("listen", ["", "localhost", "127.0.0.1:", "127.0.0.1:web", "a:0", "a:65536", "http://a:80"])
def test_where_to_listen_is_checked(tmp_path: Path, listen: str) -> None:
    with pytest.raises(ConfigError, match=r"web\.listen: is written as"):
        load_settings(write(tmp_path, f'[web]\nlisten = "{listen}"\n'), environ={})


def test_where_to_listen_is_understood() -> None:
    assert [parse_listen(text) for text in ("0.0.0.0:80", "[::1]:8080", ":81", "82")] == [
        ("0.0.0.0", 80), ("::1", 8080), ("127.0.0.1", 81), ("127.0.0.1", 82),
    ]  # fmt: skip


@pytest.mark.parametrize("number", ["9" * 5_000, "0x" + "f" * 5_000, "-9223372036854775809"])
def test_whole_numbers_of_any_length_are_one_line(tmp_path: Path, number: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(f"[web]\nport = {number}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="a whole number in it is larger than") as caught:
        load_settings(path, environ={})
    assert len(caught.value.message) < 300


def test_settings_nested_too_deeply_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    for text in ("[store" + ".a" * 20_000 + "]\n", "a = " + "[" * 5_000):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match="nested too deeply") as caught:
            load_settings(path, environ={})
        assert len(caught.value.message) < 300


def test_a_connector_for_crms_has_that_role_unless_the_settings_say_another(tmp_path: Path) -> None:
    class CrmOptions(Section):
        default_role: ClassVar[str] = "crm"

    text = '[connections.crm]\nconnector = "some"\n[connections.other]\nconnector = "some"\nrole = "accounting"\n'
    loaded = load_settings(write(tmp_path, text), environ={}, connectors={"some": CrmOptions})
    assert [one.role for one in loaded.connections.values()] == ["crm", "accounting"]


@pytest.mark.parametrize("address", ["crm.example", "ftp://x", "https://", "https://x?y=1"])
def test_where_people_reach_the_pages_is_checked(tmp_path: Path, address: str) -> None:
    with pytest.raises(ConfigError, match=r"web\.address: is written as"):
        load_settings(write(tmp_path, f'[web]\naddress = "{address}"\n'), environ={})


def test_a_customers_page_is_known_where_the_address_is() -> None:
    assert WebSettings().customer_page("7") == ""
    assert WebSettings(address="https://x.example/sverka/").customer_page("7") == "https://x.example/sverka/customers/7"


def test_an_unknown_key_is_told_every_key_of_its_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    environ = {
        "SVERKA_SCHEDULE__EVRY": "5m",
        "SVERKA_STORE__ADRESS": "x",
        "SVERKA_ALERTS__EMAIL__FORM": "x",
        "SVERKA_BOGUS__X": "1",
        "SVERKA_CONNECTIONS__A__CONNECTOR": "known",
        "SVERKA_CONNECTIONS__A__WRIET": "on",
    }
    with pytest.raises(ConfigError) as raised:
        load_settings(environ=environ, connectors=MODELS)
    told = [line.strip(" -").split(": unknown key; known here: ") for line in raised.value.message.splitlines()]
    known = {parts[0]: set(parts[1].split(", ")) for parts in told if len(parts) == 2}
    assert known["schedule.evry"] == {"every", "lease", "nightly", "quiet", "tick"}
    assert known["store.adress"] == {"cache", "url"}
    assert {"from", "host", "to"} <= known["alerts.email.form"]
    assert {"mapping", "password", "role", "timezone", "url", "write"} <= known["connections.a.wriet"]
    assert "store" in known["bogus"] and "path" not in known["bogus"]
