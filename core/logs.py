"""Logs go to standard error, with ids instead of payloads, and with every known secret cut out last.

One form for everything that is said: our own events, records of libraries, warnings, and what nobody has caught.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any, TextIO, cast

import structlog
from structlog.stdlib import ProcessorFormatter

from core.secrets import redact

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
log = structlog.get_logger()


class _StandardError:
    """Whatever standard error is at the moment something is said: a service or a test may have put another in place."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def _redact_event(logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: redact(value) if isinstance(value, str) else value for key, value in event.items()}


def configure_logging(level: str | None = None, fmt: str | None = None) -> None:
    """Set up logging once for the process; `level` and `fmt` as in the `[log]` section."""
    stream = cast(TextIO, _StandardError())
    number = _LEVELS.get(level or os.environ.get("SVERKA_LOG__LEVEL", "warning"), 30)
    style = fmt or os.environ.get("SVERKA_LOG__FORMAT", "text")
    renderer: Any = (
        structlog.processors.JSONRenderer() if style == "json" else structlog.dev.ConsoleRenderer(colors=False)
    )
    stamped: list[Any] = [structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True)]
    rendered: list[Any] = [structlog.processors.format_exc_info, _redact_event, renderer]
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, *stamped, *rendered],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[*stamped, structlog.stdlib.add_logger_name],
            processors=[ProcessorFormatter.remove_processors_meta, *rendered],
        )
    )
    logging.basicConfig(level=max(number, 30), handlers=[handler], force=True)


def log_uncaught() -> None:
    """For a service: warnings and exceptions that nobody has caught are told in the same form as all else."""
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        log.error("process.uncaught", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
        name = args.thread.name if args.thread is not None else ""
        log.error("thread.uncaught", thread=name, exc_info=(args.exc_type, args.exc_value, args.exc_traceback))
