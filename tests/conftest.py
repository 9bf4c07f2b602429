from __future__ import annotations

import gc
import os
import shutil
from pathlib import Path

import pytest

from clearbooks import client
from clearbooks.pacing import budget

MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a folder of its own there
if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 4 * 2**30:
    # On a disk each commit of a store is waited for, a third of the time that tests take.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_collection_finish():
    """What all tests need stays: no need to look through it at each collection of garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def pace(monkeypatch):
    """Nobody waits before a request or between two tries, where that is not what is tested."""
    monkeypatch.setattr(budget, "START_RATE", 1000.0)
    monkeypatch.setattr(budget, "BACKOFF", 0.1)
    monkeypatch.setattr(client, "MOST_BACKOFF", 0.1)


@pytest.fixture(scope="module")
def chromium():
    """A headless Chromium; two in one process get in each other's way."""
    from tests.chromium import launched

    with launched() as browser:
        yield browser


@pytest.fixture(autouse=True, scope="session")
def _state_directory(tmp_path_factory):
    """No test reads or writes the state directory of whoever runs it."""
    before = os.environ.get("XDG_STATE_HOME")
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
    yield
    if before is None:
        del os.environ["XDG_STATE_HOME"]
    else:
        os.environ["XDG_STATE_HOME"] = before
