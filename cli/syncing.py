"""`sverka sync`, `status`: one cycle now, and how everything stands."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.common import connection_names, entity_of, open_app, out_json, out_said, out_table, out_text, view
from cli.exits import FAILED, OK, PARTIAL, USAGE, say
from cli.progress import watching
from cli.words import age, moment
from mapping.model import ENTITIES
from store.queries.work.queues import QUEUES
from store.queries.work.status import load_status
from store.versions import published
from sync.context import App, Counters, Order
from sync.mappings.tally import FATES
from sync.versions import list_drafts

if TYPE_CHECKING:
    from sync.cycle import RunResult

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
_EXIT = {"ok": OK, "partial": PARTIAL, "failed": FAILED, "skipped": FAILED}
_PEOPLE = (
    "read",
    "created",
    "updated",
    "deleted",
    "linked",
    "unchanged",
    "filtered",
    "parked",
    "review",
    "uncertain",
    "dead",
)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("sync")(sync)
    app.command("status")(status)


def sync(
    connection: Annotated[str | None, typer.Argument(help="One connection; all of them when left out.")] = None,
    entity: Annotated[str | None, typer.Option(help="Only this entity, e.g. shipments.")] = None,
    full: Annotated[bool, typer.Option("--full", help="One complete key sweep of everything.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing; show what would change, field by field.")
    ] = False,
    as_json: Json = False,
) -> None:
    """One cycle now: read what has changed in accounting, then send what is due.

    Example: sverka sync accounting --entity counterparties --dry-run
    """
    from sync.cycle import run_cycle  # noqa: PLC0415 - the engine takes half a second to load, and `status` has no need

    only = entity_of(entity, next_step="sverka sync --help")
    order = Order(kind="order", entity=only, full=full, dry_run=dry_run)
    codes = []
    with open_app() as app:
        for name in connection_names(app, connection):
            with watching(app.clock, quiet=as_json) as progress:
                result = run_cycle(app, name, order, progress)
            _print_result(name, result, as_json)
            codes.append(_exit_code(app, name, result))
    raise typer.Exit(worst(codes))


def _exit_code(app: App, name: str, result: RunResult) -> int:
    """A run that failed before any mapping could rule for it: what the settings name is not right."""
    key = app.settings.connections[name].mapping
    if result.status == "failed" and result.run_id is not None and published(app.engine, key) is None:
        return USAGE
    return _EXIT.get(result.status, FAILED)


def worst(codes: list[int]) -> int:
    """The exit code of several runs: settings before failed before partial before ok."""
    return USAGE if USAGE in codes else FAILED if FAILED in codes else PARTIAL if PARTIAL in codes else OK


def outside_name(entity: str) -> str:
    """The name that scripts and people know an entity by: its plural."""
    spec = ENTITIES.get(entity)
    return spec.plural if spec else {"balance": "balances", "movement": "movements"}.get(entity, entity)


def _line(result: RunResult, connection: str, line: Counters) -> dict[str, Any]:
    numbers = {word: line.counts.get(word, 0) for word in _PEOPLE if word != "read"}
    return {
        "run": str(result.run_id) if result.run_id else None,
        "connection": connection,
        "entity": outside_name(line.entity),
        "direction": line.direction,
        "status": line.status,
        "read": line.read,
        **numbers,
        "requests": line.requests,
        "seconds": round(line.seconds, 3),
    }


def _print_result(connection: str, result: RunResult, as_json: bool) -> None:
    lines = [_line(result, connection, line) for line in result.lines]
    if as_json:
        for line in lines:
            out_json(line)
    else:
        columns = ["entity", "direction", *_PEOPLE, "requests", "status"]
        out_table(
            columns, [[line[column] or "" for column in columns] for line in lines], right=range(2, 14), said=(1, 14)
        )
    for change in result.changes:
        out_json(change) if as_json else out_text(_change_text(change))
    for notice in result.notices:
        say(f"notice: {notice}")
    say(f"{connection}: {result.status}{': ' + result.message if result.message else ''}")


def _change_text(change: dict[str, Any]) -> str:
    fields = "; ".join(f"{name}: {before!r} → {after!r}" for name, (before, after) in change.get("fields", {}).items())
    return f"{change['action']} {outside_name(change['entity'])} {change['external_id']} {fields}".rstrip()


def status(as_json: Json = False) -> None:
    """How everything stands: freshness, runs, queues.

    Example: sverka status
    """
    with open_app(readonly=True) as app, app.engine.connect() as conn:
        report = load_status(conn, app.clock.now(), view(app), names=tuple(app.settings.connections))
        report["drafts"] = list_drafts(app)
    if as_json:
        out_json(report)
        return
    _print_status(report)


def _print_mappings(report: dict[str, Any]) -> None:
    for row in report["drafts"]:
        out_said(f"\n{row['connection']}: {row['message']} Next: {row['next']}")
    for row in report["reapplies"]:
        where = f", at {row['entity']}" if row["entity"] and row["state"] != "done" else ""
        fates = {fate: sum(line.get(fate, 0) for line in row["counters"].values()) for fate in FATES}
        rest = "".join(f", {number} {fate.replace('_', ' ')}" for fate, number in fates.items() if number) + where
        state = f"re-apply is {row['state']} ({moment(row['updated_at'])})"
        out_said(f"\n{row['connection']}: {state}: {row['records']} records{rest}")


def _print_status(report: dict[str, Any]) -> None:
    """Connections with their queues, then what is stale or went wrong; the whole of it: --json."""
    if not report["connections"]:
        out_said("No connection is set up yet. Next: sverka connect")
        return
    columns = ["connection", "last good", "last run", "breaker", *QUEUES]
    rows = [
        [
            row["connection"],
            age(row["ok_age_seconds"]),
            row["last_run"],
            row["breaker"],
            *(row[name] for name in QUEUES),
        ]
        for row in report["connections"]
    ]
    out_table(columns, rows, right=range(4, 4 + len(QUEUES)), said=(1, 2))
    for row in report["connections"]:
        if row["paused"]:
            resume = f" Next: {shlex.join(['sverka', 'connection', 'resume', row['connection']])}"
            out_said(f"\n{row['connection']} is paused: {row['paused']}" + (resume if row["paused_by"] else ""))
    if report["alerts"]:
        out_said("\nOpen alerts")
        alerts = [[age(row["age_seconds"]), row["text"], row["next"]] for row in report["alerts"]]
        out_table(["since", "what", "next"], alerts, said=(0, 1, 2))
    _print_mappings(report)
    out_said("\nFreshness")
    fresh = [[row["connection"], outside_name(row["entity"]), age(row["age_seconds"])] for row in report["freshness"]]
    out_table(["connection", "entity", "read"], fresh, said=[2])
    out_said("\nLast runs")
    runs = [
        [row["connection"], row["kind"], row["status"], moment(row["started_at"]), row["requests"], row["message"]]
        for row in report["runs"]
    ]
    out_table(["connection", "kind", "status", "started", "requests", ""], runs, right=[4], said=(2, 5))
