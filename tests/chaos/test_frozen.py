"""A worker that was frozen past its lease wakes up in the middle of its work: it can no longer write (scenario 16)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from store.engine import open_engine, reading
from store.tables import run, run_counter
from sync.room.faults import VARIABLE
from tests.acceptance.installation import ROOT, Installation, wait_for
from tests.chaos.onec import Onec

UNGUARDED = """
from cli.main import main
from sync.room.lease import Lease
Lease.check = lambda self, conn: None
main()
"""
"""The same command without the check of the fence."""
POINT = "fetch-balances.after"


def freeze_and_wake(installed: Installation, orders: Path, *start: str) -> subprocess.CompletedProcess[str]:
    """Begin a cycle, freeze it between two transactions, let another finish its own, wake the first; how it ended."""
    orders.mkdir()
    (orders / POINT).write_text(str(int(signal.SIGSTOP)))
    environment = installed.env | {VARIABLE: f"@{orders}"}
    frozen = subprocess.Popen(
        [sys.executable, *start, "sync"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(lambda: list(orders.glob(f"{POINT}.hit-*")), "it is frozen")
        installed.run("sync", check=None)  # waits for the lease of the frozen one to lapse, and takes over
        os.kill(frozen.pid, signal.SIGCONT)
        out, err = frozen.communicate(timeout=60)
    finally:
        frozen.kill()
        frozen.wait()
    return subprocess.CompletedProcess(start, frozen.returncode, out, err)


def written_by(installed: Installation, store: str, status: str) -> int:
    """How many counter lines the runs with this status have written at their end."""
    engine = open_engine(store)
    query = select(func.count()).select_from(run_counter).join(run, run.c.id == run_counter.c.run_id)
    with reading(engine) as conn:
        number = conn.execute(query.where(run.c.status == status)).scalar_one()
    engine.dispose()
    return int(number)


@pytest.fixture
def installed(tmp_path: Path, store_url: str) -> Iterator[Installation]:
    onec = Onec(tmp_path, documents=20)
    url = f"http://127.0.0.1:{onec.port}{onec.path}"
    yield Installation(tmp_path, store_url, url, extra='[schedule]\nlease = "2s"', connection="since = 2023-06-01")
    onec.close()


def test_who_wakes_up_past_his_lease_writes_nothing(installed: Installation, tmp_path: Path, store_url: str) -> None:
    done = freeze_and_wake(installed, tmp_path / "orders", "-m", "cli.main")
    assert (done.returncode, "Another worker has taken over" in done.stderr) == (1, True), done.stderr
    assert written_by(installed, store_url, "abandoned") == 0
    assert written_by(installed, store_url, "ok") > 0


def test_without_the_fence_he_would(installed: Installation, tmp_path: Path, store_url: str) -> None:
    """The test above sees the difference."""
    done = freeze_and_wake(installed, tmp_path / "orders", "-c", UNGUARDED)
    assert "Another worker has taken over" not in done.stderr
    assert written_by(installed, store_url, "abandoned") > 0
