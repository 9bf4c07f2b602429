"""What a record costs over Airbyte's protocol, beside the Singer run of the same tap.

    uv run python benchmarks/airbyte_cost.py [ROUNDS]

Both programs read the ledger `third` (about 103,000 records in seven streams) from the sandbox in
a process of its own, in turns. CPU is user and system time of the reading process alone, less
what the same program uses to read an empty stream: start, libraries, and the tap itself. The exit
code is 1 where a record costs more over Airbyte's protocol.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from ledger import SIZES, build
from measure import sandbox

LEDGER = "third"
STREAMS = tuple(SIZES[LEDGER].counts())
EMPTY = ("quotes",)
WORK = Path(__file__).parent / ".work" / "airbyte"
BIN = Path(sys.executable).parent
# Two runs of the same program differ by so much.
NOISE = 1.03


def main(rounds: int) -> int:
    """Measure and print; whether the target is missed."""
    build(WORK, [LEDGER])
    records = sum(SIZES[LEDGER].counts().values())
    with sandbox(WORK) as served, tempfile.TemporaryDirectory() as folder:
        base = {
            "api_url": f"{served.site}/v1",
            "business_ids": [served.businesses[LEDGER]],
            "token_store": f"{folder}/tokens.json",
            "max_in_flight": 16,
        }
        commands = {
            (name, whole): command(name, base, Path(folder), STREAMS if whole else EMPTY)
            for name in ("Singer", "Airbyte")
            for whole in (False, True)
        }
        found: dict[tuple[str, bool], list[float]] = {key: [] for key in commands}
        for _ in range(rounds):
            for key, line in commands.items():
                served.set()
                cpu, lines = run(line, Path(folder) / "out")
                found[key].append(cpu)
                if key[1] and lines != records:
                    raise SystemExit(f"{key[0]}: {lines} records, not {records}")
    cost = {}
    for name in ("Singer", "Airbyte"):
        idle, whole = (statistics.median(found[name, key]) for key in (False, True))
        cost[name] = (whole - idle) / records * 1e6
        print(
            f"{name:8} {whole:6.2f} s CPU, {idle:5.2f} of it at rest, {cost[name]:5.2f} µs a record"
        )
    ratio = cost["Airbyte"] / cost["Singer"]
    print(f"{records:,} records, {rounds} rounds, medians; Airbyte to Singer: {ratio:.2f}")
    return int(ratio > NOISE)


def command(name: str, base: dict, folder: Path, streams: tuple[str, ...]) -> list[str]:
    """A command line with its files."""
    stem = folder / f"{name}-{len(streams)}"
    token = "sandbox-access-token"  # noqa: S105 - made to be known
    config, catalog = Path(f"{stem}-config.json"), Path(f"{stem}-catalog.json")
    if name == "Singer":
        config.write_text(json.dumps({**base, "access_token": token}))
        done = subprocess.run(
            [BIN / "tap-clearbooks", "--discover"], capture_output=True, text=True, check=True
        )
        found = json.loads(done.stdout)
        for stream in found["streams"]:
            stream["metadata"] = [m for m in stream["metadata"] if m["breadcrumb"]] + [
                {"breadcrumb": [], "metadata": {"selected": stream["tap_stream_id"] in streams}}
            ]
        catalog.write_text(json.dumps(found))
        return [str(BIN / "tap-clearbooks"), "--config", str(config), "--catalog", str(catalog)]
    credentials = {"auth_type": "access_token", "access_token": token}
    config.write_text(json.dumps({**base, "credentials": credentials}))
    chosen = [
        {"stream": {"name": stream, "json_schema": {}}, "sync_mode": "incremental"}
        for stream in streams
    ]
    catalog.write_text(json.dumps({"streams": chosen}))
    return [
        str(BIN / "source-clearbooks"),
        "read",
        "--config",
        str(config),
        "--catalog",
        str(catalog),
    ]


def run(line: list[str], output: Path) -> tuple[float, int]:
    """CPU seconds of a program, and how many records it wrote."""
    env = {**os.environ, "TAP_CLEARBOOKS_LOGLEVEL": "WARNING"}
    with output.open("wb") as out:
        process = subprocess.Popen(line, stdout=out, stderr=subprocess.DEVNULL, env=env)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{line[0]} ended with {process.returncode}")
    with output.open("rb") as file:
        records = sum(b'"RECORD"' in text[:120] for text in file)
    return usage.ru_utime + usage.ru_stime, records


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
