"""The page of the newest requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clearbooks_sandbox.pages.listing import paged
from clearbooks_sandbox.pages.render import page

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from clearbooks_sandbox.http.request_log import RequestLog

KEPT = 1000
_SIZE = 100
_TONES = {2: "good", 3: "plain", 4: "warn"}


class RequestsPage:
    """Shows the newest requests of the log."""

    def __init__(self, requests: RequestLog) -> None:
        self.requests = requests

    def newest(self, request: Request) -> Response:
        """Method, path, status and time of each, newest first."""
        seen = [
            {"request": entry, "tone": _TONES.get(entry.status // 100, "bad")}
            for entry in self.requests.newest(KEPT)
        ]
        return page(
            "requests.html",
            listing=paged(seen, request.query_params.get("page", ""), _SIZE),
            path=request.url.path,
            query={},
        )
