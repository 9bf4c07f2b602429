"""What every plugin's `main` does: one line for a user's mistake, honest exit codes."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shlex
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clearbooks.errors import ClearBooksError, OutputError, SettingError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

# Shells report a process that a signal stopped as 128 + the signal's number.
SIGNALLED = 128
# How a write fails to an output that is full or gone.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EPIPE, errno.EBADF)
# Files of `--config` that this process was started with.
_configs: list[str] = []
# Seconds that a program has to come to its end after a signal.
GRACE = 10.0


def run(program: Callable[[], Any], logger: logging.Logger) -> None:
    """Run a program's command line and end the process as it deserves.

    Raises:
        SystemExit: always; code 0 for success, 128 + n when stopped by signal n, else the code
            of the error.
    """
    code: int | str | None = 0
    try:
        program()
    except SystemExit as stop:
        code = stop.code
    except ClearBooksError as error:
        # For people: the message says it all, a traceback would bury it.
        logger.error("%s", error)  # noqa: TRY400
        code = error.exit_code
    except OSError as error:
        if error.errno not in _NO_ROOM or error.filename is not None:
            raise
        # What the SDK prints, such as a catalog.
        output_lost()
        logger.error("standard output cannot be written: %s", error.strerror)  # noqa: TRY400
        code = OutputError.exit_code
    if isinstance(code, int) and code > SIGNALLED:
        # Threads may be waiting for answers that nobody needs any more.
        sys.stderr.flush()
        os._exit(code)
    raise SystemExit(code)


def stop_on_signal(signum: int, _frame: object) -> None:
    """Signal handler for plugins: the SDK's own ends with 0, as if the run were complete."""
    end_soon(signum)
    raise SystemExit(SIGNALLED + signum)


def end_soon(signum: int) -> None:
    """End this process a few seconds after a signal, however it goes on until then.

    It may sit in a request whose answer takes minutes, in the pause that a 429 asked for, or in a
    write to a pipe that nobody reads. Ending it there is as safe as a power cut: what was settled
    is on disk, and the next run settles the rest.
    """
    timer = threading.Timer(GRACE, os._exit, [SIGNALLED + signum])
    timer.daemon = True
    timer.start()


def output_lost() -> None:
    """Let nothing be written to a standard output that failed, so that ending does not fail too."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def check_config_files(paths: tuple[str, ...]) -> None:
    """Name the file of `--config` that is missing or no JSON object, before the SDK trips on it.

    Raises:
        SettingError: the file, and what is wrong with it.
    """
    _configs[:] = [path for path in paths if path != "ENV"]
    for path in _configs:
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise SettingError(f"--config {path}: {error.strerror}") from None
        except ValueError as error:
            raise SettingError(f"--config {path}: not JSON: {error}") from None
        if not isinstance(content, dict):
            raise SettingError(f"--config {path}: should hold one JSON object of settings")


def command(words: str) -> str:
    """A command with the `--config` that this process was started with, ready to be typed.

    Files that Meltano makes for a run are left out: they go with it, and `.env` holds the settings.
    """
    kept = [path for path in _configs if ".meltano" not in Path(path).parts]
    return " ".join([words, *(f"--config {shlex.quote(path)}" for path in kept)])
