"""The kinds of connectors there are. A new one is a folder and one line here; nothing is imported until it is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from pydantic import BaseModel

from connectors.base import Budget, Connector
from connectors.following import Hint
from connectors.vault import TokenVault
from core.alerting import WebhookSettings
from core.clock import Clock
from core.errors import ConfigError
from core.settings import ConnectionSettings


@dataclass(frozen=True, slots=True)
class Kind:
    """Where a kind of connector lives, as "module:name": the model of its settings, and its class."""

    options: str
    connector: str
    tokens: bool = False
    """Whether it may come in with tokens that have to be kept."""
    cards: bool = False
    """Whether it is a `CardTarget`: cards are shown there, and no record of ours is made known by an intent."""
    hints: str = ""
    """Who reads its calls to our own address, as "module:name"; empty where it makes none."""


class Teller(Protocol):
    """Tells another system of something, in a content of its own."""

    def post(self, content: dict[str, Any]) -> None:
        """Send it, once. Raises TransientError when it was not taken, or nobody knows whether it was."""

    def close(self) -> None:
        """Close the connection. Safe to call twice."""


KINDS: dict[str, Kind] = {
    "bitrix24": Kind(
        "connectors.bitrix24.config:Bitrix24Options",
        "connectors.bitrix24.connector:Bitrix24Connector",
        tokens=True,
        cards=True,
        hints="connectors.bitrix24.events:read_hint",
    ),
    "onec_odata": Kind(
        "connectors.onec_odata.config:OnecODataOptions", "connectors.onec_odata.connector:OnecODataConnector"
    ),
}


def option_models() -> dict[str, type[BaseModel]]:
    """Connector name -> model of its own settings, for `core.settings.load_settings`."""
    return {name: cast("type[BaseModel]", _load(kind.options)) for name, kind in KINDS.items()}


def keeps_cards(connector: str) -> bool:
    """Whether a kind of connector shows cards; no for a kind that there is not."""
    return connector in KINDS and KINDS[connector].cards


def open_connector(
    settings: ConnectionSettings,
    clock: Clock,
    *,
    cache_dir: Path | None = None,
    budget: Budget | None = None,
    vault: TokenVault | None = None,
) -> Connector:
    """A connector of the kind that the settings name; nothing is sent yet. Close it when done.

    Args:
        settings: the connection, its options checked by the kind's own model.
        clock: where it takes time from.
        cache_dir: a folder for what is slow to ask for; None keeps it in memory only.
        budget: whom every request waits for; None where the other side is asked as fast as it answers.
        vault: who keeps tokens, for kinds that come in with some.

    Raises:
        ConfigError: there is no such kind.
    """
    kind = KINDS.get(settings.connector)
    if kind is None:
        raise ConfigError(f"There is no connector {settings.connector!r}. There are: {', '.join(sorted(KINDS))}.")
    build = cast("type[Connector]", _load(kind.connector))
    more = {"vault": vault} if kind.tokens else {}
    return build(settings, clock, cache_dir=cache_dir, budget=budget, **more)  # type: ignore[call-arg]


def read_hint(settings: ConnectionSettings, body: bytes) -> Hint | None:
    """What a call from outside to this connection's address says; None where its sender is not proven.

    Raises:
        ConfigError: the secret that proves the sender cannot be had.
    """
    kind = KINDS.get(settings.connector)
    if kind is None or not kind.hints:
        return None
    read = cast("Callable[[object, bytes], Hint | None]", _load(kind.hints))
    return read(settings.options, body)


def open_webhook(settings: WebhookSettings, clock: Clock) -> Teller:
    """The webhook of `[alerts]`; nothing is sent yet. Close it when done.

    Raises:
        ConfigError: a secret cannot be had, or the address is none.
    """
    headers = {settings.header: settings.secret.reveal()} if settings.secret is not None else {}
    build = cast("type[Teller]", _load("connectors.webhook:Webhook"))
    return build(settings.address.reveal(), clock, headers=headers, timeout=settings.timeout, ca_file=settings.ca_file)  # type: ignore[call-arg]


def _load(place: str) -> object:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
