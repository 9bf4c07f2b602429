"""The tasks of `examples/airflow` without Airflow: what a retry finds, and what codes mean."""

from __future__ import annotations

import json
import sys

import psycopg
import pytest

import tap_clearbooks
from clearbooks_sandbox import AccountingEngine, Options, running
from tests.environments import ROOT
from tests.postgres import database, server  # noqa: F401 - fixtures
from tools.fleet.practice import (
    STREAMS,
    build,
    connect,
    differences,
    divide,
    fill_outbox,
    warehouse_rows,
    written_wrongly,
)


@pytest.fixture
def fleet(database, tmp_path, monkeypatch):  # noqa: F811
    """Three businesses of one application; engine, businesses, sandbox, URL."""
    monkeypatch.syspath_prepend(ROOT / "examples" / "airflow" / "dags")
    engine = AccountingEngine()
    businesses = build(engine, 3)
    with running(engine, Options(pages=False)) as sandbox:
        applications = connect(sandbox, divide(businesses, 1, 2), token_store=database)
        fleet = {
            "warehouse": database,
            "applications": applications,
            "streams": STREAMS,
            "target": {"state_store": database},
        }
        (tmp_path / "fleet.json").write_text(json.dumps(fleet))
        monkeypatch.setenv("CLEARBOOKS_FLEET", str(tmp_path / "fleet.json"))
        yield engine, businesses, sandbox, database
    sys.modules.pop("clearbooks_tasks", None)
    engine.close()


@pytest.fixture
def tasks(fleet):
    import clearbooks_tasks

    return clearbooks_tasks


def done(url):
    with psycopg.connect(url) as db:
        return dict(db.execute("SELECT business, code FROM books.done ORDER BY business"))


def test_a_task_that_died_goes_on_where_it_stopped(fleet, tasks, monkeypatch):
    engine, businesses, sandbox, url = fleet
    [shard] = tasks.reading(10)
    assert shard.first
    read, calls = tap_clearbooks.read, []

    class Killed(BaseException):
        """As by SIGKILL: nothing of it is caught."""

    def dies(config, *, emit, **more):
        def until(message):
            emit(message)
            if len(calls) == 2 and message["type"] == "STATE":
                raise Killed

        calls.append(config["business_ids"])
        return read(config, emit=until, **more)

    with monkeypatch.context() as patch:
        patch.setattr(tap_clearbooks, "read", dies)
        with pytest.raises(Killed):
            tasks.read_shard("r1", shard)
    # All of the first business, and nothing of the second.
    first, *rest = businesses
    assert done(url) == {first: 0}
    assert {record["businessId"] for _, record in warehouse_rows(url)} == {first}
    before = len(sandbox.requests)
    again = tasks.read_shard("r1", shard)
    assert [one.business for one in again] == rest
    asked = {one.business for one in list(sandbox.requests)[before:]} - {None, 0}
    assert asked == set(rest)
    assert list(differences(engine, warehouse_rows(url), businesses)) == []
    assert tasks.read_shard("r1", shard) == []
    assert tasks.summary("r1") == {
        "businesses": 3,
        "requests": tasks.summary("r1")["requests"],
        "records": sum(1 for _ in warehouse_rows(url)),
        "for_a_person": [],
    }
    # The next run is a daily one, and costs no more.
    [shard] = tasks.reading(10)
    assert not shard.first
    tasks.read_shard("r2", shard)
    assert tasks.summary("r2")["requests"] <= tasks.summary("r1")["requests"]


def test_what_is_tried_again_and_what_wants_a_person(fleet, tasks):
    _, _, sandbox, url = fleet
    [shard] = tasks.reading(10)
    sandbox.oauth.revoke_all()
    found = tasks.read_shard("r1", shard)
    assert [one.code for one in found] == [5, 5, 5]
    # Over for this run: nobody asks again until somebody has authorised the application.
    assert set(done(url).values()) == {5}
    assert tasks.read_shard("r1", shard) == []
    assert len(tasks.summary("r1")["for_a_person"]) == 3


def test_a_server_that_fails_is_tried_again(fleet, tasks, monkeypatch):
    _, businesses, sandbox, url = fleet
    [shard] = tasks.reading(10)
    settings_of = tasks.settings_of
    with monkeypatch.context() as patch:
        patch.setattr(
            tasks, "settings_of", lambda *a, **m: {**settings_of(*a, **m), "max_tries": 1}
        )
        sandbox.faults.plan("error", path="/accounting", times=10**6)
        found = tasks.read_shard("r1", shard)
        assert {one.code for one in found} == {1}
    assert done(url) == {}
    sandbox.faults.clear()
    assert [one.code for one in tasks.read_shard("r1", shard)] == [0, 0, 0]
    assert set(done(url)) == set(businesses)


def test_writing_settles_each_record_once(fleet, tasks):
    engine, businesses, sandbox, url = fleet
    assert tasks.writing(10) == []
    fill_outbox(url, businesses)
    shards = tasks.writing(2)
    assert [len(shard.businesses) for shard in shards] == [2, 1]
    for shard in shards:
        assert [one.code for one in tasks.write_shard("w1", shard)] == [0] * len(shard.businesses)
    assert list(written_wrongly(engine, businesses)) == []
    assert tasks.writing(10) == []
    # What the next run brings to one business is all that it writes.
    fill_outbox(url, businesses[:1])
    [shard] = tasks.writing(10)
    before = len(sandbox.requests)
    [one] = tasks.write_shard("w2", shard)
    assert (one.business, one.code) == (businesses[0], 0)
    assert not [r for r in list(sandbox.requests)[before:] if r.method == "POST" and r.operation]
