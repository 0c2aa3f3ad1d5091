"""`sverka state` and `sverka db`: cursors of the connections, and the store itself."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.common import entity_of, one_connection, open_app, out_lines, out_table, settings, view
from cli.exits import say
from core.clock import utc_from_local
from store.backup import backup as backup_store
from store.engine import open_engine
from store.upgrade import upgrade
from sync.pull import cursors

app = typer.Typer(help="Where the reading of each connection stands.", no_args_is_help=True)
database = typer.Typer(help="The store's own tables.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Connection = Annotated[str | None, typer.Argument(help="Not needed when there is one.")]
Entity = Annotated[str | None, typer.Option("--entity", help="Only this entity.")]


def register(main: typer.Typer) -> None:
    """Add these commands."""
    main.add_typer(app, name="state")
    main.add_typer(database, name="db")


@app.command("show")
def show(connection: Connection = None, as_json: Json = False) -> None:
    """Cursors: what has been read, and how fresh it is.

    Example: sverka state show
    """
    with open_app(readonly=True) as application:
        name = application.settings.connection(connection).name if connection else None
        shown = view(application)
        rows = [
            row | {key: shown.moment(row[key]) for key in ("updated_at", "fresh_at", "swept_at")}
            for row in cursors.list_cursors(application, name)
        ]
    if as_json:
        out_lines(rows)
        return
    if not rows:
        say("Nothing has been read yet. Next: sverka sync")
        return
    columns = ["connection", "entity", "fresh_at", "swept_at", "state"]
    out_table(columns, [[row[column] for column in columns] for row in rows])


@app.command("rewind")
def rewind(
    to: Annotated[
        datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Documents from this day on are read again.")
    ],
    connection: Connection = None,
    entity: Entity = None,
) -> None:
    """Read the documents of a day and all later ones again at the next cycle. Loses nothing; waits for a running cycle.

    Example: sverka state rewind --to 2026-01-01
    """
    with open_app() as application:
        name = one_connection(application, connection)
        moment = utc_from_local(to, application.settings.connections[name].zone)
        count = cursors.rewind(application, name, entity_of(entity, next_step="sverka state show"), moment)
    say(f"{count} cursors rewound. Next: sverka sync")


@app.command("reset")
def reset(connection: Connection = None, entity: Entity = None) -> None:
    """Read everything anew at the next cycle. Records and bindings stay; waits for a running cycle.

    Example: sverka state reset --entity shipments
    """
    with open_app() as application:
        name = one_connection(application, connection)
        count = cursors.reset(application, name, entity_of(entity, next_step="sverka state show"))
    say(f"{count} cursors reset. Next: sverka sync")


@database.command("upgrade")
def upgrade_command() -> None:
    """Bring the store's tables up to date. Every other command does it by itself too.

    Example: sverka db upgrade
    """
    engine = open_engine(settings().store.url)
    upgrade(engine)
    engine.dispose()
    say("The store is up to date.")


@database.command("backup")
def backup_command(target: Annotated[Path, typer.Argument(help="File to write.")]) -> None:
    """A consistent copy of the store while the service runs.

    Example: sverka db backup sverka-backup.db
    """
    backup_store(settings().store.url, target)
    say(f"Backup written to {target}.")
