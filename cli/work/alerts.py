"""`sverka alerts`: what people were told, and whether telling works."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.common import open_app, out_json, out_lines, out_said, out_table, view
from cli.exits import FAILED, say
from cli.words import moment
from core.errors import ConfigError, SverkaError
from store.queries.work.alerts import load_alerts
from sync.alerts.deliver import send_test

app = typer.Typer(help="Alerts: what was wrong, who was told, and a test of telling.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def register(main: typer.Typer) -> None:
    """Add these commands."""
    main.add_typer(app, name="alerts")


@app.command("list")
def show_all(as_json: Json = False) -> None:
    """The newest alerts, open and resolved, and what became of telling.

    Example: sverka alerts list
    """
    with open_app(readonly=True) as application, application.engine.connect() as conn:
        alerts = load_alerts(conn, application.clock.now(), view(application))
    if as_json:
        out_lines(alerts)
        return
    if not alerts:
        say("Nothing was ever wrong. Next: sverka alerts test")
        return
    rows = [
        [moment(row["opened_at"]), row["state"], moment(row["resolved_at"]), row["text"], row["next"], _told(row)]
        for row in alerts
    ]
    out_table(["since", "", "resolved", "what", "next", "told"], rows, said=(1, 3, 4, 5))


def _told(row: dict[str, Any]) -> str:
    """By which way people heard of it, or why they did not."""
    parts = []
    for one in row["told"]:
        why = f" ({one['reason']})" if one["reason"] and one["state"] != "sent" else ""
        parts.append(f"{one['channel']} {one['event']}: {one['state']}{why}")
    return "; ".join(parts) or "nobody"


@app.command("test")
def test(as_json: Json = False) -> None:
    """Sends one test message by each way that is set up. Exit code 1 when one was not taken.

    Example: sverka alerts test
    """
    failed = False
    with open_app() as application:
        if not application.settings.alerts.channels:
            raise ConfigError("Nobody is to be told: [alerts] has no email and no webhook.", next_step="docs/alerts.md")
        for channel in application.settings.alerts.channels:
            try:
                remark = send_test(application, channel)
            except SverkaError as error:
                failed, remark = True, str(error)
                _print_test(channel, False, remark, as_json)
            else:
                _print_test(channel, True, remark, as_json)
    raise typer.Exit(FAILED if failed else 0)


def _print_test(channel: str, sent: bool, remark: str, as_json: bool) -> None:
    if as_json:
        out_json({"channel": channel, "sent": sent, "message": remark})
    else:
        out_said(f"{channel}: {'sent' if sent else 'not sent'}{f': {remark}' if remark else ''}")
