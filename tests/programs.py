"""Our programs as processes of their own, which begin with everything imported.

A second goes by until a program has imported the SDK, and tests start hundreds of them. Here each
is a fork of one server per test process, which has imported everything once. It has arguments, a
folder, an environment, pipes, signals and an exit code of its own.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distribution
from multiprocessing.reduction import DupFd
from pathlib import Path
from subprocess import DEVNULL, PIPE

from clearbooks import client, program
from clearbooks.pacing import budget
from clearbooks.paging import passes

# What a test has set of these holds in the programs that it starts, too.
CONSTANTS = (
    (budget, "START_RATE"),
    (budget, "BACKOFF"),
    (client, "MOST_BACKOFF"),
    (passes, "MARK_SECONDS"),
    (program, "GRACE"),
)
BIN = Path(sys.executable).parent
MAINS = distribution("clearbooks-connectors").entry_points.select(group="console_scripts")
_forks = multiprocessing.get_context("forkserver")
# Airbyte's programs import these when they know the command.
_LATER = [f"airbyte_clearbooks.{name}" for name in ("checking", "reading", "writing")]
_forks.set_forkserver_preload([*(main.module for main in MAINS), *_LATER])


class _Inherited:
    """A file descriptor that comes along with the arguments of a new process."""

    def __init__(self, fd):
        self.fd = fd

    def __getstate__(self):
        return DupFd(self.fd)

    def __setstate__(self, duplicate):
        self.fd = duplicate.detach()


def _opened(what, writes, theirs):
    """Our end of a stream, None without a pipe, and the descriptor of theirs."""
    ours = None
    if what == PIPE:
        reading, writing = os.pipe()
        fd, own = (reading, writing) if writes else (writing, reading)
        ours = os.fdopen(own, "w" if writes else "r", encoding="utf-8")
    elif what == DEVNULL:
        fd = os.open(os.devnull, os.O_RDWR)
    else:
        fd = os.dup(what)
    theirs.callback(os.close, fd)
    return ours, _Inherited(fd)


def _run(args, folder, env, streams, constants, before):
    """In the new process: what an interpreter does before `main`, and `main`."""
    for number, stream in enumerate(streams):
        os.dup2(stream.fd, number)
        os.close(stream.fd)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    sys.argv = args
    for (module, name), value in zip(CONSTANTS, constants, strict=True):
        setattr(module, name, value)
    if before:
        before()
    sys.exit(MAINS[Path(args[0]).name].load()())


class Process:
    """A program that runs, as `subprocess.Popen` with `text=True`.

    Args:
        name: One of the programs of pyproject.toml, by its name or its path.
        arguments: What follows on the command line.
        cwd: Its folder; without one that of the test.
        env: Its environment; without one that of the test.
        stdin: `PIPE`, `DEVNULL` or a file descriptor; so are the two others.
        before: Called in the new process, before the program; it has to be picklable.
    """

    def __init__(
        self,
        name,
        *arguments,
        cwd=None,
        env=None,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        before=None,
    ):
        self.args = [str(BIN / name), *map(str, arguments)]
        self.returncode = None
        env = dict(os.environ if env is None else env)
        with contextlib.ExitStack() as theirs:
            (self.stdin, fd_in), (self.stdout, fd_out), (self.stderr, fd_err) = (
                _opened(what, writes, theirs)
                for what, writes in ((stdin, True), (stdout, False), (stderr, False))
            )
            self._process = _forks.Process(
                target=_run,
                args=(
                    self.args,
                    cwd or Path.cwd(),
                    env,
                    (fd_in, fd_out, fd_err),
                    [getattr(module, name) for module, name in CONSTANTS],
                    before,
                ),
                daemon=True,
            )
            self._process.start()
        self.pid = self._process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pipe in self._pipes():
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        self.wait()

    def _pipes(self):
        return [pipe for pipe in (self.stdin, self.stdout, self.stderr) if pipe]

    def poll(self):
        self.returncode = self._process.exitcode
        return self.returncode

    def wait(self, timeout=None):
        self._process.join(timeout)
        if self.poll() is None:
            raise subprocess.TimeoutExpired(self.args, timeout)
        return self.returncode

    def communicate(self, text=None, timeout=None):
        """Write its input, read what it prints, and wait for its end; kill it after `timeout`."""
        with ThreadPoolExecutor(2) as readers:
            read = [pipe and readers.submit(pipe.read) for pipe in (self.stdout, self.stderr)]
            try:
                if self.stdin:
                    with contextlib.suppress(BrokenPipeError):
                        self.stdin.write(text or "")
                        self.stdin.close()
                self.wait(timeout)
            except BaseException:
                self.kill()
                raise
        for pipe in self._pipes():
            pipe.close()
        return [future and future.result() for future in read]

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        self._process.kill()


def run(name, *arguments, text=None, timeout=60, **options):
    """Run a program to its end, as `subprocess.run`; `text` is its input."""
    with Process(name, *arguments, stdin=PIPE, **options) as process:
        out, err = process.communicate(text, timeout)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)
