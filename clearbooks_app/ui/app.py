"""The page and its API as one Starlette application."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from clearbooks.errors import ClearBooksError
from clearbooks_app.ui import api
from clearbooks_app.ui.api.endpoint import failure
from clearbooks_app.ui.guard import API, Guard
from clearbooks_app.ui.pages import routes
from clearbooks_app.ui.pages.view import message

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from clearbooks_app.ui.site import Site

_CODES = {404: "not_found", 405: "method_not_allowed"}


def create_app(site: Site) -> Starlette:
    """The application."""

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for that
        if request.url.path.startswith(API):
            code = _CODES.get(error.status_code, "invalid")
            answer = failure(code, error.detail, error.status_code)
        else:
            answer = message(site, request, error.detail, status=error.status_code)
        answer.headers.update(error.headers or {})
        return answer

    return Starlette(
        routes=[*api.routes(site), *routes(site)],
        middleware=[
            Middleware(Guard, access=site.access, consent_origin=_origin(site)),
        ],
        exception_handlers={HTTPException: refused},
    )


def _origin(site: Site) -> str:
    """Where the consent page is."""
    try:
        parts = urlsplit(site.settings().connection().authorize_url)
    except ClearBooksError:
        # The settings are wrong; each page says so.
        return ""
    return f"{parts.scheme}://{parts.netloc}"
