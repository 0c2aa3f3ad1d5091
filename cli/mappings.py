"""`sverka mapping`: check rules, compare them with the base and with the published version, publish, take back."""

from __future__ import annotations

import difflib
import getpass
from pathlib import Path
from typing import Annotated

import typer

from cli.common import one_connection, open_app, out_json, out_table, out_text
from cli.exits import FAILED, OK, say
from cli.words import moment
from connectors.base import Finding
from core.errors import UsageError
from mapping.rules import Mapping, load_mapping
from store import versions
from sync.context import App
from sync.setup.mapping_check import compare_live
from sync.versions import load_named

app = typer.Typer(help="The rules: which field of accounting is which field here.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
File = Annotated[Path | None, typer.Argument(help="A rule file; what the settings name when left out.")]
Connection = Annotated[str | None, typer.Option("--connection", help="Not needed when there is one.")]


def register(main: typer.Typer) -> None:
    """Add these commands."""
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
        mapping = load_mapping(str(file))
        say(f"{file} is right: {len(mapping.entities)} entities, version {mapping.version[:12]}.")
        return
    with open_app(readonly=True) as application:
        name, mapping = _meant(application, file, connection)
        findings = compare_live(application.settings.connections[name], mapping, application.clock)
    _print(findings, as_json)
    say(f"{mapping.name}: {len(findings)} findings, version {mapping.version[:12]}.")
    raise typer.Exit(FAILED if any(finding.level == "error" for finding in findings) else OK)


def _meant(application: App, file: Path | None, connection: str | None) -> tuple[str, Mapping]:
    name = one_connection(application, connection)
    if file is not None:
        return name, load_mapping(str(file))
    return name, load_named(application, application.settings.connections[name])


def _print(findings: list[Finding], as_json: bool) -> None:
    if as_json:
        for item in findings:
            out_json({"level": item.level, "subject": item.subject, "message": item.message, "next": item.next_step})
        return
    if findings:
        rows = [[item.level, item.subject, item.message, item.next_step] for item in findings]
        out_table(["", "where", "found", "next"], rows)


@app.command("diff")
def diff(file: File = None, connection: Connection = None) -> None:
    """What a file (or the preset as it is now) would change in the version that rules.

    Example: sverka mapping diff my.toml
    """
    with open_app(readonly=True) as application:
        name, mapping = _meant(application, file, connection)
        ruling = versions.published(application.engine, application.settings.connections[name].mapping)
    before = ruling.text.splitlines() if ruling else []
    lines = list(
        difflib.unified_diff(before, mapping.text.splitlines(), "published", str(file or mapping.name), lineterm="")
    )
    for line in lines:
        out_text(line)
    if not lines:
        say("No difference.")


@app.command("publish")
def publish(
    file: File = None,
    connection: Connection = None,
    comment: Annotated[str, typer.Option("--comment", help="Why. Kept with the version.")] = "",
) -> None:
    """Let a file (or the preset as it is now) rule from the next page on. What was read before stays as it is.

    Example: sverka mapping publish my.toml --comment "phones of the Kazan office"
    """
    with open_app() as application:
        name, mapping = _meant(application, file, connection)
        key = application.settings.connections[name].mapping
        author = getpass.getuser()
        versions.save_draft(application.engine, key, mapping.text, author, comment=comment, version=mapping.version)
        versions.publish(application.engine, key, mapping.version, author)
    say(f"Version {mapping.version[:12]} of {key} rules now. Next: sverka sync --full")


@app.command("list")
def show_all(as_json: Json = False) -> None:
    """All versions, newest first.

    Example: sverka mapping list
    """
    with open_app(readonly=True) as application:
        found = versions.list_versions(application.engine)
    rows = [[item.name, item.hash[:12], item.state, item.author, moment(item.created_at.isoformat())] for item in found]
    if as_json:
        for row in rows:
            out_json(dict(zip(("mapping", "version", "state", "author", "created_at"), row, strict=True)))
        return
    out_table(["mapping", "version", "state", "author", "made"], rows)


@app.command("rollback")
def rollback(
    version: Annotated[str, typer.Argument(help="The beginning of the version, from: sverka mapping list")],
    connection: Connection = None,
) -> None:
    """Let a former version rule again.

    Example: sverka mapping rollback 3f9a1c
    """
    with open_app() as application:
        key = application.settings.connections[one_connection(application, connection)].mapping
        found = versions.find_version(application.engine, key, version)
        versions.publish(application.engine, key, found.hash, getpass.getuser())
    say(f"Version {found.hash[:12]} of {key} rules again. Next: sverka sync --full")


@app.command("export")
def export(connection: Connection = None) -> None:
    """The text of the version that rules, whole.

    Example: sverka mapping export > mapping.toml
    """
    with open_app(readonly=True) as application:
        key = application.settings.connections[one_connection(application, connection)].mapping
        ruling = versions.published(application.engine, key)
    if ruling is None:
        raise UsageError(f"Nothing of {key} is published yet.", next_step="sverka sync")
    out_text(ruling.text.rstrip("\n"))
