"""`sverka review`: where someone must choose who is who, or approve a write into accounting."""

from __future__ import annotations

from datetime import tzinfo
from typing import Annotated, Any

import typer

from cli.common import Reason, count_queues, open_app, out_json, out_lines, out_said, out_table, out_text, person
from cli.exits import say
from cli.language import told
from cli.words import readable
from sync.owners import conflicts
from sync.push import reviews

app = typer.Typer(help="The review queue: link or create, decided by a person.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Number = Annotated[int, typer.Argument(help="The number, from: sverka review list")]

_SAID = ("reason", "reasons")
"""Of a question and its candidates what we say ourselves."""


def register(main: typer.Typer) -> None:
    """Add these commands."""
    main.add_typer(app, name="review")


@app.command("list")
def show_all(as_json: Json = False) -> None:
    """What waits for a decision.

    Example: sverka review list
    """
    with open_app(readonly=True) as application:
        rows, waiting = reviews.list_reviews(application), count_queues(application, "review")
    if as_json:
        out_lines(rows)
        return
    if not rows:
        say("Nothing waits for a decision.")
        return
    cells = [[row["number"], row["kind"], row["name"], row["reason"], len(row["candidates"])] for row in rows]
    out_table(["no.", "kind", "customer", "reason", "candidates"], cells, right=[0, 4], said=[3])
    say(f"{waiting} decisions wait. Look at one: sverka review show NUMBER")


@app.command("show")
def show(number: Number, as_json: Json = False) -> None:
    """One review with its candidates and the reason for each.

    Example: sverka review show 2
    """
    with open_app(readonly=True) as application:
        row = reviews.load_review(application, number)
    if as_json:
        out_json(row)
        return
    _print(row, application.zone)


def _print(row: dict[str, Any], zone: tzinfo) -> None:
    for key, value in row.items():
        if key != "candidates":
            out_text(f"{key}: {_shown(key, value, zone)}")
    for candidate in row["candidates"]:
        out_said("\ncandidate:")
        for key, value in candidate.items():
            out_text(f"  {key}: {_shown(key, value, zone)}")
    out_said(f"\nNext: {_next_step(row)}")


def _shown(key: str, value: object, zone: tzinfo) -> object:
    shown = readable(value, zone)
    if key not in _SAID:
        return shown
    return [told(str(one)) for one in shown] if isinstance(shown, list) else told(str(shown))


def _next_step(row: dict[str, Any]) -> str:
    number = row["number"]
    if row["kind"] == "conflict":
        return f"sverka review keep {number} (ours), or: sverka review take {number} (theirs)"
    if row["kind"] == "deal":
        deal = row["candidates"][0]["external_id"]
        return f"sverka deals assign {row['contact']} {deal}, or: sverka review dismiss {number} --reason …"
    if row["kind"] == "change":
        return f"sverka review create {number} (send it), or: sverka review dismiss {number} --reason …"
    return f"sverka review link {number} --to EXTERNAL_ID, or: sverka review create {number}"


@app.command("link")
def link(
    number: Number,
    to: Annotated[
        str | None, typer.Option("--to", help="External id of the candidate; not needed when there is one.")
    ] = None,
) -> None:
    """They are the same: bind them. Overwrites nothing on either side.

    Example: sverka review link 2 --to 8b9660f6-6332-11ec-ad72-000c29b45b09
    """
    with open_app() as application:
        reviews.link_review(application, number, to, who=person())
    say(f"Review {number}: linked.")


@app.command("create")
def create(
    number: Number,
    force: Annotated[bool, typer.Option("--force", help="Even though the same INN is there already.")] = False,
) -> None:
    """It is somebody new, or the write is approved: create him in accounting.

    Example: sverka review create 2
    """
    with open_app() as application:
        reviews.create_review(application, number, force=force, who=person())
    say(f"Review {number}: will be created at once where the service runs, else by: sverka sync")


@app.command("take")
def take(number: Number) -> None:
    """Of two values that differ theirs is right: the store takes it.

    Example: sverka review take 3
    """
    with open_app() as application:
        conflicts.take_review(application, number, who=person())
    say(f"Review {number}: their values are taken.")


@app.command("keep")
def keep(number: Number) -> None:
    """Of two values that differ ours is right: it stays, and the other side is told where the mapping says so.

    Example: sverka review keep 3
    """
    with open_app() as application:
        conflicts.keep_review(application, number, who=person())
    say(f"Review {number}: our values are kept.")


@app.command("dismiss")
def dismiss(
    number: Number,
    reason: Reason,
) -> None:
    """Do nothing: neither link nor create.

    Example: sverka review dismiss 2 --reason "not a customer after all"
    """
    with open_app() as application:
        reviews.dismiss_review(application, number, reason, who=person())
    say(f"Review {number} is dismissed.")
