"""The history of runs, in a file and in a database."""

from __future__ import annotations

import stat

import pytest

from clearbooks import history
from clearbooks.history import Run, find_run, new_run_id, newest_runs, save_run
from clearbooks.run_database import FILE, HistoryError
from clearbooks.settings import Connection, state_dir
from tests.postgres import database, server  # noqa: F401 - fixtures


@pytest.fixture(params=["file", "postgresql"])
def connection(request, tmp_path):
    if request.param == "file":
        return Connection(token_store=str(tmp_path / "tokens" / "tokens.json"))
    return Connection(token_store=request.getfixturevalue("database"))


def run(number, **more):
    return Run(id=f"r{number}", started=1000.0 + number, kind="tap", **more)


def test_a_run_is_kept_and_what_became_of_it(connection):
    assert newest_runs(connection, 5) == []
    assert find_run(connection, "r1") is None
    save_run(connection, run(1))
    assert newest_runs(connection, 5) == [run(1)]
    ended = run(1, ended=1010.0, exit_code=0, streams={"customers": {"read": 7}}, businesses=[101])
    save_run(connection, ended)
    save_run(connection, run(2))
    assert newest_runs(connection, 5) == [run(2), ended]
    assert newest_runs(connection, 1) == [run(2)]
    assert find_run(connection, "r1") == ended


def test_the_newest_runs_are_kept(connection, monkeypatch):
    monkeypatch.setattr(history, "MOST", 3)
    for number in (5, 1, 2, 4, 3):
        save_run(connection, run(number))
    assert [kept.id for kept in newest_runs(connection, 9)] == ["r5", "r4", "r3"]


def test_the_file_lies_beside_the_tokens_and_is_its_owners_alone(tmp_path):
    (tmp_path / FILE).touch(0o644)
    save_run(Connection(token_store=str(tmp_path / "tokens.json")), run(1))
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    for store in (None, "keyring://clearbooks"):
        assert Connection(token_store=store or "").directory == state_dir()


def test_a_history_that_cannot_be_opened_is_told_without_the_password(tmp_path):
    (tmp_path / FILE).write_text("not a database " * 100)
    with pytest.raises(HistoryError, match=FILE):
        save_run(Connection(token_store=str(tmp_path / "tokens.json")), run(1))
    url = "postgresql://me:secret@127.0.0.1:1/books?connect_timeout=1"
    with pytest.raises(HistoryError, match="history of runs") as raised:
        save_run(Connection(token_store=url), run(1))
    assert "secret" not in str(raised.value)


def test_ids_are_in_the_order_of_the_start():
    first = new_run_id()
    assert first != new_run_id()
    assert sorted([first, "20200101-000000-ffffff"])[1] == first
