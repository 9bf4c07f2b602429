"""Lets nobody in whom a web page elsewhere sends: other names of this machine, other origins.

A page of any site can ask its visitor's browser for addresses of the visitor's own machine. It
gives itself away by the name that it calls the machine (`Host`), or by where it comes from
(`Origin`).
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


class OwnPages:
    """Refuses requests with 403 that pages of others have made.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        fault = _fault(scope) if scope["type"] == "http" else ""
        if fault:
            await PlainTextResponse(fault, 403)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _fault(scope: Scope) -> str:
    headers = Headers(scope=scope)
    host = headers.get("host", "")
    here = scope.get("server") or ("", 0)
    # One that is served to other machines may have any name there.
    if _is_loopback(str(here[0])) and not _is_loopback(_name(host)):
        return "Host: the sandbox is for this machine alone: ask for 127.0.0.1 or localhost"
    origin = headers.get("origin")
    if origin is None or urlsplit(origin).netloc == host:
        return ""
    if origin == "null" and headers.get("sec-fetch-site") == "same-origin":
        # Its own pages tell nobody where they are.
        return ""
    return "Origin: the sandbox answers no pages but its own"


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
