"""`sverka mapping`: golden cases are made of received records, run, listed, taken over and given up."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.common import one_connection, open_app, out_json, out_said, out_table, out_text, person, view
from cli.exits import FAILED, OK, say
from cli.mapping.chosen import folder_of, has_settings, meant
from cli.mapping.trials import short
from cli.words import moment
from core.errors import UsageError
from mapping.cases.files import cases_folder, load_cases, write_case
from mapping.cases.trial import try_case
from mapping.rules import load_mapping
from store.queries.work.mapping_cases import drop_case, list_case_rows
from sync.mappings.capturing import build_case
from sync.mappings.kept_cases import accept_found, keep_case
from sync.mappings.trials import Trial, try_cases
from sync.versions import load_ruling

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Connection = Annotated[str | None, typer.Option("--connection", help="Not needed when there is one.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    for name, command in (("test", test), ("capture", capture), ("cases", cases)):
        app.command(name)(command)


def test(
    file: Annotated[str | None, typer.Argument(help="A file or preset; that of the settings when left out.")] = None,
    connection: Connection = None,
    case: Annotated[list[str] | None, typer.Option("--case", help="Only the case with this title.")] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="What comes out of red cases of the store is what they expect from now on.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run golden cases: those beside the file, and those that are kept in the store.

    Example: sverka mapping test my.toml --case "a branch" --accept
    """
    trials = _run(file, connection, case or [], accept)
    red = [trial for trial in trials if trial.differences and not (accept and trial.kept)]
    for trial in trials:
        _print_trial(trial, accept and trial.kept, as_json)
    if accept:
        taken = sum(trial.kept and bool(trial.differences) for trial in trials)
        say(f"{taken} cases of the store expect from now on what came out here.")
    say(f"{len(trials) - len(red)} green, {len(red)} red.")
    raise typer.Exit(FAILED if red else OK)


def _run(file: str | None, connection: str | None, titles: list[str], accept: bool) -> list[Trial]:
    if file is not None and not has_settings():
        if accept:
            raise UsageError("Without settings there is no store that keeps cases.", next_step="sverka connect")
        mapping = load_mapping(file)
        beside = load_cases(cases_folder(file))
        return _chosen([Trial(one, try_case(mapping, one.case)) for one in beside], titles)
    with open_app(readonly=not accept) as application:
        name, mapping = meant(application, file, connection)
        key = application.settings.connections[name].mapping
        beside = load_cases(cases_folder(file if file is not None else key, folder_of(application, file)))
        trials = _chosen(try_cases(application, key, mapping, beside), titles)
        for trial in trials:
            if accept and trial.kept and trial.differences:
                now = application.clock.now()
                accept_found(application.engine, key, trial.placed.case, mapping, person(), now)
    return trials


def _chosen(trials: list[Trial], titles: list[str]) -> list[Trial]:
    missing = [title for title in titles if title not in [trial.placed.case.title for trial in trials]]
    if missing:
        raise UsageError(f"There is no golden case {missing[0]!r}.", next_step="sverka mapping cases")
    return [trial for trial in trials if not titles or trial.placed.case.title in titles]


def _print_trial(trial: Trial, accepted: bool, as_json: bool) -> None:
    case, differences = trial.placed.case, trial.differences
    told = [{"field": one.field, "expected": one.expected, "found": one.found} for one in differences]
    green = accepted or not told
    if as_json:
        line = {"title": case.title, "where": trial.placed.where, "green": green, "differences": told}
        out_json(line | ({"accepted": bool(told)} if accepted else {}))
        return
    title, where = case.title, trial.placed.where
    taken = f"taken {title} ({where})" if accepted and told else ""
    out_said(taken or (f"green {title} ({where})" if green else f"red   {title} ({where})"))
    if told:
        rows = [[one["field"], short(one["expected"]), short(one["found"])] for one in told]
        out_table(["  field", "expected", "found"], rows)


def capture(
    external_id: Annotated[str, typer.Argument(metavar="ID", help="The record's id at the other side.")],
    connection: Connection = None,
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


def cases(
    connection: Connection = None,
    drop: Annotated[str | None, typer.Option("--drop", metavar="TITLE", help="Forget this one.")] = None,
    as_json: Json = False,
) -> None:
    """Golden cases that are kept in the store; --drop gives one up.

    Example: sverka mapping cases --drop "a branch"
    """
    if drop is not None:
        _drop(drop, connection)
        return
    with open_app(readonly=True) as application:
        key = application.settings.connection(connection).mapping if connection else None
        rows = list_case_rows(application.engine, key)
        shown = [row | {"created_at": view(application).moment(row["created_at"])} for row in rows]
    if as_json:
        for row in shown:
            out_json(row)
        return
    columns = ("mapping", "title", "entity", "source", "author")
    out_table([*columns, "kept"], [[*(row[one] for one in columns), moment(row["created_at"])] for row in shown])


def _drop(title: str, connection: str | None) -> None:
    with open_app() as application:
        key = application.settings.connections[one_connection(application, connection)].mapping
        if not drop_case(application.engine, key, title, person(), application.clock.now()):
            raise UsageError(f"The store keeps no golden case {title!r} of {key}.", next_step="sverka mapping cases")
    say(f"Given up: {title}. Next: sverka mapping test")
