"""A Redis of its own, the machine's program, for as long as a block runs."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tools.fleet.ports import free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator


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
            wait_for(port, "redis-server")
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            started.terminate()
            started.wait()
