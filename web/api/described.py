"""The description of the API, for whoever builds a client; behind a token like all else."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from web.door.guard import Machine
from web.door.rules import everyone

router = APIRouter()


@router.get("/openapi.json", include_in_schema=False)
@everyone
def describe(here: Machine) -> Response:
    """OpenAPI 3.1."""
    described: dict[str, Any] = here.request.app.openapi()
    return JSONResponse(described)
