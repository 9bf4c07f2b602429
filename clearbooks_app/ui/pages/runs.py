"""Runs of tap and target, jobs that were started here, and records of the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import Response

from clearbooks.errors import ClearBooksError, NotFoundError, SettingError
from clearbooks_app.operations import plans
from clearbooks_app.operations import runs as operations
from clearbooks_app.operations.numbers import whole
from clearbooks_app.operations.records import read_record, readable
from clearbooks_app.ui.api.syncs import find_job, newest_runs
from clearbooks_app.ui.pages.view import page, to
from clearbooks_app.ui.site import MissingError
from clearbooks_sandbox.pages.render import link

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.requests import Request

    from clearbooks.history import Run
    from clearbooks_app.ui.jobs import Job
    from clearbooks_app.ui.site import Site

_HERE = "/runs"
_MOST = 200
_CHARTED = 40
_RESULTS = 100


def every(site: Site, request: Request) -> Response:
    """The newest runs, as charts and as a table."""
    kind = request.query_params.get("kind", "")
    found = [run for run in newest_runs(site, _MOST) if kind in ("", run.kind)]
    ended = [run for run in reversed(found[:_CHARTED]) if run.ended is not None]
    return page(
        site,
        request,
        "runs.html",
        _HERE,
        kind=kind,
        runs=[(run, operations.outcome_sums(run)) for run in found],
        records=[(_day(run), sum(operations.outcome_sums(run).values())) for run in ended],
        requests=[(_day(run), run.requests) for run in ended if run.requests is not None],
        seconds=[(_day(run), round((run.ended or 0) - run.started, 1)) for run in ended],
        refused=[(_day(run), operations.outcome_sums(run).get("rejected", 0)) for run in ended],
        jobs=site.jobs.newest(_RESULTS),
    )


def _day(run: Run) -> str:
    """The start of a run, from its ID."""
    text = run.id
    return f"{text[6:8]}/{text[4:6]} {text[9:11]}:{text[11:13]}"


def one(site: Site, request: Request) -> Response:
    """One run, with what became of its records."""
    start = whole(request.query_params.get("after", "")) or 0
    try:
        found = operations.find(
            site.settings(), request.path_params["run"], limit=_RESULTS + 1, after=start
        )
    except SettingError as error:
        raise MissingError(str(error)) from None
    results = found.results[:_RESULTS]
    return page(
        site,
        request,
        "run.html",
        _HERE,
        run=found.run,
        open=found.open,
        totals=found.totals,
        results=results,
        after=results[-1]["number"] if len(found.results) > _RESULTS else None,
        takes_back=found.run.kind != "tap" and bool(results),
    )


def report(site: Site, request: Request) -> Response:
    """One run as a file."""
    run = request.path_params["run"]
    try:
        text = operations.html(site.settings(), run)
    except SettingError as error:
        raise MissingError(str(error)) from None
    headers = {"Content-Disposition": "attachment; filename=run.html"}
    return Response(text, media_type="text/html", headers=headers)


def undo(site: Site, request: Request, _: FormData) -> Response:
    """Make the plan that takes a run back."""
    run = request.path_params["run"]
    path = site.new_plan(f"undo-{run}")
    try:
        found = plans.undo(site.settings(), run, path)
    except ClearBooksError:
        path.unlink(missing_ok=True)
        raise
    words = f"{found.operations} operations; {len(found.left)} records stay as they are."
    return to(link(f"/plans/{path.name}", notice=words))


def job(site: Site, request: Request) -> Response:
    """A job, how far it is, and what it came to; while it runs the page loads itself anew."""
    found = find_job(site, request.path_params["job"])
    meanwhile = [
        (run, operations.outcome_sums(run))
        for run in newest_runs(site, _CHARTED)
        if _is_of(run, found)
    ]
    return page(
        site,
        request,
        "job.html",
        _HERE,
        job=found,
        answer=_answer(found),
        total=sum(found.records.values()),
        runs=meanwhile,
        whole=found.order.about.get("operations"),
        carried_out=sum(sum(s.values()) for run, s in meanwhile if run.kind == found.order.kind),
    )


def _answer(job: Job) -> dict[str, Any]:
    """What a command answered in JSON."""
    try:
        found = msgspec.json.decode(job.output)
    except msgspec.MsgspecError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_of(run: Run, job: Job) -> bool:
    """Whether a run began while a job was under way."""
    return job.order.began - 1 <= run.started <= (job.ended or float("inf"))


def stop(site: Site, request: Request, _: FormData) -> Response:
    """Ask a job to end."""
    found = find_job(site, request.path_params["job"])
    site.jobs.stop(found)
    return to(f"/jobs/{found.order.id}")


def record(site: Site, request: Request) -> Response:
    """A record of the ledger, read now."""
    business = whole(request.path_params["business"])
    stream, number = (request.path_params[n] for n in ("stream", "id"))
    if business is None or stream not in readable():
        raise MissingError(f"records of {stream} are not read one by one")
    try:
        found = read_record(site.settings(), business, stream, number)
    except NotFoundError:
        raise MissingError(f"{stream} {number} is not in business {business}") from None
    return page(site, request, "record.html", _HERE, stream=stream, business=business, record=found)
