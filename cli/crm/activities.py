"""`sverka activities`: calls and meetings of the CRM, counted by day and manager."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

import typer

from cli.common import open_app, out_lines, out_table, view
from cli.exits import say
from cli.words import name_of
from store.queries.deals.activities import iter_activity_counts

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Day = datetime
DAYS = 30
_COUNTS = ("calls", "calls_in", "calls_out", "meetings", "other", "completed")


def register(main: typer.Typer) -> None:
    """Add this command."""
    main.command("activities")(activities)


def activities(
    by: Annotated[Literal["both", "day", "manager"], typer.Option(help="What a line stands for.")] = "both",
    since: Annotated[
        Day | None, typer.Option("--since", formats=["%Y-%m-%d"], help="First day; 30 days ago when left out.")
    ] = None,
    until: Annotated[
        Day | None, typer.Option("--until", formats=["%Y-%m-%d"], help="Last day; today and later when left out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Calls and meetings, counted by day and manager.

    Example: sverka activities --by manager --since 2026-01-01
    """
    with open_app(readonly=True) as application, application.engine.connect() as conn:
        shown = view(application)
        today = application.clock.now().astimezone(shown.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        start = since.replace(tzinfo=shown.zone) if since is not None else today - timedelta(days=DAYS)
        end = until.replace(tzinfo=shown.zone) + timedelta(days=1) if until is not None else None
        records = list(iter_activity_counts(conn, shown, by, start, end))
    if as_json:
        out_lines(records)
        return
    if not records:
        say("No calls and no meetings since then. Next: sverka sync")
        return
    who = [name for name in ("day", "manager") if name in records[0]]
    rows = [
        [*(name_of(one[name]) if name == "manager" else one[name] for name in who), *(one[c] for c in _COUNTS)]
        for one in records
    ]
    columns = [*who, "calls", "in", "out", "meetings", "other", "completed"]
    out_table(columns, rows, right=range(len(who), len(columns)))
