"""Addresses that a person types: http and https only, no credentials within, nothing that is no place for a base."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit


def refuse_address(text: str) -> str:
    """Why this may not be asked: a word of `labels.MISTAKES`; empty where it may, or is no address at all.

    A base stands in the own network or on this machine as often as elsewhere, so private addresses are good ones. What
    is refused is where only the machine's own surroundings answer: link-local (a cloud's metadata), multicast, nowhere.
    """
    if "://" not in text:
        return ""
    try:
        parts = urlsplit(text)
        host, credentials = parts.hostname, parts.username is not None or parts.password is not None
        _ = parts.port
    except ValueError:
        return "address"
    if parts.scheme not in ("http", "https") or not host or credentials:
        return "address"
    found = _as_ip(host)
    nowhere = found is not None and (found.is_link_local or found.is_multicast or found.is_unspecified)
    return "local" if nowhere or host.casefold().rstrip(".") == "metadata.google.internal" else ""


def origin_of(text: str) -> str:
    """Whom an address asks: scheme, host and port."""
    parts = urlsplit(text)
    return f"{parts.scheme}://{parts.netloc}".casefold()


def _as_ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address in figures in any writing that the system would take: 2852039166 is 169.254.169.254."""
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
        mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    except ValueError:
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except OSError:
            return None
    return mapped or found
