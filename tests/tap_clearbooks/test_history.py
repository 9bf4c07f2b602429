"""A run of the tap leaves a history, which `clearbooks syncs` shows."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from clearbooks.history import newest_runs
from clearbooks.settings import Connection
from clearbooks_app import main
from tap_clearbooks.library import read
from tap_clearbooks.tap import TapClearbooks
from tests.ledger import ONE


@pytest.fixture
def config(books, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    settings = books.config(tmp_path, business_ids=[ONE])
    (tmp_path / "config.json").write_text(json.dumps(settings))
    return settings


@pytest.fixture
def run(config, capfdbinary):
    """`run(state, …)`: the program, in this process; the last STATE."""

    def invoke(state=None, **more):
        given = SimpleNamespace(config={**config, **more}, parse_env=False)
        state = state and io.StringIO(json.dumps(state))
        try:
            TapClearbooks.invoke(config=given, state=state)
        finally:
            lines = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
            invoke.state = next((m["value"] for m in lines[::-1] if m["type"] == "STATE"), None)
        return invoke.state

    return invoke


@pytest.fixture
def syncs(config, tmp_path):
    """`syncs(…)`: the answer of the command."""

    def answer(*arguments):
        command = ["syncs", *arguments, "--json", "--config", str(tmp_path / "config.json")]
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return answer


def test_what_a_run_read_and_what_left(books, run, syncs):
    customers = [books.do("createCustomer", {"name": n})["id"] for n in ("A", "B", "C")]
    state = run()
    books.do("deleteCustomer", customerId=customers[0])
    run(state)
    second, first = syncs()
    assert (first["kind"], first["exit_code"], first["businesses"]) == ("tap", 0, [ONE])
    assert first["streams"]["customers"] == {"read": 3}
    assert second["streams"]["customers"] == {"read": 2, "gone": 1}
    assert first["streams"]["quotes"] == {"read": 0}
    shown = syncs("show", first["run"])
    assert shown["streams"] == first["streams"]
    assert first["ended"] >= first["started"]
    # One page of each list at least, and fewer where only what changed is read again.
    assert first["requests"] == shown["requests"] > len(first["streams"]) / 2
    assert sum(run_["requests"] for run_ in (first, second)) == len(books.server.requests)


def test_a_run_that_failed(books, run, syncs):
    books.server.faults.plan("error", path="/accounting/suppliers", status=404, times=9)
    with pytest.raises(Exception, match="could not be read"):
        run()
    [failed] = syncs()
    assert failed["exit_code"] == 1
    assert failed["streams"]["suppliers"] == {"failed": 1}
    assert "suppliers" in failed["message"]


def test_a_history_that_cannot_be_written_is_one_warning(books, run, tmp_path, caplog):
    (tmp_path / "runs.sqlite3").mkdir()
    books.do("createCustomer", {"name": "A"})
    run()
    told = [r.getMessage() for r in caplog.records if "will not show this run" in r.getMessage()]
    assert [words.split("`")[1] for words in told] == [
        "clearbooks syncs",
        "clearbooks status --all",
    ]


def test_a_library_call_leaves_none(books, config, tmp_path):
    read(config, streams=["customers"], emit=lambda _: None)
    assert newest_runs(Connection.from_config(config), 1) == []


def test_where_neither_has_run_that_is_told(config, tmp_path):
    result = CliRunner().invoke(main, ["syncs", "--config", str(tmp_path / "config.json")])
    assert result.exit_code != 0
