"""The site put together: pages, API, static files; doors, limits and headers around all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

import web.api
import web.pages
from web import hooks
from web.door import error_pages, problems
from web.door.guard import enter, enter_machine
from web.door.headers import HeadsOnly, SafeHeaders
from web.door.rules import Rule, rule_of
from web.show.render import STATIC
from web.site import Site

LARGEST_BODY = 2 * 1024 * 1024
"""Bytes that a browser or a machine may send at once; a route that takes more says so itself (`max_body_size`)."""
_CLOSED: dict[str, Any] = {
    "docs_url": None,
    "redoc_url": None,
    "openapi_url": None,
    "swagger_ui_oauth2_redirect_url": None,
}


@dataclass(frozen=True, slots=True)
class Way:
    """One line of the route table: a path, a method, and whom it is for."""

    method: str
    path: str
    rule: Rule | None
    name: str


class KeptFiles(StaticFiles):
    """Files of ours: their address changes with their content, so that a browser asks for each only once."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """The file, to be kept where its address says which version it is."""
        scope: Scope = args[2] if len(args) > 2 else kwargs["scope"]
        answer = super().file_response(*args, **kwargs)
        kept = b"v=" in scope.get("query_string", b"")
        answer.headers["cache-control"] = "public, max-age=31536000, immutable" if kept else "no-cache"
        return answer


def build_site_app(site: Site) -> ASGIApp:
    """The whole site as one ASGI application; the headers are outermost, so that a failure has them too."""
    app = FastAPI(title="Sverka", dependencies=[Depends(enter)], max_body_size=LARGEST_BODY, **_CLOSED)
    app.state.site = site
    for router in web.pages.load_routers():
        app.include_router(router, include_in_schema=False)
    error_pages.install(app)
    app.mount(web.api.PREFIX, build_api(site))
    app.mount(hooks.PREFIX, hooks.build_hooks(site.app))
    app.mount("/static", KeptFiles(directory=STATIC))
    return SafeHeaders(HeadsOnly(app))


def build_api(site: Site) -> FastAPI:
    """The JSON API; its description is behind a token like all else."""
    api = FastAPI(
        title="Sverka",
        version=web.api.VERSION,
        description="Customers, what they owe and how old that knowledge is. Amounts are decimal text in major units.",
        dependencies=[Depends(enter_machine)],
        max_body_size=LARGEST_BODY,
        responses=problems.RESPONSES,
        servers=[{"url": web.api.PREFIX}],
        **_CLOSED,
    )
    api.state.site = site
    for router in web.api.load_routers():
        api.include_router(router)
    problems.install(api)
    return api


def route_table() -> list[Way]:
    """Every route of pages and API with its rule, in order of paths."""
    ways = [way for router in web.pages.load_routers() for way in _ways(router, "")]
    ways += [way for router in web.api.load_routers() for way in _ways(router, web.api.PREFIX)]
    return sorted(ways, key=lambda way: (way.path, way.method))


def _ways(router: APIRouter, prefix: str) -> Iterator[Way]:
    for route in router.routes:
        if not isinstance(route, APIRoute):
            raise TypeError(f"{route} is no plain route: it would pass by the door")
        for method in sorted(route.methods or ()):
            yield Way(method, prefix + route.path, rule_of(route.endpoint), route.name)
