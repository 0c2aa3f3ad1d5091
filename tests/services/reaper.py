"""Ends servers whose tests are gone: a small process that listens to its standard input and cleans up when that closes.

It reads "+ PID FOLDER" for a server that was started and "- PID" for one that was stopped. A test run that is killed
(kill -9, a CI time limit) runs no finaliser, but its pipe closes. Imports only the standard library: it is started as a
bare script.
"""

import os
import shutil
import signal
import sys
import time
from pathlib import Path


def parents() -> dict[int, int]:
    """Every live process and its parent; zombies are left out, they are as good as gone."""
    found: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text(errors="replace").rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            found[int(stat.parent.name)] = int(parent)
    return found


def family(pid: int) -> set[int]:
    """A process with everything it has started, whatever session or group that has moved to."""
    known, tree = parents(), {pid}
    while grown := {child for child, parent in known.items() if parent in tree} - tree:
        tree |= grown
    return tree & (known.keys() | {pid})


def kill_family(pid: int, deadline: float = 10.0) -> None:
    """Kill -9 a process and all it has started; returns when they are gone."""
    tree = family(pid)
    for member in tree:
        try:
            os.kill(member, signal.SIGKILL)
        except ProcessLookupError:
            continue
    until = time.monotonic() + deadline
    while tree & parents().keys() and time.monotonic() < until:
        time.sleep(0.01)


def main() -> None:
    servers: dict[int, str] = {}
    for line in sys.stdin:
        sign, pid, *folder = line.split()
        if sign == "+":
            servers[int(pid)] = folder[0]
        else:
            servers.pop(int(pid), None)
    for pid, folder in servers.items():
        kill_family(pid)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
