"""One installation as a user has it: a folder with settings, the `sverka` command in processes of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


class Installation:
    """Settings in a folder, and commands run against them."""

    def __init__(self, folder: Path, store_url: str, base_url: str, *, extra: str = "", connection: str = "") -> None:
        self.folder = folder
        self.settings = folder / "settings.toml"
        self.settings.write_text(
            f"""[store]
url = "{store_url}"
cache = "{folder / "cache"}"
{extra}
[connections.accounting]
connector = "onec_odata"
url = "{base_url}"
user = "Обмен"
password = {{ env = "ACCOUNTING_PASSWORD" }}
mapping = "bp30"
{connection}
""",
            encoding="utf-8",
        )
        self.env = {key: value for key, value in os.environ.items() if not key.startswith("SVERKA_")}
        self.env |= {"SVERKA_SETTINGS": str(self.settings), "ACCOUNTING_PASSWORD": "secret", "COLUMNS": "200"}

    def run(
        self, *args: str, check: int | None = 0, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """One command to its end; `check` is the exit code expected."""
        done = subprocess.run(
            [sys.executable, "-m", "cli.main", *args],
            cwd=ROOT,
            env=self.env | (env or {}),
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
        assert check is None or done.returncode == check, (
            f"{args}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        )
        return done

    def lines(self, *args: str, check: int | None = 0) -> list[dict[str, Any]]:
        """The JSON objects that a command prints."""
        return [json.loads(line) for line in self.run(*args, check=check).stdout.splitlines()]

    @contextmanager
    def service(self, *args: str, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
        """A background process, ended with SIGTERM and, if it does not listen, killed (which fails the test)."""
        log = (self.folder / f"{'-'.join(args)}-{time.monotonic_ns()}.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", *args], cwd=ROOT, env=self.env | (env or {}), stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            log.close()
            end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Stop a process as systemd would, and insist that it stops in time."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(25)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 45) -> Any:
    """Ask until it is so; tests of real processes have a deadline instead of a guess."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds} s: {what}")
