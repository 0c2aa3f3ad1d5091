"""In a process of its own: reconcile so many counterparties and print the most memory that it took at a time.

The base is a real HTTP server that makes its answers row by row; the store holds the same books, so that all of them
are compared and nothing differs.
"""

import json
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

from connectors.registry import option_models
from core.clock import SystemClock
from core.settings import load_settings
from store.bulk import chunks, insert
from store.engine import open_engine
from store.entities import balances, counterparties
from store.tables import binding
from store.upgrade import upgrade
from sync.context import App, NoProgress
from sync.reconcile import balances as comparing
from sync.reconcile import compare as reconciling
from sync.reconcile import entities
from sync.reconcile.result import EntityLine, Reconciliation

NOW = datetime(2026, 1, 15, tzinfo=UTC)
ACCOUNT = str(UUID(int=62))
SET = "Catalog_Контрагенты"


def key(number: int) -> str:
    return str(UUID(int=(number + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128)))


def balance_rows(count: int) -> Iterator[str]:
    head = f'{{"Account_Key": "{ACCOUNT}", "ExtDimension1_Type": "StandardODATA.{SET}", "СуммаBalanceDr": 10.5, '
    for number in reversed(range(count)):
        yield f'{head}"СуммаBalanceCr": 0, "ExtDimension1": "{key(number)}"}}'


def key_rows(count: int, options: dict[str, list[str]]) -> Iterator[str]:
    first, most = int(options.get("$skip", ["0"])[0]), int(options.get("$top", ["9999999"])[0])
    for number in range(first, min(first + most, count)):
        yield f'{{"Ref_Key": "{key(number)}", "DataVersion": "AAAAAQAAAAA=", "DeletionMark": false}}'


def serve(count: int) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            path, options = unquote(parts.path), parse_qs(parts.query)
            if path.endswith("$metadata"):
                self.send_error(403)
                return
            rows = key_rows(count, options) if path.endswith(SET) else balance_rows(count)
            if "ChartOfAccounts" in path:
                rows = iter([f'{{"Ref_Key": "{ACCOUNT}", "Code": "62.01"}}'])
            self.send_response(200)
            self.send_header("Content-Type", "application/json;charset=utf-8")
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b'{"value":[')
            for number, part in enumerate(chunks(rows, 200)):
                self.wfile.write(((", " if number else "") + ", ".join(part)).encode())
            self.wfile.write(b"]}")

        def log_message(self, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def fill(app: App, count: int) -> None:
    stamp = {"created_at": NOW, "updated_at": NOW}
    for part in chunks(range(count), 2000):
        with app.engine.begin() as conn:
            insert(conn, counterparties, [{"id": UUID(key(n)), "name": f"ООО {n}", **stamp} for n in part])
            insert(conn, binding, [
                {"connection": "accounting", "entity": "counterparty", "external_id": key(n), "source": SET,
                 "entity_id": UUID(key(n)), "version": "AAAAAQAAAAA="} for n in part
            ])  # fmt: skip
            insert(conn, balances, [
                {"id": UUID(key(n)), "connection": "accounting", "counterparty_key": key(n), "as_of": NOW,
                 "counterparty_id": UUID(key(n)), "currency": "RUB", "receivable": Decimal("10.5"),
                 "advance": Decimal(0), "amount": Decimal("10.5"), "unexplained": Decimal("10.5")} for n in part
            ])  # fmt: skip


def main(count: int, folder: Path) -> None:
    server = serve(count)
    path = folder / "settings.toml"
    path.write_text(
        f'[store]\nurl = "sqlite:///{folder}/store.db"\ncache = "{folder}/cache"\n'
        '[connections.accounting]\nconnector = "onec_odata"\n'
        f'url = "http://127.0.0.1:{server.server_port}/base"\nmapping = "bp30"\nsessions = "off"\nsince = 2025-01-01\n'
    )
    settings = load_settings(path, environ={}, connectors=option_models())
    app = App(settings, open_engine(settings.store.url), SystemClock(), "test")
    upgrade(app.engine)
    fill(app, count)
    result = Reconciliation("accounting", NOW)
    with reconciling._context(app, "accounting", NoProgress()) as ctx:
        source = next(one for one in ctx.mapping.entities["counterparty"].sources if one.name == SET)
        line = EntityLine("counterparty")
        tracemalloc.start()
        entities.reconcile_source(ctx, source, line, result)
        records = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        comparing.reconcile_balances(ctx, result, lambda found: None)
        books = tracemalloc.get_traced_memory()[1]
    server.shutdown()
    settled = result.balances["RUB"].settlements
    report = {"records": records, "books": books, "status": result.status, "lines": len(result.lines)}
    print(json.dumps(report | {"settled": settled, "theirs": line.theirs, "ours": line.ours, "why": result.failure}))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
