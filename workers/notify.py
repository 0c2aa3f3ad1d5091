"""Telling systemd that we are up and alive (sd_notify): one datagram to `$NOTIFY_SOCKET`."""

from __future__ import annotations

import os
import socket


def notify(state: str) -> bool:
    """Send one state ("READY=1", "WATCHDOG=1", "STOPPING=1"). False where nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]  # an abstract socket
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.settimeout(1)
        channel.sendto(state.encode("utf-8"), address)
    return True


def watchdog_period() -> float | None:
    """Seconds after which systemd takes us for dead, None where it does not watch."""
    value = os.environ.get("WATCHDOG_USEC", "")
    return int(value) / 1_000_000 if value.isdigit() else None
