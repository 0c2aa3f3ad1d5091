"""Reconciling 100,000 counterparties against a bare loop: requests + orjson, both books in memory, compared as dicts.

The stand-in runs in a process of its own. Each side runs in a fresh process, so that its peak memory is its own. The
bare loop asks for the balances only; ours compares every record of every set as well, then the balances with documents
and movements. Ours runs with 2,000 counterparties too: what matters is how memory grows.
"""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import orjson
import requests
from requests.auth import HTTPBasicAuth

from bench.first_load import PASSWORD, ROOT, USER
from tests.services.process import free_port

MANY, FEW = int(os.environ.get("BENCH_COUNTERPARTIES", "100000")), 2000
REGISTER = "AccountingRegister_Хозрасчетный"


@contextmanager
def stand_in(counterparties: int) -> Iterator[str]:
    """A company of so many customers and as many documents; `BENCH_BASE` names a file to keep the large one in."""
    port = free_port()
    command = [sys.executable, "-m", "sandbox.onec", "--port", str(port), "--seed", "1"]
    command += ["--documents", str(counterparties), "--counterparties", str(counterparties)]
    kept = os.environ.get("BENCH_BASE")
    command += ["--file", kept] if kept and counterparties == MANY else []
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/base/odata/standard.odata"
    try:
        deadline = time.monotonic() + 1200
        while time.monotonic() < deadline:
            try:
                requests.get(url, auth=HTTPBasicAuth(USER.encode(), PASSWORD.encode()), timeout=5)
                break
            except requests.ConnectionError:
                time.sleep(1)
        yield url
    finally:
        process.terminate()
        process.wait()


def write_settings(folder: Path, url: str) -> Path:
    """Settings of an installation on SQLite in this folder."""
    path = folder / "settings.toml"
    path.write_text(
        f'[store]\nurl = "sqlite:///{folder}/store.db"\n[connections.accounting]\nconnector = "onec_odata"\n'
        f'url = "{url}"\nuser = "{USER}"\npassword = "{PASSWORD}"\nmapping = "bp30"\nwrite = "off"\n'
        "since = 2025-01-01\n",
        "utf-8",
    )
    return path


def bare(url: str, folder: Path) -> str:
    """All balances into a dict, those of the store into another one; what a script of an afternoon would do."""
    answer = requests.get(
        f"{url}/{quote(REGISTER)}/Balance()?$format=application/json;odata=nometadata",
        auth=HTTPBasicAuth(USER.encode(), PASSWORD.encode()),
        timeout=900,
    )
    answer.raise_for_status()
    theirs: dict[str, float] = {}
    for row in orjson.loads(answer.content)["value"]:
        if row["ExtDimension1_Type"] == "StandardODATA.Catalog_Контрагенты":
            theirs[row["ExtDimension1"]] = theirs.get(row["ExtDimension1"], 0) + (row["СуммаBalance"] or 0)
    with sqlite3.connect(folder / "store.db") as store:
        ours = dict(store.execute("SELECT counterparty_key, sum(amount) / 10000.0 FROM balances GROUP BY 1"))
    return f"{sum(1 for key in ours if abs(ours[key] - theirs.get(key, 0)) > 0.005)} differ"


def in_ours(what: str, path: Path) -> str:
    """`sverka sync` or `sverka reconcile` in this process."""
    from cli.common import open_app
    from connectors.registry import option_models
    from core.settings import load_settings
    from sync.context import NoProgress, Order
    from sync.cycle import run_cycle
    from sync.reconcile.compare import reconcile

    settings = load_settings(path, environ={}, connectors=option_models())
    with open_app(settings) as app:
        if what == "load":
            return run_cycle(app, "accounting", Order(kind="order"), NoProgress()).status
        result = reconcile(app, "accounting")
    records = sum(line.theirs for line in result.entities)
    return f"{result.status}, {len(result.lines)} lines, {result.unexplained or '0.00'} unexplained, {records} records"


def child(kind: str, url: str, folder: Path) -> dict[str, object]:
    """Run one side in a process of its own."""
    command = [sys.executable, "-m", "bench.reconcile", kind, url, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    report: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    print(f"{kind:<10} {report['seconds']:8.1f} s  peak {report['mb']:5.0f} MB  {report['said']}", flush=True)
    return report


def measure(kind: str, url: str, folder: Path) -> None:
    """In the child: do it, and say how long and how much memory."""
    start = time.perf_counter()
    said = bare(url, folder) if kind == "bare" else in_ours(kind, folder / "settings.toml")
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "mb": peak, "said": said}))


def main() -> None:
    """Few, then many; the second reconciliation of each is the nightly one, which remembers what was named."""
    peaks: dict[int, float] = {}
    for number in (FEW, MANY):
        print(f"{number} counterparties")
        with tempfile.TemporaryDirectory() as name, stand_in(number) as url:
            folder = Path(name)
            write_settings(folder, url)
            child("load", url, folder)
            first = child("reconcile", url, folder)
            again = child("reconcile", url, folder)
            beside = child("bare", url, folder)
            peaks[number] = max(float(str(one["mb"])) for one in (first, again))
            print(f"ratio ours/bare: memory {peaks[number] / float(str(beside['mb'])):.2f}")
    print(f"ours: {FEW} {peaks[FEW]:.0f} MB, {MANY} {peaks[MANY]:.0f} MB: {peaks[MANY] / peaks[FEW]:.2f} times")


if __name__ == "__main__":
    if len(sys.argv) == 4:
        measure(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
    else:
        main()
