"""The one door: who asks, whether the route is for him, and whether a deed was really asked for by our own page.

A deed (anything but GET and HEAD) needs three things: it comes from our own site, as browsers say in
`Sec-Fetch-Site` or `Origin`; it carries the token of its form; and its cookie is `SameSite=Lax`. A machine with a token
needs none of it: no browser sends that header by itself.
"""

from __future__ import annotations

import hmac
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request
from starlette.datastructures import FormData

from web.door.faults import Forbidden, LoginNeeded
from web.door.rules import Rule, rule_of
from web.door.visitor import identify_browser, identify_machine
from web.here import Here
from web.site import Site

SAFE = ("GET", "HEAD", "OPTIONS")
HEADER = "x-sverka-token"
NUL = "\0"
"""PostgreSQL keeps no text with it, and nobody means it."""
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


async def sent_token(request: Request) -> str:
    """The form token that came with a deed, in a field or in a header; empty for a look."""
    if request.method in SAFE:
        return ""
    if HEADER in request.headers:
        return request.headers[HEADER]
    if not request.headers.get("content-type", "").startswith(_FORMS):
        return ""
    fields = await request.form()
    if any(NUL in name or (isinstance(value, str) and NUL in value) for name, value in fields.multi_items()):
        raise HTTPException(422)
    value = fields.get("_token", "")
    return value if isinstance(value, str) else ""


def enter(request: Request, token: Annotated[str, Depends(sent_token)]) -> Here:
    """Let a browser in.

    Raises:
        LoginNeeded: the route is not for everybody, and nobody is logged in.
        Forbidden: the route is not for his role, or the deed did not come from a page of ours.
    """
    site, rule = _site(request), _rule(request)
    here = Here(request, site, identify_browser(site, request))
    request.state.here = here
    _admit(here, rule)
    if request.method not in SAFE:
        _check_origin(request)
        if not hmac.compare_digest(token.encode("utf-8", "replace"), here.token.encode()):
            raise Forbidden(stale=True)
    return here


def enter_machine(request: Request) -> Here:
    """Let a machine in by its token. Raises as `enter` does."""
    site, rule = _site(request), _rule(request)
    here = Here(request, site, identify_machine(site, request))
    request.state.here = here
    _admit(here, rule)
    return here


def _admit(here: Here, rule: Rule) -> None:
    if rule.public:
        return
    if here.visitor is None:
        raise LoginNeeded
    if here.visitor.role not in rule.roles or (rule.right is not None and not here.visitor.has(rule.right)):
        raise Forbidden


async def sent_form(request: Request) -> FormData:
    """The fields of a form, which are read once."""
    return await request.form()


Page = Annotated[Here, Depends(enter)]
"""What a page's handler asks for."""
Machine = Annotated[Here, Depends(enter_machine)]
"""What a handler of the API asks for."""
Form = Annotated[FormData, Depends(sent_form)]
"""The fields that were sent, where they are not declared one by one."""


def _site(request: Request) -> Site:
    site: Site = request.app.state.site
    site.follow()
    return site


def _rule(request: Request) -> Rule:
    """A route without a rule is for nobody: a new one is closed until somebody says whom it is for."""
    if "%00" in request.url.path + request.url.query or NUL in request.url.path:
        raise HTTPException(422)
    found = rule_of(request.scope.get("endpoint"))
    if found is None:
        raise Forbidden
    return found


def _check_origin(request: Request) -> None:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site != "same-origin":
            raise Forbidden(stale=True)
        return
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise Forbidden(stale=True)
