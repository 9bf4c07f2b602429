"""Connections: made, looked at, synced and forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clearbooks.errors import ClearBooksError
from clearbooks_app.operations.connections import disconnect
from clearbooks_app.operations.status import connection_status
from clearbooks_app.ui.api.connections import known_connections, require_known
from clearbooks_app.ui.guard import CALLBACK
from clearbooks_app.ui.pages.view import field, page, sentence, to
from tap_clearbooks.streams import STREAMS

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.requests import Request
    from starlette.responses import Response

    from clearbooks_app.ui.site import Site

_HERE = "/connections"
_SYNCS = 5


def every(site: Site, request: Request) -> Response:
    """All connections, and the form for another one."""
    return page(site, request, "connections.html", _HERE, connections=known_connections(site))


def one(site: Site, request: Request) -> Response:
    """One connection as it is, by asking the API."""
    name = request.path_params["connection"]
    require_known(site, name)
    state = site.state_of(name)
    found = connection_status(site.settings(name), state=state if state.exists() else None)
    syncs = [j for j in site.jobs.newest(200, "sync") if j.order.about.get("connection") == name]
    return page(
        site,
        request,
        "connection.html",
        _HERE,
        name=name,
        status_=found,
        syncs=syncs[:_SYNCS],
        streams=STREAMS,
        can_sync=bool(site.loader or site.pipeline),
    )


def begin(site: Site, request: Request, form: FormData) -> Response:
    """Begin a connection: the next page leads to the consent page."""
    name = field(form, "name") or "default"
    pending = site.consents.begin(
        site.settings(name), site.access.doors.url + CALLBACK, write=field(form, "write") == "yes"
    )
    return page(site, request, "consent.html", _HERE, pending=pending, name=name)


def callback(site: Site, request: Request) -> Response:
    """Where the consent page sends the browser: makes the connection.

    The browser tells no cookie here, since it comes from elsewhere; the `state` that it brings is
    known to nobody but who began the connection.
    """
    try:
        made = site.consents.finish(request.url.query)
    except ClearBooksError as error:
        problem = sentence(error)
        return page(site, request, "connected.html", _HERE, status=400, problem=problem)
    return page(site, request, "connected.html", _HERE, made=made)


def forget(site: Site, request: Request, _: FormData) -> Response:
    """Forget the tokens of a connection."""
    name = request.path_params["connection"]
    require_known(site, name)
    disconnect(site.settings(name))
    return to(f"{_HERE}?notice=The+connection+is+forgotten.")


def sync(site: Site, request: Request, form: FormData) -> Response:
    """Read into the warehouse: everything, or what was chosen."""
    name = request.path_params["connection"]
    require_known(site, name)
    chosen = [str(stream) for stream in form.getlist("stream") if stream in STREAMS]
    job = site.sync(name, chosen or None)
    return to(f"/jobs/{job.order.id}")
