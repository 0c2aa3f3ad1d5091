"""The first load of a base into PostgreSQL against a bare loop: requests + orjson + COPY, no mapping, no bindings.

The stand-in runs in a process of its own and serves both. Each loader runs in a fresh process, so that its peak
memory is its own. The bare loop reads just the document sets; ours reads every entity, sweeps the keys and reads the
balances.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import psycopg
import requests
from requests.auth import HTTPBasicAuth

from tests.services.postgres import Postgres
from tests.services.process import free_port

ROOT = Path(__file__).parents[1]
DOCUMENTS = int(os.environ.get("BENCH_DOCUMENTS", "40000"))
USER, PASSWORD = "Обмен", "secret"
SETS = {
    "Document_СчетНаОплатуПокупателю": ("Товары",),
    "Document_РеализацияТоваровУслуг": ("Товары", "Услуги"),
    "Document_АктОбОказанииПроизводственныхУслуг": ("Услуги",),
    "Document_ВозвратТоваровОтПокупателя": ("Товары",),
    "Document_ПоступлениеНаРасчетныйСчет": ("РасшифровкаПлатежа",),
    "Document_ПриходныйКассовыйОрдер": ("РасшифровкаПлатежа",),
    "Document_ОплатаПлатежнойКартой": ("РасшифровкаПлатежа",),
    "Document_СписаниеСРасчетногоСчета": ("РасшифровкаПлатежа",),
    "Document_РасходныйКассовыйОрдер": ("РасшифровкаПлатежа",),
}
PAGE = 1000


@contextmanager
def stand_in(documents: int) -> Iterator[str]:
    """A trading company of so many documents; yields its address."""
    port = free_port()
    command = [sys.executable, "-m", "sandbox.onec", "--port", str(port), "--documents", str(documents), "--seed", "1"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/base/odata/standard.odata"
    try:
        deadline = time.monotonic() + 600
        while time.monotonic() < deadline:
            try:
                requests.get(url, auth=HTTPBasicAuth(USER.encode(), PASSWORD.encode()), timeout=5)
                break
            except requests.ConnectionError:
                time.sleep(0.5)
        yield url
    finally:
        process.terminate()
        process.wait()


def bare(url: str, conninfo: str) -> int:
    """Read every document and copy head and lines; what a script of an afternoon would do. Returns the documents."""
    session = requests.Session()
    session.auth = HTTPBasicAuth(USER.encode(), PASSWORD.encode())
    number = 0
    with psycopg.connect(conninfo) as db:
        db.execute("CREATE TABLE doc (id uuid, number text, date timestamp, posted bool, amount numeric, raw text)")
        db.execute("CREATE TABLE line (id uuid, n int, amount numeric, raw text)")
        for name, sections in SETS.items():
            skip = 0
            while True:
                query = f"$format=application/json;odata=nometadata&$orderby=Ref_Key&$top={PAGE}&$skip={skip}"
                answer = session.get(f"{url}/{quote(name)}?{quote(query, safe='$=&;/')}", timeout=300)
                answer.raise_for_status()
                rows = orjson.loads(answer.content)["value"]
                copy_rows(db, rows, sections)
                number += len(rows)
                skip += PAGE
                if len(rows) < PAGE:
                    break
    return number


def copy_rows(db: psycopg.Connection, rows: list[dict[str, Any]], sections: tuple[str, ...]) -> None:
    """One page into two tables."""
    with db.cursor() as cursor:
        with cursor.copy("COPY doc FROM STDIN") as copy:
            for row in rows:
                raw = orjson.dumps(row).decode()
                copy.write_row((row["Ref_Key"], row["Number"], row["Date"], row["Posted"], row["СуммаДокумента"], raw))
        with cursor.copy("COPY line FROM STDIN") as copy:
            for row in rows:
                for section in sections:
                    for line in row.get(section, ()):
                        amount = line.get("Сумма", line.get("СуммаПлатежа"))
                        copy.write_row((row["Ref_Key"], line["LineNumber"], amount, orjson.dumps(line).decode()))
    db.commit()


def ours(url: str, store_url: str) -> int:
    """`sverka sync` in this process. Returns the documents in the store."""
    from cli.common import open_app
    from connectors.registry import option_models
    from core.settings import load_settings
    from sync.context import NoProgress, Order
    from sync.cycle import run_cycle

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "settings.toml"
        path.write_text(
            f'[store]\nurl = "{store_url}"\n[connections.accounting]\nconnector = "onec_odata"\nurl = "{url}"\n'
            f'user = "{USER}"\npassword = "{PASSWORD}"\nmapping = "bp30"\nwrite = "off"\n',
            "utf-8",
        )
        settings = load_settings(path, environ={}, connectors=option_models())
        with open_app(settings) as app:
            result = run_cycle(app, "accounting", Order(kind="order"), NoProgress())
    documents = {"order", "shipment", "return", "payment"}
    if result.status != "ok":
        raise SystemExit(f"our load was {result.status}: {result.message} {result.notices[:5]}")
    return sum(line.read for line in result.lines if line.entity in documents)


def child(kind: str, url: str, target: str) -> dict[str, float]:
    """Run one loader in a process of its own."""
    command = [sys.executable, "-m", "bench.first_load", kind, url, target]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    report: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return report


def measure(kind: str, url: str, target: str) -> None:
    """In the child: load, and say how long and how much memory."""
    start = time.perf_counter()
    number = bare(url, target) if kind == "bare" else ours(url, target)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"documents": number, "seconds": seconds, "mb": peak}))


def main() -> None:
    """Both loaders twice in turn against one base; the better of each counts."""
    server = Postgres()
    server.start()
    try:
        with stand_in(DOCUMENTS) as url:
            runs: dict[str, list[dict[str, float]]] = {"bare": [], "ours": []}
            for _ in range(int(os.environ.get("BENCH_ROUNDS", "2"))):
                for kind, results in runs.items():
                    name = server.create()
                    target = server.conninfo(name) if kind == "bare" else server.url(name)
                    results.append(child(kind, url, target))
                    server.drop(name)
    finally:
        server.remove()
    best = {kind: max(results, key=lambda run: run["documents"] / run["seconds"]) for kind, results in runs.items()}
    for kind, run in best.items():
        rate = run["documents"] / run["seconds"]
        print(f"{kind}: {run['documents']:.0f} documents in {run['seconds']:.1f} s = {rate:.0f}/s,", end=" ")
        print(f"peak {run['mb']:.0f} MB")
    rates = {kind: run["documents"] / run["seconds"] for kind, run in best.items()}
    print(f"ratio ours/bare: {rates['ours'] / rates['bare']:.2f} (aim: at least 0.25)")


if __name__ == "__main__":
    if len(sys.argv) == 4:
        measure(*sys.argv[1:4])
    else:
        main()
