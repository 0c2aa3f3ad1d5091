"""`sverka mapping check` as a person and a script see it: every value literal, every mistake a line of JSON."""

import json
import sys
from pathlib import Path

import pytest

from cli.common import out_table
from cli.exits import OK, USAGE, say
from cli.main import main

ODD = "[b]x[/b] :smile: [/red] presets/bp30.toml:100:32"
WRONG = f"""
extends = "bp30"
[entities.counterparty.fields]
comment = false
name = "{ODD}"
[settings]
acounts = ["62.01"]
"""


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["sverka", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SVERKA_SETTINGS", raising=False)
    return tmp_path


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_tables_and_remarks_are_literal(capsys: pytest.CaptureFixture[str]) -> None:
    out_table([ODD], [[ODD]])
    say(ODD)
    told = capsys.readouterr()
    assert told.out.count(ODD) == 2
    assert told.err == f"{ODD}\n"


def test_mistakes_are_given_as_json(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "own.toml").write_text(WRONG, encoding="utf-8")
    assert run(monkeypatch, "mapping", "check", "own.toml", "--json") == USAGE
    told = capsys.readouterr()
    found = lines(told.out)
    assert [(one["level"], one["file"], one["line"], one["column"], one["subject"]) for one in found] == [
        ("error", "own.toml", 5, 1, "entities.counterparty.fields.name.0.from"),
        ("error", "own.toml", 7, 1, "settings.acounts"),
        ("notice", "own.toml", 4, 1, "entities.counterparty.fields.comment"),
    ]
    assert {frozenset(one) for one in found} == {
        frozenset({"level", "file", "line", "column", "subject", "message", "next"})
    }
    assert ODD in str(found[0]["message"])
    assert ODD in told.err


@pytest.mark.parametrize(
    ("text", "line"), [("a = [1,", 1), ('title = "x"\n  b = = 1', 2), ("a = " + "[" * 5_000, None)]
)
def test_what_is_no_toml_is_a_line_of_json(
    text: str, line: int | None, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "own.toml").write_text(text, encoding="utf-8")
    assert run(monkeypatch, "mapping", "check", "own.toml", "--json") == USAGE
    (found,) = lines(capsys.readouterr().out)
    assert (found["level"], found["file"]) == ("error", "own.toml")
    assert found["line"] == line


def test_what_a_file_takes_away_is_listed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = 'extends = "bas"\n[entities.counterparty.fields]\ncomment = false\n[entities]\norder = false\n'
    (folder / "own.toml").write_text(text, encoding="utf-8")
    assert run(monkeypatch, "mapping", "check", "own.toml") == OK
    told = capsys.readouterr()
    assert "own.toml:3:1: entities.counterparty.fields.comment" in told.out
    assert "own.toml:5:1: entities.order" in told.out
    assert "registration_code" not in told.out  # which the preset itself takes away
    assert run(monkeypatch, "mapping", "check", "own.toml", "--json") == OK
    assert [one["level"] for one in lines(capsys.readouterr().out)] == ["notice", "notice"]


def test_a_directory_is_told_as_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "mapping", "check", str(folder)) == USAGE
    assert "that is a directory" in capsys.readouterr().err


def test_of_two_connections_one_is_to_be_named_in_the_very_command(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one = 'connector = "onec_odata"\nurl = "http://127.0.0.1:9/x"\nuser = "x"\npassword = "y"\nmapping = "bp30"\n'
    (folder / "var").mkdir()
    (folder / "settings.toml").write_text(f"[connections.buh]\n{one}[connections.trade]\n{one}", encoding="utf-8")
    (folder / "my own.toml").write_text('extends = "bp30"\n', encoding="utf-8")
    assert run(monkeypatch, "mapping", "check", "my own.toml", "--live") == USAGE
    assert "Next: sverka mapping check 'my own.toml' --live --connection NAME" in capsys.readouterr().err
    assert run(monkeypatch, "mapping", "preview", "my own.toml") == USAGE
    assert "Next: sverka mapping preview 'my own.toml' NAME" in capsys.readouterr().err
    assert run(monkeypatch, "mapping", "preview", "my own.toml", "buh") == OK
    assert "sverka mapping publish 'my own.toml' --connection buh --reapply" in capsys.readouterr().err
    (folder / "own.toml").write_text(WRONG, encoding="utf-8")  # a base that is away hides no mistake
    assert run(monkeypatch, "mapping", "check", "own.toml", "--live", "--connection", "buh", "--json") == USAGE
    told = capsys.readouterr()
    assert [one["line"] for one in lines(told.out)] == [5, 7, 4]
    assert "The base was not compared" in told.err


def test_a_store_that_is_away_hides_nothing_of_a_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = '[store]\nurl = "postgresql+psycopg://nobody@127.0.0.1:9/none"\n'
    crm = '[connections.crm]\nconnector = "bitrix24"\nwebhook = "https://b24.example/rest/1/x/"\nmapping = "bitrix24"\n'
    (folder / "settings.toml").write_text(store + crm, encoding="utf-8")
    (folder / "own.toml").write_text('extends = "bitrix24"\n', encoding="utf-8")
    assert run(monkeypatch, "mapping", "check", "own.toml") == OK
    told = capsys.readouterr().err
    assert "were not compared" in told and "own.toml is right" in told
