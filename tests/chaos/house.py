"""One installation under fire: base, store, broker, proxies between them, and the real processes of the service."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from connectors.registry import option_models
from core.clock import SystemClock
from core.settings import Settings, load_settings
from store.engine import open_engine
from store.upgrade import upgrade
from sync.context import App
from sync.room.faults import VARIABLE
from tests.chaos.onec import Onec
from tests.chaos.proxy import Proxy
from tests.services import reaper
from tests.services.postgres import Postgres
from tests.services.process import free_port, reaper_pipe
from tests.services.rabbitmq import RabbitMQ
from tests.services.redis_server import Redis

ROOT = Path(__file__).parents[2]
Setup = Literal["sqlite", "rabbitmq", "redis"]
SETUPS: tuple[Setup, ...] = ("sqlite", "rabbitmq", "redis")
NAME = "accounting"
PERIOD, TICK, LEASE = 2.0, 1.0, 4.0
"""Seconds that stand for five minutes, two seconds and half a minute."""
READ_TIMEOUT = 2.0


class Unhealed(AssertionError):
    """Something did not come about in time."""


@dataclass
class Servers:
    """What an installation needs besides itself; several installations may share them."""

    postgres: Postgres | None = None
    broker: RabbitMQ | Redis | None = None

    @classmethod
    def start(cls, setup: Setup) -> Servers:
        """Private servers for one set-up."""
        if setup == "sqlite":
            return cls()
        servers = cls(Postgres(), RabbitMQ() if setup == "rabbitmq" else Redis())
        servers.wake()
        return servers

    def wake(self) -> None:
        """Start whatever is down."""
        for server in (self.postgres, self.broker):
            if server is not None:
                server.start()

    def remove(self) -> None:
        """End them for good."""
        for server in (self.postgres, self.broker):
            if server is not None:
                server.remove()


@dataclass
class House:
    """The installation. `processes` are by name: `run`, or `worker-1`, `beat-1`, …; every one can be killed."""

    folder: Path
    setup: Setup
    servers: Servers
    onec: Onec
    workers: int = 2
    beats: int = 2
    extra: str = ""
    period: float = PERIOD
    lease: float = LEASE
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    proxies: dict[str, Proxy] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.orders = self.folder / "orders"
        self.orders.mkdir(parents=True)
        self.proxies["onec"] = Proxy(self.onec.port, name="onec")
        store, broker = self._store(), self._broker()
        self.path = self.folder / "settings.toml"
        self.path.write_text(self._text(store, broker), "utf-8")
        self.env = {key: value for key, value in os.environ.items() if not key.startswith(("SVERKA_", "COVERAGE_"))}
        self.env |= {"SVERKA_SETTINGS": str(self.path), VARIABLE: f"@{self.orders}"}
        self.settings = self._direct_settings()
        self.engine = open_engine(self.direct_store)
        self.looking = open_engine(self.direct_store, readonly=True)  # every look is at one moment
        upgrade(self.engine)

    def _store(self) -> str:
        if self.servers.postgres is None:
            self.direct_store = f"sqlite:///{self.folder / 'store.db'}"
            return self.direct_store
        database = self.servers.postgres.create()
        self.direct_store = self.servers.postgres.url(database)
        self.proxies["store"] = Proxy(self.servers.postgres.port, name="store")
        return self.direct_store.replace(str(self.servers.postgres.port), str(self.proxies["store"].port))

    def _broker(self) -> str:
        broker = self.servers.broker
        if broker is None:
            self.direct_broker = ""
            return ""
        self.direct_broker = broker.url(broker.virtual_host()) if isinstance(broker, RabbitMQ) else broker.url
        self.proxies["broker"] = Proxy(broker.port, name="broker")
        return self.direct_broker.replace(str(broker.port), str(self.proxies["broker"].port))

    def _text(self, store: str, broker: str) -> str:
        return f"""[store]
url = "{store}"
cache = "{self.folder / "cache"}"
[broker]
url = "{broker}"
[schedule]
every = "{self.period:g}s"
tick = "{TICK:g}s"
lease = "{self.lease:g}s"
[web]
listen = "127.0.0.1:{free_port()}"
[log]
level = "info"
[connections.{NAME}]
connector = "onec_odata"
url = "http://127.0.0.1:{self.proxies["onec"].port}{self.onec.path}"
user = "Обмен"
password = "secret"
mapping = "bp30"
write = "on"
since = 2023-06-01
connect_timeout = 2
read_timeout = {READ_TIMEOUT:g}
retry_seconds = 2
{self.extra}
"""

    def _direct_settings(self) -> Settings:
        """The same installation for the judge, who goes past the proxies."""
        loaded = load_settings(self.path, environ={}, connectors=option_models())
        return loaded.model_copy(update={"store": loaded.store.model_copy(update={"url": self.direct_store})})

    @property
    def app(self) -> App:
        """For what a person does through a page or a command."""
        return App(self.settings, self.engine, SystemClock(), "judge")

    # ------------------------------------------------------------------ processes

    def names(self) -> list[str]:
        """The processes of this set-up."""
        if self.setup == "sqlite":
            return ["run"]
        return [f"worker-{n}" for n in range(1, self.workers + 1)] + [f"beat-{n}" for n in range(1, self.beats + 1)]

    def start(self) -> None:
        """Start every process that does not run."""
        for name in self.names():
            if name not in self.processes or self.processes[name].poll() is not None:
                self.launch(name)

    def launch(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        """Start one process, by its name's first word where no command is given."""
        usual = ("worker", "--concurrency", "2") if name.startswith("worker") else (name.split("-", maxsplit=1)[0],)
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "cli.main", *(command or usual)],
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        reaper_pipe().write(f"+ {process.pid} {self.folder}\n".encode())
        self.processes[name] = process
        return process

    def kill(self, name: str) -> None:
        """Kill -9 of a process and its children."""
        process = self.processes.pop(name)
        reaper.kill_family(process.pid)
        process.wait(10)
        reaper_pipe().write(f"- {process.pid}\n".encode())

    def children(self, name: str) -> list[int]:
        """The processes that do the work of a worker; itself where it has none."""
        pid = self.processes[name].pid
        return sorted(reaper.family(pid) - {pid}) or [pid]

    def send(self, name: str, number: signal.Signals) -> None:
        """A signal to a process and its children."""
        for member in reaper.family(self.processes[name].pid):
            try:
                os.kill(member, number)
            except ProcessLookupError:
                continue

    def stop(self) -> None:
        """Kill everything of ours; servers stay."""
        for name in list(self.processes):
            self.kill(name)
        for proxy in self.proxies.values():
            proxy.close()
        self.engine.dispose()
        self.looking.dispose()

    # ------------------------------------------------------------------ orders

    def arm(self, point: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Whoever passes this point next gets the signal."""
        spare = self.orders / f".{point}"
        spare.write_text(str(int(number)), "ascii")
        spare.rename(self.orders / point)

    def disarm(self, point: str) -> bool:
        """Take the order back; False when somebody has been hit meanwhile."""
        try:
            (self.orders / point).unlink()
        except FileNotFoundError:
            return False
        return True

    def hits(self, point: str) -> list[int]:
        """Whom it has hit: the process ids."""
        return [int(path.name.rpartition("-")[2]) for path in self.orders.glob(f"{point}.hit-*")]

    def bury(self, killed: set[int]) -> None:
        """Wait until who was hit is dead, all its threads too: only then can it be seen that it must be started again.

        Raises:
            Unhealed: it lives.
        """
        wait_until(lambda: not killed & reaper.parents().keys(), f"{killed}, who were hit, are dead", 20)
        for process in self.processes.values():
            if process.pid in killed:
                process.wait(20)

    def log_tail(self, lines: int = 40) -> str:
        """The end of every log, for whoever looks for the reason."""
        texts = []
        for path in sorted(self.folder.glob("*.log")):
            texts.append(f"--- {path.name}\n" + "\n".join(path.read_text("utf-8", "replace").splitlines()[-lines:]))
        return "\n".join(texts)


def wait_until(condition: Callable[[], object], what: str, seconds: float = 40.0, pause: float = 0.1) -> None:
    """Ask until it is so. Raises Unhealed."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Unhealed(f"not within {seconds:g} s: {what}")
        time.sleep(pause)
