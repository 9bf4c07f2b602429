"""A real PostgreSQL, with a database for each test: import both fixtures."""

import itertools
import os

import pytest

from tools.fleet import postgres

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server():
    # pytest keeps its files in memory, if it can: so does the server.
    with postgres.server(os.environ.get("PYTEST_DEBUG_TEMPROOT")) as started:
        yield started


@pytest.fixture
def database(server):
    """The URL of an empty database."""
    return postgres.make_database(server, f"test_{next(_numbers)}")
