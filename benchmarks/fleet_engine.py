"""A small engine for `fleet.py`: forks a worker for each shard, and tries again those that died.

    python -m benchmarks.fleet_engine RUN WORKERS SHARD_SIZE KILL_EVERY

Has one thread, so that it may fork; what the workers import is imported once. Every KILL_EVERY
seconds one of the workers gets SIGKILL; 0 for never. Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time

import clearbooks_tasks as tasks

from clearbooks.shards import Shard


def main(run: str, workers: int, size: int, kill_every: float) -> None:
    """Run every shard to its end."""
    choose = random.Random(1)  # noqa: S311 - which worker to kill
    began = time.monotonic()
    left, under_way = list(tasks.reading(size)), dict[int, Shard]()
    kills = tries = 0
    cpu = 0.0
    next_kill = began + kill_every
    while left or under_way:
        while left and len(under_way) < workers:
            shard = left.pop(0)
            under_way[_worker(run, shard)] = shard
            tries += 1
        if kill_every and time.monotonic() >= next_kill:
            os.kill(choose.choice(list(under_way)), signal.SIGKILL)
            kills += 1
            next_kill += kill_every
        pid, status, usage = os.wait4(-1, os.WNOHANG)
        if not pid:
            time.sleep(0.01)
            continue
        cpu += usage.ru_utime + usage.ru_stime
        shard = under_way.pop(pid)
        if os.waitstatus_to_exitcode(status):
            left.insert(0, shard)
    wall = time.monotonic() - began
    cpu += time.process_time()
    print(json.dumps({"wall": wall, "cpu": cpu, "kills": kills, "tries": tries}))


def _worker(run: str, shard: Shard) -> int:
    """Fork a worker; its exit code is 1 where a business is to be tried again."""
    pid = os.fork()
    if pid:
        return pid
    try:
        done = tasks.read_shard(run, shard)
        os._exit(int(any(one.code for one in done)))
    finally:
        os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
