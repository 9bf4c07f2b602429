"""Both DAGs of `examples/airflow`, run by Airflow itself in an environment of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import duckdb
import psycopg
import pytest
from psycopg.types.json import Jsonb

from clearbooks_sandbox import Options
from tests.environments import ROOT, environment
from tests.programs import BIN
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
def project(fleet, tmp_path_factory):
    """The folder of a Meltano project, with its secrets in .env."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "meltano.yml", folder)
    one, _ = json.loads(fleet[-2].read_text())["applications"]
    names = ("client_secret", "api_url", "token_url", "token_store")
    lines = [f"TAP_CLEARBOOKS_{name.upper()}='{one[name]}'\n" for name in names]
    (folder / ".env").write_text("".join(lines))
    return folder


@pytest.fixture(scope="module")
def airflow(fleet, project, tmp_path_factory):
    """`airflow(…)`: a command of Airflow, with a database of its own; exit code and output."""
    home = tmp_path_factory.mktemp("airflow")
    env = settings(home, fleet[-2]) | {
        "CLEARBOOKS_SHARD_SIZE": "2",
        "MELTANO_PROJECT": str(project),
    }
    env |= {
        # Meltano and its loader are programs of our environment.
        "PATH": f"{env['PATH']}{os.pathsep}{BIN}",
        "MELTANO_RUN": "tap-clearbooks target-duckdb",
        "TARGET_DUCKDB_PATH": str(project / "ledgers.duckdb"),
    }

    def call(*arguments):
        done = subprocess.run(
            [environment("airflow").with_name("airflow"), *arguments],
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
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


def test_the_variant_for_meltano(fleet, airflow, project):
    """A run of Meltano for each business, whichever application and user it belongs to."""
    engine, businesses, *_ = fleet
    _, output = airflow("dags", "test", "clearbooks_meltano")
    assert "state=success" in output, output
    with duckdb.connect(str(project / "ledgers.duckdb"), read_only=True) as db:
        found = dict(db.execute("SELECT businessId, count(*) FROM customers GROUP BY 1").fetchall())
    assert found == {number: engine.books(number).counts()["customers"] for number in businesses}
