"""What a script meets at the edges of the command line: no reader, no room, no such file, odd letters, odd settings."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.registry import option_models
from core.clock import SystemClock
from core.settings import load_settings
from sandbox.onec.company import build_company
from sandbox.onec.server import OnecServer
from store.engine import open_engine
from sync.context import App
from sync.push.contacts import add_contact
from tests.acceptance.installation import ROOT, Installation

AWAY = {"SVERKA_CONNECTIONS__ACCOUNTING__URL": "http://127.0.0.1:9/base/odata/standard.odata"}


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation that has read its base once; tests of this module only look at it."""
    folder = tmp_path_factory.mktemp("edges")
    with OnecServer(build_company(seed=5, documents=100)) as server:
        installed = Installation(folder, f"sqlite:///{folder / 'store.db'}", server.url)
        installed.run("sync")
        yield installed


def in_shell(installed: Installation, command: str, **more: str) -> subprocess.CompletedProcess[bytes]:
    """`sverka …` as a shell runs it, with its redirections."""
    script = f"set -o pipefail; sverka() {{ '{sys.executable}' -m cli.main \"$@\"; }}; {command}"
    return subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env=installed.env | more,
        capture_output=True,
        timeout=110,
        check=False,
    )


@pytest.mark.parametrize("command", ["status", "balances --json", "export orders --format xlsx"])
def test_output_that_nobody_wants_is_no_failure(read: Installation, command: str) -> None:
    done = in_shell(read, f"sverka {command} >&-")
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)


@pytest.mark.parametrize("format", ["jsonl", "csv", "xlsx"])
def test_a_reader_who_goes_is_no_failure(read: Installation, format: str) -> None:
    done = in_shell(read, f"sverka export orders --format {format} | true")
    assert (done.returncode, b"Traceback" in done.stderr, b"rror" in done.stderr) == (0, False, False)


@pytest.mark.parametrize("command", ["status", "balances --json", "export orders --format csv", "mapping export"])
def test_a_full_disk_is_said(read: Installation, command: str) -> None:
    done = in_shell(read, f"sverka {command} >/dev/full")
    assert done.returncode == 1
    assert b"Standard output cannot be written" in done.stderr and b"Traceback" not in done.stderr


def test_letters_that_the_output_has_not_are_written_as_escapes(read: Installation) -> None:
    done = in_shell(read, "sverka mapping export", PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and b"\\u0431" in done.stdout
    names = [row["name"] for row in read.lines("export", "counterparties")]
    done = in_shell(read, "sverka export counterparties", PYTHONIOENCODING="ascii")
    assert [name for name in names if name not in done.stdout.decode("utf-8")] == []


@pytest.mark.parametrize(
    "command",
    [
        ("export", "orders", "--output", "/nowhere/at/all.jsonl"),
        ("export", "orders", "--format", "csv", "--output", "/nowhere/at/all.csv"),
        ("export", "orders", "--format", "xlsx", "--output", "/"),
        ("audit", "--xlsx", "/nowhere/at/all.xlsx"),
    ],
)
def test_a_file_that_cannot_be_written_is_told_before_anything_is_done(
    read: Installation, command: tuple[str, ...]
) -> None:
    done = read.run(*command, check=2)
    assert "cannot be written" in done.stderr and "Next:" in done.stderr and "Traceback" not in done.stderr
    assert done.stdout == ""


def test_books_that_could_not_be_compared_are_not_called_equal(read: Installation) -> None:
    done = read.run("reconcile", check=1, env=AWAY)
    assert "0.00 unexplained" not in done.stdout
    assert "accounting: failed: 1C cannot be reached" in done.stderr and "Next:" in done.stderr


@pytest.mark.parametrize("query", ["Ж" * 60_000, "%_" * 40_000, "\udcff\udcfe"])
def test_a_question_that_no_name_can_be_finds_nobody(read: Installation, query: str) -> None:
    done = read.run("card", query, check=1)
    assert "Nobody is found" in done.stderr and "Traceback" not in done.stderr


def test_a_full_disk_under_a_workbook_is_said(read: Installation) -> None:
    done = read.run("audit", "--xlsx", "/dev/full", check=2)
    assert "/dev/full cannot be written" in done.stderr and "Traceback" not in done.stderr


def test_a_guess_is_no_answer(read: Installation) -> None:
    """Somebody's balance is not told to who has asked for another name; he learns whom he may have meant."""
    row = read.lines("export", "counterparties")[0]
    name = str(row["name"])
    longest = max(name.split(), key=len)
    done = read.run("card", name.replace(longest, longest[:2] + longest[3] + longest[2] + longest[4:]), check=1)
    assert done.stdout == "" and f"Did you mean {name}" in done.stderr


@pytest.mark.parametrize(("entity", "comes_with"), [("contacts", "counterparties"), ("movement", "balances")])
def test_every_entity_can_be_read_alone(read: Installation, entity: str, comes_with: str) -> None:
    assert {line["entity"] for line in read.lines("sync", "--entity", entity, "--json")} == {comes_with}


@pytest.mark.parametrize("command", [("state", "reset"), ("state", "rewind", "--to", "2026-01-01")])
def test_an_entity_that_is_none_leaves_the_state_as_it_is(read: Installation, command: tuple[str, ...]) -> None:
    done = read.run(*command, "--entity", "shipmints", check=2)
    assert "'shipmints' is no entity. There are: organisations" in done.stderr


def test_moments_of_the_state_have_an_offset_like_all_others(read: Installation) -> None:
    moments = [row[key] for row in read.lines("state", "show", "--json") for key in ("fresh_at", "updated_at")]
    assert moments and [moment for moment in moments if not moment.endswith("+03:00")] == []


def test_help_says_what_stands_in_brackets(read: Installation) -> None:
    assert "deals.moves" in read.run("deals", "--help").stdout


def test_a_table_has_its_columns_also_without_records_and_those_of_the_last_record(
    read: Installation, tmp_path: Path
) -> None:
    installed = Installation(tmp_path, f"sqlite:///{tmp_path / 'own.db'}", "http://127.0.0.1:9/")
    empty = installed.run("export", "contacts", "--format", "csv").stdout
    assert empty.removeprefix("\ufeff").startswith("id,external_id,external_ids,name,")
    engine = open_engine(f"sqlite:///{tmp_path / 'own.db'}")
    app = App(
        load_settings(installed.settings, environ=installed.env, connectors=option_models()),
        engine,
        SystemClock(),
        "test",
    )
    for number in range(201):
        add_contact(app, name=f"ООО {number}", phones=["так"] if number == 200 else [])
    engine.dispose()
    table = installed.run("export", "contacts", "--format", "csv").stdout
    rows = list(csv.DictReader(table.removeprefix("\ufeff").splitlines()))
    assert len(rows) == 201
    assert ",".join(rows[0]).startswith(empty.removeprefix("\ufeff").strip())
    assert [row["name"] for row in rows if row["marks.phones"]] == ["ООО 200"]


def test_settings_of_an_editor_that_marks_its_files(read: Installation, tmp_path: Path) -> None:
    marked = tmp_path / "marked.toml"
    marked.write_text("\ufeff" + read.settings.read_text("utf-8"), "utf-8")
    assert read.run("export", "orders", env={"SVERKA_SETTINGS": str(marked)}).stdout


def test_settings_that_are_no_file(read: Installation, tmp_path: Path) -> None:
    done = read.run("status", check=2, env={"SVERKA_SETTINGS": str(tmp_path)})
    assert "cannot be read" in done.stderr and "Traceback" not in done.stderr


def test_a_store_in_memory_is_a_mistake_of_the_settings(read: Installation) -> None:
    done = read.run("status", check=2, env={"SVERKA_STORE__URL": "sqlite://"})
    assert "store.url" in done.stderr and "Traceback" not in done.stderr
