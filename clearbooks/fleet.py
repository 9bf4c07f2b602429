"""How each business of each connection stands: what its newest runs came to.

A row for each business and kind of run, beside the tokens, so that one table tells of every
application and user of a token store which of their businesses are behind.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

import msgspec

from clearbooks.errors import ClearBooksError
from clearbooks.run_database import Table, opened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clearbooks.settings import Connection

logger = logging.getLogger(__name__)

TABLE = "clearbooks_business_runs"
_COLUMNS = (
    "application TEXT NOT NULL, connection TEXT NOT NULL, business BIGINT NOT NULL, "
    "kind TEXT NOT NULL, started DOUBLE PRECISION NOT NULL, ended DOUBLE PRECISION NOT NULL, "
    "succeeded DOUBLE PRECISION, requests BIGINT NOT NULL, records BIGINT NOT NULL, "
    "rejected BIGINT NOT NULL, doubts BIGINT NOT NULL, message TEXT NOT NULL, "
    "PRIMARY KEY (application, connection, business, kind)"
)
_VIEW = (
    "clearbooks_fleet AS SELECT application, connection, business, kind, "
    "to_timestamp(succeeded) AS last_success, now() - to_timestamp(succeeded) AS age, "
    "to_timestamp(ended) AS last_run, ended - started AS seconds, requests, records, rejected, "
    f"doubts, message FROM {TABLE}"
)
_TABLE = Table(TABLE, _COLUMNS, (_VIEW,))


class BusinessStatus(msgspec.Struct, kw_only=True, frozen=True):
    """What the newest run of a business came to.

    Attributes:
        application: Its client ID; empty where the settings give only a token.
        connection: Name of the user's consent.
        kind: `tap` reads the business, `target` writes into it.
        started: Seconds since the epoch, as are `ended` and `succeeded`.
        succeeded: When the newest run ended that read all that was asked for, or left nothing in
            doubt; None where none did.
        requests: Of the newest run, as are `records`, `rejected` and `message`.
        doubts: Records whose outcome is uncertain, or that wait for something or somebody.
        message: What went wrong; empty where nothing did.
    """

    application: str
    connection: str
    business: int
    kind: Literal["tap", "target"]
    started: float
    ended: float
    succeeded: float | None
    requests: int = 0
    records: int = 0
    rejected: int = 0
    doubts: int = 0
    message: str = ""


_NAMES = BusinessStatus.__struct_fields__
_SAVE = (
    f"INSERT INTO {TABLE} ({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))}) "
    "ON CONFLICT (application, connection, business, kind) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _NAMES[4:] if name != "succeeded")
    + f", succeeded = coalesce(excluded.succeeded, {TABLE}.succeeded)"
)
_ALL = f"SELECT {', '.join(_NAMES)} FROM {TABLE} ORDER BY application, connection, business, kind"


def save_statuses(connection: Connection, statuses: Sequence[BusinessStatus]) -> bool:
    """Put down what runs of businesses came to; False, with a warning, where that cannot be."""
    try:
        with opened(connection, _TABLE, write=True) as execute:
            for status in statuses:
                execute(_SAVE, msgspec.structs.astuple(status))
    except ClearBooksError as error:
        logger.warning("`clearbooks status --all` will not show this run: %s", error)
        return False
    return True


def all_statuses(connection: Connection) -> list[BusinessStatus]:
    """Those of every application and connection that share the token store.

    Raises:
        HistoryError: they cannot be read.
    """
    with opened(connection, _TABLE, write=False) as execute:
        return [BusinessStatus(**dict(zip(_NAMES, row, strict=True))) for row in execute(_ALL, ())]
