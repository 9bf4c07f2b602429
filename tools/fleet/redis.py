"""A Redis of its own, the machine's program, for as long as a block runs."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 10.0


@contextmanager
def broker() -> Iterator[str]:
    """The URL of an empty Redis.

    Raises:
        SystemExit: the program is not installed, or does not start.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise SystemExit("Celery needs Redis: install redis-server (Debian: apt install redis)")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="clearbooks-redis-") as home:
        # Nothing is kept on disk: a broker that is gone has no tasks that matter.
        asked = ["--bind", "127.0.0.1", "--port", str(port), "--dir", home, "--save", ""]
        started = subprocess.Popen(  # noqa: S603 - the machine's own
            [program, *asked], stdout=subprocess.DEVNULL
        )
        try:
            _wait(port)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            started.terminate()
            started.wait()


def free_port() -> int:
    """A port of the loopback address that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _wait(port: int) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError as error:
            if time.monotonic() > until:
                raise SystemExit(f"redis-server does not start: {error}") from error
            time.sleep(0.05)
        else:
            return
