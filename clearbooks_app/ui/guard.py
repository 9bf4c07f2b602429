"""Stands before every page: unknown names of this machine, strangers and foreign pages are refused.

A page of any site can make its visitor's browser ask for addresses of the visitor's own machine.
It gives itself away by the name that it calls the machine (`Host`), by where it comes from
(`Origin`), or by not having what our own forms carry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from clearbooks_app.ui.access import Access, Session

SAFE = ("GET", "HEAD", "OPTIONS")
API = "/api/"
LOGIN = "/login"
# The consent page sends the browser here; what it brings is worth nothing without its `state`.
CALLBACK = "/connect/callback"
STYLE = "/style.css"
CSRF_HEADER = "x-csrf-token"
_SEE_OTHER = 303
_STRANGER = (
    "This page is for whoever started it: open the address that `clearbooks ui` printed. "
    "Each address works once; the newest is the last line on that terminal."
)


class Guard:
    """Refuses what may not be answered, and adds the headers that keep browsers safe.

    Args:
        app: The application; `scope["session"]` is the browser's, None for a program.
        access: Knows who may come in.
        consent_origin: Where forms may lead to besides here.
    """

    def __init__(self, app: ASGIApp, access: Access, consent_origin: str) -> None:
        self._app = app
        self._access = access
        policy = (
            "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; "
            f"connect-src 'self'; form-action 'self' {consent_origin}; base-uri 'none'; "
            "frame-ancestors 'none'"
        )
        self._headers = {
            "Content-Security-Policy": policy,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        if access.doors.secure:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self._refusal(scope)
        await (answer or self._app)(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        path = scope["path"]
        if not self._access.doors.knows(headers.get("host", "")):
            return _told(path, "wrong_host", "Host: this page is known by another name", 421)
        if scope["method"] not in SAFE and not _own(headers):
            return _told(path, "foreign_origin", "Origin: this page answers its own forms only")
        scope["session"] = None
        if path.startswith(API) and self._access.is_program(headers.get("authorization", "")):
            return None
        connection = HTTPConnection(scope)
        if path == "/" and scope["method"] == "GET" and "token" in connection.query_params:
            return self._enter(connection.query_params["token"])
        session = self._access.session(connection.cookies.get(self._access.cookie, ""))
        scope["session"] = session
        if session is None:
            return self._stranger(path)
        return _without_csrf(scope, headers, session)

    def _enter(self, token: str) -> Response:
        number = self._access.by_token(token)
        if number is None:
            return PlainTextResponse(_STRANGER, 403)
        return let_in(self._access, number)

    def _stranger(self, path: str) -> Response | None:
        if path == CALLBACK:
            return None
        if self._access.doors.password and path in (LOGIN, STYLE):
            return None
        if path.startswith(API):
            words = "send the API's token as `Authorization: Bearer …`"
            return JSONResponse(
                {"error": {"code": "not_signed_in", "message": words}},
                401,
                {"WWW-Authenticate": "Bearer"},
            )
        if self._access.doors.password:
            return RedirectResponse(LOGIN, _SEE_OTHER)
        return PlainTextResponse(_STRANGER, 403)


def let_in(access: Access, number: str) -> Response:
    """To the first page, with the cookie of a session."""
    answer = RedirectResponse("/", _SEE_OTHER)
    answer.set_cookie(
        access.cookie, number, httponly=True, samesite="strict", secure=access.doors.secure
    )
    return answer


def _own(headers: Headers) -> bool:
    """Whether a request that changes something comes from a page of ours, or from a program."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    # Our own pages tell nobody where they are.
    if origin is None or (origin == "null" and headers.get("sec-fetch-site") == "same-origin"):
        return True
    return urlsplit(origin).netloc == headers.get("host", "")


def _without_csrf(scope: Scope, headers: Headers, session: Session) -> Response | None:
    """A refusal of an API request of a browser that is not by a page of ours.

    Forms carry the same in a field; whoever reads the form checks it.
    """
    if scope["method"] in SAFE or not scope["path"].startswith(API):
        return None
    if headers.get(CSRF_HEADER, "") == session.csrf:
        return None
    return _told(scope["path"], "csrf", f"{CSRF_HEADER}: should be the token of the page")


def _told(path: str, code: str, words: str, status: int = 403) -> Response:
    if path.startswith(API):
        return JSONResponse({"error": {"code": code, "message": words}}, status)
    return PlainTextResponse(words, status)
