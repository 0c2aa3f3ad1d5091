"""`sverka mapping`: try a draft on real records, carry a version over to them, run and make golden cases."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.common import one_connection, open_app, out_json, out_table, out_text, person
from cli.exits import FAILED, OK, say
from cli.mapping_files import folder_of, has_settings, meant
from cli.progress import watching
from core.errors import UsageError
from mapping.cases import cases_folder, load_cases, write_case
from mapping.rules import load_mapping
from mapping.trial import try_case
from store.engine import reading
from store.queries.reapplies import load_last_reapply
from sync.context import App, Order
from sync.cycle import run_cycle
from sync.mappings.capturing import build_case
from sync.mappings.kept_cases import keep_case, load_kept_cases
from sync.mappings.ordering import order_reapply
from sync.mappings.preview import as_rows, name_targets
from sync.mappings.preview import preview as look
from sync.mappings.publishing import Trial
from sync.mappings.tally import FATES
from sync.versions import load_ruling

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Connection = Annotated[str | None, typer.Argument(help="Not needed when there is one.")]
ConnectionOption = Annotated[str | None, typer.Option("--connection", help="Not needed when there is one.")]
_WIDTH = 60
_NONE: dict[str, Any] = {"external_id": "", "name": "", "before": None, "after": None}


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    for name, command in (("preview", preview), ("reapply", reapply), ("test", test), ("capture", capture)):
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
        rows = as_rows(found, name_targets(application, found))
    for row in rows:
        out_json(row) if as_json else _print_entity(row)
    if not sum(row["read"] for row in rows):
        say("Nothing has been received yet. Next: sverka sync, or: sverka mapping preview --fresh")
    say(f"Nothing was written. To publish: sverka mapping publish {file} --reapply")


def _print_entity(row: dict[str, Any]) -> None:
    told = ", ".join(f"{row[fate]} {fate.replace('_', ' ')}" for fate in FATES if row.get(fate))
    out_text(f"{row['entity']}: {row['read']} records: {told or 'nothing'}")
    lines = [
        [field, number, one["name"] or one["external_id"], _short(one["before"]), _short(one["after"])]
        for field, number in row["fields"].items()
        for number, one in zip([number, "", ""], row["samples"].get(field) or [_NONE], strict=False)
    ]
    if lines:
        out_table(["field", "records", "for example", "before", "after"], lines, right=[1])
    for reason, number in row["reasons"].items():
        out_text(f"  {number} become dead letters: {reason}")


def _short(value: object) -> str:
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


def test(
    file: Annotated[str | None, typer.Argument(help="A file or preset; that of the settings when left out.")] = None,
    connection: ConnectionOption = None,
    as_json: Json = False,
) -> None:
    """Run golden cases: those beside the file, and those that are kept in the store.

    Example: sverka mapping test my.toml
    """
    trials = _trials(file, connection)
    red = [trial for trial in trials if trial.differences]
    for trial in trials:
        _print_trial(trial, as_json)
    say(f"{len(trials) - len(red)} green, {len(red)} red.")
    raise typer.Exit(FAILED if red else OK)


def _trials(file: str | None, connection: str | None) -> list[Trial]:
    if file is not None and not has_settings():
        mapping = load_mapping(file)
        return [Trial(case, try_case(mapping, case.case)) for case in load_cases(cases_folder(file))]
    with open_app(readonly=True) as application:
        name, mapping = meant(application, file, connection)
        key = application.settings.connections[name].mapping
        beside = load_cases(cases_folder(file if file is not None else key, folder_of(application, file)))
        every = [*beside, *load_kept_cases(application.engine, key)]
    return [Trial(case, try_case(mapping, case.case)) for case in every]


def _print_trial(trial: Trial, as_json: bool) -> None:
    case, differences = trial.placed.case, trial.differences
    told = [{"field": one.field, "expected": one.expected, "found": one.found} for one in differences]
    if as_json:
        out_json({"title": case.title, "where": trial.placed.where, "green": not told, "differences": told})
        return
    out_text(f"{'red  ' if told else 'green'} {case.title} ({trial.placed.where})")
    if told:
        rows = [[one["field"], _short(one["expected"]), _short(one["found"])] for one in told]
        out_table(["  field", "expected", "found"], rows)


def capture(
    external_id: Annotated[str, typer.Argument(metavar="ID", help="The record's id at the other side.")],
    connection: ConnectionOption = None,
    entity: Annotated[str | None, typer.Option("--entity", help="Where several entities have this id.")] = None,
    title: Annotated[str, typer.Option("--title", help="What the case is about.")] = "",
    file: Annotated[
        Path | None, typer.Option("--file", help="Write a file instead of keeping it in the store.")
    ] = None,
) -> None:
    """Make a golden case of a received record, personal data masked.

    Example: sverka mapping capture b7569c0f-f670-11ea-8591-000c29b45b09 --title "a branch"
    """
    with open_app() as application:
        name = one_connection(application, connection)
        settings = application.settings.connections[name]
        ruling = load_ruling(application, settings, publish=False)
        case = build_case(application, name, external_id, ruling, entity=entity, title=title)
        if file is None:
            keep_case(application.engine, settings.mapping, case, person(), application.clock.now())
            say(f"Kept in the store: {case.title}. Next: sverka mapping test")
        else:
            file.write_text(write_case(case), encoding="utf-8")
            say(f"Written to {file}. Next: sverka mapping test")
        out_text(write_case(case).rstrip("\n"))
