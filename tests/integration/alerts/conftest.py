"""An application with a clock that is moved by hand, a mailbox, a hook."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from core.clock import ManualClock
from core.settings import AlertSettings, ConnectionSettings, Settings
from store.engine import open_engine
from store.upgrade import upgrade
from sync.context import App
from tests.integration.alerts.mailbox import Hook, Mailbox


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox().running() as running:
        yield running


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook().running() as running:
        yield running


@pytest.fixture
def build(store_url: str) -> Iterator[Callable[..., App]]:
    """Applications on one store, each as another process would be; `[alerts]` as given."""
    engines = []
    clock = ManualClock()

    def make(**alerts: Any) -> App:
        engine = open_engine(store_url, pool_size=8)
        engines.append(engine)
        upgrade(engine)
        one = ConnectionSettings(name="a", connector="onec_odata", mapping="bp30")
        settings = Settings(alerts=AlertSettings.model_validate(alerts), connections={"a": one})
        return App(settings, engine, clock, "worker")

    yield make
    for engine in engines:
        engine.dispose()
