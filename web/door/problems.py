"""Errors of the API: `application/problem+json` (RFC 9457), with the next step in plain words."""

from __future__ import annotations

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.errors import SverkaError
from core.secrets import redact
from web.door.faults import Forbidden, LoginNeeded, Missing

log = structlog.get_logger()
MEDIA = "application/problem+json"


class Problem(BaseModel):
    """What went wrong, and what to do next."""

    type: str = "about:blank"
    title: str
    status: int
    next: str = Field(description="What to do about it.")
    errors: list[dict[str, str]] | None = Field(default=None, description="What cannot be understood, and why.")


Responses = dict[int | str, dict[str, object]]


def _told(title: str) -> dict[str, object]:
    return {"description": title, "content": {MEDIA: {"schema": Problem.model_json_schema()}}}


RESPONSES: Responses = {
    401: _told("No token, or not a good one"),
    403: _told("The token's role may not do this"),
    404: _told("No such thing, or not the asker's to see"),
    422: _told("A parameter cannot be understood"),
    503: _told("The store does not answer"),
}
"""What any route of the API may answer besides its own."""


def install(app: FastAPI) -> None:
    """Let the API answer errors as problems."""
    app.add_exception_handler(LoginNeeded, _no_token)
    app.add_exception_handler(Forbidden, _forbidden)
    app.add_exception_handler(Missing, _missing)
    app.add_exception_handler(HTTPException, answer_plain)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(OperationalError, _store_away)
    app.add_exception_handler(SverkaError, _expected)
    app.add_exception_handler(Exception, _unexpected)


def problem(status: int, title: str, next_step: str, errors: list[dict[str, str]] | None = None) -> Response:
    """One problem as an answer."""
    body = Problem(title=title, status=status, next=next_step, errors=errors).model_dump(exclude_none=True)
    headers = {"www-authenticate": 'Bearer realm="sverka"'} if status == 401 else {}
    return JSONResponse(body, status, media_type=MEDIA, headers=headers)


def _no_token(request: Request, error: Exception) -> Response:
    return problem(401, "No token, or not a good one.", "Send Authorization: Bearer …; sverka user token makes one.")


def _forbidden(request: Request, error: Exception) -> Response:
    return problem(403, "This token's role may not do this.", "Use the token of another user.")


def _missing(request: Request, error: Exception) -> Response:
    return problem(404, "There is no such thing, or it is not yours to see.", "Look for it in a list.")


def answer_plain(request: Request, error: Exception) -> Response:
    """An address or method that the API does not have."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 422:
        return _not_understood(request, error)
    title = {404: "There is no such address.", 405: "This address does not do that."}.get(status, "Not possible.")
    return problem(status, title, "Read the description: /api/v1/openapi.json")


def _not_understood(request: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    told = [{"where": ".".join(str(part) for part in one["loc"]), "why": str(one["msg"])} for one in found]
    return problem(422, "A parameter cannot be understood.", "Read the description: /api/v1/openapi.json", told)


def _store_away(request: Request, error: Exception) -> Response:
    log.error("web.store-away", path=request.url.path, reason=type(error).__name__)
    return problem(503, "The store does not answer.", "Try again in a minute.")


def _expected(request: Request, error: Exception) -> Response:
    if not isinstance(error, SverkaError):
        return _unexpected(request, error)
    return problem(400, redact(error.message), redact(error.next_step))


def _unexpected(request: Request, error: Exception) -> Response:
    log.error("web.failed", path=request.url.path, exc_info=error)
    return problem(500, "Something went wrong on our side.", "Try again; if it stays so, tell who runs the service.")
