"""One application a process, however many threads ask for it first; a fork gets its own."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.settings import Settings
from store.engine import open_engine
from workers import process


@pytest.fixture(autouse=True)
def configured(tmp_path: Path) -> Iterator[None]:
    process.configure_process(Settings(store={"url": f"sqlite:///{tmp_path / 'store.db'}"}))  # type: ignore[arg-type]
    process._apps.clear()
    yield
    for app in process._apps.values():
        app.engine.dispose()
    process._apps.clear()


def test_threads_that_ask_at_once_share_one(monkeypatch: pytest.MonkeyPatch) -> None:
    opened, got = [], []
    really, gate = open_engine, threading.Barrier(8)

    def slowly(url: str) -> Any:
        opened.append(url)
        time.sleep(0.05)
        return really(url)

    def ask() -> None:
        gate.wait()
        got.append(process.process_app())

    monkeypatch.setattr("workers.process.open_engine", slowly)
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 1 and len({id(app) for app in got}) == 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_fork_under_the_lock_gets_its_own() -> None:
    ours = process.process_app()
    with process._locks[0]:
        child = os.fork()
        if child == 0:
            os._exit(0 if process.process_app().owner != ours.owner else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
