"""`sverka connection pause|resume`: by a person at the terminal, for the person who finds it paused."""

from __future__ import annotations

from typing import Any

from tests.acceptance.installation import Installation


def stands(installation: Installation) -> dict[str, Any]:
    row: dict[str, Any]
    (row,) = installation.lines("status", "--json")[0]["connections"]
    return row


def test_paused_and_let_go_on_by_command(on_sqlite: Installation) -> None:
    assert (
        "until somebody lets it go on" in on_sqlite.run("connection", "pause", "accounting", "--reason", "x y").stderr
    )
    row = stands(on_sqlite)
    assert row["paused"].endswith(": x y") and row["paused_by"]
    assert "Next: sverka connection resume accounting" in on_sqlite.run("status").stdout
    again = on_sqlite.run("connection", "pause", "accounting", "--reason", "z", check=2)
    assert "paused by a person already" in again.stderr
    assert "accounting goes on." in on_sqlite.run("connection", "resume", "accounting").stderr
    assert stands(on_sqlite)["paused"] is None
    assert "was not paused" in on_sqlite.run("connection", "resume", "accounting").stderr


def test_which_and_why_must_be_said(on_sqlite: Installation) -> None:
    assert "There are: accounting" in on_sqlite.run("connection", "pause", "none", "--reason", "x", check=2).stderr
    assert "Say why" in on_sqlite.run("connection", "pause", "accounting", "--reason", "  ", check=2).stderr
    on_sqlite.run("connection", "pause", "accounting", check=2)
