"""Exit codes, and how an error is told to a person. Light: imported before any command."""

from __future__ import annotations

from rich.console import Console

from cli.language import told
from core.errors import ConfigError, SverkaError, UsageError
from core.secrets import redact

OK, FAILED, USAGE, PARTIAL = 0, 1, 2, 3

err = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)


def say(text: str) -> None:
    """Progress and remarks, in the reader's language: standard error, so that data stays clean."""
    show(told(redact(text)))


def show(text: str) -> None:
    """A line on standard error as it is."""
    err.print(redact(text), markup=False)


def explain(error: SverkaError) -> int:
    """Print an error for a person, in his language; returns the exit code that it means."""
    err.print(told(redact(error.message)), style="red", markup=False)
    if error.next_step:
        say(f"Next: {error.next_step}")
    return USAGE if isinstance(error, ConfigError | UsageError) else FAILED
