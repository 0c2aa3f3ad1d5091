"""Server time of the pages with very many customers: list, search, card, call, terms, and the pages of the service.

    python -m bench pages --store postgresql --customers 1000000 --copies 10

The store is made anew: on SQLite in a file beside the system's temporary ones, on PostgreSQL in a private server with
the settings of the tests (64 MB of buffers, loopback). `BENCH_STORE` (an address) names one to keep and use again.
Each page is asked once to warm up, then ten times; median and worst are printed. The time is that of handler, store and
template in one process, without the network.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import Engine, insert, select, text

from bench.copies import MOST_COPIES, multiply
from bench.customers import MANAGERS, fill, write_all_lists
from bench.history import fill_runs
from core.clock import ManualClock
from core.ids import new_id
from core.settings import ConnectionSettings, Settings
from store.engine import open_engine
from store.entities import counterparties
from store.tables import run, user
from store.upgrade import upgrade
from sync.context import App
from tests.integration.store.filling import NOW
from tests.integration.web.world import Browser
from tests.services.postgres import Postgres
from web.app import build_site_app
from web.people.sessions import open_session
from web.site import open_site

AIM_MS = 100
TIMES = 10
PAGES = (
    ("list by name", "/customers"),
    ("list by debt", "/customers?sort=balance&owing=debtors"),
    ("list by last payment", "/customers?sort=payment"),
    ("list over the credit limit", "/customers?owing=over"),
    ("list by what is over", "/customers?owing=over&sort=over"),
    ("list of nobody's", "/customers?whose=nobody"),
    ("list of a segment", "/customers?segment=опт&sort=overdue"),
    ("search by a word", "/customers?q=ромашка"),
    ("search with typos", "/customers?q=ромшка+трейт"),
    ("search that finds nobody", "/customers?q=никогонет"),
    ("search by phone", "/customers?q=8+(916)+000-00-07"),
    ("search by document", "/customers?q=ТД00-0000070"),
    ("search by document's tail", "/customers?q=00070"),
    ("search by ТД-tail", "/customers?q=ТД-70"),
    ("call", "/call?phone=8+916+000-00-07"),
    ("call, unknown number", "/call?phone=8+916+999+99+99"),
    ("whom it may be", "/contacts/alike?name=ромашка+трейд"),
    ("card", "/customers/{key}"),
    ("charts", "/customers/{key}/history"),
    ("statement", "/customers/{key}/statement?first=2026-01-01"),
)
CALLS = tuple(one for one in PAGES if one[1].startswith("/call"))
OF_THE_HEAD = (("limits and terms", "/customers/{key}/terms"),)
OF_THE_SERVICE = (
    ("operations", "/ops"),
    ("operations, renewed", "/ops/now"),
    ("runs", "/ops/runs"),
    ("runs of a connection", "/ops/runs?connection=accounting"),
    ("runs that failed", "/ops/runs?status=failed"),
    ("one run", "/ops/runs/{run}"),
)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whose pages are measured, and which."""

    name: str
    role: str
    manager: UUID | None
    pages: tuple[tuple[str, str], ...]
    on_call: bool = False


def main(words: Sequence[str] = ()) -> None:
    """Print the times, and those above the aim apart."""
    asked = _parse(words)
    with _store(asked) as engine:
        with engine.begin() as conn:
            newest = conn.execute(select(run.c.id).order_by(run.c.started_at.desc()).limit(1)).scalar_one()
        key, manager = _one_of(engine)
        for visitor in (
            Visitor("head", "head", None, PAGES + OF_THE_HEAD),
            Visitor("manager", "manager", manager, PAGES),
            Visitor("on call", "manager", None, CALLS, on_call=True),
            Visitor("ops", "ops", None, OF_THE_SERVICE),
        ):
            _measure(engine, visitor, {"key": key, "run": newest})


def _parse(words: Sequence[str]) -> argparse.Namespace:
    about = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m bench pages", description=about)
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite", help="what it is measured on")
    known = int(os.environ.get("BENCH_COUNTERPARTIES", "100000"))
    parser.add_argument("--customers", type=int, default=known, help="so many (%(default)s)")
    parser.add_argument("--documents", type=int, default=2, help="of each kind, a customer (%(default)s)")
    how = "a store of so many times fewer is multiplied in the database, which is faster (%(default)s)"
    parser.add_argument("--copies", type=int, default=1, help=how)
    asked = parser.parse_args(words)
    if not 1 <= asked.copies <= MOST_COPIES:
        parser.error(f"--copies takes 1 to {MOST_COPIES}")
    return asked


@contextmanager
def _store(asked: argparse.Namespace) -> Iterator[Engine]:
    with _address(asked.store) as url:
        upgrade(url)
        engine = open_engine(url)
        with engine.begin() as conn:
            empty = conn.execute(select(counterparties.c.id).limit(1)).first() is None
        if empty:
            _fill(engine, asked)
        yield engine
        engine.dispose()


@contextmanager
def _address(kind: str) -> Iterator[str]:
    if kept := os.environ.get("BENCH_STORE"):
        yield kept
    elif kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{Path(folder) / 'store.db'}"
    else:
        server = Postgres()
        try:
            server.start()
            yield server.url(server.create())
        finally:
            server.remove()


def _fill(engine: Engine, asked: argparse.Namespace) -> None:
    began = time.perf_counter()
    made = asked.customers // asked.copies
    fill(engine, made, asked.documents)
    fill_runs(engine)
    print(f"{made:,} customers put in: {time.perf_counter() - began:.0f} s", flush=True)
    began = time.perf_counter()
    write_all_lists(engine)
    print(f"words and figures of all of them: {time.perf_counter() - began:.0f} s", flush=True)
    if asked.copies > 1:
        began = time.perf_counter()
        multiply(engine, asked.copies)
        print(f"times {asked.copies}: {time.perf_counter() - began:.0f} s", flush=True)
    with engine.begin() as conn:
        conn.execute(text("ANALYZE"))


def _one_of(engine: Engine) -> tuple[UUID, UUID]:
    """A customer who owes something, and whose he is."""
    wanted = counterparties.c.code == f"00-{MANAGERS * 3 + 3:08d}"
    with engine.begin() as conn:
        row = conn.execute(select(counterparties.c.id, counterparties.c.manager_id).where(wanted)).one()
    return row.id, row.manager_id


def _measure(engine: Engine, visitor: Visitor, filled: dict[str, UUID]) -> None:
    browser = _browser(engine, visitor)
    print(f"{visitor.name:28} {'median':>8} {'worst':>8}", flush=True)
    for name, path in visitor.pages:
        address = path.format(**filled)
        found = [_ask(browser, address) for _ in range(TIMES + 1)][1:]
        middle, worst = statistics.median(found), max(found)
        print(f"{name:28} {middle:6.0f}ms {worst:6.0f}ms{'  above the aim' if middle > AIM_MS else ''}", flush=True)


def _ask(browser: Browser, address: str) -> float:
    began = time.perf_counter()
    answer = browser.get(address)
    if answer.status_code not in (200, 303):  # a call that is one customer's leads to his card
        raise RuntimeError(f"{address}: {answer.status_code}")
    return (time.perf_counter() - began) * 1000


def _browser(engine: Engine, visitor: Visitor) -> Browser:
    connections = {"accounting": ConnectionSettings(name="accounting", connector="onec_odata")}
    url = engine.url.render_as_string(hide_password=False)
    settings = Settings.model_validate({"store": {"url": url}, "connections": connections})
    site = open_site(
        App(settings=settings, engine=engine, clock=ManualClock(NOW + timedelta(minutes=3)), owner="bench")
    )
    key = new_id()
    with engine.begin() as conn:
        if visitor.manager is not None:
            conn.execute(user.delete().where(user.c.manager_id == visitor.manager))
        row = {"id": key, "login": f"bench-{key}", "name": visitor.name, "role": visitor.role}
        row |= {"manager_id": visitor.manager, "on_call": visitor.on_call}
        conn.execute(insert(user).values(**row, created_at=NOW, updated_at=NOW))
        cookie = open_session(conn, site.app.clock.now(), key, address="127.0.0.1")
    browser = Browser(build_site_app(site))
    browser.cookies.set("sverka", cookie)
    return browser
