"""The stand-in of 1C in a process of its own, so that its truth survives whatever is done to everybody else."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.services import reaper
from tests.services.process import free_port, reaper_pipe

ROOT = Path(__file__).parents[2]
PARTIES, CONTRACTS = "Catalog_Контрагенты", "Catalog_ДоговорыКонтрагентов"


class Onec:
    """A small trading company behind a port, with its back door."""

    def __init__(
        self, folder: Path, *, documents: int = 40, counterparties: int = 12, seed: int = 7, configuration: str = "bp30"
    ) -> None:
        self.port, self.log = free_port(), folder / "onec.log"
        order = ["--port", self.port, "--documents", documents, "--counterparties", counterparties, "--seed", seed]
        order += ["--configuration", configuration]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sandbox.onec", *map(str, order)],
                cwd=ROOT,
                stderr=subprocess.PIPE,
                stdout=log,
                start_new_session=True,
            )
        reaper_pipe().write(f"+ {self.process.pid} {folder}\n".encode())
        assert self.process.stderr is not None
        ready = self.process.stderr.readline()  # one line, when the port answers
        assert b"ready" in ready, ready
        self.path = "/base/odata/standard.odata"

    def close(self) -> None:
        """End it."""
        reaper.kill_family(self.process.pid)
        self.process.wait(10)
        if self.process.stderr is not None:
            self.process.stderr.close()
        reaper_pipe().write(f"- {self.process.pid}\n".encode())

    def ask(self, path: str, body: Any = None, method: str | None = None) -> Any:
        """One call of the admin side; amounts come back as Decimal."""
        data = None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.port}/sandbox/{path}"
        request = urllib.request.Request(url, data, method=method or ("POST" if data else "GET"))
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read(), parse_float=Decimal)

    def edit(self, op: str, name: str, key: str = "", **fields: Any) -> dict[str, Any]:
        """One edit of a user."""
        return dict(self.ask("edit", {"op": op, "set": name, "key": key, "fields": fields}))

    def random_edits(self, number: int, seed: int) -> list[dict[str, Any]]:
        """Edits of anything anywhere in the last two years."""
        return list(self.ask("random_edits", {"n": number, "seed": seed}))

    def fault(self, action: str, **rule: Any) -> None:
        """Spoil answers from now on."""
        self.ask("faults", {"action": action, **rule})

    def faults_done(self) -> int:
        """How often the rules there are have acted."""
        return sum(int(rule["done"]) for rule in self.ask("faults"))

    def clear_faults(self) -> None:
        """Answer properly again."""
        self.ask("faults", method="DELETE")

    def documents(self, name: str) -> list[dict[str, Any]]:
        """Every object of a set."""
        return list(self.ask(f"truth/documents?set={quote(name)}"))

    def balances(self) -> list[dict[str, Any]]:
        """Who owes what, by the single movements."""
        return list(self.ask("truth/balances"))

    def cards(self, inn: str) -> list[dict[str, Any]]:
        """Counterparties with an INN."""
        return [row for row in self.documents(PARTIES) if str(row.get("ИНН") or "").strip() == inn]

    def contracts(self, owner: str) -> list[dict[str, Any]]:
        """Contracts of a counterparty."""
        return [row for row in self.documents(CONTRACTS) if row.get("Owner_Key") == owner]
