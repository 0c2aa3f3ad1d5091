"""`sverka dead`: records that could not be read, mapped or sent, each with its reason and what to do."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.common import Reason, open_app, out_json, out_lines, out_table, out_text
from cli.exits import say
from core.errors import UsageError
from sync.pull import dead

app = typer.Typer(help="Dead letters: what failed for good, and why.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Number = Annotated[int, typer.Argument(help="The letter's number, from: sverka dead list")]


def register(main: typer.Typer) -> None:
    """Add these commands."""
    main.add_typer(app, name="dead")


@app.command("list")
def show_all(
    everything: Annotated[bool, typer.Option("--all", help="Resolved and discarded ones too.")] = False,
    as_json: Json = False,
) -> None:
    """Open letters, grouped by cause.

    Example: sverka dead list
    """
    with open_app(readonly=True) as application:
        letters = dead.list_letters(application, everything=everything)
        if as_json:
            out_lines(letters)
            return
        rows = [
            [
                letter["number"],
                letter["connection"],
                letter["entity"],
                letter["external_id"],
                letter["reason"],
                letter["attempts"],
                letter["state"],
            ]
            for letter in letters
        ]
    if not rows:
        say("No dead letters. Nothing to do.")
        return
    out_table(["no.", "connection", "entity", "record", "reason", "attempts", "state"], rows, right=[0, 5])


@app.command("show")
def show(number: Number, as_json: Json = False) -> None:
    """One letter, whole.

    Example: sverka dead show 3
    """
    with open_app(readonly=True) as application:
        letter = dead.load_letter(application, number)
    if as_json:
        out_json(letter)
        return
    for key, value in letter.items():
        out_text(f"{key}: {value}")


@app.command("retry")
def retry(
    number: Annotated[int | None, typer.Argument(help="The letter's number.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All open letters.")] = False,
    fingerprint: Annotated[str | None, typer.Option("--group", help="All letters of one cause.")] = None,
) -> None:
    """Try again at the next tick, or at the next cycle.

    Example: sverka dead retry --all
    """
    if number is None and not everything and fingerprint is None:
        raise UsageError("Say which letter, or --all, or --group.", next_step="sverka dead list")
    with open_app() as application:
        count = dead.retry_letters(application, number=number, fingerprint=fingerprint)
    say(f"{count} letters will be tried again. Next: sverka sync, or wait for the service.")


@app.command("discard")
def discard(
    number: Number,
    reason: Reason,
) -> None:
    """Give a letter up: marked, not deleted.

    Example: sverka dead discard 3 --reason "test document of the accountant"
    """
    with open_app() as application:
        dead.discard_letter(application, number, reason)
    say(f"Letter {number} is discarded.")
