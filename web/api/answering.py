"""What the routes of the API share: answers that a client need not read twice, and pages of lists."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

import msgspec
from fastapi import Query
from starlette.responses import Response

from web.here import Here

Limit = Annotated[int, Query(ge=1, le=500, description="So many at most.")]
After = Annotated[str | None, Query(max_length=2000, description="`next` of the page before.")]
_PASSING = ("age_seconds",)
"""What changes by itself from one moment to the next: no reason to send all again."""


def answer(here: Here, body: Any) -> Response:
    """The body as JSON with its ETag; 304 when the client has it already."""
    tag = f'W/"{_digest(body)}"'
    headers = {"etag": tag, "cache-control": "private, no-cache"}
    asked = here.request.headers.get("if-none-match", "")
    if tag in [part.strip() for part in asked.split(",")] or asked.strip() == "*":
        return Response(status_code=304, headers=headers)
    return Response(msgspec.json.encode(body, enc_hook=str), media_type="application/json", headers=headers)


def _digest(body: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(_lasting(body), enc_hook=str)).hexdigest()[:32]


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lasting(one) for key, one in value.items() if key not in _PASSING}
    return [_lasting(one) for one in value] if isinstance(value, list) else value
