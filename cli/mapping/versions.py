"""`sverka mapping`: check rules, compare them with the base and with what rules, publish, take back, keep in git."""

from __future__ import annotations

import json
import shlex
from typing import Annotated

import typer

from cli.common import one_connection, open_app, out_json, out_said, out_table, out_text, person, view
from cli.exits import say
from cli.mapping import cases as mapping_cases
from cli.mapping import check as mapping_check
from cli.mapping import trials as mapping_trials
from cli.mapping.chosen import folder_of, meant, spoken
from cli.words import moment
from core.errors import UsageError
from mapping.cases.files import cases_folder, load_cases
from mapping.grammar.files import build_json_schema
from mapping.rules import Mapping, load_mapping, parse_mapping
from mapping.wording import tell_differences
from store import versions
from store.versions import MappingVersion
from sync.context import App
from sync.mappings.ordering import order_reapply
from sync.mappings.publishing import list_new_fields, publish_mapping, roll_back
from sync.versions import list_sharing

app = typer.Typer(help="The rules: which field of accounting is which field here.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
File = Annotated[str | None, typer.Argument(help="A rule file or a preset; what the settings name when left out.")]
Connection = Annotated[str | None, typer.Option("--connection", help="Not needed when there is one.")]
Reapply = Annotated[
    bool, typer.Option("--reapply", help="Carry it over to the records that are here, in the background.")
]
_SHOWN = 5


def register(main: typer.Typer) -> None:
    """Add these commands."""
    app.command("check")(mapping_check.check)
    mapping_trials.add_to(app)
    mapping_cases.add_to(app)
    main.add_typer(app, name="mapping")


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
            out_said(str(one))
    if not found:
        say("No difference.")


@app.command("publish")
def publish(
    file: File = None,
    connection: Connection = None,
    comment: Annotated[str, typer.Option("--comment", help="Why. Kept with the version.")] = "",
    reapply: Reapply = False,
    expect: Annotated[
        str | None, typer.Option("--expect", help="Only while this version rules (its number): the one you looked at.")
    ] = None,
) -> None:
    """Let a file, a preset as it is now, or a kept draft (its number) rule from the next page on.

    Refused when a golden case is red, or when somebody else has published meanwhile.

    Example: sverka mapping publish my.toml --comment "phones of the Kazan office" --reapply
    """
    with open_app() as application:
        key = application.settings.connections[one_connection(application, connection)].mapping
        ruling = versions.published(application.engine, key)
        looked_at = versions.find_version(application.engine, key, expect) if expect else ruling
        name, mapping = meant(application, file, connection)
        beside = load_cases(cases_folder(file if file is not None else key, folder_of(application, file)))
        published = publish_mapping(
            application, key, mapping, person(), comment=comment, cases=beside,
            seen=looked_at.hash if looked_at else None, named=spoken(application, file, name),
        )  # fmt: skip
        sharing = list_sharing(application, key)
        say(f"Version {published.number} ({published.hash[:12]}) of {key} rules now, for: {', '.join(sharing)}.")
        if ruling is not None and ruling.hash != published.hash:
            _tell_replaced(application, ruling, published)
        _offer(application, sharing, reapply)
        _tell_new_fields(parse_mapping(ruling.text, key, kept=True) if ruling is not None else None, mapping, sharing)


def _tell_new_fields(before: Mapping | None, after: Mapping, names: list[str]) -> None:
    """Fields that the new version wants on a CRM's cards, and the one before did not: they are to be made first."""
    new = list_new_fields(before, after)
    if new:
        commands = ", then: ".join(f"sverka crm setup {shlex.quote(name)}" for name in names)
        more = f" and {len(new) - _SHOWN} more" if len(new) > _SHOWN else ""
        say(f"New on the CRM's cards: {', '.join(new[:_SHOWN])}{more}; to be made there first. Next: {commands}")


def _tell_replaced(application: App, before: MappingVersion, after: MappingVersion) -> None:
    """What has ruled until now, so that nobody takes back another's work unseen."""
    at = moment(before.published_at, application.zone)
    changes = len(tell_differences(before.text, after.text, after.name))
    by = f"of {before.published_by or before.author}, published {at}"
    say(f"It replaces version {before.number} ({before.hash[:12]}) {by}; differences: {changes}.")


def _offer(application: App, names: list[str], reapply: bool) -> None:
    if reapply:
        for name in names:
            order_reapply(application, name, person())
        say(f"The service carries it over to the records that are here, for: {', '.join(names)}.")
        say("Its numbers, while it runs and when it is done: sverka status")
        return
    commands = ", then: ".join(f"sverka mapping reapply {shlex.quote(name)}" for name in names)
    say(f"What was read before stays as it is. To carry it over without asking 1C: {commands}")


@app.command("list")
def show_all(as_json: Json = False) -> None:
    """All versions, newest first.

    Example: sverka mapping list
    """
    with open_app(readonly=True) as application:
        found = versions.list_versions(application.engine)
        zone, when = application.zone, view(application).moment
        sharing = {one.name: list_sharing(application, one.name) for one in found}
    if as_json:
        for one in found:
            out_json(_version(one) | {
                "created_at": when(one.created_at), "published_at": when(one.published_at),
                "rules_for": sharing[one.name] if one.state == "published" else [],
            })  # fmt: skip
        return
    rows = [
        [one.name, one.number, one.hash[:12], one.state, one.author, moment(one.created_at, zone),
         moment(one.published_at, zone), one.published_by, one.comment,
         ", ".join(sharing[one.name]) if one.state == "published" else ""]
        for one in found
    ]  # fmt: skip
    columns = ["mapping", "no", "version", "state", "author", "made", "published", "by", "comment", "rules for"]
    out_table(columns, rows, said=[3])


def _version(one: MappingVersion) -> dict[str, object]:
    names = ("number", "state", "author", "published_by", "comment")
    return {"mapping": one.name, "version": one.hash[:12]} | {name: getattr(one, name) for name in names}


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
        key = application.settings.connections[one_connection(application, connection)].mapping
        found = roll_back(application, key, version, person())
        sharing = list_sharing(application, key)
        say(f"Version {found.number} ({found.hash[:12]}) of {key} rules again, for: {', '.join(sharing)}.")
        _offer(application, sharing, reapply)


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
