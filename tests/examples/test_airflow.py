"""Both DAGs of `examples/airflow`, run by Airflow itself in an environment of its own."""

from __future__ import annotations

import os
import subprocess

import psycopg
import pytest
from psycopg.types.json import Jsonb

from clearbooks_sandbox import Options
from tests.environments import environment
from tools.fleet.airflow import practice, settings
from tools.fleet.practice import differences, fill_outbox, warehouse_rows, written_wrongly

pytestmark = pytest.mark.skipif(
    "CLEARBOOKS_SKIP_AIRFLOW" in os.environ, reason="CLEARBOOKS_SKIP_AIRFLOW is set"
)


@pytest.fixture(scope="module")
def fleet():
    """Four businesses of two applications, and the file that names them."""
    with practice(4, 2, 1, Options(pages=False)) as found:
        yield found


@pytest.fixture(scope="module")
def airflow(fleet, tmp_path_factory):
    """`airflow(…)`: a command of Airflow, with a database of its own; exit code and output."""
    home = tmp_path_factory.mktemp("airflow")
    env = settings(home, fleet[-2]) | {"CLEARBOOKS_SHARD_SIZE": "2", "MELTANO_PROJECT": str(home)}

    def call(*arguments):
        done = subprocess.run(
            [environment("airflow").with_name("airflow"), *arguments],
            env=env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    code, output = call("db", "migrate")
    assert code == 0, output
    return call


def test_both_dags(fleet, airflow):
    engine, businesses, _, url, _, _ = fleet
    _, output = airflow("dags", "test", "clearbooks_read")
    assert "state=success" in output, output
    assert "'businesses': 4" in output
    assert "Failed to import" not in output
    assert "METRIC" not in output
    assert list(differences(engine, warehouse_rows(url), businesses)) == []
    # One record of one business is refused: that wants a person, and the others are written.
    fill_outbox(url, businesses)
    bad = {"businessId": businesses[2], "externalId": "C", "name": "C", "emial": "typed wrong"}
    with psycopg.connect(url) as db:
        db.execute(
            "INSERT INTO books.outbox (business, stream, record) VALUES (%s, 'customers', %s)",
            [businesses[2], Jsonb(bad)],
        )
    _, output = airflow("dags", "test", "clearbooks_write")
    assert "state=failed" in output, output
    assert f"{businesses[2]}: exit code 3: customers: 1 rejected" in output
    assert "'businesses': 4" in output
    assert list(written_wrongly(engine, businesses)) == []
