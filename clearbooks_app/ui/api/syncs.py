"""Syncs, jobs and runs over the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clearbooks.errors import SettingError
from clearbooks_app.operations import runs
from clearbooks_app.ui.api import shapes
from clearbooks_app.ui.api.connections import require_known
from clearbooks_app.ui.api.endpoint import Endpoint
from clearbooks_app.ui.site import MissingError
from tap_clearbooks.streams import STREAMS
from target_clearbooks.store import NoStoreError

if TYPE_CHECKING:
    from clearbooks.history import Run
    from clearbooks_app.ui.jobs import Job
    from clearbooks_app.ui.site import Site

_RESULTS = 200


def newest_runs(site: Site, limit: int, connection: str | None = None) -> list[Run]:
    """The newest runs of tap and target; none where there is no history."""
    try:
        return runs.list_runs(site.settings(connection), limit)
    except NoStoreError:
        return []


def find_job(site: Site, number: str) -> Job:
    """A job by its name.

    Raises:
        MissingError: there is none.
    """
    job = site.jobs.find(number)
    if job is None:
        raise MissingError(f"there is no job {number!r}")
    return job


def _sync_status(site: Site, params: shapes.OfConnection, _: None) -> shapes.SyncStatus:
    require_known(site, params.connection)
    jobs = [
        job
        for job in site.jobs.newest(200, "sync")
        if job.order.about.get("connection") == params.connection
    ]
    reads = [run for run in newest_runs(site, 100, params.connection) if run.kind == "tap"]
    return shapes.SyncStatus(
        shapes.JobItem.of(jobs[0]) if jobs else None,
        shapes.RunItem.of(reads[0]) if reads else None,
    )


def _sync_all(site: Site, params: shapes.OfConnection, _: None) -> shapes.JobItem:
    require_known(site, params.connection)
    return shapes.JobItem.of(site.sync(params.connection))


def _sync_one(site: Site, params: shapes.OfStream, _: None) -> shapes.JobItem:
    require_known(site, params.connection)
    if params.stream not in STREAMS:
        raise MissingError(f"there is no stream {params.stream!r}; there are {', '.join(STREAMS)}")
    return shapes.JobItem.of(site.sync(params.connection, [params.stream]))


def _jobs(site: Site, params: shapes.PagedByName, _: None) -> shapes.JobList:
    jobs = site.jobs.newest(200)
    start = next((i for i, j in enumerate(jobs) if j.order.id < (params.cursor or "~")), len(jobs))
    page = jobs[start : start + params.limit]
    more = start + params.limit < len(jobs)
    return shapes.JobList(
        [shapes.JobItem.of(job) for job in page], page[-1].order.id if more else None
    )


def _job(site: Site, params: shapes.OfJob, _: None) -> shapes.JobItem:
    return shapes.JobItem.of(find_job(site, params.job))


def _stop(site: Site, params: shapes.OfJob, _: None) -> shapes.JobItem:
    job = find_job(site, params.job)
    site.jobs.stop(job)
    return shapes.JobItem.of(job)


def _runs(site: Site, params: shapes.PagedByName, _: None) -> shapes.RunList:
    # As many as a history keeps.
    found = newest_runs(site, 1000)
    start = next((i for i, r in enumerate(found) if r.id < (params.cursor or "~")), len(found))
    page = found[start : start + params.limit]
    more = start + params.limit < len(found)
    return shapes.RunList([shapes.RunItem.of(run) for run in page], page[-1].id if more else None)


def _run(site: Site, params: shapes.OfRun, _: None) -> shapes.RunAnswer:
    try:
        found = runs.find(site.settings(), params.run, limit=_RESULTS)
    except SettingError as error:
        raise MissingError(str(error)) from None
    totals = runs.totals_as_json(found.totals)
    return shapes.RunAnswer(shapes.RunItem.of(found.run), totals, found.open, found.results)


_TAG = "syncs"
_STARTS = (
    "Starts the tap and the loader that the page was started with, as a process of its own; "
    "`getJob` says how far it is. One sync of a connection at a time: another one is answered "
    "with 409."
)
ENDPOINTS = (
    Endpoint(
        id="getSyncStatus",
        method="GET",
        path="/api/connections/{connection}/sync",
        summary="Get the newest sync",
        tag=_TAG,
        params=shapes.OfConnection,
        result=shapes.SyncStatus,
        call=_sync_status,
    ),
    Endpoint(
        id="syncAll",
        method="POST",
        path="/api/connections/{connection}/sync",
        summary="Sync all streams",
        description=_STARTS,
        tag=_TAG,
        params=shapes.OfConnection,
        result=shapes.JobItem,
        status=202,
        call=_sync_all,
    ),
    Endpoint(
        id="syncStream",
        method="POST",
        path="/api/connections/{connection}/sync/{stream}",
        summary="Sync one stream",
        description=_STARTS,
        tag=_TAG,
        params=shapes.OfStream,
        result=shapes.JobItem,
        status=202,
        call=_sync_one,
    ),
    Endpoint(
        id="listJobs",
        method="GET",
        path="/api/jobs",
        summary="List what was started here",
        tag=_TAG,
        params=shapes.PagedByName,
        result=shapes.JobList,
        call=_jobs,
    ),
    Endpoint(
        id="getJob",
        method="GET",
        path="/api/jobs/{job}",
        summary="Get a job",
        tag=_TAG,
        params=shapes.OfJob,
        result=shapes.JobItem,
        call=_job,
    ),
    Endpoint(
        id="stopJob",
        method="POST",
        path="/api/jobs/{job}/stop",
        summary="Ask a job to end",
        description="Its programs settle what is under way, and end with 128 + 15.",
        tag=_TAG,
        params=shapes.OfJob,
        result=shapes.JobItem,
        status=202,
        call=_stop,
    ),
    Endpoint(
        id="listRuns",
        method="GET",
        path="/api/runs",
        summary="List the runs of tap and target",
        tag=_TAG,
        params=shapes.PagedByName,
        result=shapes.RunList,
        call=_runs,
    ),
    Endpoint(
        id="getRun",
        method="GET",
        path="/api/runs/{run}",
        summary="Get a run, with what it left open and what became of its records",
        tag=_TAG,
        params=shapes.OfRun,
        result=shapes.RunAnswer,
        call=_run,
    ),
)
