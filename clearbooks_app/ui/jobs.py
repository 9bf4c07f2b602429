"""Long work, each as a process of its own: it goes on when a page is reloaded or the server ends.

A job is a folder with what is to be run, the log, how far it is, and in the end how it ended. Its
process holds a lock on the folder, so that a job that was killed is known as such.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import filelock
import msgspec

from clearbooks.errors import SettingError
from clearbooks.history import new_run_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# Jobs that are kept.
MOST = 200
_TAIL = 64 * 1024
ORDER, LOCK, LOG, PROGRESS, END = "job.json", "lock", "log", "progress.json", "end.json"
PID, OUTPUT = "pid.json", "output"
# Variables of the page itself, which no other program needs to know.
_OWN = "CLEARBOOKS_UI_"
# Seconds that its process has to take the lock.
_STARTING = 15.0


class Order(msgspec.Struct, kw_only=True):
    """What a job runs. Nothing in it is secret: programs read settings by themselves.

    Attributes:
        id: Its name.
        kind: `sync`, `plan`, `apply`.
        title: What it does, for people.
        began: Seconds since 1970.
        commands: The programs, each with what it is given; the output of one is the input of
            the next.
        directory: Where they run.
        environment: Variables that they get besides those of the server.
        state: File for the newest STATE that the last program confirms; empty for none.
        about: What else is known, such as the connection.
    """

    id: str
    kind: str
    title: str
    began: float
    commands: list[list[str]]
    directory: str
    environment: dict[str, str] = msgspec.field(default_factory=dict)
    state: str = ""
    about: dict[str, Any] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it is now.

    Attributes:
        order: What it runs.
        state: `running`, `done`, `failed`, or `lost` where its process was killed.
        exit_code: Of the first program that failed, else 0; None while it runs.
        ended: Seconds since 1970; None while it runs.
        records: How many records passed, by stream.
        log: The end of what the programs logged.
        output: The end of what the last one printed.
    """

    order: Order
    state: str
    exit_code: int | None = None
    ended: float | None = None
    records: dict[str, int] = field(default_factory=dict)
    log: str = ""
    output: str = ""


class Jobs:
    """The jobs in a folder.

    Args:
        folder: Where they are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def start(
        self,
        kind: str,
        title: str,
        commands: Sequence[Sequence[str]],
        *,
        directory: Path,
        environment: Mapping[str, str] | None = None,
        state: str = "",
        files: Mapping[str, Any] | None = None,
        **about: Any,
    ) -> Job:
        """Start a job; `{job}` in what a program is given stands for its folder.

        Args:
            kind: Of what kind.
            title: What it does, for people.
            commands: The programs.
            directory: Where they run.
            environment: Variables for them.
            state: File for STATE.
            files: JSON documents to put into the folder first.
            **about: What else is known.

        Raises:
            SettingError: the folder cannot be written, or a program is not there.
        """
        self._forget_old()
        number = new_run_id()
        folder = self._folder / number
        for command in commands:
            if shutil.which(command[0]) is None:
                raise SettingError(f"{command[0]}: there is no such program on this machine")
        try:
            folder.mkdir(parents=True, mode=0o700)
            for name, value in (files or {}).items():
                (folder / name).write_text(json.dumps(value), encoding="utf-8")
            order = Order(
                id=number,
                kind=kind,
                title=title,
                began=time.time(),
                commands=[[w.replace("{job}", str(folder)) for w in c] for c in commands],
                directory=str(directory),
                environment=dict(environment or {}),
                state=state,
                about=about,
            )
            (folder / ORDER).write_bytes(msgspec.json.encode(order))
            with (folder / LOG).open("ab") as log:
                process = subprocess.Popen(  # noqa: S603 - a module of ours
                    [sys.executable, "-m", "clearbooks_app.ui.job_runner", str(folder)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={k: v for k, v in os.environ.items() if not k.startswith(_OWN)},
                    # Ctrl-C at the server's terminal is not meant for the work that it started.
                    start_new_session=True,
                )
        except OSError as error:
            raise SettingError(f"{folder}: {error.strerror}") from None
        # Collected when it ends, so that none stays behind as a zombie.
        threading.Thread(target=process.wait, daemon=True).start()
        return Job(order, "running")

    def find(self, number: str) -> Job | None:
        """A job by its name."""
        if not number or os.sep in number or number.startswith("."):
            return None
        return self._read(self._folder / number)

    def stop(self, job: Job) -> None:
        """Ask the programs of a job to end, as Ctrl-C does; what is under way they settle."""
        if job.state == "running":
            folder = self._folder / job.order.id
            with contextlib.suppress(OSError, ValueError):
                # The process is still that of the job: it holds the lock.
                os.kill(int((folder / PID).read_text()), signal.SIGTERM)

    def newest(self, limit: int = 20, kind: str | None = None) -> list[Job]:
        """The newest jobs, newest first."""
        found = []
        for folder in self._folders():
            job = self._read(folder)
            if job is not None and kind in (None, job.order.kind):
                found.append(job)
            if len(found) == limit:
                break
        return found

    def _folders(self) -> list[Path]:
        try:
            return sorted((p for p in self._folder.iterdir() if p.is_dir()), reverse=True)
        except OSError:
            return []

    def _read(self, folder: Path) -> Job | None:
        try:
            order = msgspec.json.decode((folder / ORDER).read_bytes(), type=Order)
        except (OSError, msgspec.MsgspecError):
            return None
        # Looked at before its end: a job that ends between the two is done, not lost.
        held = _is_held(folder, order)
        end = _json(folder / END)
        known: dict[str, Any] = {
            "records": _json(folder / PROGRESS),
            "log": _tail(folder / LOG),
            "output": _tail(folder / OUTPUT),
        }
        if "exit_code" in end:
            code = int(end["exit_code"])
            return Job(order, "failed" if code else "done", code, end["ended"], **known)
        return Job(order, "running" if held else "lost", **known)

    def _forget_old(self) -> None:
        for folder in self._folders()[MOST - 1 :]:
            job = self._read(folder)
            if job is None or job.state != "running":
                shutil.rmtree(folder, ignore_errors=True)


def _is_held(folder: Path, order: Order) -> bool:
    """Whether the job's process lives; one that was just started may not have come that far."""
    lock = filelock.FileLock(folder / LOCK)
    try:
        with lock.acquire(timeout=0):
            return not (folder / END).exists() and time.time() - order.began < _STARTING
    except filelock.Timeout:
        return True


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - _TAIL, 0))
            return file.read().decode(errors="replace")
    except OSError:
        return ""
