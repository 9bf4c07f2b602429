"""Web pages for people: HTML from the server, which works without scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from clearbooks_app.ui.guard import CALLBACK, LOGIN, STYLE
from clearbooks_app.ui.pages import (
    books,
    connections,
    coverage,
    decide,
    home,
    mapping,
    plans,
    runs,
    sign_in,
)
from clearbooks_app.ui.pages.render import static, style
from clearbooks_app.ui.pages.view import posted, viewed

if TYPE_CHECKING:
    from starlette.requests import Request

    from clearbooks_app.ui.pages.view import Action, View
    from clearbooks_app.ui.site import Site


def routes(site: Site) -> list[Route]:
    """Routes of every page."""
    views = {
        "/": home.home,
        CALLBACK: connections.callback,
        LOGIN: sign_in.form,
        "/connections": connections.every,
        "/connections/{connection}": connections.one,
        "/runs": runs.every,
        "/runs/{run}": runs.one,
        "/runs/{run}/report": runs.report,
        "/jobs/{job}": runs.job,
        "/records/{business}/{stream}/{id}": runs.record,
        "/plans": plans.every,
        "/plans/{plan}": plans.one,
        "/decide": decide.every,
        "/mapping": mapping.every,
        "/coverage": coverage.every,
        "/coverage/{stream}": coverage.one,
        "/books": books.every,
    }
    actions = {
        "/logout": sign_in.leave,
        "/connections": connections.begin,
        "/connections/{connection}/disconnect": connections.forget,
        "/connections/{connection}/sync": connections.sync,
        "/runs/{run}/undo": runs.undo,
        "/jobs/{job}/stop": runs.stop,
        "/plans": plans.make,
        "/plans/{plan}": plans.carry_out,
        "/plans/{plan}/delete": plans.remove,
        "/decide/{doubt}": decide.decide,
        "/mapping": mapping.save,
        "/mapping/contacts": mapping.identify,
    }
    paths = dict.fromkeys([*views, *actions])
    return [
        Route(STYLE, _style, methods=["GET"]),
        Route("/live.js", _script, methods=["GET"]),
        Route(LOGIN, sign_in.enter(site), methods=["POST"]),
        *(_route(site, path, views.get(path), actions.get(path)) for path in paths),
    ]


def _route(site: Site, path: str, view: View | None, action: Action | None) -> Route:
    """One route for what a path shows and what its form does."""
    shows = viewed(site, view) if view else None
    does = posted(site, action) if action else None

    async def answer(request: Request) -> Response:
        handler = does if request.method == "POST" else shows
        assert handler is not None  # noqa: S101 - the route has no other methods
        return await handler(request)

    return Route(path, answer, methods=[m for m, h in (("GET", shows), ("POST", does)) if h])


def _script(request: Request) -> Response:
    del request
    return Response(static("live.js"), media_type="text/javascript")


def _style(request: Request) -> Response:
    del request
    return Response(style(), media_type="text/css")
