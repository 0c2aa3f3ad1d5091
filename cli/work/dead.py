"""`sverka dead`: records that could not be read, mapped or sent, each with its reason and what to do."""

from __future__ import annotations

from datetime import tzinfo
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from cli.common import Reason, count_queues, open_app, out_json, out_lines, out_table, out_text, person
from cli.exits import say
from cli.language import told
from cli.words import moment, readable
from core.errors import UsageError
from sync import letters

app = typer.Typer(help="Dead letters: what failed for good, and why.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Number = Annotated[int, typer.Argument(help="The letter's number, from: sverka dead list --all")]
Group = Annotated[
    str | None, typer.Option("--group", help="The letters of one cause; its name, from: sverka dead list")
]
_LONGEST_FILE = 1024 * 1024
_decode = msgspec.json.Decoder(float_hook=str).decode
"""Amounts stay as they are written."""
_SAID = ("reason", "next_step")
"""Of a letter what we say ourselves."""


def register(main: typer.Typer) -> None:
    """Add these commands."""
    main.add_typer(app, name="dead")


@app.command("list")
def show_all(
    everything: Annotated[bool, typer.Option("--all", help="Each letter; resolved and discarded ones too.")] = False,
    group: Group = None,
    as_json: Json = False,
) -> None:
    """Open letters by cause; one by one with --all, --group or --json.

    Example: sverka dead list --group 3fa91c07
    """
    with open_app(readonly=True) as application:
        if as_json:
            out_lines(letters.list_letters(application, everything=everything, group=group))
            return
        if everything or group is not None:
            _print_letters(letters.list_letters(application, everything=everything, group=group))
        else:
            _print_groups(letters.list_groups(application), count_queues(application, "dead"), application.zone)


def _print_letters(rows: list[dict[str, Any]]) -> None:
    if not rows:
        say("No dead letters. Nothing to do.")
        return
    names = ("number", "connection", "entity", "external_id", "reason", "attempts", "state", "group")
    cells = [[row[name] for name in names] for row in rows]
    columns = ["no.", "connection", "entity", "record", "reason", "attempts", "state", "group"]
    out_table(columns, cells, right=[0, 5], said=[4, 6])


def _print_groups(rows: list[dict[str, Any]], number: int, zone: tzinfo) -> None:
    if not rows:
        say("No dead letters. Nothing to do.")
        return
    names = ("group", "letters", "connection", "entity", "direction", "reason", "next_step")
    cells = [[*(row[name] for name in names), moment(row["last_at"], zone)] for row in rows]
    columns = ["group", "letters", "connection", "entity", "", "reason", "what to do", "last"]
    out_table(columns, cells, right=[1], said=[4, 5, 6])
    say(f"{number} letters of {len(rows)} causes. Each of them: sverka dead list --group NAME, or --all")


@app.command("show")
def show(number: Number, as_json: Json = False) -> None:
    """One letter, whole: what was received or sent, and what was edited.

    Example: sverka dead show 3
    """
    with open_app(readonly=True) as application:
        letter = letters.load_letter(application, number)
    if as_json:
        out_json(letter)
        return
    for key, value in letter.items():
        shown = readable(value, application.zone)
        out_text(f"{key}: {told(str(shown)) if key in _SAID else shown}")


@app.command("retry")
def retry(
    number: Annotated[int | None, typer.Argument(help="The letter's number.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All open letters.")] = False,
    group: Group = None,
) -> None:
    """Try again: at once where the service runs, else by the next sync.

    Example: sverka dead retry --all
    """
    if number is None and not everything and group is None:
        raise UsageError("Say which letter, or --all, or --group.", next_step="sverka dead list")
    with open_app() as application:
        count = letters.retry_letters(application, number=number, group=group, who=person())
    say(f"{count} letters will be tried again: at once where the service runs, else by: sverka sync")


@app.command("edit")
def edit(
    number: Number,
    values: Annotated[list[str] | None, typer.Option("--set", help="FIELD=VALUE; may be given several times.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="A JSON object: field -> value; rows as lists.")] = None,
) -> None:
    """Mend the record by hand and try again. What was received, or was to be sent, is kept beside it.

    In: fields of the record as `sverka export` shows them. Out: attributes of what is sent to accounting.

    Example: sverka dead edit 3 --set amount=1200.50 --set number=УТ-17
    """
    with open_app() as application:
        letters.edit_letter(application, number, _read_edit(values or [], file), who=person())
    say(f"Letter {number} is edited and will be tried again: at once where the service runs, else by: sverka sync")


def _read_edit(values: list[str], file: Path | None) -> dict[str, Any]:
    found = _read_file(file) if file is not None else {}
    for text in values:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise UsageError(f"{text!r} is not FIELD=VALUE.", next_step="sverka dead edit --help")
        found[name.strip()] = value
    return found


def _read_file(file: Path) -> dict[str, Any]:
    try:
        raw = file.read_bytes()
        found = _decode(raw) if len(raw) <= _LONGEST_FILE else None
    except (OSError, msgspec.DecodeError) as error:
        raise UsageError(f"{file} cannot be read as JSON: {error}.", next_step="sverka dead edit --help") from error
    if not isinstance(found, dict):
        raise UsageError(
            f"{file} holds no JSON object of fields, or is too large.", next_step="sverka dead edit --help"
        )
    return found


@app.command("discard")
def discard(
    number: Number,
    reason: Reason,
) -> None:
    """Give a letter up: marked, not deleted.

    Example: sverka dead discard 3 --reason "test document of the accountant"
    """
    with open_app() as application:
        letters.discard_letter(application, number, reason, who=person())
    say(f"Letter {number} is discarded.")
