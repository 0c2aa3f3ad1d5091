"""`sverka mapping`: try a draft on real records, carry a version over to them."""

from __future__ import annotations

import shlex
from typing import Annotated, Any

import typer

from cli.common import one_connection, open_app, out_json, out_table, out_text, person
from cli.exits import FAILED, OK, say
from cli.mapping_files import meant, spoken
from cli.progress import watching
from core.errors import UsageError
from store.engine import reading
from store.queries.reapplies import load_last_reapply
from sync.context import App, Order
from sync.cycle import run_cycle
from sync.mappings.ordering import order_reapply
from sync.mappings.preview import as_rows, name_targets
from sync.mappings.preview import preview as look
from sync.mappings.tally import FATES

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Connection = Annotated[str | None, typer.Argument(help="Not needed when there is one.")]
_WIDTH = 60
_NONE: dict[str, Any] = {"external_id": "", "name": "", "before": None, "after": None}


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    for name, command in (("preview", preview), ("reapply", reapply)):
        app.command(name)(command)


def preview(
    file: Annotated[str, typer.Argument(help="A rule file, a preset, or the number of a kept draft.")],
    connection: Connection = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="No more records of an entity.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ask the other side for records, reading only.")] = False,
    as_json: Json = False,
) -> None:
    """What a draft would change in the records that are here, field by field, with samples. Writes nothing.

    Example: sverka mapping preview my.toml --limit 1000
    """
    with open_app() as application:
        name, mapping = meant(application, file, connection)
        with watching(application.clock, quiet=as_json) as progress:
            found = look(application, name, mapping, limit=limit, fresh=fresh, progress=progress)
        rows, again = as_rows(found, name_targets(application, found)), spoken(application, file, name)
    for row in rows:
        out_json(row) if as_json else _print_entity(row)
    if not sum(row["read"] for row in rows):
        say("Nothing has been received yet. Next: sverka sync, or: sverka mapping preview --fresh")
    say(f"Nothing was written. To publish: sverka mapping publish {again} --reapply")


def _print_entity(row: dict[str, Any]) -> None:
    told = ", ".join(f"{row[fate]} {fate.replace('_', ' ')}" for fate in FATES if row.get(fate))
    out_text(f"{row['entity']}: {row['read']} records: {told or 'nothing'}")
    lines = [
        [field, number, one["name"] or one["external_id"], short(one["before"]), short(one["after"])]
        for field, number in row["fields"].items()
        for number, one in zip([number, "", ""], row["samples"].get(field) or [_NONE], strict=False)
    ]
    if lines:
        out_table(["field", "records", "for example", "before", "after"], lines, right=[1])
    for reason, number in row["reasons"].items():
        out_text(f"  {number} become dead letters: {reason}")


def short(value: object) -> str:
    """A value as a cell of a table."""
    text = "" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def reapply(
    connection: Connection = None,
    now: Annotated[bool, typer.Option("--now", help="Do it here and wait; else the service does.")] = False,
    as_json: Json = False,
) -> None:
    """Carry the version that rules over to the records that are here, from what was received; 1C is not asked.

    Example: sverka mapping reapply accounting --now
    """
    with open_app() as application:
        name = one_connection(application, connection)
        order_reapply(application, name, person())
        if not now:
            say("The service does it in the background, between its cycles. Next: sverka status")
            return
        row = _work_off(application, name, as_json)
    for entity, counts in row["counters"].items():
        if as_json:
            out_json({"entity": entity, **counts})
        else:
            _print_entity({"entity": entity, "samples": {}, "reasons": {}} | counts)
    say(f"Re-apply: {row['state']}. {row['reason'] or ''}".rstrip())
    raise typer.Exit(OK if row["state"] == "done" else FAILED)


def _work_off(application: App, name: str, quiet: bool) -> dict[str, Any]:
    """Slice by slice, so that the service's cycles come in between."""
    with watching(application.clock, quiet=quiet) as progress:
        while True:
            result = run_cycle(application, name, Order(kind="reapply"), progress)
            with reading(application.engine) as conn:
                row = load_last_reapply(conn, name)
            if row is None or row["state"] not in ("due", "running") or result.status in ("failed", "skipped"):
                if row is None or result.status in ("failed", "skipped"):
                    raise UsageError(result.message or "There is nothing to re-apply.", next_step="sverka status")
                return row
