"""`sverka run`, `worker`, `beat`, `web`: the background service."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.common import settings
from core.logs import configure_logging, log_uncaught
from core.settings import Settings
from workers.runner import run_all, run_beat, run_worker


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("run")(run)
    app.command("worker")(worker)
    app.command("beat")(beat)
    app.command("web")(web)


def _ready_settings() -> Settings:
    """The settings, with every secret at hand: a service must not find out in the night."""
    loaded = settings()
    for connection in loaded.connections.values():
        connection.check_secrets()
    loaded.alerts.check_secrets()
    configure_logging(loaded.log.level, loaded.log.format)
    log_uncaught()
    return loaded


def run() -> None:
    """Worker, schedule and pages in one process, until Ctrl-C.

    Example: sverka run
    """
    from web.serve import serve_beside  # noqa: PLC0415 workers and beat need no pages in their memory

    loaded = _ready_settings()
    raise typer.Exit(run_all(loaded, serve_beside))


def worker(
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="How many pieces of work at once.")] = 2,
) -> None:
    """A worker by itself, for several machines; needs broker.url.

    Example: sverka worker --concurrency 4
    """
    loaded = _ready_settings()
    raise typer.Exit(run_worker(loaded, concurrency))


def beat() -> None:
    """The schedule by itself, for several machines; needs broker.url. Two of them do no harm.

    Example: sverka beat
    """
    loaded = _ready_settings()
    raise typer.Exit(run_beat(loaded))


def web() -> None:
    """Pages, API and metrics by themselves, until Ctrl-C; `run` serves them too.

    Example: sverka web
    """
    from web.serve import serve_alone  # noqa: PLC0415 as above

    loaded = _ready_settings()
    raise typer.Exit(serve_alone(loaded))
