"""Signing in with the password, where the page is served beyond this machine, and leaving."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse

from clearbooks_app.ui.access import TooManyError
from clearbooks_app.ui.guard import LOGIN, let_in
from clearbooks_app.ui.pages.view import message, page
from clearbooks_app.ui.site import MissingError

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.requests import Request
    from starlette.responses import Response

    from clearbooks_app.ui.pages.view import Handler
    from clearbooks_app.ui.site import Site

_SEE_OTHER = 303


def form(site: Site, request: Request) -> Response:
    """The form for the password, where there is one."""
    if not site.access.doors.password:
        raise MissingError("no password is asked for: open the address that `clearbooks ui` prints")
    return page(site, request, "sign_in.html", "", problem="")


def enter(site: Site) -> Handler:
    """Let in whoever knows the password."""

    async def answer(request: Request) -> Response:
        async with request.form(max_fields=5, max_files=0) as given:
            password = str(given.get("password", ""))
        try:
            number = site.access.by_password(password)
        except TooManyError as error:
            return message(site, request, f"{error}.", status=429)
        if number is None:
            problem = "That is not the password."
            return page(site, request, "sign_in.html", "", status=403, problem=problem)
        return let_in(site.access, number)

    return answer


def leave(site: Site, request: Request, _: FormData) -> Response:
    """End the session of this browser."""
    site.access.end(request.cookies.get(site.access.cookie, ""))
    where = LOGIN if site.access.doors.password else "/"
    answer = RedirectResponse(where, _SEE_OTHER)
    answer.delete_cookie(site.access.cookie)
    return answer
