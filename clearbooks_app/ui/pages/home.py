"""Home: connections, how fresh each stream is, the last runs, and what waits for a person."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from clearbooks_app import output
from clearbooks_app.operations.doubts import count_doubts
from clearbooks_app.operations.runs import outcome_sums
from clearbooks_app.ui.api.connections import known_connections
from clearbooks_app.ui.api.syncs import newest_runs
from clearbooks_app.ui.pages.view import page

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.responses import Response

    from clearbooks.history import Run
    from clearbooks_app.ui.site import Site

_RUNS = 300
_SHOWN = 8
_HOUR = 3600


def home(site: Site, request: Request) -> Response:
    """The first page."""
    runs = newest_runs(site, _RUNS)
    now = time.time()
    fresh = [
        (stream, (now - read) / _HOUR, f"{output.duration(now - read)} ago")
        for stream, read in freshness(runs).items()
    ]
    return page(
        site,
        request,
        "home.html",
        "/",
        connections=known_connections(site),
        waiting=count_doubts(site.settings()),
        runs=[(run, outcome_sums(run)) for run in runs[:_SHOWN]],
        fresh=fresh,
        jobs=[job for job in site.jobs.newest(_SHOWN) if job.state == "running"],
    )


def freshness(runs: Iterable[Run]) -> dict[str, float]:
    """When each stream was last read without a failure, in seconds since 1970."""
    found: dict[str, float] = {}
    for run in runs:
        if run.kind != "tap" or run.ended is None:
            continue
        for stream, counts in run.streams.items():
            if not counts.get("failed"):
                found.setdefault(stream, run.ended)
    return dict(sorted(found.items(), key=lambda item: item[1]))
