"""Request and answer between the HTTP shell and the service."""

from __future__ import annotations

from dataclasses import dataclass, field

JSON_TYPE = "application/json;charset=utf-8"
ATOM_FEED = "application/atom+xml;type=feed;charset=utf-8"
ATOM_ENTRY = "application/atom+xml;type=entry;charset=utf-8"
XML_TYPE = "application/xml;charset=utf-8"


@dataclass(slots=True)
class Request:
    """One HTTP request; ``path`` and ``query`` still percent-encoded, header names in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes = b""
    host: str = ""


@dataclass(slots=True)
class Answer:
    """One HTTP answer; header values are bytes, because ``Location`` carries raw UTF-8 (§6)."""

    status: int
    content_type: str
    body: bytes = b""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Format:
    """Negotiated representation (§1.3)."""

    json: bool
    level: str = "minimal"


def negotiate(wanted: str | None, accept: str) -> Format | None:
    """``$format`` first, then ``Accept``; neither means Atom; None when it cannot be had."""
    if wanted is not None:
        return read_format(wanted.strip().lower())
    for part in accept.lower().split(","):
        if part.strip().startswith("application/json"):
            return read_format(part.strip())
    return Format(json=False)


def read_format(text: str) -> Format | None:
    """One media type or short name."""
    if text.startswith("atom") or text.startswith("application/atom"):
        return Format(json=False)
    if text != "json" and not text.startswith("application/json"):
        return None
    for name, level in (("no", "none"), ("minimal", "minimal"), ("full", "full")):
        if f"odata={name}metadata" in text.replace(" ", ""):
            return Format(json=True, level=level)
    return Format(json=True)
