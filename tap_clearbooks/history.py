"""A run of the tap in the history that `clearbooks syncs` shows."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from clearbooks.errors import ClearBooksError
from clearbooks.history import TAP, Run, save_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clearbooks.settings import Connection
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
        self._save()

    def _save(self) -> None:
        if not self._kept:
            return
        try:
            save_run(self._connection, self._run)
        except ClearBooksError as error:
            self._kept = False
            logger.warning("`clearbooks syncs` will not show this run: %s", error)
