"""10,000 companies with balances into a portal, against the best that its limits allow: 2 requests a second, bucket 50.

The stand-in portal enforces the limits, over real HTTP, on a clock that both sides share and that only waiting moves:
what is measured is the time that the limits make us wait, not that of this machine. The best is a sender who knows
everything already: an element and its requisites are two commands for a new company, one for a changed figure, fifty
commands a request, an empty bucket at the start. Ours asks besides whether a company is there: key, tax id, phone.
"""

from __future__ import annotations

import os
import tempfile
import time
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import insert, update

from connectors.registry import option_models
from core.clock import ManualClock
from core.ids import new_id
from core.settings import load_settings
from sandbox.bitrix24 import BitrixServer, build_portal
from store.engine import open_engine
from store.entities import balances, counterparties
from store.search import search_text
from store.tables import binding
from store.upgrade import upgrade
from sync.context import App, NoProgress, Order
from sync.cycle import run_stages
from sync.link.report import Report
from sync.link.stage import link_cards
from sync.outbox.stage import keep_cards
from sync.setup.cards import set_up_cards

COMPANIES = int(os.environ.get("BENCH_COMPANIES", "10000"))
DRAIN, BUCKET, COMMANDS = 2.0, 50, 50
RUN_TIME = 0.01
"""Seconds of run time that the portal books for a command: the sum of ten minutes (480 s) is then not what limits."""
CRM = "crm"


def main() -> None:
    """Print what each part took and its share of the best."""
    with tempfile.TemporaryDirectory() as folder:
        _measure(Path(folder))


def _measure(folder: Path) -> None:
    clock = ManualClock()
    portal = build_portal(now=clock.now, deals=False)
    portal.limits.moment = clock.monotonic
    portal.limits.usual_cost = RUN_TIME
    with BitrixServer(portal) as server:
        app = _open(folder, server, clock)
        _fill(app)
        list(set_up_cards(app, app.settings.connection(CRM), "bench", dry_run=False))
        report = Report()
        link_cards(app, CRM, report, NoProgress(), dry_run=False, who="bench")
        report.close()
        _part(app, clock, "companies made", 2 * COMPANIES)
        made = sum(1 for row in portal.kinds[4].items.values() if row.get("originId"))
        assert made == COMPANIES, made
        _move(app)
        _part(app, clock, "balances moved", COMPANIES)
        shown = sum(1 for row in portal.kinds[4].items.values() if str(row.get("ufCrmSverkaBalance")) == "777.77|RUB")
        assert shown == COMPANIES, shown
        _part(app, clock, "nothing moved", 0)
        print(
            f"refused by the portal: {portal.limits.refused}; highest level of its bucket: {portal.limits.highest:.1f}"
        )
        app.engine.dispose()


def _part(app: App, clock: ManualClock, what: str, commands: int) -> None:
    """One run of the outbox from an empty bucket; its wait and requests beside the best."""
    clock.sleep(600)
    began, real = clock.monotonic(), time.perf_counter()
    result = run_stages(app, CRM, Order(), [keep_cards], NoProgress())
    assert result.status == "ok", result.message
    waited = clock.monotonic() - began
    requests = sum(line.requests for line in result.lines)
    least = -(-commands // COMMANDS)
    best = max(0.0, (least - BUCKET) / DRAIN)
    share = f"{waited / best:.3f} x" if best else "-"
    print(
        f"{what}: {requests} requests, {waited:.1f} s of waiting; best {least} requests, {best:.1f} s; {share}"
        f" (this machine worked {time.perf_counter() - real:.0f} s)",
        flush=True,
    )


def _open(folder: Path, server: BitrixServer, clock: ManualClock) -> App:
    path, url = folder / "settings.toml", f"sqlite:///{folder / 'store.db'}"
    path.write_text(
        f'[store]\nurl = "{url}"\n[connections.accounting]\nconnector = "onec_odata"\nmapping = "bp30"\n'
        'url = "http://127.0.0.1:9/odata/standard.odata"\nuser = "u"\npassword = "p"\n'
        f'[connections.crm]\nconnector = "bitrix24"\nrole = "crm"\nwebhook = "{server.webhook}"\nallow_http = true\n'
        'mapping = "bitrix24"\nwrite = "on"\n',
        encoding="utf-8",
    )
    engine = open_engine(url)
    upgrade(engine)
    return App(load_settings(path, environ={}, connectors=option_models()), engine, clock, "bench")


def _fill(app: App) -> None:
    """Customers of accounting, each with a balance, a phone and a tax id, unknown to the portal."""
    now, ids = app.clock.now(), [new_id() for _ in range(COMPANIES)]
    rows, owed, bound = [], [], []
    for number, key in enumerate(ids):
        row = {
            "id": key, "name": f"ООО Компания {number}", "legal_name": f"ООО Компания {number}", "kind": "company",
            "tax_id": f"{7700000000 + number}", "registration_code": "770001001", "phones": [f"+7495{number:07}"],
            "emails": [], "home": "accounting", "deleted": False, "created_at": now, "updated_at": now,
        }  # fmt: skip
        rows.append(row | {"search": search_text(row)})
        owed.append({
            "id": new_id(), "connection": "accounting", "counterparty_key": str(key), "counterparty_id": key,
            "currency": "RUB", "receivable": Decimal(number + 1), "advance": Decimal(0), "amount": Decimal(number + 1),
            "as_of": now,
        })  # fmt: skip
        bound.append({
            "connection": "accounting", "entity": "counterparty", "external_id": str(key), "entity_id": key,
            "state": "bound",
        })  # fmt: skip
    with app.engine.begin() as conn:
        conn.execute(insert(counterparties), rows)
        conn.execute(insert(balances), owed)
        conn.execute(insert(binding), bound)


def _move(app: App) -> None:
    """Every balance is another one now."""
    amount = Decimal("777.77")
    moment = app.clock.now() + timedelta(seconds=1)
    with app.engine.begin() as conn:
        conn.execute(update(balances).values(amount=amount, receivable=amount, as_of=moment))
