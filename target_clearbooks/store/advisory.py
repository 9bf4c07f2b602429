"""Advisory locks of PostgreSQL, with a name for whoever holds one."""

from __future__ import annotations

import contextlib
import os
import socket
import time

from clearbooks.postgres import psycopg
from target_clearbooks.store.database import BusyError

_MOST = 63
_KEY = "hashtextextended(%s, 0)"
_FOR_SESSION = f"SELECT pg_try_advisory_lock({_KEY})"
_FOR_TRANSACTION = f"SELECT pg_try_advisory_xact_lock({_KEY})"
# A lock of 64 bits is shown in two halves.
_HOLDER = f"""
    SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (classid::bigint << 32) | objid::bigint = {_KEY}
"""


def me() -> str:
    """This process, as others see it while it holds a lock."""
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return f"process {os.getpid()} on {socket.gethostname()[:20]}, since {since}"[:_MOST]


def acquire(link: psycopg.Connection, name: str, business_id: int) -> None:
    """Take a lock for as long as the connection lasts, or the transaction that it is in.

    Raises:
        BusyError: somebody else has it.
        psycopg.Error: the database failed.
    """
    lock = f"clearbooks: {name}"
    take = _FOR_SESSION if link.autocommit else _FOR_TRANSACTION
    if link.execute(take.encode(), [lock]).fetchone() == (True,):
        return
    found = link.execute(_HOLDER.encode(), [lock]).fetchone()
    raise BusyError.held(business_id, found[0] if found else "another program")


def close(link: psycopg.Connection) -> None:
    """Close a connection and let go of its locks at once.

    A server notices only a moment later that a connection was closed, and the next run may already
    have begun.
    """
    with contextlib.suppress(psycopg.Error):
        if link.autocommit:
            link.execute("SELECT pg_advisory_unlock_all()")
        else:
            link.rollback()
    link.close()
