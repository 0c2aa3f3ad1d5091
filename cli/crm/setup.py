"""`sverka crm`: what a CRM must have before cards are shown in it."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from cli.common import open_app, out_json, out_table, person
from cli.exits import say
from sync.setup.cards import Made, set_up_cards

app = typer.Typer(help="A CRM in which cards are shown: its fields and types of card.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def register(main: typer.Typer) -> None:
    """Add these commands."""
    main.add_typer(app, name="crm")


@app.callback()
def _several() -> None:
    """Keeps `setup` a command with a name, though it is the only one."""


@app.command("setup")
def setup(
    connection: Annotated[str, typer.Argument(help="The CRM's connection.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what is there and what would be made.")] = False,
    as_json: Json = False,
) -> None:
    """Make fields of ours and our types of card in a CRM, where they are missing. May be repeated.

    Example: sverka crm setup crm --dry-run
    """
    told: list[Made] = []
    try:
        with open_app() as application:
            settings = application.settings.connection(connection)
            settings.check_secrets()
            for one in set_up_cards(application, settings, person(), dry_run=dry_run):
                told.append(one)
                if as_json:
                    out_json({"connection": connection, "what": one.what, "state": one.state})
    finally:
        if told and not as_json:
            out_table(["what", "state"], [[one.what, one.state] for one in told], said=[0, 1])
    _conclude(connection, told)


def _conclude(connection: str, told: list[Made]) -> None:
    numbers = Counter(one.state for one in told)
    say(f"{connection}: " + ", ".join(f"{numbers[state]} {state}" for state in ("there", "made", "missing")) + ".")
    if numbers["missing"]:
        say(f"Next: sverka crm setup {connection}")
    else:
        say(f"Next: sverka link {connection} --dry-run")
