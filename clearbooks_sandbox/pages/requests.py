"""The last requests that the sandbox got."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clearbooks_sandbox.pages.listing import paged
from clearbooks_sandbox.pages.render import page

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from clearbooks_sandbox.accounting.engine import Engine

KEPT = 1000
_SIZE = 100
_TONES = {2: "good", 3: "plain", 4: "warn"}


class LastRequests:
    """Shows the requests that the engine remembers."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def show(self, request: Request) -> Response:
        """Method, path, status and time of each, newest first."""
        seen = [
            {"request": entry, "tone": _TONES.get(entry.status // 100, "bad")}
            for entry in self.engine.last_requests(KEPT)
        ]
        return page(
            "requests.html",
            listing=paged(seen, request.query_params.get("page", ""), _SIZE),
            path=request.url.path,
            query={},
        )
