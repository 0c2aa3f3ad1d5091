"""`sverka mapping`: check rules, compare them with the base and with what rules, publish, take back, keep in git."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from cli import mapping_cases, mapping_trials
from cli.common import one_connection, open_app, out_json, out_table, out_text, person
from cli.exits import FAILED, OK, say
from cli.mapping_files import folder_of, is_version, meant, spoken
from cli.words import moment
from connectors.base import Finding
from core.errors import UsageError
from mapping.cases import cases_folder, load_cases
from mapping.rules import load_mapping
from mapping.schema import build_json_schema
from mapping.text import preset_names, preset_origin
from mapping.wording import tell_differences
from store import versions
from sync.context import App
from sync.mappings.ordering import order_reapply
from sync.mappings.publishing import publish_mapping, roll_back
from sync.setup.mapping_check import compare_live

app = typer.Typer(help="The rules: which field of accounting is which field here.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
File = Annotated[str | None, typer.Argument(help="A rule file or a preset; what the settings name when left out.")]
Connection = Annotated[str | None, typer.Option("--connection", help="Not needed when there is one.")]
Reapply = Annotated[
    bool, typer.Option("--reapply", help="Carry it over to the records that are here, in the background.")
]


def register(main: typer.Typer) -> None:
    """Add these commands."""
    mapping_trials.add_to(app)
    mapping_cases.add_to(app)
    main.add_typer(app, name="mapping")


@app.command("check")
def check(
    file: File = None,
    connection: Connection = None,
    live: Annotated[bool, typer.Option("--live", help="Compare with what the base has as well.")] = False,
    as_json: Json = False,
) -> None:
    """All mistakes of a rule file at once, with line and nearest name; --live: what the base does not have.

    Example: sverka mapping check my.toml --live
    """
    if file is not None and not live:
        mapping = load_mapping(file)
        say(f"{file} is right: {len(mapping.entities)} entities, version {mapping.version[:12]}.")
        return
    with open_app() as application:  # nothing but the turns of a rate budget is written
        name, mapping = meant(application, file, connection)
        origin = file if file is not None and not is_version(file) else _origin(application, name)
        findings = compare_live(application, application.settings.connections[name], mapping, origin)
    _print(findings, as_json)
    say(f"{mapping.name}: {len(findings)} findings, version {mapping.version[:12]}.")
    raise typer.Exit(FAILED if any(finding.level == "error" for finding in findings) else OK)


def _origin(application: App, name: str) -> str:
    key = application.settings.connections[name].mapping
    return preset_origin(key) if key in preset_names() else key


def _print(findings: list[Finding], as_json: bool) -> None:
    if as_json:
        for item in findings:
            out_json({"level": item.level, "subject": item.subject, "message": item.message, "next": item.next_step})
        return
    if findings:
        rows = [[item.level, item.subject, item.message, item.next_step] for item in findings]
        out_table(["", "where", "found", "next"], rows)


@app.command("diff")
def diff(file: File = None, connection: Connection = None, as_json: Json = False) -> None:
    """What a file (or the preset as it is now) changes in the version that rules, field by field.

    Example: sverka mapping diff my.toml
    """
    with open_app(readonly=True) as application:
        name, mapping = meant(application, file, connection)
        ruling = versions.published(application.engine, application.settings.connections[name].mapping)
    found = tell_differences(ruling.text if ruling else "", mapping.text, mapping.name)
    for one in found:
        if as_json:
            out_json({"where": one.where, "before": one.before or None, "after": one.after or None})
        else:
            out_text(str(one))
    if not found:
        say("No difference.")


@app.command("publish")
def publish(
    file: File = None,
    connection: Connection = None,
    comment: Annotated[str, typer.Option("--comment", help="Why. Kept with the version.")] = "",
    reapply: Reapply = False,
) -> None:
    """Let a file, a preset as it is now, or a kept draft (its number) rule from the next page on.

    Refused when a golden case is red, or when somebody else has published meanwhile.

    Example: sverka mapping publish my.toml --comment "phones of the Kazan office" --reapply
    """
    with open_app() as application:
        key = application.settings.connections[one_connection(application, connection)].mapping
        ruling = versions.published(application.engine, key)
        name, mapping = meant(application, file, connection)
        beside = load_cases(cases_folder(file if file is not None else key, folder_of(application, file)))
        published = publish_mapping(
            application, key, mapping, person(), comment=comment, cases=beside,
            seen=ruling.hash if ruling else None, named=spoken(application, file, name),
        )  # fmt: skip
        say(f"Version {published.number} ({published.hash[:12]}) of {key} rules now.")
        _offer(application, name, reapply)


def _offer(application: App, name: str, reapply: bool) -> None:
    if reapply:
        order_reapply(application, name, person())
        say("It is carried over to the records that are here by the service. Next: sverka status")
        return
    say(f"What was read before stays as it is. To carry it over without asking 1C: sverka mapping reapply {name}")


@app.command("list")
def show_all(as_json: Json = False) -> None:
    """All versions, newest first.

    Example: sverka mapping list
    """
    with open_app(readonly=True) as application:
        found = versions.list_versions(application.engine)
    names = ("mapping", "number", "version", "state", "author", "created_at", "published_at", "published_by", "comment")
    rows = [
        [one.name, one.number, one.hash[:12], one.state, one.author, moment(one.created_at.isoformat()),
         moment(one.published_at.isoformat() if one.published_at else None), one.published_by, one.comment]
        for one in found
    ]  # fmt: skip
    if as_json:
        for row in rows:
            out_json(dict(zip(names, row, strict=True)))
        return
    out_table(["mapping", "no", "version", "state", "author", "made", "published", "by", "comment"], rows)


@app.command("rollback")
def rollback(
    version: Annotated[
        str | None, typer.Argument(help="Its number or the beginning of its hash; the one before when left out.")
    ] = None,
    connection: Connection = None,
    reapply: Reapply = False,
) -> None:
    """Let a former version rule again.

    Example: sverka mapping rollback --reapply
    """
    with open_app() as application:
        name = one_connection(application, connection)
        key = application.settings.connections[name].mapping
        found = roll_back(application, key, version, person())
        say(f"Version {found.number} ({found.hash[:12]}) of {key} rules again.")
        _offer(application, name, reapply)


@app.command("export")
def export(
    version: Annotated[str | None, typer.Argument(help="Another version than the one that rules.")] = None,
    connection: Connection = None,
) -> None:
    """The text of the version that rules, whole; `sverka mapping import` takes it back as the very same version.

    Example: sverka mapping export > mapping.toml
    """
    with open_app(readonly=True) as application:
        key = application.settings.connections[one_connection(application, connection)].mapping
        engine = application.engine
        found = versions.find_version(engine, key, version) if version else versions.published(engine, key)
    if found is None:
        raise UsageError(f"Nothing of {key} is published yet.", next_step="sverka sync")
    out_text(found.text.removesuffix("\n"))


@app.command("import")
def import_file(
    file: Annotated[str, typer.Argument(help="A rule file.")],
    connection: Connection = None,
    comment: Annotated[str, typer.Option("--comment", help="Why. Kept with the version.")] = "",
) -> None:
    """Keep a file in the store as a draft; what rules goes on ruling.

    Example: sverka mapping import mapping.toml
    """
    with open_app() as application:
        key = application.settings.connections[one_connection(application, connection)].mapping
        mapping = load_mapping(file)
        kept = versions.save_draft(
            application.engine, key, mapping.text, person(), comment=comment or None, version=mapping.version
        )
    say(f"{file} is version {kept.number} ({kept.hash[:12]}) of {key}: {kept.state}.")
    if kept.state == "draft":
        say(f"Next: sverka mapping preview {kept.number}, then: sverka mapping publish {kept.number}")


@app.command("schema")
def schema() -> None:
    """The JSON Schema of rule files, for editors that complete and check as you type.

    Example: sverka mapping schema > rules.schema.json
    """
    out_text(json.dumps(build_json_schema(), ensure_ascii=False, indent=1))
