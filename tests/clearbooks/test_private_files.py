"""Files that hold somebody's books: of their owner alone, and never behind a link."""

from __future__ import annotations

import os
import stat

import pytest

from clearbooks.auth import Name, open_store
from clearbooks.errors import SettingError, TokenStoreError
from clearbooks.private_files import open_private
from clearbooks_sandbox import AccountingEngine
from target_clearbooks.deliver.reject_file import RejectFile
from target_clearbooks.deliver.results import Results
from target_clearbooks.plan import PlanFile
from target_clearbooks.store import open_store as open_state


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def reject(path):
    file = RejectFile(path, "run")
    file.line(1, b"{", "no JSON")
    file.close()


WRITERS = {
    "rejects": reject,
    "plan": lambda path: PlanFile(path, "https://api.example.com", "target").close(),
    "results": lambda path: Results(path, "run").close(),
}


def open_to_others(path):
    path.touch()
    path.chmod(0o644)
    return path


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_that_was_there_is_tightened(kind, tmp_path):
    path = open_to_others(tmp_path / "file")
    WRITERS[kind](path)
    assert mode(path) == 0o600


@pytest.mark.parametrize("kind", WRITERS)
def test_a_symbolic_link_is_not_followed(kind, tmp_path):
    (tmp_path / "theirs").write_text("theirs")
    (tmp_path / "file").symlink_to(tmp_path / "theirs")
    with pytest.raises(SettingError, match=r"_path: .* is a symbolic link, which is not followed"):
        WRITERS[kind](tmp_path / "file")
    assert (tmp_path / "theirs").read_text() == "theirs"


def test_a_state_store_that_was_there_is_tightened(tmp_path):
    path = tmp_path / "state.sqlite3"
    open_state(str(path)).close()
    path.chmod(0o666)
    open_state(str(path)).close()
    assert mode(path) == 0o600


def test_a_token_store_that_others_can_read_is_tightened(tmp_path, monkeypatch):
    path = tmp_path / "tokens.json"
    store = open_store(str(path))
    store.write(Name("app", "default"), [])
    path.chmod(0o644)
    assert store.chains() == []
    assert mode(path) == 0o600
    path.chmod(0o644)

    def refused(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchmod", refused)
    with pytest.raises(TokenStoreError, match="others can read it, and that cannot be changed"):
        store.chains()


def test_the_database_of_a_sandbox_is_its_owners(tmp_path):
    path = open_to_others(tmp_path / "books.sqlite3")
    AccountingEngine(path).close()
    assert mode(path) == 0o600


def test_a_pipe_is_left_as_it_is(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path, 0o644)
    path.chmod(0o644)
    os.close(open_private(path, os.O_RDWR))
    assert mode(path) == 0o644
