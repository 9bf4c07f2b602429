"""The HTTP API of the page: every operation declared once, and its OpenAPI document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse
from starlette.routing import Route

from clearbooks_app.ui.api import accounting, connections, mappings, syncs
from clearbooks_app.ui.api.openapi import document

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from clearbooks_app.ui.api.endpoint import Endpoint
    from clearbooks_app.ui.site import Site

ENDPOINTS = (
    *connections.ENDPOINTS,
    *syncs.ENDPOINTS,
    *mappings.ENDPOINTS,
    *accounting.ENDPOINTS,
)
DOCUMENT = "/api/openapi.json"


def routes(site: Site) -> list[Route]:
    """A route for every operation, and one for the document."""

    async def show(request: Request) -> Response:
        del request
        return JSONResponse(document(ENDPOINTS))

    by_path: dict[str, dict[str, Endpoint]] = {}
    for each in ENDPOINTS:
        by_path.setdefault(each.path, {})[each.method] = each
    return [
        Route(DOCUMENT, show, methods=["GET"]),
        *(_route(site, path, by_method) for path, by_method in by_path.items()),
    ]


def _route(site: Site, path: str, by_method: dict[str, Endpoint]) -> Route:
    """One route for all methods of a path, so that each other one is answered with these."""

    async def answer(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await by_method[method].answer(site, request)

    return Route(path, answer, methods=list(by_method))
