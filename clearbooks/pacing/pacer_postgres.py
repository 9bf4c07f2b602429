"""The request budget in a PostgreSQL database: one for every machine of an application."""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING

from clearbooks.pacing.budget import Budget
from clearbooks.pacing.pacer import Pacer
from clearbooks.postgres import connect, make_table, psycopg, reason, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from clearbooks.pacing.wait_limit import WaitLimit

logger = logging.getLogger(__name__)

TABLE = "clearbooks_pace"
_COLUMNS = "name text PRIMARY KEY, record text NOT NULL"
# For this transaction alone, so that a pooler hands nothing of it on. Losing the record costs a
# second of looking for the limit; a machine that went away must not hold the others up.
_TUNE = (
    "SELECT set_config('synchronous_commit', 'off', true), "
    "set_config('lock_timeout', '15s', true), "
    "set_config('idle_in_transaction_session_timeout', '10s', true)"
)
_TAKE = f"SELECT record FROM {TABLE} WHERE name = %s FOR UPDATE"
_CLOCK = "SELECT extract(epoch FROM clock_timestamp())::float8"
_GIVE = f"UPDATE {TABLE} SET record = %s WHERE name = %s"
_MAKE = f"INSERT INTO {TABLE} VALUES (%s, %s) ON CONFLICT (name) DO NOTHING"
# Seconds after which a database that went away is tried again.
_AWAY = 30.0


class PostgresPacer(Pacer):
    """See `Pacer`. The row of the budget is locked for two round trips a request.

    Times are the database's own, since the clocks of machines differ.
    """

    def __init__(
        self,
        url: str,
        name: str,
        *,
        ceiling: int | None = None,
        share: float = 1.0,
        sleep: Callable[[float], None] | None = None,
        limit: WaitLimit | None = None,
    ) -> None:
        self._url = url
        self._name = name
        self._link: psycopg.Connection | None = None
        self._offset = 0.0
        self._away_until = 0.0
        super().__init__(
            None, ceiling=ceiling, share=share, clock=self._now, sleep=sleep, limit=limit
        )

    def _now(self) -> float:
        return time.time() + self._offset

    def _take(self) -> None:
        if time.monotonic() < self._away_until:
            return
        try:
            if self._link is None:
                self._link = self._open()
            with self._link.pipeline():
                self._link.execute(_TUNE)
                row = self._link.execute(_TAKE, [self._name])
                # After the row is ours: waiting for it takes time.
                clock = self._link.execute(_CLOCK)
            record, now = row.fetchone(), clock.fetchone()
        except psycopg.Error as error:
            self._lose(error)
            return
        if now is not None:
            self._offset = float(now[0]) - time.time()
        if record is not None:
            self._private = Budget.decode(record[0])

    def _open(self) -> psycopg.Connection:
        link = connect(self._url)
        make_table(link, TABLE, _COLUMNS)
        link.execute(_MAKE, [self._name, self._private.encode().decode()])
        link.autocommit = False
        return link

    def _give(self) -> None:
        if self._link is None:
            return
        try:
            with self._link.pipeline():
                self._link.execute(_GIVE, [self._private.encode().decode(), self._name])
                self._link.commit()
        except psycopg.Error as error:
            self._lose(error)

    def _lose(self, error: psycopg.Error) -> None:
        """Pace this process alone for a while: a run need not end for its budget."""
        logger.warning(
            "the request budget in %s cannot be shared for now: %s",
            shown(self._url),
            reason(error, self._url),
        )
        self._away_until = time.monotonic() + _AWAY
        if self._link is not None:
            self._link.close()
            self._link = None

    def close(self) -> None:
        """Put what was counted into the database, and close the connection."""
        super().close()
        # A request that is under way when a run breaks off must not open it again.
        self._away_until = math.inf
        if self._link is not None:
            self._link.close()
            self._link = None
