"""Addresses that a person types: http and https only, no credentials within, nothing that is no place for a base."""

from __future__ import annotations

import ipaddress
import socket
import unicodedata
from urllib.parse import urlsplit

_SURROUNDINGS = frozenset(map(ipaddress.ip_address, ("100.100.100.200", "fd00:ec2::254")))
"""Where clouds tell a machine of itself, besides link-local addresses."""
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_OTHER_DOTS = frozenset("\u3002\uff0e\uff61")


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
    if parts.scheme not in ("http", "https") or not host or credentials or _is_ambiguous(parts.netloc):
        return "address"
    host = host.casefold().rstrip(".")
    return "local" if _is_nowhere(_as_ip(host)) or host == "metadata.google.internal" else ""


def _is_ambiguous(place: str) -> bool:
    """Whether another reader would take another host from it: a backslash ends it, wide figures are figures."""
    known = unicodedata.normalize("NFC", place)
    return "\\" in place or unicodedata.normalize("NFKC", place) != known or not _OTHER_DOTS.isdisjoint(place)


def _is_nowhere(found: ipaddress.IPv4Address | ipaddress.IPv6Address | None) -> bool:
    if found is None:
        return False
    return found.is_link_local or found.is_multicast or found.is_unspecified or found in _SURROUNDINGS


def origin_of(text: str) -> str:
    """Whom an address asks: scheme, host and port."""
    parts = urlsplit(text)
    return f"{parts.scheme}://{parts.netloc}".casefold()


def _as_ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address in figures in any writing that the system would take: 2852039166 is 169.254.169.254."""
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except OSError:
            return None
    return _carried(found) or found


def _carried(found: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one leads to."""
    if isinstance(found, ipaddress.IPv4Address):
        return None
    return ipaddress.IPv4Address(int(found) & 0xFFFFFFFF) if found in _NAT64 else found.ipv4_mapped or found.sixtofour
