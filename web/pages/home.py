"""The start page: each role begins where its work is."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from web.guard import Page
from web.rules import everyone

router = APIRouter()
START = {"manager": "/customers", "head": "/customers", "admin": "/ops", "ops": "/ops"}


@router.get("/")
@everyone
def start(here: Page) -> Response:
    """Go where the work is."""
    return here.to(START[here.me.role])
