"""Ten times as many customers take no more memory to reconcile: they are streamed, sorted and joined on disk."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


def reconcile(count: int, folder: Path) -> Any:
    folder.mkdir()
    command = [sys.executable, "-m", "tests.integration.reconcile.memory_child", str(count), str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads(done.stdout.splitlines()[-1])
    assert (report["status"], report["lines"], report["why"]) == ("ok", 0, "")
    assert (report["settled"], report["theirs"], report["ours"]) == (count, count, count)
    return report


@pytest.mark.timeout(1800)
def test_memory_does_not_grow_with_the_customers(tmp_path: Path) -> None:
    few, many = reconcile(2_000, tmp_path / "few"), reconcile(20_000, tmp_path / "many")
    for what in ("records", "books"):
        assert many[what] < 2.5 * few[what], (what, few[what], many[what])  # a second page beside the first
        assert many[what] < 16 * 1024 * 1024
