"""A process of its own that kills itself at a fault point, forked from one that has read the engine already.

A new Python reads the engine for a second, and the crash matrices want hundreds of processes.
"""

import multiprocessing
import os
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

from connectors.registry import option_models
from core.clock import SystemClock
from core.settings import load_settings
from store.engine import open_engine
from sync.context import App, Order
from sync.cycle import run_cycle
from sync.room.faults import VARIABLE

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["pytest", __name__])


def run_victim(work: Callable[..., object], *arguments: object, point: str, deadline: float = 90) -> bool:
    """Do `work` in a process that dies at this fault point; whether it was killed there.

    `work` is of a module that is imported by its full name: pytest gives a test module a name that only pytest knows.

    Raises:
        AssertionError: it ended by itself, and not well, or not in time; with what it said.
    """
    assert work.__module__.startswith("tests."), work.__module__
    with tempfile.NamedTemporaryFile() as said:
        process = _processes.Process(target=_live, args=(said.name, point, work, arguments))
        process.start()
        process.join(deadline)
        ended = process.exitcode
        if ended is None:
            process.kill()
            process.join()
        assert ended in (0, -signal.SIGKILL), (ended, Path(said.name).read_text()[-2000:])
    process.close()
    return ended == -signal.SIGKILL


def cycle_of(settings: Path) -> None:
    """One cycle of `accounting` by the settings of a file, as a worker runs it."""
    loaded = load_settings(settings, environ={}, connectors=option_models())
    run_cycle(App(loaded, open_engine(loaded.store.url), SystemClock(), "victim"), "accounting", Order())


def _live(said: str, point: str, work: Callable[..., object], arguments: tuple[object, ...]) -> None:
    log = os.open(said, os.O_WRONLY | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ[VARIABLE] = point
    work(*arguments)
