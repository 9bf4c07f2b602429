"""Where the budget of an application lies, and the pacer that keeps it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from clearbooks.pacing.pacer import Pacer
from clearbooks.pacing.wait_limit import WaitLimit

if TYPE_CHECKING:
    from pathlib import Path

    from clearbooks.settings import Connection


def budget_name(connection: Connection) -> str:
    """What an application's budget is kept under: one for each API address."""
    who = connection.client_id or connection.access_token or ""
    return hashlib.sha256(f"{connection.api_url} {who}".encode()).hexdigest()[:16]


def budget_path(connection: Connection) -> Path:
    """The file of an application's budget, beside the tokens."""
    return connection.directory / f"pace-{budget_name(connection)}.json"


def open_pacer(connection: Connection) -> Pacer:
    """The pacer that all programs of this application share, on all machines of a database."""
    ceiling, share = connection.max_requests_per_second, connection.budget_percent / 100.0
    limit = WaitLimit(connection.max_wait)
    if connection.database is not None:
        # Here, since the driver is an extra.
        from clearbooks.pacing.pacer_postgres import PostgresPacer

        return PostgresPacer(
            connection.database,
            budget_name(connection),
            ceiling=ceiling,
            share=share,
            limit=limit,
        )
    path: Path | None = budget_path(connection)
    try:
        connection.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        path = None
    return Pacer(path, ceiling=ceiling, share=share, limit=limit)
