"""The start page: each role begins where its work is."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from web.door.guard import Page
from web.door.rules import everyone

router = APIRouter()


@router.get("/")
@everyone
def start(here: Page) -> Response:
    """Go to the first page of the role's menu; whoever has none sees his own account."""
    return here.to(here.menu[0].path if here.menu else "/profile")
