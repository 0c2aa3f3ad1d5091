"""``python -m sandbox.onec``: the stand-in as a command (also ``sverka sandbox onec``)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from sandbox.onec.base import Base
from sandbox.onec.company import build_company
from sandbox.onec.configurations import find_configuration, names
from sandbox.onec.schema import Schema
from sandbox.onec.server import OnecServer
from sandbox.onec.storage import Storage


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(prog="sverka sandbox onec", description="A stand-in of a 1C base over OData")
    parser.add_argument("--port", type=int, default=8090, help="0 takes a free one")
    parser.add_argument("--configuration", choices=names(), default="bp30", help="what kind of 1C it is")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--documents", type=int, default=3000, help="10 to 1,000,000")
    parser.add_argument("--counterparties", type=int)
    parser.add_argument("--user", default="Обмен")
    parser.add_argument("--password", default="secret")
    parser.add_argument("--no-auth", action="store_true")
    parser.add_argument("--file", type=Path, help="keep the books in this file: a restart finds them again")
    return parser.parse_args(argv)


def open_books(arguments: argparse.Namespace) -> Base:
    """Books of the file when it has any, else new ones."""
    path: Path | None = arguments.file
    if path is not None and path.exists() and path.stat().st_size > 0:
        kept = Storage(str(path))
        name = kept.state("configuration", "bp30")
        kept.close()
        return Base(Schema(configuration=find_configuration(name)), path)
    return build_company(
        arguments.seed, arguments.documents, arguments.counterparties, path=path, configuration=arguments.configuration
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until told to stop; 2 when the port is taken."""
    arguments = parse_arguments(argv)
    with open_books(arguments) as base:
        server = OnecServer(base, arguments.port, arguments.user, arguments.password, auth=not arguments.no_auth)
        try:
            server.run(lambda: announce(server))
        except OSError as error:
            sys.stderr.write(f"cannot listen on port {arguments.port}: {error}\n")
            return 2
        except KeyboardInterrupt:
            return 0
    return 0


def announce(server: OnecServer) -> None:
    """One line for people and scripts."""
    options = server.options
    sys.stderr.write(f"1C sandbox ready: url={server.url} user={options.user} password={options.password}\n")
    sys.stderr.flush()
