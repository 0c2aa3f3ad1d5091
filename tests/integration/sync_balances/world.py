"""A stand-in base, a store and one connection between them, and what tests ask of all three."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine, select, update

from connectors.base import BalanceAnswer
from connectors.registry import option_models
from core.clock import ManualClock
from core.settings import Settings, load_settings
from sandbox.onec.base import Base
from sandbox.onec.company import build_company
from sandbox.onec.server import OnecServer
from store.engine import open_engine
from store.entities import balances
from store.tables import cursor, run
from store.upgrade import upgrade
from sync import cycle as cycles
from sync.context import App, Order
from sync.cycle import RunResult, run_cycle, run_stages
from sync.reconcile import compare as reconciling
from sync.room.opening import open_for
from sync.settle.customer import pull_customer

NAME = "accounting"
CODES = {"980": "UAH", "643": "RUB", "840": "USD", "978": "EUR"}
TODAY = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)


@dataclass
class World:
    """Everything one test needs."""

    base: Base
    server: OnecServer
    app: App
    settings: Settings
    answers: list[Any] = field(default_factory=list)
    result: RunResult = field(default_factory=lambda: RunResult(None, "none"))

    def cycle(self, order: Order | None = None) -> RunResult:
        """One cycle as the schedule runs it; `answers` are functions that the register's answers go through."""
        self.app.clock.sleep(300)
        with self.listening():
            self.result = run_cycle(self.app, NAME, order or Order(kind="schedule"))
        return self.result

    def pull_customer(self, key: str) -> RunResult:
        """One customer by himself, as "refresh now" asks for him."""
        self.app.clock.sleep(60)
        with self.listening():
            self.result = run_stages(self.app, NAME, Order(kind="repair"), [lambda ctx: pull_customer(ctx, key)])
        return self.result

    @contextmanager
    def listening(self) -> Iterator[None]:
        """The connector with its answers changed on the way."""

        def open_changed(*args: Any, **options: Any) -> Any:
            connector: Any = open_for(*args, **options)
            connector.fetch_balances = partial(self._fetch_balances, connector.fetch_balances)
            return connector

        with patch.object(cycles, "open_for", open_changed):
            yield

    def _fetch_balances(self, real: Any, *args: Any, **options: Any) -> BalanceAnswer:
        answer: BalanceAnswer = real(*args, **options)
        if options.get("counterparty") is None and options.get("at") is None and self.answers:
            change: Callable[[BalanceAnswer], BalanceAnswer] = self.answers.pop(0)
            return change(answer)
        return answer

    def reconcile(self, *, repair: bool = False, fresh: bool = False) -> reconciling.Reconciliation:
        """Compare the two books."""
        return reconciling.reconcile(self.app, NAME, repair=repair, fresh=fresh)

    @property
    def engine(self) -> Engine:
        """The store."""
        return self.app.engine

    def ours(self) -> dict[tuple[str, str, str, str], Decimal]:
        """Stored balances that are not zero, by external keys and currency."""
        columns = ("counterparty_key", "contract_key", "organisation_key", "currency", "amount")
        with self.engine.connect() as conn:
            rows = conn.execute(select(*(balances.c[name] for name in columns)))
            return {tuple(row[:4]): row[4] for row in rows if row[4]}

    def theirs(self) -> dict[tuple[str, str, str, str], Decimal]:
        """The same of the stand-in's own movements."""
        sums: dict[Any, Decimal] = defaultdict(Decimal)
        for row in self.base.truth_balances():
            place = (row["counterparty"], row["contract"], row["organisation"], CODES[row["currency"]])
            sums[tuple(_key(part) for part in place)] += row["amount"]
        return {key: amount for key, amount in sums.items() if amount}

    def rows(self) -> list[Any]:
        """All stored balances."""
        with self.engine.connect() as conn:
            return list(conn.execute(select(balances)))

    def change(self, statement: Any) -> None:
        """Plant something in the store."""
        with self.engine.begin() as conn:
            conn.execute(statement)

    def set_balance(self, key: str, **values: Any) -> None:
        """Plant a wrong balance."""
        self.change(update(balances).where(balances.c.counterparty_key == key).values(values))

    def last_run(self) -> Any:
        """The newest run."""
        with self.engine.connect() as conn:
            return conn.execute(select(run).order_by(run.c.started_at.desc())).first()

    def cursor(self) -> Any:
        """Where balances stand."""
        with self.engine.connect() as conn:
            return conn.execute(select(cursor).where(cursor.c.entity == "balance")).one()


def _key(text: str) -> str:
    return "" if text == "00000000-0000-0000-0000-000000000000" else text


@contextmanager
def open_world(
    store_url: str, *, documents: int = 400, counterparties: int = 40, since: date | None = None, seed: int = 5
) -> Iterator[World]:
    """A new company behind a server, and an empty store."""
    clock = ManualClock(TODAY)
    base = build_company(
        seed, documents, counterparties, today=TODAY.date(), clock=lambda: clock.now().replace(tzinfo=None)
    )
    with base, OnecServer(base) as server, tempfile.TemporaryDirectory() as folder:
        more = f'since = "{since.isoformat()}"' if since else ""
        settings = settings_of(store_url, server.url, "bp30", Path(folder), more)
        engine = open_engine(store_url)
        upgrade(engine)
        yield World(base, server, App(settings, engine, clock, "test"), settings)
        engine.dispose()


def settings_of(store_url: str, url: str, mapping: str, folder: Path, more: str = "") -> Settings:
    """Settings as a file in this folder gives them."""
    path = folder / "settings.toml"
    text = f"""
[store]
url = "{store_url}"
cache = "{folder / "cache"}"
[connections.{NAME}]
connector = "onec_odata"
url = "{url}"
user = "Обмен"
password = "secret"
mapping = "{mapping}"
{more}
"""
    path.write_text(text, encoding="utf-8")
    return load_settings(path, environ={}, connectors=option_models())
