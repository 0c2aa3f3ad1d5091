"""What all commands share: the application, output to the right stream, exit codes."""

from __future__ import annotations

import getpass
import io
import os
import shlex
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import Annotated, Any, BinaryIO, TypeVar
from uuid import uuid4

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.exits import OK
from cli.language import heading, told
from connectors.registry import option_models
from core.clock import SystemClock
from core.errors import ConfigError, SverkaError, UsageError
from core.secrets import redact
from core.settings import Settings, load_settings
from store.engine import ACCEPTED, is_memory, open_engine, reading
from store.queries.export import EXPORTS, export_name
from store.queries.shapes import View
from store.queries.work.queues import count_waiting
from store.upgrade import upgrade
from sync.context import App

T = TypeVar("T")
Reason = Annotated[str, typer.Option("--reason", help="Why nothing is to be done. Kept in the audit.")]
"""What a person says when he gives something up."""


def settings() -> Settings:
    """The settings of this working folder; all mistakes in one ConfigError."""
    loaded = load_settings(connectors=option_models())
    if is_memory(loaded.store.url):
        raise ConfigError(f"store.url names no file: nothing would be kept; it is {ACCEPTED}.")
    return loaded


def owner() -> str:
    """The name under which this process claims leases."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{uuid4().hex[:8]}"


def person() -> str:
    """Who sits at the terminal, for the audit."""
    try:
        return getpass.getuser()[:100]
    except (KeyError, OSError):  # an account without a name, as in a container
        return "cli"


def count_queues(app: App, name: str) -> int:
    """How many wait in one queue of all connections: the same number that status and metrics show."""
    with reading(app.engine) as conn:
        return count_waiting(conn, app.clock.now(), name)


@contextmanager
def open_app(loaded: Settings | None = None, *, readonly: bool = False) -> Iterator[App]:
    """The application with its store brought up to date, closed at the end.

    Args:
        loaded: settings to use instead of those of the working folder.
        readonly: for commands that only read, so that they never queue behind writers.
    """
    chosen = loaded or settings()
    engine = open_engine(chosen.store.url)
    upgrade(engine)
    if readonly:
        engine.dispose()
        engine = open_engine(chosen.store.url, readonly=True)
    try:
        yield App(settings=chosen, engine=engine, clock=SystemClock(), owner=owner())
    finally:
        engine.dispose()


def view(app: App) -> View:
    """How records are shown: accounting's ids first, moments in accounting's own zone."""
    accounting = [item for item in app.settings.connections.values() if item.role == "accounting"]
    old_after = {name: app.settings.old_after(name) for name in app.settings.connections}
    return View(accounting=tuple(item.name for item in accounting), zone=app.zone, old_after=old_after)


def one_connection(app: App, name: str | None) -> str:
    """The connection meant: the one named, or the only one there is."""
    if name is not None:
        return app.settings.connection(name).name
    names = sorted(app.settings.connections)
    if len(names) != 1:
        known = ", ".join(names) or "none"
        raise UsageError(
            f"Say which connection is meant. There are: {known}.",
            next_step=_with_connection() if names else "sverka connect",
        )
    return names[0]


_READ_WITH = {"contact": "counterparty", "movement": "balance"}
"""What is no set of its own on the other side, and what it is read with."""
_NAMED_LAST = (("mapping", "preview"), ("mapping", "reapply"), ("state",), ("audit",))
"""Commands that take a connection as an argument; the others by `--connection`."""


def _with_connection() -> str:
    """The very command that was given, with the place where a connection is named in it."""
    given = sys.argv[1:]
    last = any(tuple(given[: len(words)]) == words for words in _NAMED_LAST)
    return shlex.join(["sverka", *given, *([] if last else ["--connection"]), "NAME"])


def plural_of(text: str, *, next_step: str) -> str:
    """The plural name of the entity meant, plural or singular. Raises UsageError that names what there is."""
    name = export_name(text)
    if name is None:
        raise UsageError(f"{text!r} is no entity. There are: {', '.join(EXPORTS)}.", next_step=next_step)
    return name


def entity_of(text: str | None, *, next_step: str) -> str | None:
    """The entity to be read, plural or singular; None for all. Raises UsageError that names what there is."""
    if text is None:
        return None
    entity = EXPORTS[plural_of(text, next_step=next_step)]
    return _READ_WITH.get(entity, entity)


def connection_names(app: App, name: str | None) -> list[str]:
    """The connection named, or all of them; none at all is an error that says what to do."""
    if not app.settings.connections:
        raise ConfigError("No connection is set up yet.", next_step="sverka connect")
    names = list(app.settings.connections) if name is None else [app.settings.connection(name).name]
    for each in names:
        app.settings.connections[each].check_secrets()
    return names


@contextmanager
def to_reader() -> Iterator[None]:
    """Whoever reads our output may have had enough (`… | head`): then we end, and nothing is wrong."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_output()
        raise typer.Exit(OK) from None
    except OSError as error:  # a full disk
        _forget_output()
        raise SverkaError(
            f"Standard output cannot be written: {error.strerror or error}.", next_step="make room, then once more"
        ) from error


def _forget_output() -> None:
    """What is still in the buffer goes nowhere: else the interpreter tries it once more at the end, and complains."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def check_file(path: Path | None) -> None:
    """A file named for the output must be one that can be written. Raises UsageError, before anything is begun."""
    if path is None:
        return
    there = path.exists() or path.is_symlink()
    if path.exists() and not (path.is_file() or path.is_dir()):
        return  # a pipe or a device is opened once, by whoever writes
    with telling_file(path):
        path.open("ab").close()
    if not there:
        path.unlink()


@contextmanager
def telling_file(path: Path) -> Iterator[None]:
    """What goes wrong with a file that the person named is said to him as a mistake of his, UsageError."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror or error}.", next_step="name another file, then once more"
        ) from error


def write_output(path: Path | None, write: Callable[[BinaryIO], T]) -> T:
    """What `write` makes, into this file or, without one, to standard output; returns what `write` returned.

    It is made aside and copied when it is whole: what goes wrong in between leaves the person's file as it was.
    """
    with TemporaryFile() as made:
        result = write(made)
        made.seek(0)
        if path is None:
            with to_reader():
                copyfileobj(made, sys.stdout.buffer)
        else:
            with telling_file(path), path.open("wb") as target:
                copyfileobj(made, target)
    return result


def out_json(value: Any) -> None:
    """One JSON object on a line of standard output."""
    out_lines([value])


def out_lines(values: Iterable[Any]) -> int:
    """JSON objects, one a line, as they come; returns how many."""
    number = 0
    with to_reader():
        for value in values:
            sys.stdout.buffer.write(msgspec.json.encode(value, enc_hook=str) + b"\n")
            number += 1
    return number


def out_text(text: str = "") -> None:
    """One line on standard output as it is: rules, a key, what a script may take."""
    with to_reader():
        sys.stdout.write(redact(text) + "\n")


def out_said(text: str) -> None:
    """One line for people on standard output, in the reader's language."""
    out_text(told(redact(text)))


def out_table(
    columns: list[str], rows: Iterable[Iterable[object]], *, right: Iterable[int] = (), said: Iterable[int] = ()
) -> None:
    """A table for people on standard output; columns in `right` hold numbers, those in `said` our own words.

    Headings and our own words are in the reader's language; all else is shown as it is.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    numeric, ours = set(right), set(said)
    for index, column in enumerate(columns):
        table.add_column(heading(column), justify="right" if index in numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(cell, index in ours)) for index, cell in enumerate(row)))
    terminal = sys.stdout.isatty()
    drawn = io.StringIO()  # rich would end the program itself when the reader has gone
    Console(
        file=drawn, force_terminal=terminal, highlight=False, markup=False, emoji=False,
        soft_wrap=not terminal, width=None if terminal else 200,
    ).print(table)  # fmt: skip
    with to_reader():
        sys.stdout.write(drawn.getvalue())


def _cell(value: object, said: bool) -> str:
    text = "" if value is None else told(str(value)) if said else str(value)
    return "".join(char if char.isprintable() else " " for char in text)
