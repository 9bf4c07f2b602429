"""One run of one reader: wall clock, CPU, memory, and what the sandbox saw of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections import deque
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from readers import tally

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readers import Kitchen, Reader, Tally

HERE = Path(__file__).resolve().parent
LIMITED = "429"


@dataclass(slots=True)
class Run:
    """What was measured. CPU and memory are those of the reading process alone."""

    reader: str
    ledger: str
    requests: int
    limited: int
    wall: float
    cpu: float
    memory_mib: float
    records: int
    tally: Tally
    first_requests: float
    limited_at: list[Any] = field(default_factory=list)
    gave_up: bool = False

    @property
    def answered(self) -> int:
        """Requests without those that were turned away."""
        return self.requests - self.limited

    def plain(self) -> dict[str, Any]:
        """For the JSON file."""
        return asdict(self)


class Sandbox:
    """The sandbox's control address; see `sandbox.py`."""

    def __init__(self, site: str) -> None:
        self.site = site
        self.businesses: dict[str, int] = self.look()["businesses"]

    def set(self, **options: float) -> None:
        """Forget what was asked, and answer in this way from now on."""
        query = "&".join(f"{name}={value}" for name, value in options.items())
        request = urllib.request.Request(f"{self.site}/benchmark?{query}", method="POST")  # noqa: S310
        urllib.request.urlopen(request, timeout=30).close()  # noqa: S310 - our own loopback address

    def look(self) -> dict[str, Any]:
        """What was asked since."""
        with urllib.request.urlopen(f"{self.site}/benchmark", timeout=30) as reply:  # noqa: S310
            found: dict[str, Any] = json.load(reply)
            return found


@contextmanager
def sandbox(ledgers: Path) -> Iterator[Sandbox]:
    """A sandbox in a process of its own, for as long as the block runs."""
    command = [sys.executable, str(HERE / "sandbox.py"), str(ledgers)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout  # noqa: S101 - for the type checker
        try:
            site = process.stdout.readline().strip()
            if not site:
                raise SystemExit("the sandbox did not start")
            yield Sandbox(site)
        finally:
            process.send_signal(signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Bench:
    """Where runs happen."""

    sandbox: Sandbox
    kitchen: Kitchen
    work: Path

    def run(
        self,
        reader: Reader,
        ledger: str,
        store: Path | None = None,
        *,
        later: bool = False,
        **options: float,
    ) -> Run:
        """Let a reader read a ledger once, `later` with the state of its last run.

        Without `store` it starts knowing nothing of the limit.
        """
        fresh = self.work / "store"
        for old in fresh.glob("*"):
            old.unlink()
        fresh.mkdir(exist_ok=True)
        business = self.sandbox.businesses[ledger]
        command = self.kitchen.command(reader, self.sandbox.site, business, store or fresh)
        state = self.work / f"{reader.name}.state.json"
        if later:
            command += ["--state", str(state)]
        output, errors = self.work / f"{reader.name}.out", self.work / f"{reader.name}.err"
        self.sandbox.set(**options)
        with output.open("wb") as out, errors.open("wb") as err:
            started = time.perf_counter()
            process = subprocess.Popen(command, stdout=out, stderr=err, env=_environment())
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        # A peer that cannot live with a limit has lost; anything else is a fault of the benchmark.
        gave_up = process.returncode != 0 and reader.peer is not None and "rate" in options
        if process.returncode and not gave_up:
            words = errors.read_text(errors="replace")[-2000:]
            raise SystemExit(f"{reader.label} ended with {process.returncode}:\n{words}")
        seen = self.sandbox.look()
        found = {} if gave_up else tally(reader, output)
        if reader.peer is None and not later:
            state.write_bytes(_state(output))
        output.unlink()
        return Run(
            reader=reader.name,
            ledger=ledger,
            requests=seen["requests"],
            limited=seen["answers"].get(LIMITED, 0),
            wall=wall,
            cpu=usage.ru_utime + usage.ru_stime,
            memory_mib=usage.ru_maxrss / 1024,
            records=sum(count for count, _ in found.values()),
            tally=found,
            first_requests=seen["seconds"],
            limited_at=seen["limited_at"],
            gave_up=gave_up,
        )

    def smallest_memory_mib(self) -> float:
        """What a program that needs nothing is charged for being started from here."""
        process = subprocess.Popen([sys.executable, "-S", "-c", ""])
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
        return usage.ru_maxrss / 1024


def _state(output: Path) -> bytes:
    """The last state in a tap's output."""
    with output.open("rb") as lines:
        (last,) = deque((line for line in lines if b'"type":"STATE"' in line), maxlen=1)
    return json.dumps(json.loads(last)["value"]).encode()


def _environment() -> dict[str, str]:
    """Nothing that reports home, and logs at the level that a scheduler would use."""
    return {
        **os.environ,
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "DO_NOT_TRACK": "1",
        "AIRBYTE_OFFLINE_MODE": "1",
        "LOG_LEVEL": "WARNING",
    }
