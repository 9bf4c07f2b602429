from __future__ import annotations

import os

import pytest

from clearbooks.pacing import budget


@pytest.fixture(autouse=True)
def start_rate(monkeypatch):
    """Nobody waits for the pacer to find out how fast the sandbox is, where that is no matter."""
    monkeypatch.setattr(budget, "START_RATE", 1000.0)


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
