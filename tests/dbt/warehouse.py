"""Ledgers in a warehouse, the dbt package over them, and what it made of them."""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import subprocess
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import duckdb
import psycopg
from filelock import FileLock

from clearbooks_sandbox import AccountingEngine
from clearbooks_sandbox.demo import build
from tests.dbt.trades import enter_trades
from tests.project.conftest import BIN, ROOT
from tests.tap_clearbooks.bookkeeper import TODAY, Bookkeeper
from tests.tap_clearbooks.copying import Recorder

PACKAGE = ROOT / "dbt"
CHANGES = 150
# The businesses of a second ledger stand beside those of the first one in the same tables.
BESIDE = 100
# Twenty days, among them before the first posting and after the last one.
DAYS = [
    "2009-12-31",
    "2010-11-30",
    "2010-12-01",
    "2010-12-09",
    "2010-12-15",
    "2010-12-24",
    "2010-12-31",
    "2011-01-04",
    "2011-01-31",
    "2011-02-01",
    "2024-03-15",
    "2024-05-14",
    "2024-05-31",
    "2024-06-10",
    "2024-06-30",
    *(str(TODAY - dt.timedelta(days)) for days in (900, 45, 20, 1)),
    "2126-01-01",
]


class Ledger:
    """The demo's books and a builder's, read, changed at random and read again, in a dialect."""

    def __init__(self, folder, *dialects, changes=CHANGES, **settings):
        folder.mkdir()
        self.engine = AccountingEngine(None)
        self.businesses = (*build(self.engine), enter_trades(self.engine))
        self.engine.dialects.on("paid-changeable", *dialects)
        copy = Recorder(self.engine, folder, page_size=200, **settings)
        copy.run()
        copy.written.append([])
        self._change(changes)
        # Text that is edited in place arrives only with a whole reading.
        copy.days = 8
        copy.run()
        self.runs = copy.written

    def _change(self, wanted):
        dice, keeper, done = random.Random(13), Bookkeeper(self.engine), 0  # noqa: S311 - no secret
        while done < wanted:
            done += keeper.act(
                dice.choice(Bookkeeper.NAMES),
                dice.choice(self.businesses),
                dice.randint(0, 4095),
                dice.randint(0, 4095),
            )

    def balances(self, business, day):
        """The API's own sums of all accounts up to a day."""
        query = {"accountingDateFrom": "1900-01-01", "accountingDateTo": day}
        reply = self.engine.call(
            "listAccountBalances", business_id=business, params={}, query=query
        )
        assert reply.ok, reply.body
        return {
            row["accountCodeId"]: Decimal(str(row["balance"]))
            for row in json.loads(reply.body, parse_float=Decimal)
            if row["balance"]
        }


def shifted(line, by):
    """A message as it would be of another business."""
    if not by:
        return line
    message = json.loads(line)
    if message["type"] == "RECORD":
        message["record"]["businessId"] += by
    return json.dumps(message)


def load(program, config, runs, folder):
    """Pipe runs into a loader, one after the other."""
    path = folder / "loader.json"
    path.write_text(json.dumps(config))
    for lines in runs:
        done = subprocess.run(
            [program, "--config", path],
            input="\n".join(lines) + "\n",
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]


class Warehouse:
    """A database with the loader's tables, and a folder for dbt."""

    def __init__(self, folder, environment):
        self.folder = folder
        self.environment = {
            **os.environ,
            **environment,
            "DBT_PROJECT_DIR": str(PACKAGE),
            "DBT_PROFILES_DIR": str(PACKAGE / "integration"),
            "DBT_TARGET_PATH": str(folder / "target"),
            "DBT_LOG_PATH": str(folder / "logs"),
        }

    def dbt(self, *arguments, check=True, **variables):
        """Run dbt on the package."""
        command = [BIN / "dbt", "--no-use-colors", *arguments]
        if variables:
            command += ["--vars", json.dumps(variables)]
        done = subprocess.run(
            command,
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if check:
            assert done.returncode == 0, done.stdout[-6000:] + done.stderr
        return done

    def outcomes(self):
        """What became of each node in the newest run: name -> status."""
        found = json.loads((self.folder / "target" / "run_results.json").read_text())
        return {r["unique_id"].split(".")[2]: r["status"] for r in found["results"]}

    def nodes(self, kind):
        """The nodes of a kind, `model` or `test`, as dbt's manifest has them."""
        found = json.loads((self.folder / "target" / "manifest.json").read_text())["nodes"]
        return [node for node in found.values() if node["resource_type"] == kind]

    def models(self):
        """The names of the models, seeds apart."""
        return sorted(node["name"] for node in self.nodes("model"))


class DuckDB(Warehouse):
    """A file that target-duckdb wrote."""

    def __init__(self, folder, name="books"):
        self.path = folder / f"{name}.duckdb"
        super().__init__(folder, {"DBT_DUCKDB": str(self.path)})

    def load(self, runs):
        config = {"path": str(self.path), "default_target_schema": "main"}
        load(BIN / "target-duckdb", config, runs, self.folder)

    def ask(self, query, schema="books"):
        with duckdb.connect(str(self.path), read_only=True) as link:
            link.execute(f"SET search_path = '{schema}'")
            cursor = link.execute(query)
            return [c[0] for c in cursor.description], cursor.fetchall()

    def write(self, *statements):
        with duckdb.connect(str(self.path)) as link:
            for statement in statements:
                link.execute(statement)


class Postgres(Warehouse):
    """A database that MeltanoLabs' target-postgres wrote."""

    def __init__(self, folder, url):
        self.url = url
        parts = urlsplit(url)
        super().__init__(
            folder,
            {
                "DBT_TARGET": "postgres",
                "PGHOST": parse_qs(parts.query)["host"][0],
                "PGUSER": parts.username,
                "PGPASSWORD": parts.password,
                "PGDATABASE": parts.path.removeprefix("/"),
            },
        )

    def load(self, program, runs):
        config = {"sqlalchemy_url": self.url, "default_target_schema": "public"}
        load(program, config, runs, self.folder)

    def ask(self, query, schema="books"):
        with psycopg.connect(self.url) as link:
            link.execute(f"SET search_path = {schema}")
            cursor = link.execute(query)
            return [c.name for c in cursor.description], cursor.fetchall()


def rows(warehouse, model):
    """All rows of a model, in an order that every database has."""
    names, found = warehouse.ask(f'SELECT * FROM "{model}"')
    return names, sorted((tuple(map(plain, row)) for row in found), key=repr)


def plain(value):
    """A value as every database has it."""
    if isinstance(value, str) and value[:1] in {"[", "{"}:
        value = json.loads(value)
    if isinstance(value, (dict, list)):
        return json.dumps(value, sort_keys=True)
    if isinstance(value, Decimal):
        return value.normalize() + 0
    return value


def shared(root, name, make):
    """A folder that one of several test processes makes, and all of them read."""
    folder = Path(root) / name
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            make(folder)
    return folder
