"""Coverage: what can be read and written, field by field, and what a business has of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clearbooks_app.operations import coverage as operations
from clearbooks_app.operations.progress import last_read
from clearbooks_app.ui.api.syncs import newest_runs
from clearbooks_app.ui.pages.home import freshness
from clearbooks_app.ui.pages.view import business_of, page
from clearbooks_app.ui.site import MissingError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from clearbooks_app.ui.site import Site

_HERE = "/coverage"
_RUNS = 300
VERBS = ("list", "get", "create", "update", "delete")


def every(site: Site, request: Request) -> Response:
    """Streams and what the API does with them; for a business how far each was read."""
    business = business_of(site, request)
    bookmarks: dict[str, Any] = {}
    settings = site.settings()
    state = site.state_of(settings.connection().connection)
    if state.exists():
        bookmarks = {
            entry["stream"]: entry["up_to"]
            for entry in last_read(state)
            if entry["business"] in (None, business)
        }
    runs = newest_runs(site, _RUNS)
    counts = {}
    if business is not None and request.query_params.get("count") == "yes":
        counts = {
            stream.name: operations.sample(settings, business, stream.name, 1)
            for stream in operations.coverage()
            if stream.tap
        }
    return page(
        site,
        request,
        "coverage.html",
        _HERE,
        streams=operations.coverage(),
        verbs=VERBS,
        business=business,
        bookmarks=bookmarks,
        fresh=freshness(run for run in runs if business in (None, *run.businesses)),
        counts=counts,
    )


def one(site: Site, request: Request) -> Response:
    """A stream: its fields, and a few records of a business."""
    name = request.path_params["stream"]
    found = {stream.name: stream for stream in operations.coverage()}
    if name not in found:
        raise MissingError(f"there is no stream {name!r}")
    business = business_of(site, request)
    sample = None
    if business is not None and found[name].tap:
        sample = operations.sample(site.settings(), business, name)
    return page(
        site,
        request,
        "stream.html",
        _HERE,
        stream=found[name],
        business=business,
        sample=sample,
        columns_=list(dict.fromkeys(k for row in (sample.rows if sample else ()) for k in row)),
    )
