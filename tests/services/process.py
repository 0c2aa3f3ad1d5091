"""A private server: started on a free port in a temporary folder, awaited, killed, started again, cleaned away."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from functools import cache
from pathlib import Path
from typing import IO, ClassVar

from tests.services import reaper

# Below the range that the kernel takes outgoing connections from: a port stays ours while its server is down.
PORTS = range(20_000, 32_000)
START_DEADLINE = 60.0
ROOM = 4 << 30


class ServiceError(Exception):
    """A server that the tests need is missing or does not start; says what to do, with the end of its log."""


def free_port() -> int:
    """A port that nobody listens on. Not from `random`: its seed is the same in every worker."""
    for _ in range(200):
        port = PORTS[secrets.randbelow(len(PORTS))]
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ServiceError(f"no free port between {PORTS.start} and {PORTS.stop} in 200 tries")


def find_program(name: str, *patterns: str) -> str:
    """The newest program among the patterns, else on PATH; missing is an error, never a skipped test."""
    for pattern in patterns:
        if hits := sorted(Path("/").glob(pattern.lstrip("/")), key=lambda path: (len(str(path)), str(path))):
            return str(hits[-1])
    if hit := shutil.which(name):
        return hit
    raise ServiceError(
        f"{name} is not installed. Run `make services`, or leave these tests out: pytest -m 'not services'"
    )


@cache
def memory() -> Path | None:
    """Where files live in memory, if this machine has such a place with room to spare; None: on its disk, as usual.

    A database for each test is hundreds of small files, and a disk takes ten times as long as memory to make them. What
    a server has written survives its kill -9 here too.
    """
    folder = Path("/dev/shm")
    roomy = folder.is_dir() and os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= ROOM
    return folder if roomy else None


@cache
def reaper_pipe() -> IO[bytes]:
    """Where servers are reported to, so that they end with us however we end."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", reaper.__file__], stdin=subprocess.PIPE, start_new_session=True, bufsize=0
    )
    assert process.stdin is not None
    process.returncode = 0  # it outlives us on purpose: nobody waits for it
    return process.stdin


class Server(ABC):
    """One private server. `start` returns when it answers; `kill` is kill -9 of all its processes."""

    name: ClassVar[str]
    account: ClassVar[str | None] = None  # whom it runs as when we are root
    graceful: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"sverka-{self.name}-", dir=memory()))
        self.port = free_port()
        self.log = self.folder / "server.log"
        self.process: subprocess.Popen[bytes] | None = None
        if self.runs_as:
            shutil.chown(self.folder, self.runs_as, self.runs_as)

    @property
    def runs_as(self) -> str | None:
        """The account to become: servers that refuse root get their own."""
        return self.account if os.geteuid() == 0 else None

    @property
    def groups(self) -> list[int] | None:
        """None of root's groups go with it."""
        return [] if self.runs_as else None

    @property
    @abstractmethod
    def command(self) -> list[str]:
        """What to run, in the foreground."""

    @abstractmethod
    def answers(self) -> bool:
        """True as soon as clients are served."""

    def environment(self) -> dict[str, str]:
        """The server's own environment: nothing of ours but the path."""
        return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}

    def spawn(self, command: list[str], log: Path) -> subprocess.Popen[bytes]:
        """Start a program as the server's account, out of reach of the terminal's Ctrl-C."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self.runs_as,
                group=self.runs_as,
                extra_groups=self.groups,
            )
        reaper_pipe().write(f"+ {process.pid} {self.folder}\n".encode())
        return process

    def run(self, *command: str, deadline: float = 60.0) -> str:
        """Run one of the server's own tools as its account; its output, or a `ServiceError` with it."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=deadline,
            check=False,
            user=self.runs_as,
            group=self.runs_as,
            extra_groups=self.groups,
        )
        if done.returncode:
            raise ServiceError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def runs(self) -> bool:
        """Whether the server's process lives."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start and wait until it answers; does nothing when it runs."""
        if self.runs():
            return
        self.process = self.spawn(self.command, self.log)
        until = time.monotonic() + START_DEADLINE
        while not self.answers():
            if not self.runs() or time.monotonic() > until:
                tail = self.log.read_text(errors="replace")[-2000:]
                self.kill()
                raise ServiceError(f"{self.name} did not start on port {self.port}:\n{tail}")
            time.sleep(0.03)

    def kill(self) -> None:
        """Kill -9 of the server and all its processes; the data stay."""
        if self.process is None:
            return
        self.forget(self.process)
        self.process = None

    def restart(self) -> None:
        """An orderly stop, then a start on the same port with the same data."""
        if self.process is not None:
            self.process.send_signal(self.graceful)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=20)
        self.kill()
        self.start()

    def remove(self) -> None:
        """End it for good, data and all."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def forget(self, process: subprocess.Popen[bytes]) -> None:
        """Kill a spawned program with its children, and tell the reaper."""
        reaper.kill_family(process.pid)
        process.wait(timeout=10)
        reaper_pipe().write(f"- {process.pid}\n".encode())
