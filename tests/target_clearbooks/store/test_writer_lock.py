"""Two programs never write into one business, however the paths of their stores are spelled."""

from __future__ import annotations

import json
import os
import time

import pytest

from clearbooks.errors import SettingError
from target_clearbooks.store import BusyError, open_locked
from target_clearbooks.store.locks import ledger_name
from target_clearbooks.target import TargetClearbooks
from tests.programs import PIPE, Process
from tests.target_clearbooks.conftest import TARGET, book, check_book, customer, lines, schema

CONTACTS = schema("customers")


def start(run, name, messages, *, state_home="home", **settings):
    """A target of its own in the runner's directory; without messages it reads from its input."""
    config = run.directory / f"{name}.json"
    config.write_text(json.dumps({**run.config, **settings}))
    command = [TARGET, "--config", config]
    if messages is not None:
        source = run.directory / f"{name}.jsonl"
        source.write_text(lines(*messages))
        command += ["--input", source]
    env = {**os.environ, "XDG_STATE_HOME": str(run.directory / state_home)}
    return Process(*command, cwd=run.directory, env=env, stdin=PIPE)


@pytest.fixture
def spellings(run):
    (run.directory / "link").symlink_to(run.directory)
    return {
        "relative path": {"state_store": "state.sqlite3", "token_store": "tokens.json"},
        "dots": {"state_store": f"{run.directory}/../{run.directory.name}/state.sqlite3"},
        "symlinked folder": {
            "state_store": str(run.directory / "link" / "state.sqlite3"),
            "token_store": str(run.directory / "link" / "tokens.json"),
        },
        "other tokens": {"token_store": "other/tokens.json", "state_home": "elsewhere"},
        "other application": {
            "access_token": None,
            "client_id": "sandbox",
            "client_secret": "sandbox-secret",
            "refresh_token": "sandbox-refresh-token",
            "token_store": "other/tokens.json",
            "state_home": "elsewhere",
        },
        "other state store": {"state_store": "second.sqlite3", "state_home": "elsewhere"},
        "other stores of one user": {
            "state_store": "else/second.sqlite3",
            "token_store": "other/tokens.json",
        },
        "other name of the server": {
            "state_store": "second.sqlite3",
            "state_home": "elsewhere",
            "api_url": run.config["api_url"].replace("127.0.0.1", "localhost"),
        },
    }


@pytest.mark.parametrize(
    "spelling",
    [
        "relative path",
        "dots",
        "symlinked folder",
        "other tokens",
        "other application",
        "other state store",
        "other stores of one user",
        "other name of the server",
    ],
)
def test_a_second_writer_is_refused(run, spellings, spelling):
    messages = book(6)
    # The first writes as long as its source has more to say.
    with start(run, "first", None) as first:
        first.stdin.write(lines(*messages[:-20]))
        first.stdin.flush()
        while not run.writes():
            assert first.poll() is None, first.stderr.read()
            time.sleep(0.02)
        with start(run, "second", messages, **spellings[spelling]) as second:
            _, words = second.communicate(timeout=60)
        assert second.returncode == 1, words
        assert f"is being written by process {first.pid} on " in words
        assert "Traceback" not in words
        _, words = first.communicate(lines(*messages[-20:]), timeout=60)
    assert first.returncode == 0, words
    check_book(run, 6)
    # The first has let go: the second may now write.
    with start(run, "second", messages, **spellings[spelling]) as second:
        second.communicate(timeout=60)
    assert second.returncode in (0, 4)  # 4: of another store, with journals for a person to see
    check_book(run, 6)


def test_killed_writers_leave_no_lock(run):
    run.sandbox.faults.plan("slow", seconds=0.2, method="POST", times=1000)
    with start(run, "first", book(6)) as first:
        while not run.writes():
            time.sleep(0.02)
        first.kill()
    run.sandbox.faults.clear()
    # What the server was slow with may still come.
    assert run(book(6), settle_seconds=1) == 0
    check_book(run, 6)


def test_other_businesses_are_written_at_the_same_time(run, engine):
    other = engine.add_business("Other Limited")
    target = TargetClearbooks(config=run.config)
    store, locks = open_locked(target.connection, target.settings.state_store, [run.business])
    try:
        started = time.monotonic()
        assert run([*CONTACTS, customer()], business_ids=[other]) == 0
        assert time.monotonic() - started < 5
        with pytest.raises(BusyError):
            run([*CONTACTS, customer()])
    finally:
        store.close()
        locks.release()


def test_a_lock_file_that_was_removed_ends_the_run(run):
    """Another program would make a new file, and write too."""
    run.sandbox.faults.plan("slow", seconds=0.1, method="POST", times=1000)
    with start(run, "first", book(12), max_in_flight=1) as first:
        while not run.writes():
            time.sleep(0.02)
        for path in run.directory.glob("*.lock"):
            path.unlink()
        _, words = first.communicate(timeout=60)
    assert first.returncode == 1
    assert "was removed while it was held" in words
    run.sandbox.faults.clear()
    assert run(book(12)) == 0
    check_book(run, 12)


def test_a_state_directory_that_cannot_be_made(run, monkeypatch):
    (run.directory / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(run.directory / "file"))
    assert run([*CONTACTS, customer()]) == 0


def test_a_folder_in_which_no_lock_can_be_made(run):
    (run.directory / "file").write_text("")
    with pytest.raises(SettingError, match="token_store: no lock can be made beside it"):
        run([*CONTACTS, customer()], token_store=str(run.directory / "file" / "tokens.json"))
    assert not run.writes()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://api.example.com/v1", "https://API.example.com:443/v1", True),
        ("http://127.0.0.1:8080/v1", "http://localhost:8080/v1", True),
        ("http://127.0.0.1:8080/v1", "http://[::1]:8080", True),
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8081/v1", False),
        ("https://api.example.com/v1", "https://api.example.org/v1", False),
    ],
)
def test_the_name_of_a_ledger(one, other, same):
    assert (ledger_name(one, 101) == ledger_name(other, 101)) is same
    assert ledger_name(one, 101) != ledger_name(one, 102)
