"""Airflow on this machine for real: PostgreSQL, scheduler, workers, and what kills them.

    uv run python -m tools.fleet.airflow                    # 200 businesses: about ten minutes
    uv run python -m tools.fleet.airflow --businesses 40 --kill-every 10
    uv run python -m tools.fleet.airflow --executor celery   # workers of their own, over Redis

Reads the books of every business of two applications with the DAGs of `examples/airflow`, then
writes into each, kills tasks and whole workers on the way, and compares every record.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psycopg

from clearbooks_sandbox import AccountingEngine, Options, running
from tests.environments import ROOT, environment
from tools.fleet.ports import free_port
from tools.fleet.postgres import make_database, server
from tools.fleet.practice import (
    STREAMS,
    asked,
    build,
    connect,
    differences,
    divide,
    fill_outbox,
    warehouse_rows,
    written_wrongly,
)
from tools.fleet.redis import broker

if TYPE_CHECKING:
    from collections.abc import Iterator

DAGS = ROOT / "examples" / "airflow" / "dags"
POOL = "clearbooks"
PATIENCE = 1800.0
# What Airflow calls a slot of its executor, and the process of a task below it.
_WORKER = "airflow worker -- "
# Of Celery: workers, and the slots of each.
CELERY_WORKERS, CELERY_SLOTS = 2, 2


def settings(home: Path, fleet: Path, database: str = "", port: int = 0) -> dict[str, str]:
    """The environment of Airflow's programs; without a database what `airflow dags test` needs."""
    python = environment("airflow")
    found = {
        **os.environ,
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "CLEARBOOKS_FLEET": str(fleet),
        "NO_PROXY": "127.0.0.1,localhost",
    }
    if database:
        found |= {
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database.replace("://", "+psycopg2://"),
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "4",
            # Runs begin when they are triggered, and not by themselves as well.
            "CLEARBOOKS_READ_AT": "",
            "CLEARBOOKS_WRITE_AT": "",
            "CLEARBOOKS_SHARD_SIZE": "10",
            # Default 1024: more shards than that would fail.
            "AIRFLOW__CORE__MAX_MAP_LENGTH": "100000",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__WORKERS": "1",
            # One for all programs, at least 64 characters.
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(48),
            # Default 300 s until the task of a worker that vanished is tried again.
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "3",
        }
    return found


def celery(env: dict[str, str], broker_url: str) -> dict[str, str]:
    """What the same settings add for workers that take their tasks from Redis."""
    database = env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    return {
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__CELERY__BROKER_URL": broker_url,
        "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{database}",
        "AIRFLOW__CELERY__WORKER_CONCURRENCY": str(CELERY_SLOTS),
    }


class Airflow:
    """API server, DAG processor, scheduler and Celery's workers; use it in a `with` block.

    Args:
        home: Where it keeps its logs.
        fleet: The file that `CLEARBOOKS_FLEET` names.
        database: URL of an empty database for its own tables.
        broker_url: Redis for Celery; without it the scheduler's own processes carry out tasks.
    """

    def __init__(self, home: Path, fleet: Path, database: str, broker_url: str | None) -> None:
        self.home, self._database = home, database
        self._env = settings(home, fleet, database, free_port())
        self._celery = celery(self._env, broker_url) if broker_url else {}
        self._env |= self._celery
        self._program = environment("airflow").with_name("airflow")
        self._programs: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        self.call("db", "migrate")
        self.call("pools", "set", POOL, "4", "tasks that use the API")
        for name in ("api-server", "dag-processor", "scheduler"):
            self._start(name, name)
        for number in range(CELERY_WORKERS if self._celery else 0):
            self._start_worker(f"worker-{number}")
        return self

    def _start(self, name: str, *arguments: str, **more: str) -> None:
        with (self.home / f"{name}.log").open("ab") as log:
            self._programs[name] = subprocess.Popen(  # noqa: S603 - Airflow's own
                [self._program, *arguments], env=self._env | more, stdout=log, stderr=log
            )

    def _start_worker(self, name: str) -> None:
        # On one machine each needs a name, a PID file and a port of its own.
        pid = self.home / f"{name}-{time.monotonic_ns()}.pid"
        port = str(free_port())
        self._start(
            name,
            *("celery", "worker", "--celery-hostname", f"{name}@%h", "--pid", str(pid)),
            AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT=port,
        )

    def __exit__(self, *_: object) -> None:
        trees = [pid for one in self._programs.values() for pid in (one.pid, *below(one.pid))]
        for one in self._programs.values():
            one.terminate()
        for one in self._programs.values():
            try:
                one.wait(30)
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait()
        for pid in trees:
            # What a killed parent left behind.
            kill(pid)

    def call(self, *arguments: str) -> None:
        """Run a command of Airflow."""
        done = subprocess.run(  # noqa: S603 - Airflow's own
            [self._program, *arguments],
            env=self._env,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"airflow {' '.join(arguments)}: {done.stderr[-2000:]}")

    def ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of Airflow's own database."""
        with psycopg.connect(self._database) as db:
            return db.execute(statement.encode(), values).fetchall()

    def run(self, dag: str, run: str, kill_every: float = 0.0) -> dict[str, int]:
        """Run a DAG to its end; how many tasks, tries and kills of each kind there were."""
        until = time.monotonic() + PATIENCE
        while not self.ask("SELECT 1 FROM serialized_dag WHERE dag_id = %s", dag):
            if time.monotonic() > until:
                raise SystemExit(f"the DAG {dag} was not found; see {self.home}/*.log")
            time.sleep(0.5)
        self.call("dags", "unpause", dag)
        self.call("dags", "trigger", dag, "--run-id", run)
        kills, next_kill = {"task": 0, "worker": 0}, time.monotonic() + kill_every
        choose = random.Random(1)  # noqa: S311 - which one to kill
        while self.ask(
            "SELECT state FROM dag_run WHERE dag_id = %s AND run_id = %s", dag, run
        ) not in ([("success",)], [("failed",)]):
            if time.monotonic() > until:
                raise SystemExit(f"{dag} did not end; see {self.home}")
            if kill_every and time.monotonic() >= next_kill:
                # Every third time a whole worker, with the task that it supervises.
                kind = "worker" if sum(kills.values()) % 3 == 2 else "task"  # noqa: PLR2004
                victims = self._workers() if kind == "worker" else self._tasks()
                if victims:
                    tree = choose.choice(victims)
                    for pid in (tree, *below(tree)):
                        kill(pid)
                    kills[kind] += 1
                    self._replace_workers()
                next_kill = time.monotonic() + kill_every
            time.sleep(0.2)
        [(state,)] = self.ask(
            "SELECT state FROM dag_run WHERE dag_id = %s AND run_id = %s", dag, run
        )
        if state != "success":
            kept = tempfile.mkdtemp(prefix="clearbooks-airflow-logs-")
            shutil.copytree(self.home, kept, dirs_exist_ok=True)
            raise SystemExit(f"{dag}: {state}; see {kept}")
        [(count, tries)] = self.ask(
            "SELECT count(*), sum(try_number) FROM task_instance WHERE dag_id = %s AND run_id = %s "
            "AND map_index >= 0",
            dag,
            run,
        )
        return {"tasks": count, "tries": int(tries or 0), **kills}

    def _replace_workers(self) -> None:
        """Start Celery's workers that were killed again, as a machine does that comes back."""
        for name, program in list(self._programs.items()):
            if name.startswith("worker-") and program.poll() is not None:
                self._start_worker(name)

    def _workers(self) -> list[int]:
        """Whole workers of Celery; else slots of the executor that supervise a task."""
        if self._celery:
            return [p.pid for name, p in self._programs.items() if name.startswith("worker-")]
        mine = below(self._programs["scheduler"].pid)
        busy = [pid for pid in mine if command(pid).startswith(f"{_WORKER}LocalExecutor: ")]
        return [pid for pid in busy if "<idle>" not in command(pid)]

    def _tasks(self) -> list[int]:
        """Processes that run the code of a task."""
        mine = [pid for one in self._programs.values() for pid in below(one.pid)]
        return [
            pid
            for pid in mine
            if command(pid).startswith(_WORKER) and "LocalExecutor" not in command(pid)
        ]


def below(pid: int) -> list[int]:
    """The processes that a process started, and those that they did."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, left = [], [pid]
    while left:
        children = parents.get(left.pop(), [])
        found += children
        left += children
    return found


def command(pid: int) -> str:
    """What a process calls itself."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def kill(pid: int) -> None:
    """SIGKILL, where it still runs."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@contextmanager
def practice(businesses: int, applications: int, users: int, options: Options) -> Iterator[Any]:
    """Books, a sandbox, databases, and the file that names them all."""
    engine = AccountingEngine()
    numbers = build(engine, businesses)
    with (
        tempfile.TemporaryDirectory(prefix="clearbooks-airflow-") as folder,
        server() as started,
        running(engine, options) as sandbox,
    ):
        url = make_database(started, "warehouse")
        fleet = Path(folder) / "fleet.json"
        settings = connect(sandbox, divide(numbers, applications, users), token_store=url)
        fleet.write_text(
            json.dumps(
                {
                    "warehouse": url,
                    "applications": settings,
                    # The sandbox carries out at once what it does.
                    "target": {"state_store": url, "settle_seconds": 1},
                    "streams": STREAMS,
                }
            )
        )
        yield engine, numbers, sandbox, url, fleet, make_database(started, "airflow")


def _make_tables(fleet: Path) -> None:
    """Those of the warehouse, where no run has made them yet."""
    os.environ["CLEARBOOKS_FLEET"] = str(fleet)
    sys.path.insert(0, str(DAGS))
    import clearbooks_tasks

    clearbooks_tasks.make_tables()


def main() -> int:
    """Run it; 1 where anything differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--businesses", type=int, default=200)
    parser.add_argument("--kill-every", type=float, default=20.0, metavar="SECONDS")
    parser.add_argument("--dags", nargs="+", choices=("read", "write"), default=["read", "write"])
    parser.add_argument("--executor", choices=("local", "celery"), default="local")
    wanted = parser.parse_args()
    options = Options(rate=20, burst=20, latency_ms=100, expires_in=60, pages=False)
    redis = broker() if wanted.executor == "celery" else nullcontext()
    with redis as broker_url, practice(wanted.businesses, 2, 10, options) as found:
        engine, numbers, sandbox, url, fleet, database = found
        with Airflow(fleet.parent, fleet, database, broker_url) as airflow:
            wrong: list[str] = []
            runs = {"read": ("first", "later"), "write": ("first",)}
            for dag, run in [(f"clearbooks_{w}", run) for w in wanted.dags for run in runs[w]]:
                if dag == "clearbooks_write":
                    _make_tables(fleet)
                    fill_outbox(url, numbers)
                before, began = len(sandbox.requests), time.monotonic()
                seen = airflow.run(dag, run, wanted.kill_every)
                took = time.monotonic() - began
                what = asked(sandbox, before)
                if dag == "clearbooks_read":
                    wrong += differences(engine, warehouse_rows(url), numbers)
                else:
                    wrong += written_wrongly(engine, numbers)
                print(
                    f"{dag} {run}: {wanted.businesses} businesses, {took:.0f} s, "
                    f"{what.requests} requests, {what.answers_429} answers of 429, "
                    f"{what.tokens_used_twice} tokens used twice, {what.renewals} renewals, "
                    f"{seen['tasks']} tasks, {seen['tries']} tries, {seen['task']} tasks and "
                    f"{seen['worker']} workers killed, {len(wrong)} differences",
                    flush=True,
                )
            for line in wrong[:10]:
                print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
