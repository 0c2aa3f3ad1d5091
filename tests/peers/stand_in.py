"""The stand-in of 1C as a process of its own, and its admin side: what is really in the books."""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PASSWORD = "secret"
START_DEADLINE = 60.0
READY = re.compile(r"url=(\S+) ")

Record = dict[str, Any]

# The command line of the stand-in, with the register's record sets in the exchange plan.
WITH_REGISTERS = """
import sandbox.onec.main as stand_in
open_books = stand_in.open_books
def open_with_registers(arguments):
    books = open_books(arguments)
    books.exchange_registers = True
    return books
stand_in.open_books = open_with_registers
raise SystemExit(stand_in.main())
"""


def interpreter() -> str:
    """Python that has what the stand-in needs: `SVERKA_PYTHON`, else the project's own venv, else this one."""
    installed = ROOT / ".venv" / ".installed"
    return os.environ.get("SVERKA_PYTHON") or (
        str(ROOT / ".venv" / "bin" / "python") if installed.exists() else sys.executable
    )


class StandIn:
    """A running stand-in; everything here but `url` goes past OData, so that it cannot share an answer's mistake."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.server = url.removesuffix("/base/odata/standard.odata")

    def admin(self, path: str, order: Any = None, method: str | None = None, **query: str) -> Any:
        """One call of the admin side."""
        url = f"{self.server}/sandbox/{path}?{urllib.parse.urlencode(query)}"
        body = None if order is None else json.dumps(order).encode()
        with urllib.request.urlopen(urllib.request.Request(url, body, method=method), timeout=30) as answer:
            return json.load(answer)

    def truth(self, name: str) -> list[Record]:
        """Every object of a set, sections included."""
        found: list[Record] = self.admin("truth/documents", set=name)
        return found

    def one(self, name: str, key: str) -> Record:
        """One object."""
        found: Record = self.admin("edit", {"op": "get", "set": name, "key": key})["object"]
        return found

    def edit(self, operation: str, name: str, key: str = "", **fields: Any) -> str:
        """An edit by a user of the base; the key of the object."""
        order = {"op": operation, "set": name, "key": key, "fields": fields}
        return str(self.admin("edit", order)["key"])

    def node(self) -> Record:
        """The node that changes are registered for."""
        return next(node for node in self.admin("nodes") if not node["ThisNode"])

    @contextlib.contextmanager
    def fault(self, **rule: Any) -> Iterator[None]:
        """A scripted fault for as long as the block lasts."""
        self.admin("faults", rule)
        try:
            yield
        finally:
            self.admin("faults", method="DELETE")


@contextlib.contextmanager
def running(folder: Path, *arguments: str, registers: bool = False) -> Iterator[StandIn]:
    """Start it on a free port and end it; a mistake of its own fails whoever used it."""
    what = ["-c", WITH_REGISTERS] if registers else ["-m", "sandbox.onec"]
    log = folder / "stand-in.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [interpreter(), *what, "--port", "0", "--password", PASSWORD, *arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=output,
        )
    try:
        yield StandIn(await_url(process, log))
    finally:
        process.terminate()
        process.wait(timeout=20)
    assert "Traceback" not in log.read_text("utf-8"), log.read_text("utf-8")[-4000:]


def await_url(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where it answers, as it says itself."""
    until = time.monotonic() + START_DEADLINE
    while not (found := READY.search(log.read_text("utf-8"))):
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"the stand-in did not start with {interpreter()}:\n{log.read_text('utf-8')[-2000:]}")
        time.sleep(0.05)
    return found[1]
