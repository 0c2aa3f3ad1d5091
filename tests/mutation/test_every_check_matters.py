"""Each check of a rule file and each cleaner is taken away in turn, and some test of the mapping must fail for it.

A check that could vanish unnoticed would one day: an admin's mistake would then be published instead of told.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from mapping.cleaners.common import AnyCleaner

ROOT = Path(__file__).parents[2]
NEEDED = ("core", "mapping", "tests/unit/mapping", "tests/__init__.py", "docs", "pyproject.toml")
Check = tuple[str, int, int]
"""File below `mapping/`, first and last line of the statement that notes a mistake."""
CLEANERS = Path("mapping", "cleaners", "common.py")


def checks() -> list[Check]:
    found: list[Check] = []
    for path in sorted((ROOT / "mapping").rglob("*.py")):
        name = path.relative_to(ROOT / "mapping").as_posix()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Expr) and is_check(node.value):
                found.append((name, node.lineno, node.end_lineno or node.lineno))
    return found


def is_check(node: ast.expr) -> bool:
    """`problems.add(…)` or `….problems.add_unknown(…)`, as a statement of its own."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    owner = node.func.value
    name = owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else ""
    return name == "problems" and node.func.attr.startswith("add")


def copy_needed(folder: Path) -> None:
    """What the mapping's tests need."""
    for name in NEEDED:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


def without(check: Check, folder: Path) -> None:
    """The same with one check as a `pass`."""
    copy_needed(folder)
    name, first, last = check
    path = folder / "mapping" / name
    lines = path.read_text("utf-8").splitlines(keepends=True)
    indent = lines[first - 1][: len(lines[first - 1]) - len(lines[first - 1].lstrip())]
    lines[first - 1 : last] = [f"{indent}pass\n"]
    path.write_text("".join(lines), "utf-8")


def cleaners() -> list[str]:
    """Every class that a rule can name as a step."""
    return sorted(kind.__name__ for kind in get_args(AnyCleaner))


def with_idle(cleaner: str, folder: Path) -> None:
    """The same with one cleaner that gives back what it got."""
    copy_needed(folder)
    with (folder / CLEANERS).open("a", encoding="utf-8") as file:
        file.write(f"\n\n{cleaner}.build = lambda self, set_name: lambda value, env: value\n")


def run_tests(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "tests/unit/mapping"]
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_there_are_checks_to_take_away() -> None:
    assert len(checks()) > 35 and len(cleaners()) > 10
    assert {name.partition("/")[0] for name, _, _ in checks()} >= {"files", "cards"}, "those in folders are found"


@pytest.mark.nightly
def test_nothing_taken_away_is_green(tmp_path: Path) -> None:
    copy_needed(tmp_path)
    done = run_tests(tmp_path)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.nightly
@pytest.mark.parametrize("check", checks(), ids=lambda check: f"{check[0]}:{check[1]}")
def test_a_check_that_is_gone_is_missed(check: Check, tmp_path: Path) -> None:
    without(check, tmp_path)
    done = run_tests(tmp_path)
    assert done.returncode == 1, f"nobody misses this check\n{done.stdout[-3000:]}"


@pytest.mark.nightly
@pytest.mark.parametrize("cleaner", cleaners())
def test_a_cleaner_that_does_nothing_is_missed(cleaner: str, tmp_path: Path) -> None:
    with_idle(cleaner, tmp_path)
    done = run_tests(tmp_path)
    assert done.returncode == 1, f"nobody misses this cleaner\n{done.stdout[-3000:]}"
