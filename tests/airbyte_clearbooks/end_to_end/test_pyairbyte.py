"""PyAirbyte as a real client: the ledger into DuckDB, again incrementally, and real invoices back.

The scripts are those of `airbyte/examples`.
"""

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from tap_clearbooks.streams import STREAMS
from tests.airbyte_clearbooks.conftest import INVOICES
from tests.airbyte_clearbooks.end_to_end import shop
from tests.airbyte_clearbooks.program import DESTINATION, SOURCE
from tests.environments import ROOT, wheel
from tests.ledger import ONE

pytestmark = pytest.mark.heavy

EXAMPLES = ROOT / "airbyte" / "examples"
QUERY = """
import duckdb, json, sys
connection = duckdb.connect(sys.argv[1])
print(json.dumps(connection.sql(sys.argv[2]).fetchall(), default=str))
"""


class Client:
    """Scripts in the environment of PyAirbyte."""

    def __init__(self, python, folder):
        self.python, self.folder = python, folder

    def __call__(self, *arguments):
        done = subprocess.run(
            [self.python, *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env={
                **os.environ,
                "AIRBYTE_OFFLINE_MODE": "1",
                "HOME": str(self.folder),
                "XDG_STATE_HOME": str(self.folder / "state"),
                "NO_COLOR": "1",
                "AIRBYTE_PROJECT_DIR": str(self.folder),
            },
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return json.loads(done.stdout.strip().splitlines()[-1])

    def file(self, name, config):
        path = self.folder / name
        path.write_text(json.dumps(config))
        return str(path)

    def query(self, database, sql):
        return self("-c", QUERY, database, sql)


@pytest.fixture
def pyairbyte(client, tmp_path):
    return Client(client, tmp_path)


INSTALL = """
import airbyte, json, sys
config = json.load(open(sys.argv[1]))
source = airbyte.get_source("source-clearbooks", config=config, pip_url=sys.argv[2])
source.check()
print(json.dumps(source.get_available_streams()))
"""


def test_the_wheel_is_installed_by_the_client(pyairbyte, books, tmp_path):
    config = pyairbyte.file("config.json", books.config(tmp_path))
    streams = pyairbyte("-c", INSTALL, config, str(wheel(tmp_path)))
    # Attachments are offered with the setting of that name alone.
    assert streams == [name for name in STREAMS if not name.endswith("_attachments")]


def listings(books):
    """Requests for pages of transactions, without the probes of a check."""
    return [r for r in books.requests("/accounting/transactions") if "sortBy" in r.query]


def test_the_ledger_into_duckdb_and_then_only_what_is_new(pyairbyte, books, tmp_path):
    config = pyairbyte.file("config.json", books.application(tmp_path, lookback_days=0))
    arguments = (EXAMPLES / "read_into_duckdb.py", config, "ledger.duckdb", SOURCE)
    first = pyairbyte(*arguments)
    assert first["held"]["sales_invoices"] == first["held"]["transactions"] == INVOICES + 2
    rows = pyairbyte.query(
        "ledger.duckdb",
        "SELECT businessid, count(*), sum(gross) FROM main.sales_invoices GROUP BY 1 ORDER BY 1",
    )
    assert [(b, n, Decimal(g)) for b, n, g in rows] == [
        (ONE, INVOICES, sum(Decimal(s["gross"]) for s in books.sales())),
        (102, 2, Decimal("3.84")),
    ]
    books.invoice(books.customer("New"), "2024-06-01", 1000)
    asked = len(listings(books))
    second = pyairbyte(*arguments)
    assert second["held"]["transactions"] == first["held"]["transactions"] + 1
    assert second["read"] < first["read"] / 2
    # One request for each business: the newest page tells it all.
    assert len(listings(books)) - asked == 2
    # PyAirbyte keeps no CONTROL message, and the check is a run of its own: one refresh for all.
    assert len(books.requests("/oauth/token")) == 1


def test_real_invoices_into_the_ledger_each_once_and_to_the_penny(pyairbyte, books, tmp_path):
    program = tmp_path / "source-shop"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(shop.__file__)} "$@"\n')
    program.chmod(0o755)
    config = books.config(
        tmp_path,
        business_ids=[ONE],
        rejects_path=str(tmp_path / "rejects"),
        state_store=str(tmp_path / "target.sqlite3"),
    )
    arguments = (
        EXAMPLES / "write_back.py",
        pyairbyte.file("shop.json", {}),
        pyairbyte.file("clearbooks.json", config),
        "shop.duckdb",
        "source-shop",
        str(program),
        DESTINATION,
    )
    pyairbyte(*arguments)
    wanted = shop.sales()

    def made():
        return [s for s in books.sales() if s.get("reference") in wanted]

    assert sorted(s["reference"] for s in made()) == sorted(wanted)
    assert sum(Decimal(s["net"]) for s in made()) == shop.net()
    names = {c["name"] for c in books.do("listCustomers", query={"limit": 200})}
    assert {f"Customer {rows[0]['CustomerID']}" for rows in wanted.values()} <= names
    before = [r for r in books.server.requests if r.method != "GET"]
    assert len(before) >= shop.INVOICES
    pyairbyte(*arguments)
    assert [r for r in books.server.requests if r.method != "GET"] == before
    assert len(made()) == shop.INVOICES
