"""`sverka reconcile`: compares the two books and explains each difference."""

from __future__ import annotations

from datetime import tzinfo
from typing import Annotated, Any

import typer

from cli.common import connection_names, open_app, out_json, out_said, out_table, out_text
from cli.exits import FAILED, OK, PARTIAL, say
from cli.language import told
from cli.progress import watching
from cli.syncing import outside_name, worst
from cli.words import moment
from store.engine import reading
from store.queries.settlements.reconciliations import list_reconciliations
from sync.context import App
from sync.reconcile.compare import Reconciliation, reconcile

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]

_EXIT = {"ok": OK, "explained": OK, "unexplained": PARTIAL, "incomplete": PARTIAL, "failed": FAILED}
"""A named difference is no alarm, --repair mends it; what was not compared is not known to be well."""


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("reconcile")(reconcile_command)


def reconcile_command(
    connection: Annotated[str | None, typer.Argument(help="One connection; all accounting ones when left out.")] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Read again just what differs, then compare once more.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Fetch all movements again, also those named before that still add up.")
    ] = False,
    history: Annotated[
        bool, typer.Option("--history", help="Earlier reconciliations and since when something differs; asks nobody.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare with accounting and explain each difference. Exit code 0 when all is compared and explained, else 3.

    Example: sverka reconcile --repair
    """
    codes = []
    with open_app() as app:
        if history:
            print_history(app, connection, as_json=as_json)
            raise typer.Exit(OK)
        for name in connection_names(app, connection):
            if app.settings.connections[name].role == "accounting" or connection:
                codes.append(reconcile_one(app, name, repair=repair, fresh=fresh, as_json=as_json))
    raise typer.Exit(worst(codes))


def print_history(app: App, connection: str | None, *, as_json: bool) -> None:
    """The reconciliations that are kept, the newest first."""
    if connection is not None:
        app.settings.connection(connection)
    with reading(app.engine) as conn:
        rows = list_reconciliations(conn, connection)
    if as_json:
        for row in rows:
            out_json(row)
        return
    columns = ["at", "connection", "asked by", "status", "unexplained", "differs", "mended", "seconds"]
    out_table(columns, [_history_row(row, app.zone) for row in rows], right=[6, 7], said=[3, 5])


def _history_row(row: dict[str, Any], zone: tzinfo) -> list[object]:
    unexplained = ", ".join(f"{amount} {code}" for code, amount in sorted(row["unexplained"].items()))
    differs = f"since {moment(row['drift_since'], zone)}" if row["drift_since"] else ""
    status = [moment(row["at"], zone), row["connection"], row["asked_by"], row["status"]]
    return [*status, unexplained or "0.00", differs, row["repaired"], f"{row['seconds']:.1f}"]


def reconcile_one(app: App, name: str, *, repair: bool, as_json: bool, fresh: bool = False) -> int:
    """Compare one connection and print what came out; returns the exit code."""
    with watching(app.clock, quiet=as_json) as progress:
        result = reconcile(app, name, repair=repair, fresh=fresh, progress=progress)
    if as_json:
        for line in result.to_json():
            out_json(line)
    else:
        print_reconciliation(name, result, app.zone)
    if result.failure:
        say(f"{name}: failed: {result.failure}")
    if result.status == "explained":
        say("Every difference is explained. To read again what differs: sverka reconcile --repair")
    return _EXIT[result.status]


def print_reconciliation(name: str, result: Reconciliation, zone: tzinfo) -> None:
    """The comparison as people read it: entities, named movements, differences, and the one number that counts."""
    if result.entities:
        columns = ["entity", "ours", "accounting", "missing", "extra", "different"]
        rows = [
            [outside_name(row.entity), row.ours, row.theirs, row.missing, row.extra, row.different]
            for row in result.entities
        ]
        out_table(columns, rows, right=range(1, 6))
    _print_lines("Movements that no order, shipment or payment stands behind", result.named_movements(zone))
    _print_lines("Differences", result.differences(zone))
    for currency, amount in sorted(result.unexplained.items()):
        out_said(f"{name}: {amount} {currency} unexplained")
    if not result.unexplained and not result.failure:
        out_said(f"{name}: 0.00 unexplained")
    if result.remembered:
        say(f"{result.remembered} movements were named before and still add up; to fetch them again: --fresh")
    for left_out in result.incomplete.values():
        say(f"incomplete: {left_out} Next: sverka doctor {name}")
    for notice in result.notices:
        say(f"notice: {notice}")


def _print_lines(title: str, rows: list[dict[str, str]]) -> None:
    if not rows:
        return
    out_text(f"\n{told(title)}:")
    columns = list(rows[0])
    ours = [columns.index(name) for name in ("what", "document", "note")]
    out_table(columns, [[row.get(column) for column in columns] for row in rows], said=ours)
