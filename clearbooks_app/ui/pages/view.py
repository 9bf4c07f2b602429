"""What the views share: a page with its frame, a form that is ours, an error that is told."""

from __future__ import annotations

import functools
import hmac
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from clearbooks.errors import ClearBooksError
from clearbooks_app.operations.doubts import count_doubts
from clearbooks_app.operations.numbers import whole
from clearbooks_app.ui.api.connections import known_connections
from clearbooks_app.ui.api.endpoint import status_of
from clearbooks_app.ui.pages.render import html

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.datastructures import FormData
    from starlette.requests import Request
    from starlette.responses import Response

    from clearbooks_app.ui.access import Session
    from clearbooks_app.ui.site import Site

    View = Callable[[Site, Request], Response]
    Action = Callable[[Site, Request, FormData], Response]
    Handler = Callable[[Request], Awaitable[Response]]

LARGEST_FILE = 64 * 1024 * 1024
_MOST_FIELDS = 5000
_SEE_OTHER = 303
SECTIONS = (
    ("/", "Home"),
    ("/connections", "Connections"),
    ("/runs", "Runs"),
    ("/plans", "Plans"),
    ("/decide", "Decide"),
    ("/mapping", "Mapping"),
    ("/coverage", "Coverage"),
)


def page(
    site: Site, request: Request, template: str, here: str, *, status: int = 200, **context: Any
) -> Response:
    """A page with the frame around it.

    Args:
        site: The page.
        request: What is answered.
        template: Its file.
        here: The path of its section.
        status: HTTP status.
        **context: What the template shows.
    """
    session: Session | None = request.scope.get("session")
    sections = SECTIONS + ((("/books", "Books"),) if site.warehouse else ())
    return html(
        template,
        status,
        csrf=session.csrf if session else "",
        sections=sections if session else (),
        here=here,
        notice=request.query_params.get("notice", "")[:300],
        undecided=_undecided(site) if session else 0,
        businesses=functools.partial(_businesses, site),
        **context,
    )


def _businesses(site: Site) -> list[int]:
    """The businesses to choose from: those of the settings, else those of the connections."""
    chosen = site.settings().connection().business_ids
    found = {number for one in known_connections(site) for number in one.businesses or ()}
    return sorted(chosen or found)


def _undecided(site: Site) -> int:
    try:
        return sum(count_doubts(site.settings()).values())
    except ClearBooksError:
        # The page itself says what is wrong.
        return 0


def message(
    site: Site, request: Request, text: str, *, title: str = "", status: int = 200
) -> Response:
    """A page that says one thing."""
    title = title or ("Not found" if status == 404 else "That did not work")  # noqa: PLR2004
    return page(site, request, "message.html", "", status=status, title=title, text=text)


def viewed(site: Site, view: View) -> Handler:
    """Answer by a view, in a thread; what goes wrong becomes a page."""

    async def answer(request: Request) -> Response:
        return await run_in_threadpool(_told, site, request, lambda: view(site, request))

    return answer


def posted(site: Site, action: Action) -> Handler:
    """Answer a form that one of our own pages has sent; any other is refused."""

    async def answer(request: Request) -> Response:
        session: Session | None = request.scope.get("session")
        async with request.form(
            max_fields=_MOST_FIELDS, max_files=1, max_part_size=LARGEST_FILE
        ) as form:
            given = str(form.get("csrf", ""))
            if session is None or not hmac.compare_digest(given.encode(), session.csrf.encode()):
                text = "The form is not of a page that is open now: load the page anew."
                return message(site, request, text, status=403)
            return await run_in_threadpool(
                _told, site, request, lambda: action(site, request, form)
            )

    return answer


def _told(site: Site, request: Request, work: Callable[[], Response]) -> Response:
    try:
        return work()
    except ClearBooksError as error:
        _, status = status_of(error)
        return message(site, request, sentence(error), status=status)


def sentence(error: Exception) -> str:
    """What went wrong as a sentence; a setting, field or option in front stays as it is written."""
    text = str(error)
    first = text.partition(" ")[0]
    return f"{text[:1].upper() if first.isalpha() and first.islower() else text[:1]}{text[1:]}."


def to(path: str) -> Response:
    """To another page, after a form was carried out."""
    return RedirectResponse(path, _SEE_OTHER)


def field(form: FormData, name: str, default: str = "") -> str:
    """A field of a form as text."""
    value = form.get(name, default)
    return value.strip() if isinstance(value, str) else default


def business_of(site: Site, request: Request) -> int | None:
    """The business that a page is about: as it is asked for, or the only one."""
    given = whole(request.query_params.get("business", ""))
    if given is not None:
        return given
    chosen = site.settings().connection().business_ids
    return chosen[0] if chosen else None
