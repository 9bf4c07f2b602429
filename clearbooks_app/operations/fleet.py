"""Every business of a token store in one table: its last success, its runs, who is behind."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from clearbooks.auth import open_store
from clearbooks.fleet import all_statuses
from clearbooks_app import output

if TYPE_CHECKING:
    from clearbooks.settings import Connection


def last_successes(connection: Connection) -> dict[tuple[str, str], float]:
    """When a run of an application and connection last succeeded, in seconds since the epoch.

    Raises:
        HistoryError: it cannot be read.
    """
    found: dict[tuple[str, str], float] = {}
    for one in all_statuses(connection):
        name = (one.application, one.connection)
        found[name] = max(found.get(name, 0.0), one.succeeded or 0.0)
    return found


def fleet(connection: Connection, behind_hours: float) -> list[dict[str, Any]]:
    """A row for each business and kind of run, those first that wait longest for a success.

    A business that its connection covered when it was made, and that no run came to, has a row
    without a kind.

    Raises:
        ClearBooksError: the token store or what runs have noted cannot be read.
    """
    now = time.time()
    rows = [msgspec.structs.asdict(one) for one in all_statuses(connection)]
    known = {(row["application"], row["connection"], row["business"]) for row in rows}
    for chain in open_store(connection.token_store).chains():
        rows += [
            {
                **dict.fromkeys(("requests", "records", "rejected", "doubts"), 0),
                "application": chain.client_id,
                "connection": chain.connection,
                "business": business,
                "kind": None,
                "succeeded": None,
                "started": 0.0,
                "ended": 0.0,
                "message": "no run came to it",
            }
            for business in chain.businesses or ()
            if (*chain.name, business) not in known
        ]
    rows.sort(key=lambda row: (row["succeeded"] or 0.0, row["application"], row["business"]))
    for row in rows:
        succeeded = row.pop("succeeded")
        row["seconds"] = round(row["ended"] - row.pop("started"), 1)
        row["last_run"] = output.iso_time(row.pop("ended"))
        row["last_success"] = output.iso_time(succeeded or 0.0)
        row["age_seconds"] = None if succeeded is None else round(now - succeeded)
        row["behind"] = succeeded is None or now - succeeded > behind_hours * 3600.0
    return rows
