"""A stand-in base, a store and one connection between them, and what tests ask of all three."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine, select, update

from connectors.base import BalanceAnswer
from connectors.registry import open_connector, option_models
from core.clock import ManualClock
from core.settings import Settings, load_settings
from mapping.rules import load_mapping
from sandbox.onec.base import Base
from sandbox.onec.company import build_company
from sandbox.onec.server import OnecServer
from store.engine import open_engine
from store.entities import balances
from store.tables import cursor, run
from store.upgrade import upgrade
from sync import reconcile as reconciling
from sync.balances import pull_balances
from sync.context import App, Order, RunContext
from sync.cursors import load_cursors
from sync.lease import claim_lease
from sync.load import load_source
from sync.pull import settle_candidates
from sync.runs import RunResult, finish_run, start_run
from sync.sweep import sweep_source

NAME = "accounting"
CODES = {"643": "RUB", "840": "USD", "978": "EUR"}
TODAY = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)


@dataclass
class World:
    """Everything one test needs."""

    base: Base
    server: OnecServer
    app: App
    settings: Settings
    answers: list[Any] = field(default_factory=list)

    @contextmanager
    def context(self, order: Order | None = None) -> Iterator[RunContext]:
        """A run under its lease; `answers` are functions that the register's answers go through, one each."""
        lease = claim_lease(self.app, NAME)
        assert lease is not None
        order = order or Order(kind="schedule")
        connector = open_connector(self.settings.connections[NAME], self.app.clock)
        real = connector.fetch_balances  # type: ignore[attr-defined]

        def fetch_balances(*args: Any, **options: Any) -> BalanceAnswer:
            answer: BalanceAnswer = real(*args, **options)
            if options.get("counterparty") is None and options.get("at") is None and self.answers:
                change: Callable[[BalanceAnswer], BalanceAnswer] = self.answers.pop(0)
                return change(answer)
            return answer

        connector.fetch_balances = fetch_balances  # type: ignore[attr-defined]
        ctx = RunContext(
            app=self.app,
            settings=self.settings.connections[NAME],
            connector=connector,
            mapping=load_mapping("bp30"),
            order=order,
            run_id=start_run(self.app, NAME, order, lease),
            fence=lease,
            fetch_seq=lease.fence << 32,
            started_at=self.app.clock.now(),
        )
        ctx.state.cursors = load_cursors(self.app, NAME)
        try:
            yield ctx
            self.result = finish_run(ctx, lease)
        finally:
            connector.close()
            lease.release()

    def cycle(self, order: Order | None = None, *, entities: bool = True) -> RunResult:
        """One cycle of reading: records, then balances."""
        self.app.clock.sleep(300)
        with self.context(order) as ctx:
            for entity, mapped in ctx.mapping.entities.items() if entities else ():
                for source in mapped.sources:
                    if ctx.connector.is_published(source.name):  # type: ignore[attr-defined]
                        load_source(ctx, source)
                        sweep_source(ctx, source)
                settle_candidates(ctx, entity)
            pull_balances(ctx)
        return self.result

    def reconcile(self, *, repair: bool = False) -> reconciling.Reconciliation:
        """Compare the two books."""
        return reconciling.reconcile(self.app, NAME, repair=repair)

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
    with base, OnecServer(base) as server:
        line = f'since = "{since.isoformat()}"' if since else ""
        settings = load_settings_text(store_url, server.url, line)
        engine = open_engine(store_url)
        upgrade(engine)
        yield World(base, server, App(settings, engine, clock, "test"), settings)
        engine.dispose()


def load_settings_text(store_url: str, url: str, extra: str) -> Settings:
    """Settings as a file would give them."""
    import tempfile
    from pathlib import Path

    text = f"""
[store]
url = "{store_url}"
[connections.{NAME}]
connector = "onec_odata"
url = "{url}"
user = "Обмен"
password = "secret"
mapping = "bp30"
{extra}
"""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "settings.toml"
        path.write_text(text, encoding="utf-8")
        return load_settings(path, environ={}, connectors=option_models())
