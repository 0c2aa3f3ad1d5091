"""What a worker says while its store and its broker come and go: JSON line by line, no traceback for the foreseen."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.services.postgres import Postgres
from tests.services.redis_server import Redis

ROOT = Path(__file__).parents[2]
SETTINGS = """
[store]
url = "{store}"
[broker]
url = "{broker}"
[log]
level = "info"
format = "json"
[schedule]
every = "1s"
tick = "1s"
[connections.accounting]
connector = "onec_odata"
url = "http://127.0.0.1:9/base/odata/standard.odata"
user = "u"
password = "secret-of-nobody"
mapping = "bp30"
"""


def start(folder: Path, command: str) -> tuple[subprocess.Popen[bytes], Path]:
    said = folder / f"{command}.log"
    with said.open("wb") as output:
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        run = [sys.executable, "-m", "cli.main", command]
        return subprocess.Popen(run, cwd=folder, env=environment, stderr=output, stdout=output), said


def wait_for(said: Path, words: str, seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    while words not in said.read_text():
        assert time.monotonic() < until, said.read_text()[-3000:]
        time.sleep(0.2)


def test_a_worker_says_nothing_but_json(
    postgres: Postgres, postgres_url: str, redis_server: Redis, redis_url: str, tmp_path: Path
) -> None:
    (tmp_path / "settings.toml").write_text(SETTINGS.format(store=postgres_url, broker=redis_url))
    worker, said = start(tmp_path, "worker")
    beat, _ = start(tmp_path, "beat")
    try:
        wait_for(said, "run.failed")
        postgres.kill()
        wait_for(said, "store-away")
        postgres.start()
        redis_server.kill()
        time.sleep(3)
        redis_server.start()
        time.sleep(3)
    finally:
        for process in (worker, beat):
            process.terminate()
            process.wait(timeout=60)
    lines = [json.loads(line) for line in said.read_text().splitlines() if line.strip()]
    assert lines, "every line is JSON"
    assert not [line for line in lines if "raised unexpected" in line["event"]]
    away = [line for line in lines if line["event"].endswith("store-away")]
    assert away and not [line for line in away if "exception" in line]
