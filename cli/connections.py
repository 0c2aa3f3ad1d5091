"""`sverka connection`: a person holds a connection, or lets it go on."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.common import open_app, person
from cli.exits import say
from core.errors import UsageError
from sync.room.breaker import hold_connection, release_connection

app = typer.Typer(help="Holding a connection of the settings, and letting it go on.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The connection, as the settings call it.", metavar="NAME")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for whoever finds it paused.")]


def register(main: typer.Typer) -> None:
    """Add these commands."""
    main.add_typer(app, name="connection")


@app.command("pause")
def pause(name: Name, reason: Reason) -> None:
    """Hold a connection: nothing is read or sent by itself until a person lets it go on. Audited.

    Example: sverka connection pause accounting --reason "stocktaking until Monday"
    """
    why = " ".join(reason.split())[:300]
    if not why:
        raise UsageError("Say why it is paused: others will read it.", next_step="sverka connection pause --help")
    with open_app() as application:
        known, who = application.settings.connection(name).name, person()
        if not hold_connection(application, known, f"{who}: {why}", who):
            raise UsageError(f"{known} is paused by a person already.", next_step="sverka status")
    say(f"{known} is paused until somebody lets it go on. Next: sverka connection resume {known}")


@app.command("resume")
def resume(name: Name) -> None:
    """Let a connection go on, whoever or whatever had paused it. Audited.

    Example: sverka connection resume accounting
    """
    with open_app() as application:
        known = application.settings.connection(name).name
        was = release_connection(application, known, person())
    say(f"{known} goes on." if was else f"{known} was not paused.")
