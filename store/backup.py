"""A consistent copy of the store while the service runs."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, Engine

from core.errors import ConfigError, UsageError
from core.secrets import redact
from store.engine import parse_store_url

_PART = ".part"
LONGEST_DUMP = 6 * 3600
"""Seconds. Whoever has more to copy than that does it with PostgreSQL's own tools."""


def backup(store: Engine | str, target: Path) -> Path:
    """Copy the store into a new file that only we may read; returns the file.

    SQLite: a database file, copied as of one moment, whoever is writing. PostgreSQL: an archive for `pg_restore`, made
    by `pg_dump`. The file appears under its name when it is whole.

    Raises:
        UsageError: the file is there already, or cannot be written.
        ConfigError: `pg_dump` is missing or refused; there is no such store.
    """
    url = store.url if isinstance(store, Engine) else parse_store_url(store)
    if target.exists():
        raise UsageError(f"{target} is there already; a backup never overwrites.", next_step="name another file")
    part = target.with_name(target.name + _PART)
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600))
        (_copy_sqlite if url.get_backend_name() == "sqlite" else _dump_postgresql)(url, part)
        part.replace(target)
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}.", next_step="name another file") from error
    finally:
        part.unlink(missing_ok=True)
    return target


def _copy_sqlite(url: URL, part: Path) -> None:
    source = Path(url.database or "")
    if not source.is_file():
        raise ConfigError(f"There is no store at {source}.")
    try:
        with closing(sqlite3.connect(source)) as ours, closing(sqlite3.connect(part)) as copy:
            ours.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, complete in itself
            faults = copy.execute("PRAGMA quick_check").fetchall()
    except sqlite3.Error as error:
        raise ConfigError(f"The store {source} cannot be copied: {error}.") from error
    if faults != [("ok",)]:
        raise ConfigError(
            f"The copy of {source} is not sound: {faults[0][0]}.", next_step="restore the last good backup"
        )


def _dump_postgresql(url: URL, part: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        raise ConfigError(
            "pg_dump is not installed here, and PostgreSQL is backed up by its own tools.",
            next_step="install the package postgresql-client, or run pg_dump on the database's machine",
        )
    command = [program, "--format=custom", "--no-password", f"--file={part}", _address(url)]
    environment = os.environ | ({"PGPASSWORD": str(url.password)} if url.password else {})
    _run_dump(command, environment | {"PGCONNECT_TIMEOUT": "15"})


def _run_dump(command: list[str], environment: dict[str, str]) -> None:
    try:
        done = subprocess.run(  # noqa: S603 (our own words)
            command, env=environment, capture_output=True, text=True, check=False, timeout=LONGEST_DUMP
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigError(
            f"pg_dump was not ready after {LONGEST_DUMP // 3600} hours and was ended.",
            next_step="sverka db backup FILE, or run pg_dump on the database's machine",
        ) from error
    if done.returncode:
        reason = redact(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit {done.returncode}")
        raise ConfigError(f"pg_dump made no backup: {reason}", next_step="mend that, then: sverka db backup FILE")


def _address(url: URL) -> str:
    """The address as PostgreSQL's own programs read it, without the password: a command line is public."""
    return url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
