"""How each business of each connection stands, in a file and in a database."""

from __future__ import annotations

import logging

import psycopg
import pytest

from clearbooks.fleet import BusinessStatus, all_statuses, save_statuses
from clearbooks.history import Run, newest_runs, save_run
from clearbooks.settings import Connection
from tests.postgres import database, server  # noqa: F401 - fixtures


@pytest.fixture(params=["file", "postgresql"])
def connection(request, tmp_path):
    if request.param == "file":
        return Connection(token_store=str(tmp_path / "tokens" / "tokens.json"))
    return Connection(token_store=request.getfixturevalue("database"))


def status(business=101, connection="acme", **more):
    given = {"kind": "tap", "started": 990.0, "ended": 1000.0, "succeeded": 1000.0, **more}
    return BusinessStatus(application="app", connection=connection, business=business, **given)


def test_a_business_keeps_its_last_success(connection):
    assert all_statuses(connection) == []
    one, other = status(requests=15, records=40), status(connection="zenith")
    save_statuses(connection, [one, other, status(kind="target", doubts=2)])
    assert all_statuses(connection) == [one, status(kind="target", doubts=2), other]
    failed = status(started=2000.0, ended=2001.0, succeeded=None, message="HTTP 503")
    save_statuses(connection, [failed])
    [now, *_] = all_statuses(connection)
    assert (now.succeeded, now.ended, now.message) == (1000.0, 2001.0, "HTTP 503")
    assert now.requests == 0


def test_it_is_beside_the_history(connection):
    save_statuses(connection, [status()])
    assert newest_runs(connection, 5) == []
    save_run(connection, Run(id="r1", started=1.0, kind="tap"))
    assert len(all_statuses(connection)) == len(newest_runs(connection, 5)) == 1


def test_the_view_of_a_database(database):  # noqa: F811 - the fixture
    connection = Connection(token_store=database)
    save_statuses(connection, [status(), status(102, succeeded=None, message="HTTP 403")])
    with psycopg.connect(database) as link:
        rows = link.execute(
            "SELECT business, age > interval '1 day', extract(epoch FROM last_success)::int, "
            "seconds, message FROM clearbooks_fleet ORDER BY last_success NULLS FIRST"
        ).fetchall()
    assert rows == [(102, None, None, 10, "HTTP 403"), (101, True, 1000, 10, "")]


def test_what_cannot_be_kept_is_a_warning(tmp_path, caplog):
    (tmp_path / "runs.sqlite3").write_text("not a database " * 100)
    with caplog.at_level(logging.WARNING):
        save_statuses(Connection(token_store=str(tmp_path / "tokens.json")), [status()])
    assert "status --all" in caplog.text
