"""Assembles the command and turns errors into exit codes: 0 ok, 1 failed, 2 usage or settings, 3 partial."""

from __future__ import annotations

import sys

import typer

from cli import contacts, data, dead, reconciling, reviews, sandboxes, service, setup, state, syncing
from cli.common import FAILED, explain
from core.errors import SverkaError
from core.logs import configure_logging

app = typer.Typer(
    name="sverka",
    help="Keeps a company's CRM and its 1C-style accounting in step, and can prove that they are.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (service, syncing, data, setup, sandboxes, reconciling):
    module.register(app)
app.add_typer(contacts.app, name="contact")
app.add_typer(dead.app, name="dead")
app.add_typer(reviews.app, name="review")
app.add_typer(state.app, name="state")
app.add_typer(state.database, name="db")


def main() -> None:
    """Entry point of the `sverka` command."""
    configure_logging()
    try:
        app()
    except SverkaError as error:
        sys.exit(explain(error))
    except KeyboardInterrupt:
        sys.exit(FAILED + 129)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; nothing is wrong
        sys.exit(0)


if __name__ == "__main__":
    main()
