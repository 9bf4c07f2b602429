"""A database for each test, and a keyring in memory."""

import keyring
import keyring.errors
import pytest
from keyring.backend import KeyringBackend

from clearbooks.auth import renewal, token_source
from tests.postgres import database, server

__all__ = ["database", "server"]


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


@pytest.fixture
def in_this_process(monkeypatch):
    """Tokens are renewed in the process of the test, where it puts something in place."""
    monkeypatch.setattr(token_source, "renew_detached", renewal.renew)


KINDS = ["file", "postgresql", "keyring"]


@pytest.fixture
def place(request, tmp_path):
    """Where a store of the kind lives."""

    def of(kind):
        if kind == "file":
            return str(tmp_path / "tokens.json")
        if kind == "postgresql":
            return request.getfixturevalue("database")
        request.getfixturevalue("keyring_backend")
        return "keyring://clearbooks-test"

    return of


@pytest.fixture(params=KINDS)
def location(request, place):
    return place(request.param)
