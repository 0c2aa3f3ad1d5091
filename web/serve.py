"""Serving the site: by itself (`sverka web`), or in a thread of the service (`sverka run`)."""

from __future__ import annotations

import os
import signal
import socket
import threading
from typing import Any
from uuid import uuid4

import structlog
import uvicorn

from core.clock import SystemClock
from core.errors import ConfigError
from core.settings import Settings, parse_listen
from store.engine import open_engine
from store.upgrade import upgrade
from sync.context import App
from web.app import build_site_app
from web.site import Site, open_site

log = structlog.get_logger()
CONNECTIONS = 8
_LIMIT = 200
"""Requests at once; more are answered with 503 instead of piling up."""


def serve_beside(settings: Settings) -> threading.Thread | None:
    """Serve in a thread of a process that does other work. A port that is taken is a warning and never stops it."""
    channel = _bind(settings)
    if isinstance(channel, OSError):
        log.warning("web.port-taken", listen=settings.web.listen, reason=str(channel.strerror))
        return None
    server = _server(_open(settings))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.run, kwargs={"sockets": [channel]}, name="web", daemon=True)
    thread.start()
    return thread


def serve_alone(settings: Settings) -> int:
    """Serve until SIGTERM or Ctrl-C; returns the exit code.

    Raises:
        ConfigError: the address is taken or is not this machine's.
    """
    channel = _bind(settings)
    if isinstance(channel, OSError):
        raise ConfigError(
            f"{settings.web.listen} cannot be listened on: {channel.strerror}.",
            next_step="name another address in [web] listen, then: sverka web",
        ) from channel
    upgrade(settings.store.url)
    site = _open(settings)
    log.info("web.ready", listen=settings.web.listen)
    for asked in (signal.SIGTERM, signal.SIGINT):  # the server ends in order, then sends itself the signal once more
        signal.signal(asked, lambda *_: log.info("web.stopped"))
    try:
        _server(site).run(sockets=[channel])
    finally:
        site.close()
        site.app.engine.dispose()
    return 0


def _bind(settings: Settings) -> socket.socket | OSError:
    host, port = parse_listen(settings.web.listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        return error


def _open(settings: Settings) -> Site:
    engine = open_engine(settings.store.url, pool_size=CONNECTIONS)
    owner = f"web:{socket.gethostname()[:40]}:{os.getpid()}:{uuid4().hex[:8]}"
    return open_site(App(settings=settings, engine=engine, clock=SystemClock(), owner=owner))


def _server(site: Site) -> uvicorn.Server:
    config: Any = uvicorn.Config(
        build_site_app(site),
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        limit_concurrency=_LIMIT,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=5,
    )
    return uvicorn.Server(config)
