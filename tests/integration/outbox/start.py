"""The state in which many tests begin, made once by real cycles and copied for each: base, portal, store and clock."""

from __future__ import annotations

import copy
import shutil
import sqlite3
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from core.clock import ManualClock
from core.ids import new_id
from sandbox.bitrix24.portal import Portal
from sandbox.common.serving import Logged
from sandbox.onec.base import Base
from tests.integration.sync_pull.world import onec_clock
from tests.services.postgres import Postgres


class Stores:
    """Stores of one kind of database: new ones for a test, empty or as one was that is kept while tests run."""

    def __init__(self, folder: Path, server: Postgres | None, kept_in: Path) -> None:
        self.kind = "sqlite" if server is None else "postgresql"
        self._folder, self._server, self._kept_in = folder, server, kept_in
        self._made: list[str] = []

    def copy(self, template: str) -> str:
        """The address of a new store like `template`, which nobody is connected to."""
        if self._server is None:
            path = self._folder / f"store-{len(self._made)}.db"
            shutil.copy(template, path)
            self._made.append(str(path))
            return f"sqlite:///{path}"
        name = self._server.create(template)
        self._made.append(name)
        return self._server.url(name)

    def keep(self, url: str) -> str:
        """A template of a store as it is now, whose engine has been disposed of."""
        name = url.rpartition("/")[2] if self._server is not None else url.removeprefix("sqlite:///")
        if self._server is not None:
            return self._server.create(name)
        path = self._kept_in / f"{new_id()}.db"
        with sqlite3.connect(name) as source, sqlite3.connect(path) as target:
            source.backup(target)
        source.close()
        target.close()
        return str(path)

    def close(self) -> None:
        """Drop the databases of this test; files go with its folder."""
        if self._server is not None:
            self._server.start()
            for name in self._made:
                self._server.drop(name)


@dataclass
class Start:
    """What real cycles left. Never worked on: every test gets a copy."""

    base: Base
    portal: Portal
    calls: list[tuple[str, Any]]
    logged: tuple[list[Logged], list[Logged]]
    """What accounting and the portal had been asked by then."""
    companies: list[int]
    numbers: Any
    now: datetime
    store: str = ""

    def copy(self) -> tuple[Start, ManualClock]:
        """The same anew, on a clock of its own that shows the same moment."""
        clock = ManualClock(self.now)
        made = Start(
            copy_base(self.base, clock), copy_portal(self.portal, clock), list(self.calls), copy.deepcopy(self.logged),
            list(self.companies), copy.copy(self.numbers), self.now, self.store,
        )  # fmt: skip
        return made, clock


def copy_base(base: Base, clock: ManualClock) -> Base:
    """An accounting with the same books, numbering and randomness."""
    with base.lock:
        made = Base(copy.deepcopy(base.schema), clock=onec_clock(clock))
        base.storage.db.backup(made.storage.db)
    made.storage.ids, made.storage.names = dict(base.storage.ids), dict(base.storage.names)
    made.reload()
    for name in ("random", "numbers", "unfilled", "table_versions", "exchange_registers", "ignores_ref_key"):
        setattr(made, name, copy.deepcopy(getattr(base, name)))
    return made


def copy_portal(portal: Portal, clock: ManualClock) -> Portal:
    """A portal with the same elements, types and webhooks; none of its methods remembers anything by itself."""
    with portal.lock:
        return copy.deepcopy(portal, {id(portal.lock): threading.RLock(), id(portal._now): clock.now})
