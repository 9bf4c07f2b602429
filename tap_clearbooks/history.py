"""Runs of the tap, as `clearbooks syncs` and `clearbooks status --all` show them."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from clearbooks.auth import Name
from clearbooks.errors import ClearBooksError
from clearbooks.fleet import BusinessStatus, save_statuses
from clearbooks.history import TAP, Run, save_run
from tap_clearbooks.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from clearbooks.settings import Connection
    from tap_clearbooks.failures import Failure
    from tap_clearbooks.summary import Summary

logger = logging.getLogger("tap-clearbooks")


class HistoryEntry:
    """Puts down that a run began, and how it ended.

    A history that cannot be written is told once; the run goes on without it.

    Args:
        connection: Says where the history is.
        run: ID of the run.
    """

    def __init__(self, connection: Connection, run: str) -> None:
        self._connection = connection
        self._run = Run(
            id=run, started=time.time(), kind=TAP, businesses=list(connection.business_ids)
        )
        self._kept = True
        self._save()

    def end(self, summary: Summary, exit_code: int, businesses: Sequence[int]) -> None:
        """Put down how it ended."""
        run = self._run
        run.ended, run.exit_code, run.message = time.time(), exit_code, summary.message
        run.businesses, run.streams = list(businesses), summary.outcomes
        run.requests = summary.requests
        self._save()

    def _save(self) -> None:
        if not self._kept:
            return
        try:
            save_run(self._connection, self._run)
        except ClearBooksError as error:
            self._kept = False
            logger.warning("`clearbooks syncs` will not show this run: %s", error)


class BusinessNotes:
    """Puts down what reading each business came to, when its turn is over.

    Args:
        connection: Says where that is kept.
        records: How many records of each stream and business were written; it grows.
        failures: What could not be read; it grows.
    """

    def __init__(
        self,
        connection: Connection,
        records: Mapping[tuple[str, int | None], int],
        failures: Sequence[Failure],
    ) -> None:
        self._connection, self._records, self._failures = connection, records, failures
        self._began = time.time()
        self._noted: set[int] = set()
        self._kept = True

    def end(self, business: int, requests: int) -> None:
        """The turn of a business is over, after so many requests; that of the next one begins."""
        failed = [str(failure) for failure in self._failures if failure.business == business]
        self._save([self._status(business, requests, "; ".join(failed[:1]))])
        self._noted.add(business)
        self._began = time.time()

    def give_up(
        self, businesses: Sequence[int], requests: Mapping[int, int], error: Exception
    ) -> None:
        """What ended the run kept it from those whose turn was not over."""
        message = str(error) if isinstance(error, ClearBooksError) else type(error).__name__
        left = [business for business in businesses if business not in self._noted]
        self._save([self._status(of, requests.get(of, 0), message) for of in left])

    def _save(self, statuses: Sequence[BusinessStatus]) -> None:
        # One warning is enough, and so is one wait for a database that does not answer.
        self._kept = self._kept and save_statuses(self._connection, statuses)

    def _status(self, business: int, requests: int, message: str) -> BusinessStatus:
        application, connection = Name.of(self._connection)
        now = time.time()
        return BusinessStatus(
            application=application,
            connection=connection,
            business=business,
            kind=TAP,
            started=self._began,
            ended=now,
            succeeded=None if message else now,
            requests=requests,
            records=sum(self._records.get((stream, business), 0) for stream in STREAMS),
            message=message,
        )
