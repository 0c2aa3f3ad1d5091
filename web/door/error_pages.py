"""When a page cannot be shown: a plain sentence and what to do next; never a trace, never a value of somebody else."""

from __future__ import annotations

from urllib.parse import quote

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from core.errors import SverkaError
from core.secrets import redact
from web.door import problems
from web.door.faults import Forbidden, LoginNeeded, Missing
from web.here import Here
from web.show.texts import N_

log = structlog.get_logger()

_WORDS = {
    403: (N_("This page is not for your role."), N_("Ask an admin for another role, or go back.")),
    404: (N_("There is no such page, or it is not yours to see."), N_("Look for it from the start page.")),
    405: (N_("This address does not do that."), N_("Go back and use the page's own buttons.")),
    413: (N_("What was sent is too large."), N_("Go back and send less.")),
    422: (N_("Something that was filled in cannot be understood."), N_("Go back and look at the fields again.")),
    500: (N_("Something went wrong on our side."), N_("Try again; if it stays so, tell whoever runs the service.")),
    503: (N_("The store does not answer."), N_("Try again in a minute; whoever runs the service types: sverka doctor")),
}
_STALE = (N_("This form is too old, or comes from another site."), N_("Open the page again and repeat what you did."))


def install(app: FastAPI) -> None:
    """Let the pages answer errors as pages."""
    app.add_exception_handler(LoginNeeded, _to_login)
    app.add_exception_handler(Forbidden, _forbidden)
    app.add_exception_handler(Missing, _missing)
    app.add_exception_handler(HTTPException, _plain)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(OperationalError, _store_away)
    app.add_exception_handler(SverkaError, _expected)
    app.add_exception_handler(Exception, _unexpected)


def _to_login(request: Request, error: Exception) -> Response:
    """A part of a page that is renewed by itself takes the whole page to the log-in."""
    target = "/login"
    if request.method == "GET" and request.url.path != "/":
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        target += f"?next={quote(asked, safe='/')}"
    if request.headers.get("hx-request"):
        return PlainTextResponse("", status_code=401, headers={"hx-redirect": "/login"})
    return PlainTextResponse("", status_code=303, headers={"location": target})


def _forbidden(request: Request, error: Exception) -> Response:
    words = _STALE if isinstance(error, Forbidden) and error.stale else _WORDS[403]
    return _page(request, 403, *words)


def _missing(request: Request, error: Exception) -> Response:
    return _page(request, 404, *_WORDS[404])


def _plain(request: Request, error: Exception) -> Response:
    """Addresses of the API that not even its own application takes are answered as it would."""
    if request.url.path.startswith("/api/"):
        return problems.answer_plain(request, error)
    status = error.status_code if isinstance(error, HTTPException) else 500
    return _page(request, status, *_WORDS.get(status, _WORDS[500 if status >= 500 else 404]))


def _not_understood(request: Request, error: Exception) -> Response:
    """An address with a key that is none leads nowhere, as one with the key of nothing does."""
    if isinstance(error, RequestValidationError) and all(one["loc"][0] == "path" for one in error.errors()):
        return _missing(request, error)
    return _page(request, 422, *_WORDS[422])


def _store_away(request: Request, error: Exception) -> Response:
    log.error("web.store-away", path=request.url.path, reason=type(error).__name__)
    return _page(request, 503, *_WORDS[503])


def _expected(request: Request, error: Exception) -> Response:
    """One of our own errors has its sentence and next step already, told in the reader's language."""
    if not isinstance(error, SverkaError):
        return _unexpected(request, error)
    return _page(request, 400, redact(error.message), redact(error.next_step))


def _unexpected(request: Request, error: Exception) -> Response:
    log.error("web.failed", path=request.url.path, exc_info=error)
    return _page(request, 500, *_WORDS[500])


def _page(request: Request, status: int, sentence: str, next_step: str) -> Response:
    here = getattr(request.state, "here", None) or Here(request, request.app.state.site, None)
    values = {"sentence": _told(here, sentence), "next_step": _told(here, next_step), "status": status}
    template = "error_part.html" if request.headers.get("hx-request") else "error.html"
    return here.page(template, code=status, **values)


def _told(here: Here, text: str) -> str:
    """What pages say, or what the engine says."""
    return here.tell(here.gettext(text))
