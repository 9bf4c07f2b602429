"""The table, and the targets that the tap must keep."""

from __future__ import annotations

import os
import platform
import re
import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from measure import Run
    from readers import Reader
    from run import Plan

HERE = Path(__file__).resolve().parent

# What the tap must reach; the README says where each comes from.
MOST_REQUESTS = 570
MOST_REQUESTS_SINCE = 560
MOST_LATER = 30
MOST_CPU_US = 15.0
MOST_OVER_FLOOR = 1.3
MOST_OVER_RATE = 1.05
MOST_LIMITED = 2
MOST_MEMORY_MIB = 100.0
MOST_GROWTH = 1.15


@dataclass
class Results:
    """All runs: `plain`, `slow` (latency), `small`, `limited` and `known` (the limit).

    `later` runs begin with the state of a first one, with latency, on an unchanged ledger.
    """

    machine: dict[str, Any]
    plan: Plan
    readers: list[Reader]
    runs: dict[str, list[Run]] = field(default_factory=lambda: defaultdict(list))

    def add(self, kind: str, run: Run) -> None:
        """Keep a run; what it read must be what the others read, but for a later run."""
        first = (runs for name, runs in self.runs.items() if name != "later" != kind)
        for other in (r for runs in first for r in runs if r.ledger == run.ledger):
            for stream in run.tally.keys() & other.tally.keys():
                if run.tally[stream] != other.tally[stream]:
                    raise SystemExit(
                        f"{stream}: {run.reader} and {other.reader} read different records"
                    )
        self.runs[kind].append(run)

    def median(self, kind: str, reader: str, value: Callable[[Run], float]) -> float | None:
        """Median over the runs of a reader; None where there was none."""
        found = [value(run) for run in self.runs[kind] if run.reader == reader]
        return statistics.median(found) if found else None


@dataclass(frozen=True, slots=True)
class Target:
    """One thing the tap must reach."""

    name: str
    ok: bool
    found: str

    def __str__(self) -> str:
        return f"{'kept  ' if self.ok else 'MISSED'} {self.name}: {self.found}"


def machine(readers: list[Reader], smallest: float) -> dict[str, Any]:
    """What the numbers were measured on."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = re.search(r"model name\s*: (.*)", info.read_text())
        model = found.group(1) if found else model
    versions = {}
    for reader in readers:
        if reader.peer:
            text = (HERE / "peers" / f"{reader.peer}.py").read_text()
            versions[reader.name] = re.search(r'dependencies = \["(.*)"\]', text).group(1)  # type: ignore[union-attr]
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "processor": model,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "smallest_memory_mib": round(smallest, 1),
        "versions": versions,
    }


def table(results: Results) -> list[str]:
    """Two tables in Markdown: first runs, and later ones of this tap."""
    plan = results.plan
    heads = (
        "",
        "requests",
        "CPU s",
        "CPU µs a record",
        "s, no latency",
        f"s at {plan.latency_ms} ms a request",
        f"s at {plan.rate} requests/s ({plan.small})",
        "requests ÷ rate, s",
        "answers of 429",
        f"peak MiB, {plan.small} → {plan.large}",
    )
    rows = [heads, *(_row(results, reader) for reader in results.readers)]
    if results.runs["known"]:
        rows.append(_known(results))
    return [*_markdown(rows), "", *_markdown(list(_later(results)))]


def _markdown(rows: list[tuple[str, ...]]) -> list[str]:
    """Rows of cells, the head first, as a table in Markdown."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "| " + " | ".join(f"{c:{w}}" for c, w in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    lines.insert(1, "|-" + "-|-".join("-" * width for width in widths) + "-|")
    return lines


def _later(results: Results) -> Iterator[tuple[str, ...]]:
    """What a run costs that begins with the state of the last one, where nothing happened."""
    latency = f"s at {results.plan.latency_ms} ms a request"
    yield ("a later run, nothing happened", "requests", "records", "CPU s", latency)
    for reader in results.readers:
        runs = [run for run in results.runs["later"] if run.reader == reader.name]
        if runs:
            yield (
                reader.label,
                f"{statistics.median(run.requests for run in runs):.0f}",
                f"{statistics.median(run.records for run in runs):.0f}",
                f"{statistics.median(run.cpu for run in runs):.1f}",
                f"{statistics.median(run.wall for run in runs):.1f}",
            )


def _row(results: Results, reader: Reader) -> tuple[str, ...]:
    def median(kind: str, value: Callable[[Run], float], form: str = ".1f") -> str:
        found = results.median(kind, reader.name, value)
        return "" if found is None else f"{found:{form}}"

    gave_up = any(run.gave_up for run in results.runs["limited"] if run.reader == reader.name)
    return (
        reader.label,
        median("plain", lambda run: run.requests, ".0f"),
        median("plain", lambda run: run.cpu),
        median("plain", _cpu_us) if reader.whole else "",
        median("plain", lambda run: run.wall),
        median("slow", lambda run: run.wall),
        "gave up" if gave_up else median("limited", lambda run: run.wall),
        median("limited", lambda run: run.answered / results.plan.rate),
        median("limited", lambda run: run.limited, ".0f"),
        " → ".join(text for kind in ("small", "plain") if (text := median(kind, _memory, ".0f"))),
    )


def _known(results: Results) -> tuple[str, ...]:
    """The tap's later runs, when it knows the limit."""
    wall = results.median("known", "tap", lambda run: run.wall)
    ideal = results.median("known", "tap", lambda run: run.answered / results.plan.rate)
    limited = max(run.limited for run in results.runs["known"])
    empty = ("",) * 5
    return ("this tap, the limit known", *empty, f"{wall:.1f}", f"{ideal:.1f}", str(limited), "")


def _cpu_us(run: Run) -> float:
    return run.cpu / run.records * 1e6


def _memory(run: Run) -> float:
    return run.memory_mib


def targets(results: Results) -> list[Target]:
    """What the tap must reach, as far as this plan can tell."""
    return list(_targets(results))


def _targets(results: Results) -> Iterator[Target]:
    plan = results.plan
    requests = results.median("plain", "tap", lambda run: run.requests)
    if requests is None:
        return
    others = [r.requests for r in results.runs["plain"] if r.reader in {"sdk", "dlt", "airbyte"}]
    if others:
        most = MOST_REQUESTS if plan.whole else min(others) / 2
        yield Target(
            f"at most {most:.0f} requests where others need {min(others)}-{max(others)}",
            requests <= most,
            f"{requests:.0f}",
        )
    known = results.runs["known"]
    if known:
        limited = max(run.limited for run in known)
        yield Target(
            f"at most {MOST_LIMITED} answers of 429 once the limit is known",
            limited <= MOST_LIMITED,
            f"{limited} in the worst of {len(known)} runs",
        )
    for reader in (r for r in results.readers if r.peer is None):
        later = results.median("later", reader.name, lambda run: run.requests)
        if later is not None:
            name = f"at most {MOST_LATER} requests in a later run ({reader.label})"
            yield Target(name, later <= MOST_LATER, f"{later:.0f}")
    memory = results.median("plain", "tap", _memory) or 0.0
    yield Target(f"under {MOST_MEMORY_MIB:.0f} MiB", memory < MOST_MEMORY_MIB, f"{memory:.0f} MiB")
    if plan.whole:
        yield from _large_targets(results)


def _large_targets(results: Results) -> Iterator[Target]:
    """What a small ledger cannot tell, because the program's start outweighs the reading."""
    cpu = results.median("plain", "tap", _cpu_us) or 0.0
    yield Target(f"under {MOST_CPU_US:.0f} µs of CPU a record", cpu < MOST_CPU_US, f"{cpu:.1f}")
    small, large = (results.median(kind, "tap", _memory) for kind in ("small", "plain"))
    if small and large:
        yield Target(
            f"memory grows by less than {MOST_GROWTH - 1:.0%} from {results.plan.small} to "
            f"{results.plan.large}",
            large < small * MOST_GROWTH,
            f"{small:.0f} → {large:.0f} MiB",
        )
    since = results.median("plain", "tap_since", lambda run: run.requests)
    if since:
        most = MOST_REQUESTS_SINCE
        yield Target(f"at most {most} requests with start_date", since <= most, f"{since:.0f}")
    floor = results.median("slow", "floor", lambda run: run.wall)
    for name, how in (("tap", ""), ("tap_since", ", with start_date")):
        tap = results.median("slow", name, lambda run: run.wall)
        if tap and floor:
            latency = results.plan.latency_ms
            yield Target(
                f"under {MOST_OVER_FLOOR} times the floor at {latency} ms a request{how}",
                tap < floor * MOST_OVER_FLOOR,
                f"{tap:.1f} s, {tap / floor:.2f} times {floor:.1f} s",
            )
    wall = results.median("known", "tap", lambda run: run.wall)
    ideal = results.median("known", "tap", lambda run: run.answered / results.plan.rate)
    if wall and ideal:
        yield Target(
            f"within {MOST_OVER_RATE - 1:.0%} of requests ÷ rate once the limit is known",
            wall <= ideal * MOST_OVER_RATE,
            f"{wall:.1f} s, {wall / ideal:.2f} times {ideal:.1f} s",
        )
