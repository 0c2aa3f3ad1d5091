"""The whole job, shown on a stand-in 1C base and a stand-in Bitrix24 portal with a store of its own.

Nothing of yours is touched.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from cli.common import open_app, out_said, out_table, out_text, view
from cli.data import print_balances
from cli.demo.crm import CRM, Circle, build_demo_portal
from cli.exits import FAILED, OK, say
from cli.language import told
from cli.progress import watching
from cli.syncing import outside_name
from cli.work.reconciling import reconcile_one
from connectors.registry import option_models
from core.settings import Settings, load_settings
from sandbox.bitrix24 import BitrixServer
from sandbox.onec.company import build_company
from sandbox.onec.server import OnecServer
from store.queries.settlements.balances import iter_balances
from sync.context import App, Order
from sync.cycle import RunResult, run_cycle
from sync.push.contacts import add_contact, list_contacts
from web.serve import serve_beside
from workers.runner import run_all

CONNECTION = "accounting"
_USER, _PASSWORD = "Обмен", "secret"
_CLIENT = {"name": "ООО «Первый звонок»", "tax_id": "7743013901", "registration_code": "774301001"}
_SHOWN = ("read", "created", "updated", "linked", "unchanged", "filtered", "dead")


def run_demo(*, once: bool, documents: int, seed: int) -> int:
    """One full turn; then, unless `once`, worker and schedule until Ctrl-C. Returns the exit code."""
    say(f"Building a trading company with {documents} documents …")
    base = build_company(seed=seed, documents=documents)
    with (
        tempfile.TemporaryDirectory(prefix="sverka-demo-") as folder,
        OnecServer(base, user=_USER, password=_PASSWORD) as server,
        BitrixServer(build_demo_portal(base)) as portal,
    ):
        say(f"The stand-in 1C base listens at {server.url}")
        say(f"The stand-in Bitrix24 portal listens at {portal.root}; its webhook: {portal.webhook}")
        chosen = _demo_settings(server.url, portal.webhook, Path(folder))
        with open_app(chosen) as app:
            code = _one_turn(app, portal)
        if once or code != OK:
            return code
        say(f"In a second terminal: export SVERKA_SETTINGS={chosen.path}")
        say("then: .venv/bin/sverka status")
        say(f"or:   .venv/bin/sverka user add anna --role admin, and log in at http://{chosen.web.listen}/")
        say("Now serving: worker and schedule, every 5 minutes. Stop with Ctrl-C.")
        return run_all(chosen, serve_beside)


def _demo_settings(url: str, webhook: str, folder: Path) -> Settings:
    path = folder / "settings.toml"
    path.write_text(
        f"""[store]
url = "sqlite:///{folder / "sverka.db"}"
cache = "{folder / "cache"}"

[connections.{CONNECTION}]
connector = "onec_odata"
url = "{url}"
user = "{_USER}"
password = "{_PASSWORD}"
write = "on"
mapping = "bp30"
since = 2024-01-01

[connections.{CRM}]
connector = "bitrix24"
role = "crm"
webhook = "{webhook}"
allow_http = true
drain = 1000.0
burst = 1000
write = "on"
mapping = "bitrix24"
""",
        encoding="utf-8",
    )
    asked = {name: value for name, value in os.environ.items() if name.startswith("SVERKA_WEB__")}
    return load_settings(path, environ=asked, connectors=option_models())


def _one_turn(app: App, portal: BitrixServer) -> int:
    _title("1. Everything out of accounting into the CRM store")
    if not _cycle(app):
        return FAILED
    _title("2. A contact becomes a client and is made known to accounting")
    add_contact(app, **_CLIENT, phones=["+7 495 123-45-67"], emails=["call@example.com"], status="client")
    if not _cycle(app):
        return FAILED
    for contact in list_contacts(app):
        out_text(f"{contact['name']}: {told(contact['standing_text'])}")
    _title("3. Pulled again: our own counterparty comes back and is recognised")
    if not _cycle(app):
        return FAILED
    _title("4. Who owes what")
    with app.engine.connect() as conn:
        print_balances(iter_balances(conn, view(app)))
    code = Circle(app, portal, CONNECTION).show(5)
    if code != OK:
        return code
    _title("9. Compared with accounting")
    return reconcile_one(app, CONNECTION, repair=False, fresh=False, as_json=False)


def _title(text: str) -> None:
    line = told(text)
    out_text(f"\n{line}\n{'─' * len(line)}")


def _cycle(app: App) -> bool:
    with watching(app.clock) as progress:
        result = run_cycle(app, CONNECTION, Order(kind="order"), progress)
    _print_cycle(result)
    return result.status == "ok"


def _print_cycle(result: RunResult) -> None:
    rows = [
        [outside_name(line.entity), "in" if line.direction == "in" else "out", line.read or ""]
        + [line.counts.get(word, 0) or "" for word in _SHOWN[1:]]
        for line in result.lines
    ]
    out_table(["entity", "direction", *_SHOWN], rows, right=range(2, 9), said=[1])
    for notice in result.notices:
        say(f"notice: {notice}")
    out_said(f"The run was {result.status}.{' ' + result.message if result.message else ''}")
