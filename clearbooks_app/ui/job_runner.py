"""The process of one job: runs its programs, counts what passes, and notes how it ended.

python -m clearbooks_app.ui.job_runner FOLDER
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import filelock
import msgspec

from clearbooks_app.ui.jobs import END, LOCK, ORDER, OUTPUT, PID, PROGRESS, Order

if TYPE_CHECKING:
    from types import FrameType

_EVERY = 0.5
_RECORD = b'"RECORD"'


class _Envelope(msgspec.Struct):
    type: str = ""
    stream: str = ""


def main(folder: Path) -> int:
    """Run the job in a folder; the exit code of the first program that failed, else 0."""
    order = msgspec.json.decode((folder / ORDER).read_bytes(), type=Order)
    with filelock.FileLock(folder / LOCK):
        try:
            code = _run(order, folder)
        except OSError as error:
            sys.stderr.write(f"{error.filename}: {error.strerror}\n")
            code = 1
        _write(folder / END, {"exit_code": code, "ended": time.time()})
    return code


def _run(order: Order, folder: Path) -> int:
    """Run one program, or two with a pipe between them."""
    processes: list[subprocess.Popen[bytes]] = []

    def stop(signum: int, _frame: FrameType | None) -> None:
        for process in processes:
            with contextlib.suppress(OSError):
                process.send_signal(signum)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    environment = {**os.environ, **order.environment}
    for place, command in enumerate(order.commands):
        processes.append(
            subprocess.Popen(  # noqa: S603 - as whoever started the server has set it
                command,
                stdin=subprocess.PIPE if place else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                cwd=order.directory,
                env=environment,
            )
        )
    # Only now: a signal before would stop nothing.
    _write(folder / PID, os.getpid())
    last = threading.Thread(target=_take, args=[processes[-1].stdout, order.state, folder])
    last.start()
    if len(processes) > 1:
        _relay(processes[0].stdout, processes[1].stdin, folder)
    last.join()
    codes = [process.wait() for process in processes]
    # A program that a signal has ended counts as shells report it.
    return next((128 - code if code < 0 else code for code in codes if code), 0)


def _take(lines: IO[bytes] | None, state: str, folder: Path) -> None:
    """Keep what the last program prints, and the newest STATE that a loader has confirmed."""
    with (folder / OUTPUT).open("wb", buffering=0) as kept:
        for line in lines or ():
            if state and line.lstrip().startswith(b"{"):
                with contextlib.suppress(ValueError):
                    _write(Path(state), json.loads(line))
                    continue
            kept.write(line)


def _relay(source: IO[bytes] | None, goal: IO[bytes] | None, folder: Path) -> None:
    """Hand the messages of a tap to its loader, and count the records of each stream."""
    assert source is not None and goal is not None  # noqa: S101, PT018 - both are pipes
    envelopes = msgspec.json.Decoder(_Envelope)
    records: Counter[str] = Counter()
    told = 0.0
    with contextlib.suppress(BrokenPipeError):
        for line in source:
            goal.write(line)
            if _RECORD in line[:40]:
                with contextlib.suppress(msgspec.MsgspecError):
                    records[envelopes.decode(line).stream] += 1
            if time.monotonic() > told + _EVERY:
                told = time.monotonic()
                _write(folder / PROGRESS, records)
    with contextlib.suppress(BrokenPipeError):
        goal.close()
    # Where the loader has ended, the tap is told so by a pipe that nobody reads.
    source.close()
    _write(folder / PROGRESS, records)


def _write(path: Path, value: Any) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps(value), encoding="utf-8")
    part.replace(path)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
