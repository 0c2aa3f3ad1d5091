"""`sverka connect`, `doctor`, `audit`: setting up a connection, and looking before switching on."""

from __future__ import annotations

import json
import os
import shlex
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from cli.common import check_file, one_connection, open_app, out_json, out_table, out_text, write_output
from cli.exits import FAILED, OK, say
from cli.language import told
from cli.progress import watching
from connectors.base import Finding
from connectors.registry import option_models
from core.clock import SystemClock
from core.errors import ConfigError, UsageError
from core.settings import PATH_VARIABLE, ConnectionSettings
from mapping.rules import load_mapping
from store.tabular import write_sheets
from store.versions import published
from sync.setup.connecting import Recognised, recognise, write_connection
from sync.setup.doctor import examine
from sync.setup.look import look
from sync.versions import list_sharing

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]

_ADDRESS, _USER = "Address of the base, e.g. http://server/base/odata/standard.odata", "User of the base"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("connect")(connect)
    app.command("doctor")(doctor)
    app.command("audit")(audit)


def connect(
    url: Annotated[str, typer.Option(prompt=told(_ADDRESS))],
    user: Annotated[str, typer.Option(prompt=told(_USER))],
    password_env: Annotated[
        str, typer.Option(help="Environment variable that holds the password.")
    ] = "ACCOUNTING_PASSWORD",
    password_file: Annotated[
        Path | None, typer.Option(help="File that holds the password, instead of a variable.")
    ] = None,
    name: Annotated[str, typer.Option(help="What you call this connection.")] = "accounting",
    timezone: Annotated[str, typer.Option(help="Time zone of the base's clock.")] = "Europe/Moscow",
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Documents before this day are left alone.")
    ] = None,
    connector: Annotated[str, typer.Option(help="Kind of the system.")] = "onec_odata",
    mapping: Annotated[
        str | None,
        typer.Option(help="Preset or rule file, for a base that shows too little to be recognised, on purpose."),
    ] = None,
) -> None:
    """Asks for address and user, recognises the configuration, checks it and writes the settings (write = "review").

    Example: ACCOUNTING_PASSWORD=… sverka connect --url http://server/base/odata/standard.odata --user Обмен
    """
    reference = {"file": str(password_file)} if password_file else {"env": password_env}
    settings = _draft(name, connector, url, user, reference, timezone)
    path = _settings_path()
    found = recognise(settings, SystemClock(), named=mapping, folder=path.parent)
    _print_findings([(name, finding) for finding in found.findings], as_json=False)
    if found.preset is None:
        raise _not_recognised(found)
    _tell_missing(found)
    values = _values(connector, url, user, reference, timezone, found.preset, since)
    first = not path.exists()
    write_connection(path, name, values)
    say(
        f"{found.preset} is its mapping. Written to {path}; "
        "nothing is written into accounting until a person approves it."
        if mapping
        else f"Recognised as {found.preset}. Written to {path}; "
        "nothing is written into accounting until a person approves it."
    )
    if not first:
        _tell_ruling(name, found.preset)
    say("Next: sverka audit, then: sverka sync")


def _tell_missing(found: Recognised) -> None:
    """Which sets are missing and what that costs; nothing is wrong with that."""
    missing = [name for name, published in found.published.items() if not published]
    if missing:
        say(f"Not published: {', '.join(missing)}.")
    if found.bare:
        say(f"So nothing is read of: {', '.join(found.bare)}. What is ticked in 1C later, the next cycle reads.")


def _tell_ruling(name: str, preset: str) -> None:
    """A version that is published already rules for the new base as well, whatever the preset says."""
    with open_app(readonly=True) as app:
        ruling = published(app.engine, preset)
        if ruling is None or ruling.hash == load_mapping(preset, folder=_settings_path().parent).version:
            return
        others = ", ".join(one for one in list_sharing(app, preset) if one != name)
        option = f" --connection {shlex.quote(name)}" if others else ""
    also = f", as it does for {others}" if others else ""
    say(f"Version {ruling.number} of {preset} is published and rules for {name} too{also}; it differs from the preset.")
    say(f"To see in what: sverka mapping diff{option}. For rules of its own name a file of its own in the settings.")


def _settings_path() -> Path:
    return Path(os.environ.get(PATH_VARIABLE) or "settings.toml")


def _draft(
    name: str, connector: str, url: str, user: str, reference: dict[str, str], timezone: str
) -> ConnectionSettings:
    models = option_models()
    if connector not in models:
        raise ConfigError(f"{connector!r} is no connector. There are: {', '.join(sorted(models))}.")
    try:
        options = models[connector].model_validate({"url": url, "user": user, "password": reference})
        return ConnectionSettings(name=name, connector=connector, timezone=timezone, mapping="", options=options)
    except ValidationError as error:
        mistakes = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise UsageError(f"These are not right: {mistakes}.", next_step="sverka connect --help") from error


def _not_recognised(found: Recognised) -> ConfigError:
    missing = [name for name, published in found.published.items() if not published]
    text = f" Not published: {', '.join(missing[:10])}." if missing else ""
    step = "publish these sets in 1C as docs/1c-setup.md says, then: sverka connect"
    if found.likely:
        names, first = ", ".join(found.likely), found.likely[0]
        deed = f"publish these sets in 1C as docs/1c-setup.md says, or name its mapping ({names})"
        step = f"{deed}, then: sverka connect --mapping {first}"
    return ConfigError(f"The configuration was not recognised.{text}", next_step=step)


def _values(
    connector: str, url: str, user: str, reference: dict[str, str], timezone: str, preset: str, since: datetime | None
) -> dict[str, str]:
    key, value = next(iter(reference.items()))
    text = {"connector": connector, "url": url, "user": user}
    values = {name: json.dumps(item, ensure_ascii=False) for name, item in text.items()}
    values["password"] = f"{{ {key} = {json.dumps(value, ensure_ascii=False)} }}"
    values |= {
        "timezone": json.dumps(timezone),
        "role": '"accounting"',
        "write": '"review"',
        "mapping": json.dumps(preset),
    }
    return values | ({"since": since.date().isoformat()} if since else {})


def doctor(connection: Annotated[str | None, typer.Argument()] = None, as_json: Json = False) -> None:
    """Settings, store, connections, rights, published sets, mapping, clocks: each ok, or what to do.

    Example: sverka doctor
    """
    with open_app() as app:
        names = [app.settings.connection(connection).name] if connection else list(app.settings.connections)
        findings = list(examine(app, names))
    _print_findings(findings, as_json)
    raise typer.Exit(FAILED if any(finding.level == "error" for _, finding in findings) else OK)


def _print_findings(findings: list[tuple[str, Finding]], as_json: bool) -> None:
    if as_json:
        for name, finding in findings:
            out_json(
                {
                    "connection": name,
                    "level": finding.level,
                    "subject": finding.subject,
                    "message": finding.message,
                    "next": finding.next_step,
                }
            )
        return
    rows = [[name, finding.level, finding.subject, finding.message, finding.next_step] for name, finding in findings]
    out_table(["where", "", "what", "found", "next"], rows, said=(1, 2, 3, 4))


def audit(
    connection: Annotated[str | None, typer.Argument()] = None,
    xlsx: Annotated[Path | None, typer.Option(help="Write the report as a workbook.")] = None,
    as_json: Json = False,
) -> None:
    """A read-only look before anything is switched on: twins, no tax id, debts with nobody responsible, matches.

    Example: sverka audit --xlsx look.xlsx
    """
    check_file(xlsx)
    with open_app() as app:  # nothing but the turns of a rate budget is written
        name = one_connection(app, connection)
        with watching(app.clock, quiet=as_json) as progress:
            report = look(app, name, progress)
    if xlsx is not None:
        sheets = {name: (list(rows[0]) if rows else ["nothing found"], rows) for name, rows in report.sections.items()}
        write_output(xlsx, lambda target: write_sheets(sheets, target))
        say(f"Written to {xlsx}.")
    for section, rows in report.sections.items():
        if as_json:
            for row in rows:
                out_json({"section": section} | row)
            continue
        out_text(f"\n{told(section)}: {len(rows)}")
        if rows:
            columns = list(rows[0])
            ours = [index for index, column in enumerate(columns) if column in ("reason", "match")]
            out_table(columns, [row.values() for row in rows[:50]], said=ours)
        if len(rows) > 50:
            say(f"… and {len(rows) - 50} more: --xlsx FILE or --json shows all")
