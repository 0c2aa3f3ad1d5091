"""Representations of an answer: their names, and which one a request asks for."""

from __future__ import annotations

from dataclasses import dataclass

JSON_TYPE = "application/json;charset=utf-8"
ATOM_FEED = "application/atom+xml;type=feed;charset=utf-8"
ATOM_ENTRY = "application/atom+xml;type=entry;charset=utf-8"
XML_TYPE = "application/xml;charset=utf-8"


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
