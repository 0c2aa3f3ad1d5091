"""`sverka mapping check`: the mistakes of a rule file, and what a base does not have of what the rules read."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Literal

import typer

from cli.common import one_connection, open_app, out_json, out_table
from cli.exits import FAILED, OK, explain, say
from cli.mapping.chosen import has_settings, is_version, meant, spoken
from connectors.base import Finding
from core.errors import ConfigError, SverkaError
from mapping.files.problems import MappingMistakes, Mistake
from mapping.files.text import preset_names, preset_origin
from mapping.rules import Mapping, load_mapping
from sync.context import App
from sync.setup.deals import compare_kept_stages
from sync.setup.mapping_check import RuleFinding, compare_live, in_order, sum_up_absent
from sync.versions import find_draft


@dataclass(slots=True)
class _Looked:
    """What came of reading a rule file: the mapping, in so far as it could be read, and the mistakes in it.

    `following`: what to type once it is right.
    """

    mapping: Mapping | None = None
    error: ConfigError | None = None
    findings: list[Finding] = field(default_factory=list)
    following: str = ""


def check(
    file: Annotated[
        str | None, typer.Argument(help="A rule file or a preset; what the settings name when left out.")
    ] = None,
    connection: Annotated[str | None, typer.Option("--connection", help="Not needed when there is one.")] = None,
    live: Annotated[bool, typer.Option("--live", help="Compare with what the base has as well.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Also each name that a preset offers and the base lacks.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """All mistakes of a rule file at once, with line and nearest name; --live: what the base does not have.

    Example: sverka mapping check my.toml --live
    """
    looked = _look(file, connection, live=live or file is None)
    mistakes = _as_findings(looked.error, file or "mapping") if looked.error is not None else []
    findings = [*mistakes, *(looked.findings if everything else sum_up_absent(looked.findings))]
    _print(findings if as_json else findings[len(mistakes) :], as_json)
    if looked.error is not None:
        raise typer.Exit(explain(looked.error))
    if looked.mapping is not None:
        _conclude(looked.mapping, file or looked.mapping.name, findings, looked.following)
    raise typer.Exit(FAILED if any(finding.level == "error" for finding in findings) else OK)


def _conclude(mapping: Mapping, name: str, findings: list[Finding], following: str) -> None:
    wrong = sum(finding.level == "error" for finding in findings)
    cards = f", {len(mapping.cards)} cards" if mapping.cards else ""
    held = f"{len(mapping.entities)} entities{cards}, version {mapping.version[:12]}"
    if wrong:
        say(f"{name} is not right, {wrong} of {len(findings)} findings are to be mended: {held}.")
    elif findings:
        say(f"{name} is right ({len(findings)} findings): {held}.")
    else:
        say(f"{name} is right: {held}.")
    if following and not wrong:
        say(f"Next: {following}")


def _look(file: str | None, connection: str | None, *, live: bool) -> _Looked:
    """Read the rules and, when asked, the base; mistakes in the rules do not hide what the base has to say."""
    if not live and file is not None and not is_version(file):
        looked = _read(lambda: load_mapping(file))
        looked.following = "" if file in preset_names() else f"sverka mapping publish {shlex.quote(file)}"
        if looked.mapping is not None and looked.mapping.deals is not None and has_settings():
            _compare_kept(looked, connection)
        return looked
    with open_app() as application:  # nothing but the turns of a rate budget is written
        name = one_connection(application, connection)
        looked = _read(lambda: meant(application, file, name)[1])
        if looked.mapping is not None and live:
            origin = file if file is not None and not is_version(file) else _origin(application, name)
            _compare(application, name, looked, preset_origin(origin) if origin in preset_names() else origin)
            looked.findings += compare_kept_stages(application, name, looked.mapping)
            looked.following = _following(application, name, file, looked.mapping)
    return looked


def _following(app: App, name: str, file: str | None, mapping: Mapping) -> str:
    if file is None:
        return find_draft(app, app.settings.connections[name], mapping)[1]
    return "" if is_version(file) or file in preset_names() else f"sverka mapping publish {spoken(app, file, name)}"


def _compare_kept(looked: _Looked, connection: str | None) -> None:
    """Stages by what the CRMs have told before: nobody is asked. A store that cannot be opened hides no mistake."""
    try:
        with open_app(readonly=True) as application:
            names = [connection] if connection else list(application.settings.connections)
            found = [compare_kept_stages(application, name, looked.mapping) for name in names if looked.mapping]
    except SverkaError as error:
        say(f"The stages of deals were not compared: {error.message}")
        return
    told = [one for one in found if one]
    if len(told) == 1:
        looked.findings += told[0]


def _read(load: Callable[[], Mapping]) -> _Looked:
    try:
        mapping = load()
    except MappingMistakes as error:
        mapping = error.rest
        return _Looked(mapping, error, _remarks(mapping) if mapping is not None else [])
    except ConfigError as error:
        return _Looked(error=error)
    return _Looked(mapping, findings=_remarks(mapping))


def _compare(app: App, name: str, looked: _Looked, origin: str) -> None:
    if looked.mapping is None:
        return
    try:
        found = compare_live(app, app.settings.connections[name], looked.mapping, origin)
    except SverkaError as error:
        if looked.error is None:
            raise
        say(f"The base was not compared: {error.message}")
        return
    looked.findings = sorted([*found, *looked.findings], key=in_order)


def _origin(application: App, name: str) -> str:
    key = application.settings.connections[name].mapping
    return preset_origin(key) if key in preset_names() else key


def _remarks(mapping: Mapping) -> list[Finding]:
    return [_as_finding("notice", one, "") for one in mapping.remarks]


def _as_findings(error: ConfigError, file: str) -> list[Finding]:
    if isinstance(error, MappingMistakes):
        return [_as_finding("error", one, error.next_step) for one in error.mistakes]
    return [Finding("error", file, error.message, error.next_step)]


def _as_finding(level: Literal["error", "notice"], one: Mistake, next_step: str) -> RuleFinding:
    subject = f"{one.place}: {one.path}" if one.path else one.place
    return RuleFinding(level, subject, one.message, next_step, one.file, one.line, one.column, True)


def _print(findings: list[Finding], as_json: bool) -> None:
    if as_json:
        for item in findings:
            out_json(_as_object(item))
    elif findings:
        rows = [[item.level, item.subject, item.message, item.next_step] for item in findings]
        out_table(["", "where", "found", "next"], rows, said=(0, 2, 3))


def _as_object(item: Finding) -> dict[str, str | int | None]:
    """Keys are there always; a finding of no rule has no place."""
    placed = item if isinstance(item, RuleFinding) else None
    place = {
        "file": placed.file if placed else None,
        "line": (placed.line if placed else 0) or None,
        "column": (placed.column if placed else 0) or None,
    }
    subject = item.subject.removeprefix(placed.place).removeprefix(": ") if placed else item.subject
    return {"level": item.level, **place, "subject": subject, "message": item.message, "next": item.next_step}
