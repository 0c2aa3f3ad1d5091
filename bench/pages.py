"""Server time of the pages of a manager with very many customers: list, search, card, call, over the whole site.

The store is made anew, in a file beside the system's temporary ones; `BENCH_STORE` names one to keep and use again.
Each page is asked once to warm up, then ten times; median and worst are printed.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import Engine, insert, select

from bench.customers import MANAGERS, fill, write_all_lists
from core.clock import ManualClock
from core.ids import new_id
from core.settings import ConnectionSettings, Settings
from store.engine import open_engine
from store.entities import counterparties
from store.tables import user
from store.upgrade import upgrade
from sync.context import App
from tests.integration.store.filling import NOW
from tests.integration.web.world import Browser
from web.app import build_site_app
from web.people.sessions import open_session
from web.site import open_site

CUSTOMERS = int(os.environ.get("BENCH_COUNTERPARTIES", "100000"))
AIM_MS = 100
TIMES = 10
PAGES = (
    ("list by name", "/customers"),
    ("list by debt", "/customers?sort=balance&owing=debtors"),
    ("list by last payment", "/customers?sort=payment"),
    ("list of a segment", "/customers?segment=опт&sort=overdue"),
    ("search by a word", "/customers?q=ромашка"),
    ("search with typos", "/customers?q=ромшка+трейт"),
    ("search that finds nobody", "/customers?q=никогонет"),
    ("search by phone", "/customers?q=8+(916)+000-00-07"),
    ("search by document", "/customers?q=ТД00-0000070"),
    ("call", "/call?phone=8+916+999+99+99"),
    ("whom it may be", "/contacts/alike?name=ромашка+трейд"),
    ("card", "/customers/{key}"),
    ("charts", "/customers/{key}/history"),
    ("statement", "/customers/{key}/statement?first=2026-01-01"),
)


def main() -> None:
    """Print the times, and those above the aim apart."""
    with _store() as engine:
        key, manager = _one_of(engine)
        for role, whose in (("head", None), ("manager", manager)):
            _measure(engine, role, whose, key)


@contextmanager
def _store() -> Iterator[Engine]:
    kept = os.environ.get("BENCH_STORE")
    with tempfile.TemporaryDirectory() as folder:
        url = kept or f"sqlite:///{Path(folder) / 'store.db'}"
        upgrade(url)
        engine = open_engine(url)
        with engine.begin() as conn:
            empty = conn.execute(select(counterparties.c.id).limit(1)).first() is None
        if empty:
            began = time.perf_counter()
            fill(engine, CUSTOMERS)
            print(f"{CUSTOMERS:,} customers put in: {time.perf_counter() - began:.0f} s")
            began = time.perf_counter()
            write_all_lists(engine)
            print(f"words and figures of all of them: {time.perf_counter() - began:.0f} s")
        yield engine
        engine.dispose()


def _one_of(engine: Engine) -> tuple[UUID, UUID]:
    """A customer who owes something, and whose he is."""
    wanted = counterparties.c.code == f"00-{MANAGERS * 3 + 3:08d}"
    with engine.begin() as conn:
        row = conn.execute(select(counterparties.c.id, counterparties.c.manager_id).where(wanted)).one()
    return row.id, row.manager_id


def _measure(engine: Engine, role: str, manager: UUID | None, key: UUID) -> None:
    browser = _browser(engine, role, manager)
    print(f"{role:28} {'median':>8} {'worst':>8}")
    for name, path in PAGES:
        address = path.format(key=key)
        found = [_ask(browser, address) for _ in range(TIMES + 1)][1:]
        middle, worst = statistics.median(found), max(found)
        print(f"{name:28} {middle:6.0f}ms {worst:6.0f}ms{'  above the aim' if middle > AIM_MS else ''}")


def _ask(browser: Browser, address: str) -> float:
    began = time.perf_counter()
    answer = browser.get(address)
    if answer.status_code != 200:
        raise RuntimeError(f"{address}: {answer.status_code}")
    return (time.perf_counter() - began) * 1000


def _browser(engine: Engine, role: str, manager: UUID | None) -> Browser:
    connections = {"accounting": ConnectionSettings(name="accounting", connector="onec_odata")}
    url = engine.url.render_as_string(hide_password=False)
    settings = Settings.model_validate({"store": {"url": url}, "connections": connections})
    site = open_site(
        App(settings=settings, engine=engine, clock=ManualClock(NOW + timedelta(minutes=3)), owner="bench")
    )
    key = new_id()
    with engine.begin() as conn:
        if manager is not None:
            conn.execute(user.delete().where(user.c.manager_id == manager))
        row = {"id": key, "login": f"bench-{key}", "name": role, "role": role, "manager_id": manager}
        conn.execute(insert(user).values(**row, created_at=NOW, updated_at=NOW))
        cookie = open_session(conn, site.app.clock.now(), key, address="127.0.0.1")
    browser = Browser(build_site_app(site))
    browser.cookies.set("sverka", cookie)
    return browser
