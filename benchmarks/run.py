"""Measures the tap beside its peers and prints one table.

    uv run python benchmarks/run.py            everything, about half an hour
    uv run python benchmarks/run.py --quick    a small ledger and four readers, under a minute

The exit code is 1 where a target is missed. See README.md for what is measured and how.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger import SIZES
from measure import Bench, sandbox
from readers import READERS, Kitchen
from report import Results, Target, machine, table, targets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from measure import Run
    from readers import Reader

    # Kind, reader, ledger, where the tap keeps the limit, and how the sandbox answers.
    Planned = tuple[str, Reader, str, Path | None, dict[str, Any]]

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Plan:
    """What a benchmark reads, and how the sandbox answers meanwhile."""

    large: str
    small: str
    readers: tuple[str, ...]
    repeat: int
    latency_ms: int
    rate: int
    burst: int
    whole: bool


FULL = Plan("full", "third", tuple(READERS), 3, 200, 5, 10, whole=True)
QUICK = Plan("tiny", "tiny", ("tap", "tap_since", "sdk", "floor"), 1, 50, 20, 10, whole=False)


def main() -> int:
    """Run the plan; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="a small ledger and four readers")
    parser.add_argument("--repeat", type=int, help="runs of which the median is taken")
    parser.add_argument("--readers", help=f"some of {','.join(READERS)}")
    parser.add_argument("--output", type=Path, default=HERE / ".work", help="for results.*")
    arguments = parser.parse_args()
    # Every reader runs from compiled modules, as after an installation.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    plan = QUICK if arguments.quick else FULL
    names = tuple(arguments.readers.split(",")) if arguments.readers else plan.readers
    unknown = set(names) - set(READERS)
    if unknown:
        parser.error(f"--readers: no reader {sorted(unknown)}; there are {', '.join(READERS)}")
    results = _measure(plan, [READERS[name] for name in names], arguments.repeat or plan.repeat)
    kept = targets(results)
    text = "\n".join([*table(results), "", *map(str, kept), ""])
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "results.md").write_text(text)
    (arguments.output / "results.json").write_text(_json(results, kept))
    print(text)
    return 0 if all(target.ok for target in kept) else 1


def _json(results: Results, kept: list[Target]) -> str:
    whole = {
        "machine": results.machine,
        "targets": {target.name: [target.ok, target.found] for target in kept},
        "runs": {kind: [run.plain() for run in runs] for kind, runs in results.runs.items()},
    }
    return json.dumps(whole, indent=1) + "\n"


def _measure(plan: Plan, readers: list[Reader], repeat: int) -> Results:
    work = HERE / ".work"
    work.mkdir(exist_ok=True)
    ledgers = work / "ledger"
    # In a process of its own: this one stays small, since a child's peak memory begins with it.
    made = [sys.executable, str(HERE / "ledger.py"), str(ledgers), plan.large, plan.small]
    subprocess.run(made, check=True)
    kitchen = Kitchen(work, ["sh", str(HERE.parent / "tools" / "uv.sh")])
    kitchen.prepare(readers)
    with sandbox(ledgers) as served:
        bench = Bench(served, kitchen, work)
        results = Results(machine(readers, bench.smallest_memory_mib()), plan, readers)
        for kind, reader, ledger, store, options in _schedule(plan, readers, repeat, work):
            run = bench.run(reader, ledger, store, **options)
            _tell(kind, reader, run)
            if kind != "later" and not run.gave_up:
                _check(run, ledger, reader)
            results.add(kind, run)
            # Half an hour is not lost where something fails in the end.
            (work / "results.json").write_text(_json(results, []))
        return results


def _schedule(plan: Plan, readers: list[Reader], repeat: int, work: Path) -> Iterator[Planned]:
    """Every run. Readers take turns, so that a busy minute of the machine hits all of them."""
    whole = [reader for reader in readers if reader.whole]
    slow = {"latency_ms": plan.latency_ms}
    for n in range(repeat):
        yield from (("plain", reader, plan.large, None, {}) for reader in readers)
        # The peers wait for minutes, one request after the other: once tells enough.
        again = [
            reader for reader in readers if n == 0 or reader.name in {"tap", "tap_since", "floor"}
        ]
        yield from (("slow", reader, plan.large, None, slow) for reader in again)
        yield from (
            ("later", reader, plan.large, None, {**slow, "later": True})
            for reader in readers
            if reader.peer is None
        )
    yield from (("small", reader, plan.small, None, {}) for reader in whole)
    known = work / "known"
    known.mkdir(exist_ok=True)
    for old in known.iterdir():
        old.unlink()
    limited = {**slow, "rate": plan.rate, "burst": plan.burst}
    again = [reader for reader in whole if reader.name == "tap"] * repeat
    # The limit does not care for a start_date, and a second run of the tap would know it.
    first = [reader for reader in whole if reader.name != "tap_since"]
    for kind, reader in [*(("limited", r) for r in first), *(("known", r) for r in again)]:
        time.sleep(plan.burst / plan.rate)  # the sandbox's bucket fills again
        yield kind, reader, plan.small, known, limited


def _check(run: Run, ledger: str, reader: Reader) -> None:
    """Nobody wins by reading less, or something else."""
    wanted = {k: v for k, v in SIZES[ledger].counts().items() if k in reader.listings}
    found = {name: count for name, (count, _) in run.tally.items()}
    if found != wanted:
        raise SystemExit(f"{reader.label} read {found} instead of {wanted}")


def _tell(kind: str, reader: Reader, run: Run) -> None:
    print(
        f"{kind:8} {reader.label:32} {run.requests:5} requests {run.limited:3} of them 429 "
        f"{run.wall:7.1f} s  CPU {run.cpu:5.1f} s  {run.memory_mib:4.0f} MiB",
        file=sys.stderr,
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
