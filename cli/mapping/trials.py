"""`sverka mapping`: try a draft on real records, carry a version over to them."""

from __future__ import annotations

import shlex
from typing import Annotated, Any

import typer

from cli.common import one_connection, open_app, out_json, out_said, out_table, person
from cli.exits import FAILED, OK, say
from cli.mapping.chosen import meant, spoken
from cli.progress import watching
from core.errors import UsageError
from store import versions
from store.engine import reading
from store.queries.work.reapplies import load_last_reapply
from sync.context import App, Order
from sync.cycle import run_cycle
from sync.mappings.ordering import order_reapply
from sync.mappings.preview import as_rows, name_targets
from sync.mappings.preview import preview as look
from sync.mappings.tally import FATES
from sync.versions import list_sharing

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
        key = application.settings.connections[name].mapping
        ruling = versions.published(application.engine, key)
        with watching(application.clock, quiet=as_json) as progress:
            found = look(application, name, mapping, limit=limit, fresh=fresh, progress=progress)
        rows, again = as_rows(found, name_targets(application, found)), spoken(application, file, name)
        sharing = list_sharing(application, key)
    for row in rows:
        out_json(row) if as_json else _print_entity(row)
    if not sum(row["read"] for row in rows):
        say("Nothing has been received yet. Next: sverka sync, or: sverka mapping preview --fresh")
    others = [f"sverka mapping preview {shlex.quote(file)} {shlex.quote(one)}" for one in sharing if one != name]
    if others:
        say(f"It rules for: {', '.join(sharing)}; this was {name} alone. Also: {'; '.join(others)}")
    expected = f" --expect {ruling.number}" if ruling is not None and ruling.number is not None else ""
    say(f"Nothing was written. To publish: sverka mapping publish {again} --reapply{expected}")


def _print_entity(row: dict[str, Any]) -> None:
    fates = ", ".join(f"{row[fate]} {fate.replace('_', ' ')}" for fate in FATES if row.get(fate))
    out_said(f"{row['entity']}: {row['read']} records: {fates or 'nothing'}")
    lines = [
        [field, number, one["name"] or one["external_id"], short(one["before"]), short(one["after"])]
        for field, number in row["fields"].items()
        for number, one in zip([number, "", ""], row["samples"].get(field) or [_NONE], strict=False)
    ]
    columns = ["field", "records", "for example", "before", "after"][: 5 if row["samples"] else 2]
    if lines:
        out_table(columns, [line[: len(columns)] for line in lines], right=[1])
    for reason, number in row["reasons"].items():
        out_said(f"  {number} become dead letters: {reason}")


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

    Without CONNECTION: for all connections that a published version rules for.

    Example: sverka mapping reapply accounting --now
    """
    with open_app() as application:
        names = _ruled(application, connection)
        for name in names:
            order_reapply(application, name, person())
        if not now:
            say(f"The service does it in the background, between its cycles, for: {', '.join(names)}.")
            say("Its numbers, while it runs and when it is done: sverka status")
            return
        states = [_do_now(application, name, as_json, several=len(names) > 1) for name in names]
    raise typer.Exit(OK if states == ["done"] * len(states) else FAILED)


def _ruled(application: App, connection: str | None) -> list[str]:
    """The connection named, or all that a published version rules for."""
    settings = application.settings
    if connection is None and len(settings.connections) > 1:
        keys = {one.name for one in versions.list_versions(application.engine) if one.state == "published"}
        found = [one.name for one in settings.connections.values() if one.mapping in keys]
        if found:
            return found
    return [one_connection(application, connection)]


def _do_now(application: App, name: str, as_json: bool, *, several: bool) -> str:
    row = _work_off(application, name, as_json)
    for entity, counts in row["counters"].items():
        if as_json:
            out_json(({"connection": name} if several else {}) | {"entity": entity, **counts})
        else:
            _print_entity({"entity": entity, "samples": {}, "reasons": {}} | counts)
    head = f"Re-apply of {name}" if several else "Re-apply"
    say(f"{head}: {row['state']}. {row['reason'] or ''}".rstrip())
    return str(row["state"])


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
