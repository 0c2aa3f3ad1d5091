"""PostgreSQL from the system's own packages; as root it runs as the user `postgres`, because it refuses root."""

import secrets
import signal
from pathlib import Path
from typing import ClassVar

import psycopg
from psycopg import sql

from tests.services.process import Server, find_program

BINARIES = "/usr/lib/postgresql/*/bin/"


class Postgres(Server):
    """A cluster with one superuser, no password, loopback only. A commit survives `kill`: only fsync is off."""

    name: ClassVar[str] = "postgres"
    account: ClassVar[str | None] = "postgres"
    graceful: ClassVar[signal.Signals] = signal.SIGINT  # the fast shutdown: does not wait for clients

    def __init__(self) -> None:
        super().__init__()
        self.program = find_program("postgres", BINARIES + "postgres")
        initdb = str(Path(self.program).with_name("initdb"))
        self.run(
            initdb, "-D", str(self.data), "-U", "sverka", "-E", "UTF8", "--locale=C.UTF-8", "--auth=trust", "--no-sync"
        )

    @property
    def data(self) -> Path:
        """The cluster's folder."""
        return self.folder / "data"

    @property
    def command(self) -> list[str]:
        """The server in the foreground, on loopback only, without a socket file."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "fsync": "off",
            "full_page_writes": "off",
            "max_wal_size": "128MB",
            "shared_buffers": "64MB",
            "max_connections": "100",
            "timezone": "UTC",
        }
        return [self.program, "-D", str(self.data), *(f"--{key}={value}" for key, value in settings.items())]

    def conninfo(self, database: str = "postgres") -> str:
        """For psycopg."""
        return f"host=127.0.0.1 port={self.port} user=sverka dbname={database} connect_timeout=5"

    def url(self, database: str) -> str:
        """For `[store] url`."""
        return f"postgresql+psycopg://sverka@127.0.0.1:{self.port}/{database}"

    def answers(self) -> bool:
        """True as soon as it lets us in."""
        try:
            psycopg.connect(self.conninfo()).close()
        except psycopg.OperationalError:
            return False
        return True

    def create(self, template: str = "template0") -> str:
        """A fresh database; `template` may be the name of one that nobody is connected to."""
        name = f"t_{secrets.token_hex(6)}"
        self.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        return name

    def drop(self, name: str) -> None:
        """Drop a database, whoever is still connected."""
        self.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def execute(self, statement: sql.Composed) -> None:
        """Run one statement outside any transaction."""
        with psycopg.connect(self.conninfo(), autocommit=True) as connection:
            connection.execute(statement)
