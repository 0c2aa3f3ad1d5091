"""`sverka sandbox onec` and `sverka demo`: stand-ins of outside systems, and one full turn with them."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.demo.turn import run_demo
from sandbox.bitrix24.main import main as bitrix24_main
from sandbox.onec.main import main as onec_main

sandbox = typer.Typer(help="Stand-ins of outside systems: real HTTP servers on loopback.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(sandbox, name="sandbox")
    app.command("demo")(demo)


@sandbox.command(
    "onec", context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
)
def onec(context: typer.Context) -> None:
    """A 1C base of a trading company, published over OData. All options: sverka sandbox onec --help.

    Example: sverka sandbox onec --port 8090 --seed 1 --documents 3000 --configuration ut11
    """
    raise typer.Exit(onec_main(context.args))


@sandbox.command(
    "bitrix24", context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
)
def bitrix24(context: typer.Context) -> None:
    """A Bitrix24 portal with its REST, limits and habits. All options: sverka sandbox bitrix24 --help.

    Example: sverka sandbox bitrix24 --port 8092
    """
    raise typer.Exit(bitrix24_main(context.args))


def demo(
    once: Annotated[bool, typer.Option("--once", help="One full turn, then end.")] = False,
    documents: Annotated[
        int, typer.Option(min=10, max=1_000_000, help="How many documents the trading company has.")
    ] = 3000,
    seed: Annotated[int, typer.Option(help="Another seed is another company.")] = 1,
) -> None:
    """The main job on a stand-in 1C base: pull, one contact made client, pushed, pulled again, balances, reconciled.

    Example: sverka demo --once
    """
    raise typer.Exit(run_demo(once=once, documents=documents, seed=seed))
