"""Logs go to standard error, with ids instead of payloads, and with every known secret cut out last."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from core.secrets import redact

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def _redact_event(logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: redact(value) if isinstance(value, str) else value for key, value in event.items()}


class _RedactingFormatter(logging.Formatter):
    """For lines of libraries: same stream, same redaction."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def configure_logging(level: str | None = None, fmt: str | None = None) -> None:
    """Set up logging once for the process; `level` and `fmt` as in the `[log]` section."""
    number = _LEVELS.get(level or os.environ.get("SVERKA_LOG__LEVEL", "warning"), 30)
    style = fmt or os.environ.get("SVERKA_LOG__FORMAT", "text")
    renderer: Any = (
        structlog.processors.JSONRenderer() if style == "json" else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _redact_event,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_RedactingFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=max(number, 30), handlers=[handler], force=True)
