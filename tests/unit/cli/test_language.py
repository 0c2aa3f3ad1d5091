"""Commands speak the reader's language: decided by the environment alone, for what people read and nothing else."""

import io
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli import language
from cli.common import out_said, out_table, out_text
from cli.exits import USAGE, explain, say
from cli.language import heading, load_headings, reader_language, told
from cli.main import main
from cli.words import moment, money
from core.errors import UsageError
from tests.cli_texts import FROM_RECORDS, find_headings

ROOT = Path(__file__).parents[3]
LANGUAGES = ("ru", "uk")
CYRILLIC = re.compile("[а-яёіїєґ]", re.IGNORECASE)
WRONG = 'extends = "bp30"\n[settings]\nacounts = ["62.01"]\n'


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "en"),
        ({"LANG": "C"}, "en"),
        ({"LANG": "POSIX"}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "run_BI.UTF-8"}, "en"),
        ({"LANG": "ru_RU.UTF-8"}, "ru"),
        ({"LANG": "ru"}, "ru"),
        ({"LANG": "ru-RU"}, "ru"),
        ({"LANG": "ru_UA.KOI8-U"}, "ru"),
        ({"LANG": "uk_UA@euro"}, "uk"),
        ({"LC_MESSAGES": "uk_UA.UTF-8", "LANG": "ru_RU.UTF-8"}, "uk"),
        ({"LC_ALL": "C", "LC_MESSAGES": "uk_UA.UTF-8", "LANG": "ru_RU.UTF-8"}, "en"),
        ({"LC_ALL": "", "LC_MESSAGES": "", "LANG": "ru_RU.UTF-8"}, "ru"),
        ({"LC_ALL": "ru_RU.UTF-8", "LC_MESSAGES": "C"}, "ru"),
        ({"LANGUAGE": "uk", "LC_TIME": "ru_RU.UTF-8"}, "en"),
    ],
)
def test_the_environment_decides(environ: dict[str, str], expected: str) -> None:
    assert reader_language(environ) == expected


def test_tests_are_told_in_english_whoever_runs_them() -> None:
    assert os.environ["LC_ALL"] == "C.UTF-8"
    assert reader_language() == "en"


@pytest.mark.parametrize(
    ("encoding", "expected"), [("ascii", "en"), ("latin-1", "en"), ("koi8-r", "en"), ("utf-8", "uk")]
)
def test_an_output_without_these_letters_is_spoken_to_in_english(
    monkeypatch: pytest.MonkeyPatch, encoding: str, expected: str
) -> None:
    """Half a page of escapes tells nobody anything; KOI8-R has no Ukrainian letters."""
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace"))
    speak(monkeypatch, "uk_UA")
    assert language.spoken() == expected


def speak(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setenv("LC_ALL", f"{code}.UTF-8")


def test_an_error_and_its_next_command_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = UsageError("There is no letter 7.", next_step="give the user the rights in 1C, then: sverka doctor")
    assert explain(error) == USAGE
    assert capsys.readouterr().err == f"{error.message}\nNext: {error.next_step}\n"
    speak(monkeypatch, "ru_RU")
    assert explain(error) == USAGE
    assert capsys.readouterr().err == "Записи 7 нет.\nЧто делать: дайте пользователю права в 1С, затем: sverka doctor\n"
    speak(monkeypatch, "uk_UA")
    assert explain(error) == USAGE
    assert capsys.readouterr().err.startswith("Запису 7 немає.\nЩо робити: ")


def test_only_what_is_ours_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    said = "1C has no such object."
    rows = [[said, said, None, 5]]
    speak(monkeypatch, "ru_RU")
    out_table(["reason", "name", "whatever", "id"], rows, said=[0])
    out_text(said)
    out_said(f"\n{said}")
    say(said)
    shown = capsys.readouterr()
    assert shown.out.split("\n")[0].split() == ["причина", "название", "whatever", "id"]
    assert shown.out.split("\n")[1].split("  ")[:2] == ["В 1С нет такого объекта.", said]
    assert shown.out.split("\n")[2:] == [said, "", "В 1С нет такого объекта.", ""]
    assert shown.err == "В 1С нет такого объекта.\n"


def test_in_english_texts_are_the_very_same_and_no_catalogue_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "FOLDER", Path("/nowhere"))
    for text in ("", " \n", "1C has no such object.", "Next: sverka doctor"):
        assert told(text) is text
        assert heading(text) is text


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_heading_is_told(code: str) -> None:
    used, known = find_headings(), load_headings(code)
    assert {"reason", "read", "dead", "entity", "rules for", "for example"} <= set(used), "tables of every kind"
    missing = {text: places for text, places in used.items() if text not in known}
    assert missing == {}, f"for cli/locale/headings/{code}.po"
    assert [text for text in FROM_RECORDS if text not in known] == []
    assert sorted(set(known) - set(used) - set(FROM_RECORDS)) == [], "no column is called so"
    assert {text for text, form in known.items() if not CYRILLIC.search(form)} == {"id", "no", "no."}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SVERKA_SETTINGS", raising=False)
    (tmp_path / "own.toml").write_text(WRONG, "utf-8")
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["sverka", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize("code", ["C", "ru_RU", "uk_UA"])
def test_scripts_get_the_same_in_every_language(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], code: str
) -> None:
    """What --json prints, and the exit code."""
    assert run(monkeypatch, "mapping", "check", "own.toml", "--json") == USAGE
    in_english = capsys.readouterr()
    speak(monkeypatch, code)
    assert run(monkeypatch, "mapping", "check", "own.toml", "--json") == USAGE
    again = capsys.readouterr()
    assert again.out == in_english.out
    assert "no rule uses the setting" in json.loads(again.out)["message"]
    assert bool(CYRILLIC.search(again.err)) == (code != "C")


SAYING = """
from cli.exits import explain
from core.errors import UsageError
raise SystemExit(explain(UsageError("There is no letter 7.", next_step="sverka dead list")))
"""


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("code", "command", "expected"),
    [
        ("", ["-c", SAYING], "Next: sverka dead list"),
        ("C", ["-c", SAYING], "Next: sverka dead list"),
        ("uk_UA.UTF-8", ["-c", SAYING], "Що робити: sverka dead list"),
        ("ru_RU.UTF-8", ["-m", "cli.main", "mapping", "cases"], "Что делать: "),
    ],
)
def test_a_process_follows_its_environment(folder: Path, code: str, command: list[str], expected: str) -> None:
    bare = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG", "SVERKA_"))}
    env = bare | {"LANG": code, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "SVERKA_SETTINGS": "nowhere.toml"}
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == USAGE, done.stderr
    assert expected in done.stderr
    assert done.stdout == ""


def test_amounts_and_days_are_written_as_people_there_write_them(monkeypatch: pytest.MonkeyPatch) -> None:
    at = datetime(2026, 11, 21, 22, 29, tzinfo=UTC)
    shown = [money("-25892838.28"), money("7"), money(None), moment(at), moment("2026-11-21"), moment("soon")]
    assert shown == ["-25 892 838.28", "7", "", "2026-11-21 22:29", "2026-11-21", "soon"]
    speak(monkeypatch, "uk_UA")
    shown = [money("-25892838.28"), money("7"), money(None), moment(at), moment("2026-11-21"), moment("soon")]
    assert shown == ["-25 892 838,28", "7", "", "21.11.2026 22:29", "21.11.2026", "soon"]
