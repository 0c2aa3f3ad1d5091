"""`sverka link`: whose card in a CRM is whose, looked at before anything is made there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.common import check_file, open_app, out_json, out_said, out_table, out_text, person, write_output
from cli.exits import FAILED, OK, PARTIAL, say
from cli.language import told
from cli.progress import watching
from core.errors import UsageError
from store.tabular import flatten, write_sheets
from sync.context import App
from sync.cycle import RunResult
from sync.link.report import COLUMNS, GROUPS, Report
from sync.link.stage import link_cards
from sync.link.unlink import unlink_card

SHOWN = 20
"""Lines of a group that a terminal shows; all of them: --xlsx or --json."""
_NARROW = ["name", "inn", "card", "card_name", "rule", "reason"]
_SHEETS = {
    "linked": "linked", "sure": "sure", "likely": "likely", "review": "in doubt", "create": "new cards",
    "none": "no card", "only_there": "only in the CRM",
}  # fmt: skip
_EXIT = {"ok": OK, "partial": PARTIAL}


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("link")(link)
    app.command("unlink")(unlink)


def link(
    connection: Annotated[str, typer.Argument(help="The CRM's connection.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show: nothing is written, here or there.")] = False,
    xlsx: Annotated[Path | None, typer.Option(help="Write all of it as a workbook, a sheet a group.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Agree without being asked, for scripts.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Compares a CRM's cards with all customers here: linked, sure, likely, in doubt, none. Then links what is sure.

    Only after that are cards made in the CRM. Example: sverka link crm --dry-run --xlsx link.xlsx
    """
    check_file(xlsx)
    with open_app() as app:
        settings = app.settings.connection(connection)
        settings.check_secrets()
        if not dry_run and not yes:
            _look_and_ask(app, connection, xlsx, as_json)
        result = _run(app, connection, xlsx, as_json, dry_run=dry_run, shown=dry_run or yes)
    if dry_run and result.status == "ok":
        say(f"Nothing was written. Next: sverka link {connection}")
    elif result.status in _EXIT and settings.write == "off":
        here = f'Linked here alone: {connection} has write = "off", so no card there gets our key and none is made.'
        say(f'{here} Next: write = "review" under [connections.{connection}], then: sverka link {connection}')
    elif result.status in _EXIT:
        say(f"Linked. Doubtful ones: sverka review list. New cards and balances: sverka sync {connection}")
    raise typer.Exit(_EXIT.get(result.status, FAILED))


def unlink(
    connection: Annotated[str, typer.Argument(help="The CRM's connection.")],
    card: Annotated[str, typer.Argument(help="The card there, as sverka link shows it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why. Kept in the audit.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Takes a wrong link apart: customer and card are both kept, nothing is sent, and a person is asked who is who.

    Example: sverka unlink crm 12 --reason "another company of the same name"
    """
    with open_app() as app:
        done = unlink_card(app, connection, card, reason, who=person())
    if as_json:
        out_json(done)
    say(f"The card {done['card']} is {done['name']}'s no more. Next: sverka review show {done['review']}")


def _look_and_ask(app: App, connection: str, xlsx: Path | None, as_json: bool) -> None:
    """Show what would be done, and do not go on without a yes. Raises UsageError where nobody can be asked."""
    if not sys.stdin.isatty():
        raise UsageError("Nobody is there to agree.", next_step=f"sverka link {connection} --yes")
    result = _run(app, connection, xlsx, as_json, dry_run=True)
    if result.status != "ok":
        raise typer.Exit(FAILED)
    if not typer.confirm(told("Link what is sure, ask about what is not, and let new cards be made?"), err=True):
        say("Nothing was written.")
        raise typer.Exit(OK)


def _run(
    app: App, connection: str, xlsx: Path | None, as_json: bool, *, dry_run: bool, shown: bool = True
) -> RunResult:
    report = Report()
    try:
        with watching(app.clock, quiet=as_json) as progress:
            result = link_cards(app, connection, report, progress, dry_run=dry_run, who=person())
        if result.status in ("ok", "partial") and shown:
            _show(report, as_json)
            _write(report, xlsx)
    finally:
        report.close()
    for notice in result.notices:
        say(f"notice: {notice}")
    if result.status != "ok":
        say(f"{connection}: {result.status}{': ' + result.message if result.message else ''}")
    return result


def _show(report: Report, as_json: bool) -> None:
    if as_json:
        for group in GROUPS:
            for line in report.lines(group):
                out_json({"group": group} | line | {"external_id": line["card"]})
        return
    for group, title in GROUPS.items():
        if report.counts[group]:
            _show_group(report, group, title)
    out_text()
    out_table(
        ["", "customers"], [[title, report.counts[group]] for group, title in GROUPS.items()], right=[1], said=[0]
    )
    own = f", {report.own_firms} of them your own firms, left out" if report.own_firms else ""
    out_said(f"\n{report.cards + report.own_firms} cards of the CRM{own}; {report.requests} requests.")


def _show_group(report: Report, group: str, title: str) -> None:
    lines = report.lines(group)
    shown = [[line.get(name) for name in _NARROW] for _, line in zip(range(SHOWN), lines, strict=False)]
    out_text(f"\n{told(title)}: {report.counts[group]}")
    out_table(_NARROW, shown, said=[4, 5])
    if report.counts[group] > SHOWN:
        say(f"… and {report.counts[group] - SHOWN} more: --xlsx FILE or --json shows all")


def _write(report: Report, xlsx: Path | None) -> None:
    if xlsx is None:
        return
    sheets = {_SHEETS[group]: (list(COLUMNS), _flat(report, group)) for group in GROUPS}
    write_output(xlsx, lambda target: write_sheets(sheets, target))
    say(f"Written to {xlsx}.")


def _flat(report: Report, group: str) -> Iterator[dict[str, Any]]:
    for line in report.lines(group):
        yield flatten(line)
