"""Settings: `settings.toml`, overridden by `SVERKA_SECTION__KEY`, secrets by reference (design §7).

Unknown keys are errors, in the file and in the environment; all errors are shown at once, with the key's path and
what is accepted; never with the value, which may be a secret.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from core.alerting import AlertSettings
from core.errors import ConfigError
from core.secrets import Secret, read_secret
from core.sections import (
    Duration,
    Quiet,
    Rate,
    Section,
    Spacing,
    ZoneName,
    parse_duration,
    parse_listen,
    parse_quiet,
)
from core.toml import parse_toml

__all__ = [
    "AlertSettings",
    "BrokerSettings",
    "ConnectionSettings",
    "Duration",
    "LogSettings",
    "Rate",
    "ScheduleSettings",
    "Section",
    "Settings",
    "StoreSettings",
    "WebSettings",
    "build_connection",
    "environment_of",
    "load_settings",
    "parse_duration",
    "parse_listen",
    "parse_quiet",
]

PREFIX = "SVERKA_"
PATH_VARIABLE = "SVERKA_SETTINGS"
OLD_PERIODS = 3
SHORTEST_SILENCE = timedelta(minutes=15)
_OWN_VARIABLES = {PATH_VARIABLE, "SVERKA_FAULT"}


class StoreSettings(Section):
    """Where the CRM store lives, and where copies are kept of what is slow to ask for."""

    address: Secret = Field(default_factory=lambda: read_secret("sqlite:///var/sverka.db"), alias="url")
    cache: Path = Path("var/cache")

    @property
    def url(self) -> str:
        """The address itself; a password in it is cut out of every text from now on. Raises ConfigError."""
        return self.address.reveal_address()


class BrokerSettings(Section):
    """The message broker: empty means embedded, one process, nothing to install."""

    address: Secret = Field(default_factory=lambda: read_secret(""), alias="url")

    @property
    def url(self) -> str:
        """The address itself, empty when embedded; as that of the store."""
        return self.address.reveal_address()


class ScheduleSettings(Section):
    """How often connections are read. `tick` is how often due rows are looked for."""

    every: Duration = timedelta(minutes=5)
    tick: Duration = timedelta(seconds=2)
    nightly: time = time(2, 0)
    quiet: Quiet = ()
    lease: Duration = timedelta(seconds=30)


class WebSettings(Section):
    """Health, metrics and the pages. `address`: under which people reach them, for links that are shown elsewhere.

    `secrets`: the folder for secrets that are typed on a page.
    """

    listen: str = "127.0.0.1:8080"
    address: str = ""
    secrets: Path = Path("var/secrets")

    @field_validator("address")
    @classmethod
    def _check_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment):
            raise ValueError("is written as https://sverka.example.com")
        return value.rstrip("/")

    def customer_page(self, customer: object) -> str:
        """Where people see this customer of ours; empty where no address is set."""
        return f"{self.address}/customers/{customer}" if self.address else ""

    @field_validator("listen")
    @classmethod
    def _check_listen(cls, value: str) -> str:
        parse_listen(value)
        return value


class ReconcileSettings(Section):
    """Reconciling by itself every night: up to `repair_below` differences are mended, more are an alert."""

    nightly: bool = True
    repair_below: int = Field(default=20, ge=0)


class LogSettings(Section):
    """How much is said, and in which shape."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class ConnectionSettings(BaseModel):
    """One outside system. What only its connector knows stays in `options`, checked by the connector's own model.

    Where the settings say no `role` it is the options' `default_role`: a connector for CRMs is none of accounting.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)

    name: str
    connector: str
    role: Literal["accounting", "crm"] = "accounting"
    write: Literal["off", "review", "on"] = "review"
    mapping: str = ""
    timezone: ZoneName = "Europe/Moscow"
    changes: Literal["sweep", "exchange_plan"] = "sweep"
    since: date | None = None
    every: Duration | None = None
    quiet: Quiet = ()
    rate: Spacing | None = None
    burst: int | None = Field(default=None, ge=1, le=100_000)
    near: Duration = timedelta(days=45)
    intervals: dict[str, Duration] = Field(default_factory=dict)
    deletion_guard_share: float = Field(default=0.10, ge=0, le=1)
    deletion_guard_records: int = Field(default=100, ge=0)
    payment_days: int = Field(default=0, ge=0)
    options: Any = None

    def check_secrets(self) -> None:
        """Make sure that every secret of the connection can be had. Raises ConfigError, before anything is begun."""
        for name in type(self.options).model_fields if self.options is not None else ():
            value = getattr(self.options, name)
            if isinstance(value, Secret):
                value.reveal()

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the other side's wall clock."""
        return ZoneInfo(self.timezone)

    @property
    def pace(self) -> Rate | None:
        """How often the other side may be asked: as set here, else as its connector knows; None is as fast as it can.

        A connector's options say so by `default_rate`.
        """
        usual: Rate | None = getattr(self.options, "default_rate", None)
        if self.rate is None and usual is None:
            return None
        every = self.rate or (usual.every if usual else timedelta(0))
        return Rate(every, self.burst or (usual.burst if usual else 1))


class Settings(Section):
    """Everything that ops may set. `path`: the file, which may be missing; None for settings that were never a file."""

    store: StoreSettings = StoreSettings()
    broker: BrokerSettings = BrokerSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    web: WebSettings = WebSettings()
    log: LogSettings = LogSettings()
    alerts: AlertSettings = AlertSettings()
    reconcile: ReconcileSettings = ReconcileSettings()
    connections: dict[str, ConnectionSettings] = Field(default_factory=dict)
    path: Path | None = None

    def connection(self, name: str) -> ConnectionSettings:
        """One connection by its name; raises ConfigError that lists the names there are."""
        if name not in self.connections:
            known = ", ".join(sorted(self.connections)) or "none"
            raise ConfigError(f"There is no connection {name!r} in the settings. There are: {known}.")
        return self.connections[name]

    def old_after(self, name: str) -> timedelta:
        """From what age on the figures of a connection are called old: three periods, a quarter of an hour at least."""
        every = self.connections[name].every or self.schedule.every
        return self.alerts.silent_after or max(every * OLD_PERIODS, SHORTEST_SILENCE)


def load_settings(
    path: Path | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    connectors: Mapping[str, type[BaseModel]] | None = None,
) -> Settings:
    """Read settings from file and environment.

    Args:
        path: the file; by default `SVERKA_SETTINGS` or `settings.toml` of the working folder, which may be missing.
        environ: the environment to take overrides from.
        connectors: connector name -> model of its own options.

    Raises:
        ConfigError: all mistakes at once, one a line: key path, what is accepted.
    """
    chosen = path or (Path(environ[PATH_VARIABLE]) if environ.get(PATH_VARIABLE) else None)
    source = chosen or Path("settings.toml")
    if chosen is not None and not source.exists():
        raise ConfigError(
            f"The settings file {source} does not exist.", next_step=f"set {PATH_VARIABLE}, or run: sverka connect"
        )
    tree = _read_toml(source) if source.exists() else {}
    _apply_environment(tree, environ)
    return _build(tree, connectors or {}, source)


def build_connection(
    name: str, keys: Mapping[str, Any], connectors: Mapping[str, type[BaseModel]]
) -> tuple[ConnectionSettings | None, dict[str, str]]:
    """One connection as settings would have it, and what is wrong: key ("" for the whole) -> what is accepted there.

    None where anything is wrong; never a value, which may be a secret.
    """
    problems: list[str] = []
    built = _build_connection(name, dict(keys), connectors, problems)
    wrong: dict[str, str] = {}
    for problem in problems:
        key, _, text = problem.removeprefix(f"connections.{name}").removeprefix(".").partition(": ")
        wrong.setdefault(key, text)
    return (None if wrong else built), wrong


def environment_of(name: str, environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """The keys of a connection that the environment says, whatever stands in the file. Raises ConfigError."""
    tree: dict[str, Any] = {"connections": {name: {}}}
    _apply_environment(tree, environ)
    found: dict[str, Any] = tree["connections"][name]
    return found


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return parse_toml(path.read_text(encoding="utf-8-sig"))  # editors of Windows put a mark before it
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"{path} is not valid TOML: {error}.", next_step=f"mend {path}, then: sverka doctor"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text.", next_step=f"save {path} as UTF-8") from error
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror or error}.", next_step=f"mend {path}, then: sverka doctor"
        ) from error


def _apply_environment(tree: dict[str, Any], environ: Mapping[str, str]) -> None:
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in _OWN_VARIABLES:
            continue
        parts = [part.lower() for part in name.removeprefix(PREFIX).split("__")]
        if len(parts) < 2:
            raise ConfigError(
                f"{name} is no setting: overrides are written {PREFIX}SECTION__KEY.", next_step=f"unset {name}"
            )
        branch = tree
        for part in parts[:-1]:
            branch = branch.setdefault(_existing(branch, part), {})
            if not isinstance(branch, dict):
                raise ConfigError(f"{name} goes into {part!r}, which is no section.", next_step=f"unset {name}")
        branch[_existing(branch, parts[-1])] = _environment_value(environ[name])


def _existing(branch: Mapping[str, Any], part: str) -> str:
    """Environment names carry no case: a connection called "Main" is meant by MAIN."""
    return next((key for key in branch if key.lower() == part), part)


def _environment_value(text: str) -> Any:
    """Lists and tables are written as TOML values; everything else is taken as text."""
    if text[:1] in "[{":
        try:
            return parse_toml(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            return text
    return text


def _build(tree: dict[str, Any], connectors: Mapping[str, type[BaseModel]], path: Path | None) -> Settings:
    problems: list[str] = []
    raw_connections = tree.pop("connections", {})
    connections: dict[str, ConnectionSettings] = {}
    for name, raw in raw_connections.items() if isinstance(raw_connections, dict) else ():
        built = _build_connection(name, raw, connectors, problems)
        if built is not None:
            connections[name] = built
    settings: Settings | None = None
    try:
        settings = Settings(**tree, connections=connections, path=path)
    except ValidationError as error:
        problems[:0] = _explain(error, "", Settings)
    if settings is None or problems:
        lines = "\n".join(f"  - {problem}" for problem in problems)
        raise ConfigError(
            f"The settings are not right:\n{lines}\n", next_step="mend these keys, then run: sverka doctor"
        )
    return settings


def _build_connection(
    name: str, raw: object, connectors: Mapping[str, type[BaseModel]], problems: list[str]
) -> ConnectionSettings | None:
    prefix = f"connections.{name}"
    if not isinstance(raw, dict):
        problems.append(f"{prefix}: is a section of keys")
        return None
    model = connectors.get(str(raw.get("connector")))
    if model is None:
        problems.append(f"{prefix}.connector: is one of {', '.join(sorted(connectors)) or 'none known'}")
        return None
    known = set(ConnectionSettings.model_fields) - {"name", "options"}
    every = known | _names(model)
    own = {key: value for key, value in raw.items() if key not in known}
    options = _validated(model, own, prefix, problems, every)
    common = {"role": getattr(model, "default_role", "accounting")}
    common |= {key: value for key, value in raw.items() if key in known}
    built = _validated(ConnectionSettings, common | {"name": name, "options": options}, prefix, problems, every)
    return built if isinstance(built, ConnectionSettings) else None


def _validated(
    model: type[BaseModel], values: dict[str, Any], prefix: str, problems: list[str], known: set[str]
) -> BaseModel | None:
    try:
        return model(**values)
    except ValidationError as error:
        problems.extend(_explain(error, prefix, model, known))
        return None


def _explain(error: ValidationError, prefix: str, model: type[BaseModel], known: set[str] | None = None) -> list[str]:
    """What is wrong, a line each; `known`: the keys there are where the section is read by several models."""
    lines = []
    for item in error.errors(include_url=False, include_input=False):
        path = ".".join([*([prefix] if prefix else []), *(str(part) for part in item["loc"])])
        text = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            section = _section(model, item["loc"][:-1])
            names = known if known and section is model else _names(section)
            text = f"unknown key; known here: {', '.join(sorted(names))}"
        lines.append(f"{path}: {text}")
    return lines


def _section(model: type[BaseModel], loc: tuple[int | str, ...]) -> type[BaseModel]:
    """The model of the section that a place is in."""
    for part in loc:
        found = model.model_fields.get(str(part))
        kinds = () if found is None else (found.annotation, *get_args(found.annotation))
        model = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), model)
    return model


def _names(model: type[BaseModel]) -> set[str]:
    """The keys of a section as people write them; the file's own path is none."""
    return {field.alias or name for name, field in model.model_fields.items()} - {"path"}
