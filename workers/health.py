"""`/healthz`, `/readyz` and `/metrics`, computed from our tables at the moment of asking."""

from __future__ import annotations

import socket
import threading
from typing import Any

import structlog
import uvicorn
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from core.settings import Settings, parse_listen
from store.engine import reading
from store.queries.status import load_metrics
from workers.process import process_app

log = structlog.get_logger()


def create_health_app() -> Starlette:
    """The three routes; they read the store and change nothing."""
    return Starlette(
        routes=[Route("/healthz", _healthz), Route("/readyz", _readyz), Route("/metrics", _metrics)],
    )


def _healthz(request: Request) -> PlainTextResponse:
    return PlainTextResponse("ok\n")


def _readyz(request: Request) -> JSONResponse:
    try:
        _load()
    except SQLAlchemyError:
        return JSONResponse(
            {"ready": False, "reason": "the store does not answer", "next": "sverka doctor"}, status_code=503
        )
    return JSONResponse({"ready": True})


def _metrics(request: Request) -> PlainTextResponse:
    lines = []
    for name, labels, value in _load():
        inside = ",".join(f'{key}="{_escape(text)}"' for key, text in labels.items())
        lines.append(f"sverka_{name}{{{inside}}} {value}")
    return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _load() -> list[tuple[str, dict[str, str], float]]:
    app = process_app()
    with reading(app.engine) as conn:
        return load_metrics(conn, app.clock.now(), names=app.settings.connections)


def listen_address(settings: Settings) -> tuple[str, int]:
    """Host and port of `[web] listen`."""
    return parse_listen(settings.web.listen)


def serve_health(settings: Settings) -> threading.Thread | None:
    """Serve in a thread of its own. A port that is taken is a warning and never stops the worker."""
    host, port = listen_address(settings)
    try:
        channel = socket.create_server((host, port))
    except OSError as error:
        log.warning("web.port-taken", listen=settings.web.listen, reason=str(error.strerror))
        return None
    config: Any = uvicorn.Config(create_health_app(), log_level="warning", access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.run, kwargs={"sockets": [channel]}, name="web", daemon=True)
    thread.start()
    return thread
