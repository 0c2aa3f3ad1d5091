"""``sverka sandbox bitrix24``: the stand-in as a command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from sandbox.bitrix24.build import Customer, build_portal
from sandbox.bitrix24.server import SECRET, BitrixServer

DEMO = (
    Customer("Ромашка", "7743013901", "774301001", "8 (495) 123-45-67", "office@romashka.example"),
    Customer("ИП Лютиков", "500100732259", "", "+7 916 000-11-22"),
    Customer("Васильки (без реквизитов)", phone="84991234567"),
)


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="sverka sandbox bitrix24", description="A stand-in of a Bitrix24 portal: its REST on loopback"
    )
    parser.add_argument("--port", type=int, default=8092, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--secret", default=SECRET, help="of the incoming webhook")
    parser.add_argument("--no-limits", action="store_true", help="as a portal of one's own: no limits of requests")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    given = parse_arguments(argv)
    portal = build_portal(seed=given.seed, customers=DEMO)
    if given.no_limits:
        portal.limits.cap = portal.limits.drain = float("inf")
    server = BitrixServer(portal, given.port, secret=given.secret)

    def ready() -> None:
        sys.stderr.write(
            f"The stand-in Bitrix24 portal listens at {server.root}\n  webhook: {server.webhook}\n"
            "  in settings.toml, besides: allow_http = true\n"
        )
        sys.stderr.flush()

    try:
        server.run(ready)
    except OSError as error:
        sys.stderr.write(f"Port {given.port} cannot be had: {error.strerror}. Name another one: --port 0\n")
        return 1
    return 0
