"""Assembles the command and turns errors into exit codes: 0 ok, 1 failed, 2 usage or settings, 3 partial.

Only the module of the command that is called is imported, so that a short command starts in a moment.
"""

from __future__ import annotations

import io
import os
import sys
from importlib import import_module
from importlib.metadata import version as installed_version
from typing import Annotated

import typer

from cli.exits import FAILED, explain
from core.errors import SverkaError
from core.logs import configure_logging

COMMANDS = {
    "cli.service": ("run", "worker", "beat", "web"),
    "cli.syncing": ("sync", "status"),
    "cli.data": ("export", "balances", "card"),
    "cli.setup": ("connect", "doctor", "audit"),
    "cli.connections": ("connection",),
    "cli.crm.link": ("link", "unlink"),
    "cli.work.reconciling": ("reconcile",),
    "cli.contacts": ("contact",),
    "cli.crm.deals": ("deals",),
    "cli.crm.activities": ("activities",),
    "cli.work.alerts": ("alerts",),
    "cli.work.dead": ("dead",),
    "cli.work.reviews": ("review",),
    "cli.crm.setup": ("crm",),
    "cli.mapping.versions": ("mapping",),
    "cli.state": ("state", "db"),
    "cli.users": ("user",),
    "cli.demo.sandboxes": ("sandbox", "demo"),
}
"""Module -> the commands that it adds with `register(app)`, in the order in which help shows them."""


def build_app(arguments: list[str]) -> typer.Typer:
    """The command line with the module that the arguments call for; with all of them for help and mistakes."""
    app = typer.Typer(
        name="sverka",
        help="Keeps a company's CRM and its 1C-style accounting in step, and can prove that they are.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    called = arguments[0] if arguments else ""
    chosen = [module for module, commands in COMMANDS.items() if called in commands]
    for module in chosen or COMMANDS:
        import_module(module).register(app)
    app.callback()(_common)
    return app


def _tell_version(asked: bool) -> None:
    """Says which Sverka this is, and no more."""
    if asked:
        typer.echo(f"sverka {installed_version('sverka')}")
        raise typer.Exit


def _common(
    _: Annotated[
        bool, typer.Option("--version", help="Which Sverka this is.", callback=_tell_version, is_eager=True)
    ] = False,
) -> None:
    """Keeps a company's CRM and its 1C-style accounting in step, and can prove that they are."""


def _prepare_output() -> None:
    """Whoever has closed our output does not want it; letters that its encoding has not are written as escapes."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - as long as the process
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def main() -> None:
    """Entry point of the `sverka` command."""
    _prepare_output()
    configure_logging()
    try:
        build_app(sys.argv[1:])(prog_name="sverka")
    except SverkaError as error:
        sys.exit(explain(error))
    except KeyboardInterrupt:
        sys.exit(FAILED + 129)


if __name__ == "__main__":
    main()
