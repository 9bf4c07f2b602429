"""What writing costs: in flight or one at a time, the second run, the disk, and memory.

    uv run python benchmarks/write_back.py                  1,000 invoices at 200 ms a request
    uv run python benchmarks/write_back.py --invoices 100 --latency-ms 50
    uv run python benchmarks/write_back.py --limit 600      as many invoices at 5 requests a second
    uv run python benchmarks/write_back.py --memory 100000  as many customers, without latency

The target runs as a program against the sandbox in a process of its own. The exit code is 1 where
eight in flight take a quarter of the time of one at a time or more, where the second run writes
anything, where less than 95 % of a limit are used once it is known, or where memory grows with the
number of records.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Self

import requests

TARGET = Path(sys.executable).with_name("target-clearbooks")
CUSTOMERS = 20
# Memory of the larger run may exceed that of the smaller one by this share.
GROWTH = 1.15
RATE, BURST, SHARE = 5, 10, 0.95


def main() -> int:
    """Measure and print; 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--invoices", type=int, default=1000)
    parser.add_argument("--latency-ms", type=int, default=200)
    parser.add_argument("--limit", type=int, metavar="INVOICES")
    parser.add_argument("--memory", type=int, metavar="RECORDS")
    wanted = parser.parse_args()
    if wanted.memory:
        missed = memory(wanted.memory)
    elif wanted.limit:
        missed = limit(wanted.limit)
    else:
        missed = speed(wanted.invoices, wanted.latency_ms)
    for line in missed:
        print(f"missed: {line}")
    return 1 if missed else 0


def speed(invoices: int, latency_ms: int) -> list[str]:
    """One at a time, eight in flight, and the second run of each."""
    took, missed = {}, []
    for depth in (1, 8):
        with tempfile.TemporaryDirectory() as folder, Books(Path(folder)) as books:
            books.run(customers(CUSTOMERS))
            books.answer(latency_ms)
            took[depth], _ = books.run(sales(invoices), max_in_flight=depth)
            first = books.writes()
            again, _ = books.run(sales(invoices), max_in_flight=depth)
            print(
                f"{invoices} invoices, {depth} in flight: {took[depth]:.1f} s, {first} writes; "
                f"again: {again:.1f} s, {books.writes() - first} writes"
            )
            if first != invoices or books.writes() != first:
                missed.append(f"{first} writes of {invoices}, then {books.writes() - first}")
            if depth == 1:
                print(
                    f"commits of the state store on this disk: {commit_cost(Path(folder)):.2f} ms"
                )
    share = took[8] / took[1]
    print(f"eight in flight take {share:.0%} of the time of one at a time")
    return [*missed, *([f"{share:.0%} is a quarter or more"] if share >= 1 / 4 else [])]


def limit(invoices: int) -> list[str]:
    """How much of a limit is used: by the run that finds it, and by the next."""
    share = 0.0
    with tempfile.TemporaryDirectory() as folder, Books(Path(folder)) as books:
        books.run(customers(CUSTOMERS))
        for words, first in (("at first", 0), ("the limit known", invoices)):
            books.answer(200, rate=RATE, burst=BURST)
            seconds, _ = books.run(sales(invoices, first), max_in_flight=8)
            found = books.asked()
            # What the bucket holds at the start comes without waiting.
            share = (found["requests"] - found["answers"].get("429", 0) - BURST) / RATE / seconds
            print(
                f"{invoices} invoices at {RATE}/s, {words}: {seconds:.1f} s, "
                f"{found['answers'].get('429', 0)} answers of 429, {share:.0%} of the limit used"
            )
    return [] if share >= SHARE else [f"{share:.1%} of the limit used"]


def memory(records: int) -> list[str]:
    """Peak memory with a tenth of the records, and with all."""
    peaks = []
    for count in (records // 10, records):
        with tempfile.TemporaryDirectory() as folder, Books(Path(folder)) as books:
            seconds, peak = books.run(customers(count))
            peaks.append(peak)
            print(f"{count} customers: {seconds:.1f} s, {peak / 1024:.0f} MiB at most")
    return [] if peaks[1] <= peaks[0] * GROWTH else [f"memory grew to {peaks[1] / peaks[0]:.2f} x"]


def commit_cost(folder: Path, commits: int = 200) -> float:
    """Milliseconds of a commit as the state store makes it, less those of one without fsync."""
    found = {}
    for mode in ("FULL", "OFF"):
        db = sqlite3.connect(folder / f"{mode}.sqlite3", isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA synchronous = {mode}")
        db.execute("CREATE TABLE t (n INTEGER)")
        start = time.perf_counter()
        for n in range(commits):
            db.execute("INSERT INTO t VALUES (?)", (n,))
        found[mode] = (time.perf_counter() - start) / commits * 1000
        db.close()
    return found["FULL"] - found["OFF"]


class Books:
    """A sandbox with one empty business, and the target that writes into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, str(self.folder / "books")],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout  # noqa: S101 - it is a pipe
        self.site = self._process.stdout.readline().strip()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        assert self._process.stdout  # noqa: S101 - it is a pipe
        self._process.stdout.close()

    def answer(self, latency_ms: int, **limit: int) -> None:
        """Forget what was asked, and answer so late, and so often a second, from now on."""
        requests.post(
            f"{self.site}/benchmark", params={"latency_ms": latency_ms, **limit}, timeout=10
        )

    def asked(self) -> Any:
        """What the sandbox was asked for since `answer`."""
        return requests.get(f"{self.site}/benchmark", timeout=10).json()

    def writes(self) -> int:
        """Creates that the sandbox was asked for since `answer`."""
        asked = self.asked()["operations"]
        return sum(count for name, count in asked.items() if name.startswith("create"))

    def run(self, messages: Any, **settings: Any) -> tuple[float, int]:
        """Seconds, and the largest resident set in KiB.

        Raises:
            SystemExit: the target did not settle everything.
        """
        config = {
            "access_token": "sandbox-access-token",
            "api_url": f"{self.site}/v1",
            "token_url": f"{self.site}/oauth/token",
            "business_ids": [101],
            "token_store": str(self.folder / "tokens.json"),
            "state_store": str(self.folder / "state.sqlite3"),
            **settings,
        }
        (self.folder / "config.json").write_text(json.dumps(config))
        source = self.folder / "records.jsonl"
        with source.open("w") as file:
            file.writelines(json.dumps(message) + "\n" for message in messages)
        start = time.perf_counter()
        with source.open() as stdin, (self.folder / "log").open("w") as log:
            process = subprocess.Popen(
                [TARGET, "--config", str(self.folder / "config.json")],
                stdin=stdin,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
            _, status, usage = os.wait4(process.pid, 0)
        if os.waitstatus_to_exitcode(status):
            raise SystemExit((self.folder / "log").read_text()[-2000:])
        return time.perf_counter() - start, usage.ru_maxrss


_SERVE = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from clearbooks_app.sandbox import DATABASE
from clearbooks_sandbox import AccountingEngine
import sandbox
folder = Path(sys.argv[1])
folder.mkdir()
engine = AccountingEngine(folder / DATABASE)
engine.add_business("Written")
engine.close()
sandbox.main(folder)
"""


def schema(stream: str) -> dict[str, Any]:
    """The SCHEMA message of a stream keyed by `externalId`."""
    return {
        "type": "SCHEMA",
        "stream": stream,
        "schema": {"properties": {}},
        "key_properties": ["externalId"],
    }


def customers(count: int) -> Any:
    """Customers with names of their own."""
    yield schema("customers")
    for n in range(count):
        yield {
            "type": "RECORD",
            "stream": "customers",
            "record": {"externalId": f"C-{n}", "name": f"Customer {n}"},
        }


def sales(count: int, first: int = 0) -> Any:
    """Invoices to those customers."""
    yield schema("sales_invoices")
    for n in range(first, first + count):
        line = {
            "description": "Work",
            "unitPrice": f"{100 + n % 50}.25",
            "quantity": 1,
            "accountCode": 1001001,
            "vatRate": "20%",
        }
        yield {
            "type": "RECORD",
            "stream": "sales_invoices",
            "record": {
                "externalId": f"I-{n}",
                "customer": {"externalId": f"C-{n % CUSTOMERS}"},
                "date": f"2024-{n % 12 + 1:02}-15",
                "vatTreatment": "UK",
                "lineItems": [line],
            },
        }


if __name__ == "__main__":
    sys.exit(main())
